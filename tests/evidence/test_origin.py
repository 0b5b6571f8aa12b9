"""What a log tells of the cluster that it is from."""

from __future__ import annotations

import pytest

from authzviz.evidence.explain import read_log
from authzviz.evidence.origin import MOST_NODES, MOST_SERVERS, Origin, origin_of

LEASE = (
    'leases.coordination.k8s.io is forbidden: User "system:node:{}" cannot get resource "leases"'
    ' in API group "coordination.k8s.io" in the namespace "kube-node-lease"'
)
UNAUTHORIZED = '"Failed" err="Unauthorized"'


def origin(text: str) -> Origin:
    return origin_of(text, read_log(text))


NODES = {
    "the user": (LEASE.format("node1"), ("node1",)),
    "a user in upper case": (LEASE.format("Node1"), ("node1",)),
    "another user": (LEASE.format("").replace("system:node:", "ann"), ()),
    "a name that no Node can have": (LEASE.format(r"\\ud800"), ()),
    "a field of klog": (f'{UNAUTHORIZED} node="node1"', ("node1",)),
    "a field in JSON": (f'{UNAUTHORIZED} nodeName=\\"node1\\"', ("node1",)),
    "journald": (f"Nov  4 09:00:00 node1 kubelet[812]: E1 a.go:1] {UNAUTHORIZED}", ("node1",)),
    "most spoken of first": (
        "\n".join((LEASE.format("one"), LEASE.format("two"), LEASE.format("two"))),
        ("two", "one"),
    ),
    "a line without a refusal": ('"Attempting to register node" node="node1"', ()),
}


@pytest.mark.parametrize(("text", "nodes"), NODES.values(), ids=NODES)
def test_names_the_nodes_that_were_refused(text: str, nodes: tuple[str, ...]) -> None:
    assert origin(text).nodes == nodes


SERVERS = {
    "a URL": ('Get "https://api.example:6443/api": refused', {("api.example", 6443)}),
    "in quotes of quotes": (r"err=\"Get \\\"https://10.0.0.1/api\\\"", {("10.0.0.1", 443)}),
    "IPv6": ("https://[2001:db8::1]:6443/", {("2001:db8::1", 6443)}),
    "a dial": ("dial tcp 10.0.0.1:6443: connect: refused", {("10.0.0.1", 6443)}),
    "upper case": ("https://API.example/", {("api.example", 443)}),
    "this machine's own": ("https://127.0.0.1:6443 https://[::1]:6443 https://localhost", set()),
    "a name in a URL": ("https://me@api.example/", set()),
}


@pytest.mark.parametrize(("text", "servers"), SERVERS.values(), ids=SERVERS)
def test_names_the_servers(text: str, servers: set[tuple[str, int]]) -> None:
    assert origin(text).servers == servers


def test_keeps_no_more_than_can_be_looked_for() -> None:
    many = "\n".join(f"{LEASE.format(f'node{n}')} https://a{n}.example" for n in range(400))

    found = origin(many)

    assert (len(found.nodes), len(found.servers)) == (MOST_NODES, MOST_SERVERS)
