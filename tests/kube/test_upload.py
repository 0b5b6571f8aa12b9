"""Kubeconfigs that are uploaded to a server: everything that could turn against it is refused."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from authzviz.kube.kubeconfig import KubeconfigError, current_context, embed, parse_upload
from authzviz.net import AddressPolicy

PEM = b64encode(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").decode()
KEY = b64encode(b"-----BEGIN PRIVATE KEY-----\nBBBB\n-----END PRIVATE KEY-----\n").decode()
TOKEN = "canary-token"


def kubeconfig(
    cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None, **root: Any
) -> str:
    """A good kubeconfig, with these fields of its cluster and user instead."""
    cluster_fields = {"server": "https://kube.example.com:6443", "certificate-authority-data": PEM}
    whole = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "prod",
        "clusters": [{"name": "c", "cluster": {**cluster_fields, **(cluster or {})}}],
        "users": [{"name": "u", "user": {"token": TOKEN} if user is None else user}],
        "contexts": [{"name": "prod", "context": {"cluster": "c", "user": "u"}}],
        **root,
    }
    return json.dumps(whole)


EXEC = {"apiVersion": "client.authentication.k8s.io/v1", "command": "/bin/sh", "args": ["-c", "id"]}
CLUSTER, USER = "clusters[0].cluster.", "users[0].user."
REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any] | None, str]] = {
    "B1 exec": ({}, {"exec": EXEC}, USER + "exec: runs a command"),
    "B1 exec beside a token": ({}, {"exec": EXEC, "token": TOKEN}, USER + "exec: runs a command"),
    "B2 auth-provider gcp": (
        {},
        {"auth-provider": {"name": "gcp", "config": {"cmd-path": "/bin/sh"}}},
        USER + "auth-provider: may run a command",
    ),
    "B3 tokenFile": (
        {},
        {"tokenFile": "/etc/passwd"},
        USER + "tokenFile: names a file; embed data",
    ),
    "B4 certificate-authority": (
        {"certificate-authority": "/etc/ssl/x", "certificate-authority-data": None},
        None,
        CLUSTER + "certificate-authority: names a file; embed data",
    ),
    "B4 certificate-authority beside data": (
        {"certificate-authority": "/etc/ssl/x"},
        None,
        CLUSTER + "certificate-authority: names a file: embed data",
    ),
    "B4 client-key": (
        {},
        {"client-certificate-data": PEM, "client-key": "../../x"},
        USER + "client-key: names a file; embed data",
    ),
    "B5 insecure as a text": (
        {"insecure-skip-tls-verify": "false"},
        None,
        CLUSTER + "insecure-skip-tls-verify: must be true or false",
    ),
    "B6 insecure and a CA": (
        {"insecure-skip-tls-verify": True},
        None,
        CLUSTER + "insecure-skip-tls-verify: contradicts",
    ),
    "B6 insecure": (
        {"insecure-skip-tls-verify": True, "certificate-authority-data": None},
        None,
        CLUSTER + "insecure-skip-tls-verify: is not allowed here",
    ),
    "B7 proxy-url": ({"proxy-url": "http://evil"}, None, CLUSTER + "proxy-url: "),
    "B7 tls-server-name": ({"tls-server-name": "x"}, None, CLUSTER + "tls-server-name: "),
    "B7 as": ({}, {"token": TOKEN, "as": "admin"}, USER + "as: acting as someone else"),
    "B7 as-groups": ({}, {"token": TOKEN, "as-groups": ["system:masters"]}, USER + "as-groups: "),
    "B9 metadata": ({"server": "https://169.254.169.254"}, None, CLUSTER + "server: 169.254"),
    "B10 decimal": ({"server": "https://2852039166"}, None, CLUSTER + "server: 2852039166"),
    "B11 mapped": (
        {"server": "https://[::ffff:169.254.169.254]"},
        None,
        CLUSTER + "server: ::ffff:",
    ),
    "B12 Alibaba": ({"server": "https://100.100.100.200"}, None, CLUSTER + "server: 100.100"),
    "B15 user name": ({"server": "https://good@evil"}, None, CLUSTER + "server: must hold no user"),
    "B16 http": ({"server": "http://kube.example.com"}, None, CLUSTER + "server: must begin with"),
    "loopback": ({"server": "https://127.0.0.1:6443"}, None, CLUSTER + "server: 127.0.0.1 may"),
    "no server": ({"server": ""}, None, CLUSTER + "server: is missing"),
    "CA that is no base64": (
        {"certificate-authority-data": "%%"},
        None,
        CLUSTER + "certificate-authority-data: is not base64",
    ),
    "CA that is no PEM": (
        {"certificate-authority-data": "aGVsbG8="},
        None,
        CLUSTER + "certificate-authority-data: is not PEM",
    ),
    "certificate without its key": (
        {},
        {"client-certificate-data": PEM},
        USER + "client-key-data: is missing",
    ),
    "password": ({}, {"username": "a", "password": "b"}, USER + "username: basic auth"),
    "no credentials": ({}, {}, USER + "token: is missing"),
    "token with a line break": ({}, {"token": "a\nX-Evil: 1"}, USER + "token: must hold no"),
    "token that is a number": ({}, {"token": ["a"]}, USER + "token: must be a text"),
}


@pytest.mark.parametrize(("cluster", "user", "problem"), REFUSED.values(), ids=REFUSED)
def test_an_unusable_context_names_its_field(
    cluster: dict[str, Any], user: dict[str, Any] | None, problem: str
) -> None:
    (context,) = parse_upload(kubeconfig(cluster, user))

    assert context.problem.startswith(problem)
    assert context.credentials is None
    with pytest.raises(KubeconfigError, match="^" + USER[:4] + "|^" + CLUSTER[:4]):
        embed(context)


def test_a_good_context_gives_its_credentials() -> None:
    user = {"client-certificate-data": PEM, "client-key-data": KEY, "token": TOKEN}

    (context,) = parse_upload(kubeconfig(user=user))

    assert (context.name, context.cluster, context.user, context.problem) == ("prod", "c", "u", "")
    credentials = embed(context)
    assert credentials.server == "https://kube.example.com:6443"
    assert credentials.token
    assert credentials.token.reveal() == TOKEN
    assert credentials.client_key
    assert "PRIVATE KEY" in credentials.client_key.reveal()


def test_what_an_admin_allows_is_taken() -> None:
    insecure = {"insecure-skip-tls-verify": True, "certificate-authority-data": None}
    named = {"tls-server-name": "kubernetes.default"}

    (one,) = parse_upload(kubeconfig(insecure), allow_insecure=True)
    (other,) = parse_upload(kubeconfig(named), allow_tls_server_name=True)
    (local,) = parse_upload(
        kubeconfig({"server": "https://127.0.0.1:6443"}), policy=AddressPolicy(loopback=True)
    )

    assert embed(one).insecure
    assert embed(other).tls_server_name == "kubernetes.default"
    assert embed(local).server == "https://127.0.0.1:6443"


def test_b8_good_contexts_are_listed_beside_a_bad_one() -> None:
    contexts: list[Any] = [
        {"name": f"c{n}", "context": {"cluster": "c", "user": "u"}} for n in range(20)
    ]
    contexts[7]["context"]["user"] = "nobody"
    contexts[9]["context"] = "text"

    found = parse_upload(kubeconfig(contexts=contexts))

    problems = {one.name: one.problem for one in found if one.problem}
    assert problems == {
        "c7": "contexts[7].context.user: there is no user nobody",
        "c9": "contexts[9].context: must hold fields",
    }
    assert len([one for one in found if one.credentials]) == 18


def test_a_name_that_stands_twice_is_a_problem() -> None:
    users = [{"name": "u", "user": {"token": TOKEN}}] * 2

    (context,) = parse_upload(kubeconfig(users=users))

    assert context.problem == "users[1].name: u stands twice"


ALIASES = "a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n"
DEEP = "[" * 5000 + "]" * 5000
WHOLE = {
    "B27 aliases": (ALIASES, "anchors and aliases"),
    "B27 merge key": ("<<: {a: b}", "a key stands twice, or merges"),
    "B27 more than 1 MiB": ("a: " + "x" * (1 << 20), "larger than 1 MiB"),
    "NUL in a value": ('kind: "Config\\0"', "line 1: holds a NUL"),
    "NUL in a key": ('kind: Config\n"a\\0": b', "line 2: holds a NUL"),
    "B27 duplicate key": ("kind: Config\nkind: Config", "line 2: a key stands twice"),
    "deep nesting": (DEEP, "nested too deeply|no YAML"),
    "a tag": ("a: !!python/object/apply:os.system [id]", "tags are not taken"),
    "two documents": ("a: b\n---\nc: d", "more than one document"),
    "no YAML": ("a: 'canary", "is not YAML"),
    "no UTF-8": (b"a: \xff\xfe\xfa", "is not YAML"),
    "empty": ("", "holds no fields"),
    "a list": ("[a]", "holds no fields"),
    "another kind": ("kind: Pod\ncontexts: []", "kind: "),
    "no contexts": ("kind: Config", "contexts: there are none"),
    "contexts that are no list": ("contexts: x", "contexts: must be a list"),
    "a list for a key": ("? [a]\n: b", "a key must be"),
}


@pytest.mark.parametrize(("text", "why"), WHOLE.values(), ids=WHOLE)
def test_an_unusable_text_is_refused_with_why(text: str | bytes, why: str) -> None:
    with pytest.raises(KubeconfigError, match=why) as refused:
        parse_upload(text)

    assert "canary" not in str(refused.value)


def test_b1_b3_nothing_runs_and_nothing_is_read(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret-of-the-server")
    mark = tmp_path / "mark"
    plugin = {**EXEC, "args": ["-c", f"touch {mark}"]}

    (ran,) = parse_upload(kubeconfig(user={"exec": plugin}))
    (read,) = parse_upload(kubeconfig(user={"tokenFile": str(tmp_path / "token")}))

    assert not mark.exists()
    assert "secret-of-the-server" not in repr((ran, read))


def test_secrets_show_in_no_repr() -> None:
    user = {"client-certificate-data": PEM, "client-key-data": KEY, "token": TOKEN}

    (context,) = parse_upload(kubeconfig(user=user))

    assert TOKEN not in repr(context)
    assert "BBBB" not in f"{context} {context.credentials!r}"


def test_the_current_context_is_named() -> None:
    assert current_context(kubeconfig()) == "prod"
    assert current_context("kind: Config") is None
