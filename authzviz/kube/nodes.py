"""Nodes: all of them as a server-side Table, the telling ones one by one; and their Leases."""

from __future__ import annotations

import re
from operator import itemgetter
from typing import TYPE_CHECKING

import msgspec

from authzviz.engine.model import Lease, Node, Read, Ready
from authzviz.engine.permissions import LIST_LEASES, LIST_NODES
from authzviz.kube.errors import KubeError, ReadFailed, ReadForbidden
from authzviz.kube.lists import Kind, PageDecoder, attempt, expect, items, read_list, with_gaps
from authzviz.kube.objects import UNDECODABLE, LeaseJson, NodeJson, to_lease, to_node, to_row_node

if TYPE_CHECKING:
    from authzviz.kube.connection import Connection

_NODES = "/api/v1/nodes"
_HELD_BY_NODE = 240
_LONGEST_NAME, _LONGEST_VERSION = 253, 63
_TABLES = (
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io"
)
_NODE_KIND = Kind("NodeList", NodeJson, to_node)
# A lease is three objects of nothing but short texts.
_LEASE_KIND = Kind(
    "LeaseList",
    LeaseJson,
    to_lease,
    per_object=80,
    per_value=0,
    held=lambda lease: 170 + 4 * len(lease.node),
)
_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
_COLUMNS = ("Name", "Status", "Roles", "Version")
_CLOSER_LOOKS = 20
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


class _Column(msgspec.Struct, frozen=True):
    name: str


_Cell = str | int | float | bool | None


class _Row(msgspec.Struct, frozen=True, gc=False):
    cells: tuple[_Cell, ...]


class _Table(msgspec.Struct, frozen=True, rename="camel"):
    kind: str
    column_definitions: tuple[_Column, ...]
    rows: tuple[_Row, ...]


class _Kind(msgspec.Struct, frozen=True):
    kind: str


def read_nodes(connection: Connection) -> Read[tuple[Node, ...]]:
    """Every Node; with conditions and annotations only the first 20 that are NotReady, and up to
    20 of the control plane (a Node of 12 KB, 5,000 times, is what a Table saves).
    """
    gaps: list[str] = []
    read = attempt(f"GET {_NODES} as a Table", LIST_NODES.words, lambda: _nodes(connection, gaps))
    return with_gaps(read, gaps)


def read_leases(connection: Connection) -> Read[tuple[Lease, ...]]:
    """The Leases of kube-node-lease, from the apiserver's cache."""
    return read_list(connection, _LEASES, LIST_LEASES.words, _LEASE_KIND, "resourceVersion=0")


def read_all_leases(connection: Connection) -> Read[tuple[Lease, ...]]:
    """The same as they are stored at this moment, page by page."""
    return read_list(connection, _LEASES, LIST_LEASES.words, _LEASE_KIND)


def _nodes(connection: Connection, gaps: list[str]) -> tuple[Node, ...]:
    path = f"{_NODES}?resourceVersion=0&includeObject=None"
    answer = connection.get(path, accept=_TABLES)
    if answer.status == 406:
        return tuple(items(connection, _NODES, _NODE_KIND, gaps))
    body = expect(connection, answer)
    connection.room.check(body, per_object=160, per_value=80)
    if _kind(body) == "NodeList":
        return tuple(PageDecoder(_NODE_KIND, connection)(body, 0, gaps)[0])
    nodes = _rows(body, gaps)
    connection.room.keep(sum(_HELD_BY_NODE + 4 * len(node.name) for node in nodes))
    closer = _closer(connection, _worth_a_look(nodes))
    return tuple(closer.get(node.name, node) for node in nodes)


def _kind(body: bytearray) -> str:
    try:
        return msgspec.json.decode(body, type=_Kind).kind
    except UNDECODABLE:
        raise ReadFailed("unexpected answer: neither a Table nor a NodeList") from None


def _rows(body: bytearray, gaps: list[str]) -> list[Node]:
    try:
        table = msgspec.json.decode(body, type=_Table)
        if table.kind != "Table":
            raise ReadFailed("unexpected answer: neither a Table nor a NodeList")
        names = [column.name for column in table.column_definitions]
        places = [names.index(name) for name in _COLUMNS]
    except (*UNDECODABLE, ValueError):
        raise ReadFailed("unexpected answer: no Table of nodes") from None
    nodes = []
    cells_of, padding = itemgetter(*places), (None,) * len(names)
    for number, row in enumerate(table.rows, start=1):
        name, status, roles, version = cells_of(row.cells + padding)
        if not isinstance(name, str) or not isinstance(status, str) or len(name) > _LONGEST_NAME:
            gaps.append(f"row {number} of the nodes' Table has no name or status")
            continue
        version = str(version or "")[:_LONGEST_VERSION]
        nodes.append(to_row_node(name, status, str(roles or ""), version))
    return nodes


def _worth_a_look(nodes: list[Node]) -> list[Node]:
    """Those whose condition or distribution is of interest: where neither is, any one."""
    ill = [node for node in nodes if node.ready is not Ready.TRUE][:_CLOSER_LOOKS]
    control = [node for node in nodes if node.is_control_plane][:_CLOSER_LOOKS]
    return list(dict.fromkeys(ill + control)) or nodes[:1]


def _closer(connection: Connection, nodes: list[Node]) -> dict[str, Node]:
    """Nodes read one by one; those that could not be (gone by now) stay as the list told."""
    found = {}
    for node in nodes:
        if not _NAME.fullmatch(node.name):
            continue
        try:
            body = expect(connection, connection.get(f"{_NODES}/{node.name}", max_bytes=1 << 20))
            found[node.name] = to_node(msgspec.json.decode(body, type=NodeJson))
        except ReadForbidden:
            break  # who may list but not get one may get none
        except (KubeError, *UNDECODABLE):
            continue
    return found
