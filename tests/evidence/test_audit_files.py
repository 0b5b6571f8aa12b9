"""Files of an audit log: plain and packed, whole and broken, harmless and hostile."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authzviz.evidence.audit import AuditEvidence
from authzviz.evidence.audit_reading import CUT_LINE, AuditLogRefused
from tests.evidence.audit_events import NOW, START, event, evidence, log, reader
from tests.memory import MIB, growth

EVENTS = [event("list", "nodes", at=START + timedelta(minutes=number)) for number in range(50)]
LOG = log(*EVENTS)
PACKED = gzip.compress(LOG)


def _list(*events: dict[str, object]) -> bytes:
    made = {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": events}
    return json.dumps(made).encode() + b"\n"


READ: dict[str, list[bytes]] = {
    "plain": [LOG],
    "without the last newline": [LOG[:-1]],
    "lines that end as on Windows": [LOG.replace(b"\n", b"\r\n")],
    "empty lines between": [LOG.replace(b"\n", b"\n\n  \n")],
    "a byte order mark before": [b"\xef\xbb\xbf" + LOG],
    "gzip": [PACKED],
    "gzip of several members": [b"".join(gzip.compress(log(each)) for each in EVENTS)],
    "gzip members with padding": [gzip.compress(LOG[:-1]) + bytes(100) + gzip.compress(b"\n")],
    "an EventList": [_list(*EVENTS)],
    "a file each, the newest first": [log(each) for each in reversed(EVENTS)],
    "plain and gzip": [log(*EVENTS[:20]), gzip.compress(log(*EVENTS[20:]))],
    "the same file twice": [LOG, PACKED],
    "an empty file beside": [b"", LOG, gzip.compress(b"")],
}


@pytest.mark.parametrize("files", READ.values(), ids=READ)
def test_every_form_of_the_same_log_says_the_same(files: list[bytes]) -> None:
    found, wanted = evidence(*files), evidence(LOG)
    assert found.uses == wanted.uses
    assert found.uses[0].count == len(EVENTS)
    assert (found.reach.first, found.reach.last) == (wanted.reach.first, wanted.reach.last)
    assert found.reach.rejected == ()


def _in_chunks(files: list[bytes], sizes: list[int]) -> AuditEvidence:
    reading = reader()
    steps: Iterator[int] = iter(())
    for content in files:
        at = 0
        while at < len(content):
            size = next(steps, 0)
            if not size:
                steps = iter(sizes)
                size = next(steps)
            reading.feed(content[at : at + size])
            at += size
        reading.end_file()
    return reading.result()


BROKEN = [
    PACKED[:-100],
    LOG[:-100],
    b'{"kind":"Event"}\n{]\n' + LOG,
    b"",
    b"\x1f",
    b"\xff\x00" * 300,
]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([LOG, PACKED, *BROKEN]), min_size=1, max_size=3),
    st.lists(st.integers(1, 9_000), min_size=1, max_size=8).filter(lambda s: sum(s) > len(s) * 3),
)
def test_it_does_not_matter_how_files_are_cut_into_chunks(
    files: list[bytes], sizes: list[int]
) -> None:
    assert _in_chunks(files, sizes) == _in_chunks(files, [1 << 20])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=600), max_size=4))
def test_no_bytes_raise_anything_but_a_refusal(files: list[bytes]) -> None:
    try:
        found = evidence(*files)
    except AuditLogRefused:
        return
    assert found.uses == ()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted({*EVENTS[0], "impersonatedUser"})), _JSON))
def test_events_with_any_values_in_them_are_counted_or_rejected(changed: dict[str, object]) -> None:
    reach = evidence(json.dumps({**EVENTS[0], **changed}).encode() + b"\n").reach
    assert reach.events + sum(count for _, count in reach.rejected) >= 1


REJECTED: dict[str, tuple[bytes, str]] = {
    "no JSON": (b"I1124 16:04:39 kube-apiserver started\n", "not JSON"),
    "JSON of something else": (b'{"kind":"Pod","metadata":{}}\n', "JSON, but no audit event"),
    "a list": (b"[1,2]\n", "JSON, but no audit event"),
    "binary": (bytes(range(11, 256)) * 9 + b"\n", "not JSON"),
    "UTF-16": (LOG[:600].decode().encode("utf-16") + b"\n", "not JSON"),
    "nested too deep": (b"[" * 200_000 + b"\n", "JSON, but no audit event"),
    "nested too deep in an event": (
        b'{"kind":"Event","requestObject":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001 + b"\n",
        "not JSON",
    ),
    "without a time": (
        log(event(stageTimestamp="", requestReceivedTimestamp="")),
        "without a time",
    ),
    "a time that is none": (log(event(stageTimestamp="yesterday")), "without a time"),
    "a time without a zone": (log(event(stageTimestamp="2026-11-01T00:00:00")), "without a time"),
    "a time beyond all": (
        log(event(stageTimestamp="0001-01-01T00:00:00+23:00")),
        "without a time",
    ),
    "from the future": (log(event(at=NOW + timedelta(hours=1))), "dated in the future"),
    "from before there were logs": (log(event(at=START.replace(year=1970))), "dated in the future"),
    "cut off": (LOG[:-50], CUT_LINE),
    "gzip that is cut off": (PACKED[:-300], "cut off: the gzip file ends"),
    "gzip that is damaged": (
        PACKED[:400] + bytes(50) + PACKED[450:],
        "damaged: the rest of the gzip file",
    ),
    "text after gzip": (PACKED + LOG, "damaged: the rest of the gzip file"),
    "a line of 17 MiB": (b"x" * (17 * MIB) + b"\n" + LOG, "longer than 16 MiB"),
}


@pytest.mark.parametrize(("content", "why"), REJECTED.values(), ids=REJECTED)
def test_what_can_not_be_used_is_counted_by_why(content: bytes, why: str) -> None:
    found = dict(evidence(content).reach.rejected)
    assert [count for reason, count in found.items() if why in reason] == [1]


def test_what_stands_beside_a_bad_line_is_still_read() -> None:
    found = evidence(b"{]\n" + b"x" * (17 * MIB) + b"\n" + LOG + b"\x00\n")
    assert found.uses[0].count == len(EVENTS)


def test_a_use_at_an_impossible_time_is_still_a_use_but_no_reach() -> None:
    found = evidence(LOG + log(event("watch", "pods", at=NOW + timedelta(days=400))))
    assert {use.verb for use in found.uses} == {"list", "watch"}
    assert found.reach.last is not None
    assert found.reach.last < NOW


def _zip(_: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../../etc/cron.d/audit.log", LOG)
    return packed.getvalue()


def _tar(content: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo("../audit.log")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


ARCHIVES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "zip": (_zip, "a zip archive"),
    "tar": (_tar, "a tar archive"),
    "tar within gzip": (lambda content: gzip.compress(_tar(content)), "a tar archive"),
    "zip within gzip": (lambda content: gzip.compress(_zip(content)), "a zip archive"),
    "xz": (lzma.compress, "xz"),
    "bzip2": (bz2.compress, "bzip2"),
    "zstd": (lambda _: b"\x28\xb5\x2f\xfd" + bytes(600), "zstd"),
    "7z": (lambda _: b"7z\xbc\xaf\x27\x1c" + bytes(600), "a 7z archive"),
}


@pytest.mark.parametrize(("pack", "what"), ARCHIVES.values(), ids=ARCHIVES)
@pytest.mark.parametrize("size", [1, 1 << 20])
def test_archives_are_refused_by_name(pack: Callable[[bytes], bytes], what: str, size: int) -> None:
    with pytest.raises(AuditLogRefused, match=f"it is {what}: unpack it"):
        _in_chunks([pack(LOG)], [size])


def _zeros(mebibytes: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(bytes(MIB)) for _ in range(mebibytes)) + packer.flush()


def test_a_gzip_bomb_is_refused_before_it_takes_memory() -> None:
    bomb = _zeros(300)
    with growth() as grown, pytest.raises(AuditLogRefused, match="more than 200 times its size"):
        evidence(bomb)
    assert grown.most_bytes < 40 * MIB


def test_more_than_the_cap_is_refused() -> None:
    with pytest.raises(AuditLogRefused, match="hold more than 1 MiB"):
        evidence(log(*EVENTS * 40), max_bytes=MIB)


def test_a_line_of_a_gigabyte_takes_no_memory() -> None:
    reading, piece = reader(), b"x" * MIB
    with growth() as grown:
        for _ in range(1024):
            reading.feed(piece)
        reading.feed(b"\n" + LOG)
        reading.end_file()
    assert grown.most_bytes < 60 * MIB
    found = reading.result()
    assert dict(found.reach.rejected) == {"longer than 16 MiB": 1}
    assert found.uses[0].count == len(EVENTS)


def test_names_without_end_take_bounded_memory() -> None:
    reading = reader()
    with growth() as grown:
        for number in range(3_000):
            name = f"{number}" * 3_000
            extra = {"username": f"system:node:{name}", "groups": ["system:nodes", name]}
            ref = {"name": name, "namespace": name}
            reading.feed(log(event("list", "nodes", agent=name, user=extra, ref=ref)))
        reading.end_file()
        found = reading.result()
    assert grown.most_bytes < 60 * MIB
    assert max(len(use.user) for use in found.uses) == 300


def test_uses_beyond_the_cap_are_counted_and_said() -> None:
    reading = reader()
    for number in range(10_050):
        reading.feed(log(event("list", "nodes", agent=f"agent-{number}/1")))
    reading.end_file()
    found = reading.result()
    assert (len(found.uses), found.left_out) == (10_000, 50)
    assert found.because.startswith("10050 requests")
    assert len(found.strangers) == 500
