"""Kubeconfigs of a person's own command line: files, merging, exec plugins where allowed."""

from __future__ import annotations

import json
import sys
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from authzviz.kube.errors import CredentialsUnusable
from authzviz.kube.exec_plugin import signed_in
from authzviz.kube.kubeconfig import (
    Credentials,
    KubeconfigError,
    current_context,
    default_paths,
    embed,
    load_files,
)
from tests.kube.test_upload import KEY, PEM, kubeconfig

VERSION = "client.authentication.k8s.io/v1"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def plugin(tmp_path: Path, code: str, **fields: Any) -> Credentials:
    """Credentials whose plugin runs this Python code."""
    script = write(tmp_path / "plugin.py", code)
    exec_ = {"apiVersion": VERSION, "command": sys.executable, "args": [str(script)], **fields}
    path = write(tmp_path / "config", kubeconfig(user={"exec": exec_}))
    return load_files([path], allow_exec=True)[0].credentials or pytest.fail("no credentials")


def test_files_beside_the_kubeconfig_are_embedded(tmp_path: Path) -> None:
    write(tmp_path / "pki" / "ca.crt", b64decode(PEM).decode())
    write(tmp_path / "pki" / "me.crt", b64decode(PEM).decode())
    write(tmp_path / "pki" / "me.key", b64decode(KEY).decode())
    write(tmp_path / "token", "from-a-file\n")
    cluster = {
        "certificate-authority-data": None,
        "certificate-authority": "pki/ca.crt",
        "server": "https://127.0.0.1:6443",
    }
    user = {"client-certificate": "pki/me.crt", "client-key": "pki/me.key", "tokenFile": "token"}
    path = write(tmp_path / "config", kubeconfig(cluster, user))

    (context,) = load_files([path])

    credentials = embed(context)
    assert credentials.token
    assert credentials.token.reveal() == "from-a-file"
    assert credentials.ca_data
    assert credentials.client_key
    assert credentials.client_key.reveal() == b64decode(KEY).decode()
    assert Credentials.from_json(credentials.to_json()) == credentials


def test_a_missing_file_is_a_problem_of_its_context(tmp_path: Path) -> None:
    path = write(tmp_path / "config", kubeconfig(user={"tokenFile": "gone"}))

    (context,) = load_files([path])

    assert context.problem == "users[0].user.tokenFile: gone: No such file or directory"


def test_several_files_are_merged_and_the_first_wins(tmp_path: Path) -> None:
    one = write(tmp_path / "1" / "config", kubeconfig(user={"tokenFile": "token"}))
    write(tmp_path / "1" / "token", "first")
    other = write(
        tmp_path / "2" / "config",
        kubeconfig(
            {"server": "https://second.example.com"},
            contexts=[
                {"name": "prod", "context": {"cluster": "c", "user": "gone"}},
                {"name": "more", "context": {"cluster": "c", "user": "u"}},
            ],
        ),
    )

    found = {one.name: one for one in load_files([tmp_path / "none", one, other])}

    assert sorted(found) == ["more", "prod"]
    for context in found.values():
        assert embed(context).server == "https://kube.example.com:6443"
        token = embed(context).token
        assert token
        assert token.reveal() == "first"
    assert current_context([one, other]) == "prod"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigError, match="gone: no such file"):
        load_files([tmp_path / "gone"])
    with pytest.raises(KubeconfigError, match=r"no such file: .*one.*two"):
        load_files([tmp_path / "one", tmp_path / "two"])
    with pytest.raises(KubeconfigError, match="Is a directory"):
        load_files([tmp_path])


def test_the_default_is_kubectls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/a:{tmp_path}/b:")
    assert default_paths() == (tmp_path / "a", tmp_path / "b")

    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_paths() == (tmp_path / ".kube" / "config",)


def test_an_exec_plugin_needs_permission(tmp_path: Path) -> None:
    exec_ = {"apiVersion": VERSION, "command": "aws"}
    path = write(tmp_path / "config", kubeconfig(user={"exec": exec_}))

    (context,) = load_files([path])

    assert context.problem == (
        "users[0].user.exec: runs a command; run with --allow-exec to allow it"
    )


def test_an_allowed_plugin_runs_only_when_it_is_needed(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    found = plugin(
        tmp_path,
        "import json, os, pathlib\n"
        f"pathlib.Path({str(mark)!r}).touch()\n"
        "info = json.loads(os.environ['KUBERNETES_EXEC_INFO'])\n"
        "token = os.environ['EXTRA'] + info['spec']['cluster']['server']\n"
        "print(json.dumps({'kind': 'ExecCredential', 'apiVersion': info['apiVersion'],"
        " 'status': {'token': token}}))\n",
        env=[{"name": "EXTRA", "value": "extra-"}],
        provideClusterInfo=True,
    )
    assert not mark.exists()
    with pytest.raises(ValueError, match="can't be stored"):
        found.to_json()

    credentials = signed_in(found, seconds=30)

    assert mark.exists()
    assert credentials.token
    assert credentials.token.reveal() == "extra-https://kube.example.com:6443"
    assert credentials.exec_plugin is None
    assert signed_in(credentials, seconds=30) is credentials


def printing(**fields: Any) -> str:
    """Python code that prints an ExecCredential."""
    printed = json.dumps({"kind": "ExecCredential", "apiVersion": VERSION, **fields})
    return f"print({printed!r})"


BROKEN = {
    "another version": (
        printing(apiVersion=VERSION + "beta1", status={"token": "x"}),
        "printed no",
    ),
    "no credential": ("print('hello')", "printed no ExecCredential"),
    "an error": ("raise SystemExit(3)", "ended with status 3"),
    "nothing to sign in with": (printing(status={}), "neither a token nor a certificate"),
}


@pytest.mark.parametrize(("code", "why"), BROKEN.values(), ids=BROKEN)
def test_a_broken_plugin_is_explained(tmp_path: Path, code: str, why: str) -> None:
    with pytest.raises(CredentialsUnusable, match=why):
        signed_in(plugin(tmp_path, code), seconds=30)


def test_a_plugin_that_is_not_there_is_named(tmp_path: Path) -> None:
    found = plugin(tmp_path, "", command="./gone")

    with pytest.raises(CredentialsUnusable, match="gone: No such file"):
        signed_in(found, seconds=30)


def test_a_plugin_that_hangs_is_ended(tmp_path: Path) -> None:
    found = plugin(tmp_path, "import time\ntime.sleep(60)")

    with pytest.raises(CredentialsUnusable, match="took longer"):
        signed_in(found, seconds=0.2)


def test_credentials_of_a_plugin_are_not_stored(tmp_path: Path) -> None:
    exec_ = {"apiVersion": VERSION, "command": "aws"}
    path = write(tmp_path / "config", kubeconfig(user={"exec": exec_}))

    with pytest.raises(KubeconfigError, match="come from a command"):
        embed(load_files([path], allow_exec=True)[0])


def test_a_plugin_of_an_unknown_protocol_is_a_problem(tmp_path: Path) -> None:
    exec_ = {"apiVersion": "client.authentication.k8s.io/v1alpha1", "command": "aws"}
    path = write(tmp_path / "config", kubeconfig(user={"exec": exec_}))

    (context,) = load_files([path], allow_exec=True)

    assert context.problem.startswith("users[0].user.exec.apiVersion: must be one of")
