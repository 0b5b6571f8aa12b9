"""Bundles: what is written comes back, and what is none is said to be none."""

from __future__ import annotations

import gzip
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from authzviz.engine.model import Snapshot
from authzviz.kube import bundle
from authzviz.kube.bundle import BundleError
from tests.kube.reading import RECORDING, collected
from tests.replay import TOKEN, recordings, replay


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    with replay(RECORDING, refuse={"/apis/rbac.authorization.k8s.io/v1/roles": 403}) as server:
        return collected(server)


@pytest.fixture(scope="module")
def parts(snapshot: Snapshot) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(bundle.to_bytes(snapshot))
    return parsed


@pytest.mark.parametrize("name", ["a.json", "a.json.gz"])
def test_what_is_written_comes_back_as_not_live(
    snapshot: Snapshot, name: str, tmp_path: Path
) -> None:
    path = tmp_path / name

    bundle.dump(snapshot, path)

    assert bundle.load(path) == replace(snapshot, is_live=False)
    assert bundle.load(path.read_bytes()) == replace(snapshot, is_live=False)
    assert [one.name for one in tmp_path.iterdir()] == [name]


def test_the_same_snapshot_gives_the_same_file(snapshot: Snapshot, tmp_path: Path) -> None:
    for name in ("a.gz", "b.gz"):
        bundle.dump(snapshot, tmp_path / name)

    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


def test_a_stream_gets_plain_json(snapshot: Snapshot) -> None:
    stream = io.BytesIO()

    bundle.dump(snapshot, stream)

    assert json.loads(stream.getvalue())["format"] == "authzviz-bundle/1"


@pytest.mark.parametrize("recording", recordings())
def test_a_bundle_holds_no_secret_and_nothing_unneeded(recording: str) -> None:
    with replay(recording) as server:
        text = bundle.to_bytes(collected(server)).decode()

    for never in (TOKEN, "managedFields", "last-applied", "resourceVersion", "BEGIN CERT"):
        assert never not in text


def test_fields_of_a_later_minor_form_are_ignored(parts: dict[str, Any]) -> None:
    text = json.dumps({**parts, "more": 1}).encode()

    assert bundle.load(text).version.value == "v1.28.15"


def broken(parts: dict[str, Any], **changes: Any) -> bytes:
    return json.dumps({**parts, "snapshot": {**parts["snapshot"], **changes}}).encode()


def servers(parts: dict[str, Any], **changes: Any) -> bytes:
    read = parts["snapshot"]["apiservers"]
    value = [{**read["value"][0], **changes}]
    return broken(parts, apiservers={**read, "value": value})


def observed(parts: dict[str, Any], **changes: Any) -> bytes:
    seen = parts["snapshot"]["apiservers"]["value"][0]["observed"]
    return servers(parts, observed={**seen, **changes})


READ: dict[str, Any] = {
    "outcome": "ok",
    "source": "s",
    "permission": "p",
    "value": None,
    "why": "",
    "gaps": [],
}
BAD: dict[str, tuple[Any, str]] = {
    "newer": (lambda _: json.dumps({"format": "authzviz-bundle/2"}).encode(), "is newer"),
    "another format": (lambda _: b'{"format": "x/1"}', "format is another"),
    "no format": (lambda _: b'{"kind": "List"}', "is not a bundle"),
    "no JSON": (lambda _: b"hello", "no JSON"),
    "empty": (lambda _: b"", "no JSON"),
    "no UTF-8": (lambda _: b'{"format":"\xff"}', "no JSON"),
    "deep": (lambda _: b"[" * 100_000, "not a bundle|no JSON"),
    "cut off": (lambda p: json.dumps(p).encode()[:-2000], "is cut off|no JSON"),
    "gzip cut off": (lambda p: gzip.compress(json.dumps(p).encode())[:-500], "is cut off"),
    "gzip damaged": (lambda _: b"\x1f\x8b" + b"x" * 100, "is damaged"),
    "gzip of something": (lambda _: gzip.compress(b"hello"), "no JSON"),
    "B18 bomb": (lambda _: gzip.compress(b" " * (200 << 20), 9), "unpacks to more than 192 MiB"),
    "a missing list": (lambda p: broken(p, nodes=None), "not a bundle: Expected"),
    "a read without value": (lambda p: broken(p, version=READ), "contradicts itself: version"),
    "a refusal with a value": (
        lambda p: broken(p, version={**READ, "outcome": "forbidden", "value": "v1"}),
        "contradicts itself: version",
    ),
    "a review without value": (
        lambda p: observed(p, reviews=READ),
        "contradicts itself: reviews of an apiserver",
    ),
    "a refused dry run with a value": (
        lambda p: observed(p, restriction={**READ, "outcome": "forbidden", "value": True}),
        "contradicts itself: restriction of an apiserver",
    ),
    "metrics of no time zone": (
        lambda p: observed(p, metrics={**READ, "value": {"read_at": "2026-01-01T00:00:00"}}),
        "time zone",
    ),
    "an attempt of no time zone": (
        lambda p: servers(p, unasked={"why": "x", "tried_at": "2026-01-01T00:00:00"}),
        "time zone",
    ),
    "answers about nodes without value": (
        lambda p: broken(p, node_reviews=READ),
        "contradicts itself: node_reviews",
    ),
    "another outcome": (lambda p: broken(p, version={**READ, "outcome": "x"}), "not a bundle"),
    "a time without zone": (lambda p: broken(p, read_at="2026-01-01T00:00:00"), "time zone"),
}


@pytest.mark.parametrize(("make", "why"), BAD.values(), ids=BAD)
def test_what_is_no_bundle_is_refused_with_why(parts: dict[str, Any], make: Any, why: str) -> None:
    with pytest.raises(BundleError, match=why):
        bundle.load(make(parts))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="gone can't be read: No such file"):
        bundle.load(tmp_path / "gone")


def test_a_file_too_large_is_not_read(tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(bundle.MAX_BYTES + 1)

    with pytest.raises(BundleError, match="too large"):
        bundle.load(large)


def test_writing_that_fails_leaves_nothing(snapshot: Snapshot, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        bundle.dump(snapshot, tmp_path / "gone" / "a.json")

    assert list(tmp_path.iterdir()) == []
