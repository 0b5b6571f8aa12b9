"""What every page of a cluster begins with: its verdict, how old that is, and how reading goes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from authzviz.engine.phrases import counted
from dashboard.models import CurrentState, TicketState
from dashboard.models.cluster import PollState
from dashboard.services.pages import FleetRow, PlanMark
from dashboard.services.ticket_marks import TicketMark
from dashboard.shown.ticket_tag import TicketTag, ticket_tag
from dashboard.visible import visible
from dashboard.words import DISTRIBUTIONS, PHASES

STATES = {
    PollState.RECORDED: "",
    PollState.READING: "reading now…",
    PollState.QUEUED: "queued…",
    PollState.PAUSED: "paused",
    PollState.QUARANTINED: "set aside: reading it ended its worker three times",
    PollState.FAILING: "can't be read; trying again",
    PollState.WAITING: "",
}


@dataclass(frozen=True, slots=True)
class PlanTag:
    """The mark of a running plan: the phase that it is in, and how many steps are done."""

    words: str
    progress: str
    is_changed: bool


@dataclass(frozen=True, slots=True)
class Status:
    """The line that says how reading goes. `token` differs whenever an open page would show
    something else than ages.
    """

    slug: str
    token: str
    state: PollState
    interval_seconds: int
    read_at: datetime | None
    is_recorded: bool
    is_bundle: bool
    is_stale: bool

    @property
    def is_busy(self) -> bool:
        """True where a read is under way or about to be."""
        return self.state in {PollState.READING, PollState.QUEUED}

    @property
    def words(self) -> str:
        """What the poller does with the cluster; empty for a recording."""
        if self.state is PollState.WAITING:
            return f"every {self.interval_seconds} s"
        return STATES[self.state]


@dataclass(frozen=True, slots=True)
class ClusterHead:
    """The head of a cluster's pages, from columns alone: nothing is unpacked for it.

    `verdict` is "" and `facts` are empty until a first read; `facts` are the version, what
    installed the cluster and how its nodes are, in words. `group` is as it was typed, since its
    link needs it so. `wants_ticket` where one can be opened and none is there.
    """

    slug: str
    name: str
    group: str
    labels: tuple[str, ...]
    verdict: str
    facts: tuple[str, ...]
    is_recorded: bool
    is_bundle: bool
    is_paused: bool
    is_stale: bool
    is_tls_verified: bool
    interval_seconds: int
    expires_soon: bool
    expire_at: datetime | None
    error: str
    error_at: datetime | None
    read_at: datetime | None
    status: Status
    plan: PlanTag | None
    tickets: tuple[TicketTag, ...]
    wants_ticket: bool


def cluster_head(row: FleetRow) -> ClusterHead:
    """The head of the pages of one cluster, every name in it made visible."""
    cluster = row.cluster
    return ClusterHead(
        slug=cluster.slug,
        name=visible(cluster.name),
        group=cluster.group,
        labels=label_words(cluster.labels),
        verdict=row.verdict,
        facts=_facts(row.current) if row.current else (),
        is_recorded=cluster.is_recorded,
        is_bundle=cluster.is_bundle,
        is_paused=cluster.is_paused,
        is_stale=row.is_stale,
        is_tls_verified=cluster.is_tls_verified,
        interval_seconds=cluster.interval_seconds,
        expires_soon=row.expires_soon,
        expire_at=cluster.credentials_expire_at,
        error=visible(cluster.last_error),
        error_at=cluster.last_error_at,
        read_at=row.read_at,
        status=status(row),
        plan=plan_tag(row.plan),
        tickets=tuple(map(ticket_tag, row.tickets)),
        wants_ticket=row.current is not None and not any(map(_is_in_the_way, row.tickets)),
    )


def _is_in_the_way(mark: TicketMark) -> bool:
    """True where another ticket of the cluster would be one too many."""
    return mark.state != TicketState.GONE


def plan_tag(mark: PlanMark | None) -> PlanTag | None:
    """The mark of a running plan in words; None where none runs."""
    if mark is None:
        return None
    word = next((word for phase, word in PHASES.items() if phase == mark.phase), None)
    words = f"Plan: {word.label[0].lower()}{word.label[1:]}" if word else "Plan: every step done"
    return PlanTag(words, f"{mark.done} of {mark.total}", mark.has_changed_ground)


def label_words(labels: dict[str, str]) -> tuple[str, ...]:
    """Each label as name=value, or just its name."""
    return tuple(
        visible(f"{name}={value}" if value else name) for name, value in sorted(labels.items())
    )


def status(row: FleetRow) -> Status:
    """How reading goes; unpacks nothing, since every open page asks for it every few seconds."""
    return Status(
        slug=row.cluster.slug,
        token=_token(row),
        state=row.poll_state,
        interval_seconds=row.cluster.interval_seconds,
        read_at=row.read_at,
        is_recorded=row.cluster.is_recorded,
        is_bundle=row.cluster.is_bundle,
        is_stale=row.is_stale,
    )


def _facts(current: CurrentState) -> tuple[str, ...]:
    distribution = DISTRIBUTIONS.get(current.distribution, visible(current.distribution))
    return visible(current.version) or "version unknown", distribution, _nodes(current)


def _nodes(current: CurrentState) -> str:
    if current.nodes_total is None:
        return "nodes not read"
    if current.nodes_total == 0:
        return "no nodes"
    return f"{current.nodes_ready:,} of {counted(current.nodes_total, 'node')} Ready"


def _token(row: FleetRow) -> str:
    cluster = row.cluster
    shown: tuple[object, ...] = (row.is_stale, row.error, row.expires_soon, cluster.name)
    shown += (cluster.group, sorted(cluster.labels.items()), cluster.is_paused)
    shown += (cluster.interval_seconds, cluster.is_tls_verified, cluster.credentials_expire_at)
    shown += (row.plan, row.tickets)
    if row.current is not None:
        now = row.current
        nodes = (now.nodes_total, now.nodes_ready, now.nodes_not_ready, now.nodes_unknown)
        judged = (now.snapshot_id, now.engine_version, now.verdict, now.summary)
        shown += (judged, nodes, sorted(now.findings.items()), now.missing_count)
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]
