"""The service account of the pod that this runs in, out of a folder made for the test."""

from __future__ import annotations

from pathlib import Path

import pytest

from authzviz.kube import in_cluster
from authzviz.kube.in_cluster import InClusterError

PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
TOKEN = "canary.token.of-a_pod"
POD = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}
FILES = {"token": f"{TOKEN}\n", "ca.crt": PEM, "namespace": "authzviz"}


def mount(folder: Path, **files: str | bytes | None) -> Path:
    """A service account's folder, with these files in place of the usual ones; None for none."""
    named = {name.replace("_", "."): content for name, content in files.items()}
    for name, content in {**FILES, **named}.items():
        if content is not None:
            raw = content if isinstance(content, bytes) else content.encode()
            (folder / name).write_bytes(raw)
    return folder


SERVERS = {
    "IPv4": (POD, "https://10.96.0.1:443"),
    "IPv6": ({**POD, "KUBERNETES_SERVICE_HOST": "fd00:10:96::1"}, "https://[fd00:10:96::1]:443"),
    "name": (
        {"KUBERNETES_SERVICE_HOST": "api.internal", "KUBERNETES_SERVICE_PORT": "6443"},
        "https://api.internal:6443",
    ),
}


@pytest.mark.parametrize(("environment", "server"), SERVERS.values(), ids=SERVERS)
def test_a_pods_own_account(environment: dict[str, str], server: str, tmp_path: Path) -> None:
    account = in_cluster.load(environment, mount(tmp_path))

    assert in_cluster.is_there(environment, tmp_path)
    assert account.namespace == "authzviz"
    assert account.credentials.server == server
    assert account.credentials.token is not None
    assert account.credentials.token.reveal() == TOKEN
    assert account.credentials.ca_data is not None
    assert account.credentials.ca_data.reveal() == PEM


def test_the_token_is_read_anew_each_time(tmp_path: Path) -> None:
    before = in_cluster.load(POD, mount(tmp_path)).credentials.token
    after = in_cluster.load(POD, mount(tmp_path, token="rotated")).credentials.token

    assert before is not None
    assert after is not None
    assert (before.reveal(), after.reveal()) == (TOKEN, "rotated")


@pytest.mark.parametrize("content", [None, "no namespace!", "x" * 64, b"\xff"])
def test_without_a_namespace_there_is_none(content: str | bytes | None, tmp_path: Path) -> None:
    assert in_cluster.load(POD, mount(tmp_path, namespace=content)).namespace == ""


WRONG: dict[str, tuple[dict[str, str], dict[str, str | bytes | None], str]] = {
    "no environment": ({}, {}, "does not run in a pod"),
    "half an environment": ({**POD, "KUBERNETES_SERVICE_PORT": ""}, {}, "are not set"),
    "port": ({**POD, "KUBERNETES_SERVICE_PORT": "443/x"}, {}, "name no server"),
    "path": ({**POD, "KUBERNETES_SERVICE_HOST": "10.96.0.1/x"}, {}, "name no server"),
    "host": ({**POD, "KUBERNETES_SERVICE_HOST": "a@b"}, {}, "name no server"),
    "no token": (POD, {"token": None}, "automountServiceAccountToken"),
    "empty token": (POD, {"token": " \n"}, "is empty"),
    "two lines": (POD, {"token": f"{TOKEN}\r\nX-Header: 1"}, "characters that no token has"),
    "large token": (POD, {"token": "x" * (64 * 2**10 + 1)}, "larger than 65536 bytes"),
    "token that is no text": (POD, {"token": b"\xff\xfe"}, "no text"),
    "no CA": (POD, {"ca_crt": None}, "ca.crt can't be read"),
    "CA that is none": (POD, {"ca_crt": "hello"}, "holds no certificate"),
    "large CA": (POD, {"ca_crt": PEM + "x" * 2**20}, "larger than"),
}


@pytest.mark.parametrize(("environment", "files", "says"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_without_the_token(
    environment: dict[str, str], files: dict[str, str | bytes | None], says: str, tmp_path: Path
) -> None:
    mount(tmp_path, **files)

    with pytest.raises(InClusterError, match=says) as raised:
        in_cluster.load(environment, tmp_path)

    assert TOKEN not in str(raised.value)


NOT_THERE: dict[str, tuple[dict[str, str], dict[str, str | bytes | None]]] = {
    "no environment": ({}, {}),
    "no token": (POD, {"token": None}),
}


@pytest.mark.parametrize(("environment", "files"), NOT_THERE.values(), ids=NOT_THERE)
def test_elsewhere_there_is_none(
    environment: dict[str, str], files: dict[str, str | bytes | None], tmp_path: Path
) -> None:
    assert not in_cluster.is_there(environment, mount(tmp_path, **files))
