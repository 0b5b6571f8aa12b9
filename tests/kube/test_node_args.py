"""Apiservers as the nodes of k3s and RKE2 tell of them, alone and beside better sources."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from authzviz.engine.model import ApiServer, Flag, Node, Outcome, Read, Ready
from authzviz.kube.flags import of_node_args
from authzviz.kube.node_args import with_node_args

MODE, PLUGINS = "authorization-mode", "enable-admission-plugins"
NOTHING: Read[tuple[ApiServer, ...]] = Read(
    Outcome.FORBIDDEN, "GET pods, GET /flagz", "list pods", why="refused"
)


def node(name: str, *args: str, tool: str = "k3s", address: str = "") -> Node:
    """A Node whose annotations are as k3s writes them, and as they are kept."""
    kept = [(f"{tool}.io/node-args", of_node_args(json.dumps(args)))]
    if address:
        kept.append((f"{tool}.io/internal-ip", address))
    return Node(name, Ready.TRUE, is_control_plane=True, annotations=tuple(kept))


def nodes(*found: Node) -> Read[tuple[Node, ...]]:
    return Read(Outcome.OK, "GET nodes", "list nodes", found)


def seen(*servers: ApiServer) -> Read[tuple[ApiServer, ...]]:
    return Read(Outcome.OK, "GET pods", "list pods", servers)


def arg(value: str) -> tuple[str, str]:
    return "--kube-apiserver-arg", value


PLAIN: dict[str, tuple[str, tuple[str, ...], list[tuple[str, str]]]] = {
    "k3s, nothing given": ("k3s", (), []),
    "k3s, a plain value replaces": (
        "k3s",
        arg(f"{PLUGINS}=PodSecurity"),
        [(PLUGINS, "PodSecurity")],
    ),
    "k3s, appended": (
        "k3s",
        arg(f"{PLUGINS}+=PodSecurity"),
        [(PLUGINS, "NodeRestriction"), (PLUGINS, "PodSecurity")],
    ),
    "k3s, prepended": (
        "k3s",
        arg(f"{MODE}-=Webhook"),
        [(MODE, "Webhook"), (MODE, "Node,RBAC")],
    ),
    "k3s, with dashes": ("k3s", arg(f"--{MODE}=RBAC"), [(MODE, "RBAC")]),
    "k3s, twice": (
        "k3s",
        (*arg(f"{MODE}=Node"), *arg(f"{MODE}=RBAC")),
        [(MODE, "Node"), (MODE, "RBAC")],
    ),
    "k3s, a file of authorizers": (
        "k3s",
        arg("authorization-config=/a.yaml"),
        [("authorization-config", "/a.yaml")],
    ),
    "the kubelet's is not the apiserver's": ("k3s", ("--kubelet-arg", f"{MODE}=Webhook"), []),
    "RKE2, nothing given": ("rke2", (), []),
    "RKE2 puts NodeRestriction before": (
        "rke2",
        arg(f"{PLUGINS}=PodSecurity"),
        [(PLUGINS, "NodeRestriction"), (PLUGINS, "PodSecurity")],
    ),
}


@pytest.mark.parametrize(("tool", "args", "flags"), PLAIN.values(), ids=PLAIN)
def test_a_server_node_tells_what_was_given_and_not_what_was_left_out(
    tool: str, args: tuple[str, ...], flags: list[tuple[str, str]]
) -> None:
    read = with_node_args(NOTHING, nodes(node("s1", "server", *args, tool=tool)))

    (server,) = read.value or ()
    assert [(flag.name, flag.value) for flag in server.flags or ()] == flags
    assert (server.name, server.defaults) == ("kube-apiserver on s1", tool)
    assert server.evidence == f"annotation {tool}.io/node-args of node s1"
    assert (read.outcome, read.why, read.permission) == (Outcome.OK, "", "list pods")


NONE_THERE: dict[str, tuple[Node, ...]] = {
    "no node": (),
    "an agent": (node("a1", "agent"),),
    "an agent that says it is a server": (
        replace(node("a1", "server", *arg(f"{MODE}=Node,RBAC")), is_control_plane=False),
    ),
    "etcd alone": (node("e1", "server", "--disable-apiserver"),),
    "etcd alone, by a file": (node("e1", "server", "--disable-apiserver", "true"),),
    "no arguments": (
        Node("n1", Ready.TRUE, is_control_plane=True, annotations=(("k3s.io/node-args", ""),)),
    ),
    "other arguments": (
        Node("n1", Ready.TRUE, is_control_plane=True, annotations=(("k3s.io/node-args", "{"),)),
    ),
    "a text": (
        Node(
            "n1", Ready.TRUE, is_control_plane=True, annotations=(("k3s.io/node-args", '"server"'),)
        ),
    ),
    "other annotations": (
        Node("n1", Ready.TRUE, is_control_plane=True, annotations=(("k3s.io/hostname", "n1"),)),
    ),
}


@pytest.mark.parametrize("found", NONE_THERE.values(), ids=NONE_THERE)
def test_nothing_is_made_up(found: tuple[Node, ...]) -> None:
    assert with_node_args(NOTHING, nodes(*found)) == NOTHING


def test_a_server_that_says_so_has_its_apiserver() -> None:
    read = with_node_args(NOTHING, nodes(node("s1", "server", "--disable-apiserver", "false")))

    assert [server.name for server in read.value or ()] == ["kube-apiserver on s1"]


POD = ApiServer("kube-apiserver-s1", (Flag(MODE, "Node,RBAC"),), "mirror pod")
FLAGZ = ApiServer("kube-apiserver at 192.0.2.1:6443", (Flag(MODE, "RBAC"),), "/flagz")
TWO = (
    node("s1", "server", *arg(f"{MODE}=RBAC"), address="192.0.2.1,2001:db8::1"),
    node("s2", "server", address="192.0.2.2"),
)
BESIDE: dict[str, tuple[ApiServer, tuple[Node, ...], bool]] = {
    "the pod of that node": (POD, TWO, True),
    "its address": (replace(FLAGZ, address="192.0.2.1:6443"), TWO, True),
    "its other address": (replace(FLAGZ, address="[2001:db8::1]:6443"), TWO, True),
    "the only one": (FLAGZ, TWO[:1], True),
    "one of two, which is unknown": (FLAGZ, TWO, False),
}


@pytest.mark.parametrize(("server", "found", "is_told"), BESIDE.values(), ids=BESIDE)
def test_beside_better_sources_annotations_weigh_less(
    server: ApiServer, found: tuple[Node, ...], is_told: bool
) -> None:
    (joined,) = with_node_args(seen(server), nodes(*found)).value or ()

    assert (joined.flags, joined.evidence) == (server.flags, server.evidence)
    assert [source.evidence for source in joined.other_sources] == (
        ["annotation k3s.io/node-args of node s1"] if is_told else []
    )


def test_an_apiserver_whose_flags_nobody_shows_gets_them_from_its_node() -> None:
    hidden = ApiServer("x", None, "", "not asked", address="192.0.2.1:6443")

    first, second = with_node_args(seen(hidden), nodes(*TWO)).value or ()

    assert (first.name, first.address, first.why) == ("x", "192.0.2.1:6443", "")
    assert first.flags == (Flag(MODE, "RBAC"),)
    assert (second.name, second.flags) == ("kube-apiserver on s2", ())


def test_which_node_an_alias_runs_on_is_not_guessed() -> None:
    alias = ApiServer("behind a balancer", None, "", "not asked", is_alias=True)

    first, second = with_node_args(seen(alias), nodes(node("s1", "server"))).value or ()

    assert first == alias
    assert (second.name, second.flags) == ("kube-apiserver on s1", ())
