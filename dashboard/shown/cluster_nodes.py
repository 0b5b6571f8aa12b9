"""A cluster's nodes as rows: how each is, by which path it is served, how old its Lease is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from authzviz.engine.assessment import Path
from authzviz.engine.model import Lease, Node, Ready
from dashboard.services.pages import NodesRead
from dashboard.shown.apiservers import NodeAnswers, node_answers
from dashboard.shown.links import object_url
from dashboard.shown.listing import Choice, Column, Cut, Query, column, cut, query_of
from dashboard.visible import made_visible, visible
from dashboard.words import VERDICTS, Word, humane_age

ASKED = ("search", "state", "path", "sort")
WORST_FIRST = "status"
MOST_PATHS = 20
READY = {
    Ready.TRUE: Word("Ready", "good", "check"),
    Ready.FALSE: Word("NotReady", "critical", "x"),
    Ready.NOT_READY: Word("NotReady", "critical", "x"),
    Ready.UNKNOWN: Word("Unknown", "warning", "question-mark"),
}
# Each node counts once: as silent where its Lease is overdue, whatever its last condition says.
STATES = {
    "not-ready": Word("NotReady", "critical", "x"),
    "unknown": Word("Unknown or silent", "warning", "question-mark"),
    "ready": Word("Ready", "good", "check"),
}
_RANKS = {Ready.FALSE: 0, Ready.NOT_READY: 0, Ready.UNKNOWN: 1, Ready.TRUE: 2}


@dataclass(frozen=True, slots=True)
class NodeRow:
    """One node; `lease` says how old its heartbeat was when it was read, `state` is of STATES.

    `path` is the number of the path that serves it, 0 where that is not known.
    """

    name: str
    is_control_plane: bool
    ready: Word
    rank: int
    state: str
    lease: str
    lease_seconds: float | None
    is_overdue: bool
    kubelet_version: str
    says: str
    path: int = 0
    path_word: Word | None = None
    url: str = ""


@dataclass(frozen=True, slots=True)
class NodesPage:
    """What cluster_nodes.html shows; `nodes` is None where they could not be read."""

    query: Query
    nodes: Cut[NodeRow] | None
    total: int
    why: str
    permission: str
    gaps: tuple[str, ...]
    states: tuple[Choice, ...]
    paths: tuple[tuple[str, str], ...]
    columns: tuple[Column, ...]
    answers: NodeAnswers | None


_Key = Callable[[NodeRow], tuple[object, ...]]
SORTS: dict[str, tuple[str, _Key]] = {
    "name": ("Node", lambda row: (row.name,)),
    "status": ("Status", lambda row: (row.rank, not row.is_overdue, row.name)),
    "lease": ("Lease", lambda row: (row.lease_seconds is not None, -_age(row), row.name)),
    "path": ("Path", lambda row: (row.path, row.name)),
    "version": ("Kubelet", lambda row: (_numbers(row.kubelet_version), row.name)),
}


def nodes_page(facts: NodesRead, asked: Mapping[str, str]) -> NodesPage:
    """The nodes that the address asks for, the worst first unless it says otherwise."""
    query = query_of(asked, ASKED)
    rows = _rows(facts)
    found = [row for row in rows if _is_wanted(row, query)]
    sort = query["sort"].removeprefix("-")
    key = SORTS[sort if sort in SORTS else WORST_FIRST][1]
    found.sort(key=key, reverse=query["sort"].startswith("-"))
    read = facts.passing.nodes
    heads = ((key, title) for key, (title, _) in SORTS.items() if key != "path" or facts.has_paths)
    return NodesPage(
        query=query,
        nodes=None if read.value is None else _cut(found, query, facts),
        total=len(rows),
        why=visible(read.why),
        permission=visible(read.permission),
        gaps=tuple(map(visible, read.gaps)),
        states=_states(rows, query),
        paths=_paths(facts) if facts.has_paths else (),
        columns=tuple(
            column(*head, query["sort"] or WORST_FIRST, lambda order: query.link(sort=order))
            for head in heads
        ),
        answers=node_answers(facts.passing.node_reviews),
    )


def node_row(node: Node, lease: Lease | None, at: datetime, *, is_lease_known: bool) -> NodeRow:
    """One node with its Lease as it was at `at`."""
    words = "none" if is_lease_known else "not read"
    age, is_overdue = None, False
    if lease is not None:
        words = "never renewed"
        if lease.renewed_at is not None:
            age = (at - lease.renewed_at).total_seconds()
            is_overdue = age > lease.duration_seconds
            words = f"{humane_age(age)} old" + (", overdue" if is_overdue else "")
    state = "ready" if node.ready is Ready.TRUE else "not-ready"
    return NodeRow(
        name=node.name,
        is_control_plane=node.is_control_plane,
        ready=READY[node.ready],
        rank=_RANKS[node.ready],
        state="unknown" if is_overdue or node.ready is Ready.UNKNOWN else state,
        lease=words,
        lease_seconds=age,
        is_overdue=is_overdue,
        kubelet_version=node.kubelet_version,
        says=": ".join(part for part in (node.reason, node.message) if part),
    )


def path_name(path: Path) -> str:
    """Whom the path serves: "node1 and 4 more", "the next node to join"."""
    if path.nodes == 0:
        return "the next node to join"
    more = f" and {path.nodes - 1} more" if path.nodes > 1 else ""
    return f"{visible(path.example)}{more}"


def _rows(facts: NodesRead) -> list[NodeRow]:
    part, paths = facts.passing, facts.path_of
    leases = {lease.node: lease for lease in part.leases.value or ()}
    at, is_lease_known = part.server_time or part.read_at, part.leases.is_whole
    words = [VERDICTS[path.verdict] for path in facts.assessment.paths]
    rows = []
    for node in part.nodes.value or ():
        number = paths.get(node.name, 0)
        row = node_row(node, leases.get(node.name), at, is_lease_known=is_lease_known)
        rows.append(replace(row, path=number, path_word=words[number - 1] if number else None))
    return rows


def _is_wanted(row: NodeRow, query: Query) -> bool:
    return (
        query["state"] in ("", row.state)
        and query["path"] in ("", str(row.path))
        and query["search"].casefold() in row.name.casefold()
    )


def _cut(found: list[NodeRow], query: Query, facts: NodesRead) -> Cut[NodeRow]:
    """One page of the rows; only these are put into words and links."""
    page = cut(found, query)
    slug = facts.row.cluster.slug
    linked = (replace(row, url=object_url(slug, "nodes", row.name)) for row in page)
    return made_visible(replace(page, rows=tuple(linked)))


def _states(rows: list[NodeRow], query: Query) -> tuple[Choice, ...]:
    numbers = Counter(row.state for row in rows)
    everything = Choice("All", len(rows), query.link(state=""), not query["state"])
    return (
        everything,
        *(
            Choice(
                word.label,
                numbers[key],
                query.link(state=key),
                query["state"] == key,
                word.tone,
                word.icon,
            )
            for key, word in STATES.items()
            if numbers[key] or query["state"] == key
        ),
    )


def _paths(facts: NodesRead) -> tuple[tuple[str, str], ...]:
    """The paths that serve nodes, by their numbers."""
    return tuple(
        (str(number), f"{number}: {path_name(path)}")
        for number, path in enumerate(facts.assessment.paths[:MOST_PATHS], start=1)
        if path.nodes
    )


def _age(row: NodeRow) -> float:
    return row.lease_seconds or 0.0


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers of v1.28.15-eks-1 that count for its order: 1, 28, 15."""
    parts = version.lstrip("v").split("-")[0].split("+")[0].split(".")
    return tuple(int(part) if part.isascii() and part.isdecimal() else 0 for part in parts)
