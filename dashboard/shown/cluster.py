"""The cluster page in words: verdict, paths, evidence, grants and nodes, ready for the template."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from authzviz.engine.assessment import Assessment, Grant, Path
from authzviz.engine.model import Lease, Node, Outcome, Ready, Snapshot
from dashboard.services.pages import ClusterPage as Facts
from dashboard.services.pages import LastKnown
from dashboard.shown.apiservers import ApiServerRow, NodeAnswers, apiserver_rows, node_answers
from dashboard.shown.credentials import CredentialsCard, credentials_card
from dashboard.shown.risks import FindingsCard, findings_card
from dashboard.shown.signing_requests import RequestRow, request_rows
from dashboard.visible import made_visible, visible
from dashboard.words import DISTRIBUTIONS, OUTCOMES, READS, Word, humane_age

FIRST_NODES, MOST_NODES = 20, 200
MOST_GRANTS = 100
RBAC_READS = frozenset({"cluster_roles", "cluster_role_bindings", "roles", "role_bindings"})
NOTICED_SKEW = timedelta(seconds=5)

READY = {
    Ready.TRUE: ("Ready", "good", "check", 2),
    Ready.FALSE: ("NotReady", "critical", "x", 0),
    Ready.NOT_READY: ("NotReady", "critical", "x", 0),
    Ready.UNKNOWN: ("Unknown", "warning", "question-mark", 1),
}


@dataclass(frozen=True, slots=True)
class ReadRow:
    """One read as evidence: what came of it, and the permission that would allow it."""

    name: str
    title: str
    good_for: str
    outcome: Word
    source: str
    why: str
    permission: str
    needs_permission: bool
    gaps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PathCard:
    """One path with its place on the page."""

    number: int
    title: str
    path: Path


@dataclass(frozen=True, slots=True)
class NodeRow:
    """One node; `lease` says how old its heartbeat was when it was read."""

    name: str
    is_control_plane: bool
    ready: str
    tone: str
    icon: str
    rank: int
    lease: str
    is_overdue: bool
    kubelet_version: str
    says: str


@dataclass(frozen=True, slots=True)
class ClusterPage:
    """What cluster.html shows; `assessment` and what hangs on it is empty until a first read."""

    slug: str
    is_recorded: bool
    is_bundle: bool
    is_stale: bool
    error: str
    read_at: datetime | None
    clock_skew: str
    assessment: Assessment | None
    findings: FindingsCard | None
    last_known: LastKnown | None
    paths: tuple[PathCard, ...]
    reads: tuple[ReadRow, ...]
    apiservers: tuple[ApiServerRow, ...]
    node_answers: NodeAnswers | None
    grants: tuple[Grant, ...]
    grants_left_out: int
    nodes: tuple[NodeRow, ...] | None
    more_nodes: tuple[NodeRow, ...]
    nodes_left_out: int
    nodes_why: str
    credentials: CredentialsCard | None
    signing_requests: tuple[RequestRow, ...]

    @property
    def distribution_title(self) -> str:
        """The distribution as its makers write it."""
        key = self.assessment.distribution if self.assessment else "unknown"
        return DISTRIBUTIONS.get(key, key)

    @property
    def apiserver_count(self) -> int:
        """How many apiservers are known; another name of one of them counts as none."""
        return sum(not row.is_alias for row in self.apiservers)

    @property
    def unread_count(self) -> int:
        """How many reads failed, or were not understood completely."""
        whole = OUTCOMES[Outcome.OK]
        return sum(read.outcome is not whole or bool(read.gaps) for read in self.reads)

    @property
    def is_rbac_whole(self) -> bool:
        """True where every RBAC list was read, so that no grant means that there is none."""
        whole = {read.name for read in self.reads if read.outcome is OUTCOMES[Outcome.OK]}
        gaps = any(read.gaps for read in self.reads if read.name in RBAC_READS)
        return whole >= RBAC_READS and not gaps


def cluster_page(facts: Facts) -> ClusterPage:
    """The page of what is known, every name in it made visible."""
    cluster, current = facts.row.cluster, facts.row.current
    assessment = made_visible(facts.assessment)
    grants = _worst_first(assessment.grants) if assessment else ()
    snapshot = made_visible(facts.snapshot)
    nodes = _nodes(snapshot) if snapshot else None
    states = assessment.apiservers if assessment else ()
    return ClusterPage(
        slug=cluster.slug,
        is_recorded=cluster.is_recorded,
        is_bundle=cluster.is_bundle,
        is_stale=facts.row.is_stale,
        error=visible(cluster.last_error),
        read_at=facts.row.read_at,
        clock_skew=_skew(current.clock_skew_seconds if current else None),
        assessment=assessment,
        findings=findings_card(facts.assessment, facts.risks) if facts.assessment else None,
        last_known=made_visible(facts.last_known),
        paths=_cards(assessment) if assessment else (),
        reads=tuple(_read_row(read, number) for number, read in enumerate(facts.reads)),
        apiservers=apiserver_rows(states, snapshot),
        node_answers=node_answers(snapshot.node_reviews) if snapshot else None,
        grants=grants[:MOST_GRANTS],
        grants_left_out=max(0, len(grants) - MOST_GRANTS),
        nodes=nodes[:FIRST_NODES] if nodes is not None else None,
        more_nodes=(nodes or ())[FIRST_NODES:MOST_NODES],
        nodes_left_out=max(0, len(nodes or ()) - MOST_NODES),
        nodes_why=visible(facts.snapshot.nodes.why) if facts.snapshot else "",
        credentials=credentials_card(facts),
        signing_requests=_requests(facts.snapshot),
    )


def _worst_first(grants: tuple[Grant, ...]) -> tuple[Grant, ...]:
    return tuple(sorted(grants, key=lambda grant: not grant.beyond_node_authorizer))


def _cards(assessment: Assessment) -> tuple[PathCard, ...]:
    return tuple(
        PathCard(number, _path_title(path), path)
        for number, path in enumerate(assessment.paths, start=1)
    )


def _path_title(path: Path) -> str:
    if path.nodes == 0:
        return "The path of the next node to join"
    if path.nodes == 1:
        return f"The path of {path.example}"
    return f"The path of {path.example} and {path.nodes - 1} more alike"


def _read_row(read: dict[str, Any], number: int) -> ReadRow:
    """One read; what each apiserver was asked is told apart by `number`."""
    name, server = str(read["name"]), visible(str(read.get("server", "")))
    outcome = Outcome(read["outcome"])
    title, good_for = READS.get(name, (name, ""))
    if server:
        name, title = f"{name}-{number}", f"{title} of {server}"
    return ReadRow(
        name=name,
        title=title,
        good_for=good_for,
        outcome=OUTCOMES[outcome],
        source=visible(str(read["source"])),
        why=visible(str(read["why"])),
        permission=visible(str(read["permission"])),
        needs_permission=outcome is Outcome.FORBIDDEN and bool(read["permission"]),
        gaps=tuple(visible(str(gap)) for gap in read["gaps"]),
    )


def _nodes(snapshot: Snapshot) -> tuple[NodeRow, ...] | None:
    """Every node, those that are not Ready first; None where nodes were not read."""
    if snapshot.nodes.value is None:
        return None
    leases = {lease.node: lease for lease in snapshot.leases.value or ()}
    at = snapshot.server_time or snapshot.read_at
    rows = [
        node_row(node, leases.get(node.name), at, is_lease_known=snapshot.leases.is_whole)
        for node in snapshot.nodes.value
    ]
    return tuple(sorted(rows, key=lambda row: (row.rank, not row.is_overdue, row.name)))


def node_row(node: Node, lease: Lease | None, at: datetime, *, is_lease_known: bool) -> NodeRow:
    """One node with its Lease as it was at `at`."""
    ready, tone, icon, rank = READY[node.ready]
    words = "none" if is_lease_known else "not read"
    is_overdue = False
    if lease is not None:
        words = "never renewed"
        if lease.renewed_at is not None:
            age = (at - lease.renewed_at).total_seconds()
            is_overdue = age > lease.duration_seconds
            words = f"{humane_age(age)} old" + (", overdue" if is_overdue else "")
    return NodeRow(
        name=node.name,
        is_control_plane=node.is_control_plane,
        ready=ready,
        tone=tone,
        icon=icon,
        rank=rank,
        lease=words,
        is_overdue=is_overdue,
        kubelet_version=node.kubelet_version,
        says=": ".join(part for part in (node.reason, node.message) if part),
    )


def _requests(snapshot: Snapshot | None) -> tuple[RequestRow, ...]:
    """The recent signing requests, none where they were not read."""
    read = snapshot.signing_requests if snapshot else None
    return request_rows(read.value or ()) if read else ()


def _skew(seconds: float | None) -> str:
    if seconds is None or abs(seconds) < NOTICED_SKEW.total_seconds():
        return ""
    return f"{humane_age(abs(seconds))} {'ahead' if seconds > 0 else 'behind'}"
