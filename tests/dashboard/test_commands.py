"""What pages offer to copy is run by someone with rights: no name in it is more than a word."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from authzviz import engine
from dashboard.models import Cluster
from dashboard.visible import visible
from tests.dashboard.showing import show
from tests.dashboard.snapshots import snapshot
from tests.engine.build import NODES, crb, ok, rb, server

pytestmark = pytest.mark.django_db

NAMES = {
    "a command in its place": "$(touch ran)",
    "the same of old": "`touch ran`",
    "single quotes": "'; touch ran; '",
    "double quotes": '"; touch ran; "',
    "a backslash": "\\'; touch ran #",
    "a second line": "a\ntouch ran",
    "a second command": "a; touch ran",
    "a pipe": "a | touch ran",
    "a background": "a & touch ran &",
    "another file": "a > ran",
    "a variable": "$HOME",
    "a pattern": "*",
    "an option": "--server=example.org:80",
    "a short option": "-A",
    "the end of a paste": "a\x1b[201~touch ran",
    "reordered": "a\u202e#\u202c; touch ran",
}
_COMMAND = re.compile(r"<pre[^>]*><code>(.*?)</code>", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_STUB = '#!/bin/sh\nprintf \'%s\\0\' "${0##*/}" "$@" >> "$CALLS"; printf \'\\n\\0\' >> "$CALLS"\n'


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A shell in which kubectl and authzviz only write down what they were called with."""
    return Shell(tmp_path)


class Shell:
    """Runs commands in a directory of their own."""

    def __init__(self, path: Path) -> None:
        self.bin, self.home, self._calls = path / "bin", path / "home", path / "calls"
        for directory in (self.bin, self.home):
            directory.mkdir()
        for name in ("kubectl", "authzviz", "openssl", "journalctl"):
            (self.bin / name).write_text(_STUB)
            (self.bin / name).chmod(0o755)

    def run(self, command: str) -> list[list[str]]:
        """The words of each call of a program that there is."""
        self._calls.write_text("")
        environment = {"PATH": f"{self.bin}:/usr/bin:/bin", "CALLS": str(self._calls), "HOME": "/"}
        subprocess.run(["sh", "-c", command], cwd=self.home, env=environment, check=False)  # noqa: S607
        calls = self._calls.read_text().split("\n\0")[:-1]
        return [call.split("\0")[:-1] for call in calls]


def leaking(name: str) -> Cluster:
    """A cluster in which bindings of this name give kubelets all Secrets."""
    read = replace(
        snapshot(),
        apiservers=ok((server("--authorization-mode=Node,RBAC"),)),
        cluster_role_bindings=ok((crb(name, "system:node", NODES),)),
        role_bindings=ok((rb(name, "team", "system:node", NODES, kind="ClusterRole"),)),
    )
    return show(engine.judge(read), read=read)


def commands(client: Client, path: str, **query: str) -> Iterator[str]:
    """What the page's buttons copy."""
    html = client.get(path, query).content.decode()
    for found in _COMMAND.finditer(html):
        yield unescape(_TAG.sub("", found[1]))


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_in_a_command_is_one_word_of_it(as_editor: Client, shell: Shell, name: str) -> None:
    slug = leaking(name).slug
    pages: tuple[tuple[str, dict[str, str]], ...] = (
        (reverse("cluster", args=(slug,)), {}),
        (reverse("cluster_whatif", args=(slug,)), {"drop": name}),
    )

    calls = [
        call
        for path, query in pages
        for command in commands(as_editor, path, **query)
        for call in shell.run(command)
    ]

    shown = visible(name)
    about = [call for call in calls if any(shown in word for word in call)]
    assert [call for call in about if call[0] == "kubectl"]
    assert [call for call in about if call[0] == "authzviz"]
    for call in about:
        if call[0] == "kubectl" and name.startswith("-"):
            assert call[-2:] == ["--", shown]
        elif call[0] == "kubectl":
            assert shown in call
    assert not (shell.home / "ran").exists()
