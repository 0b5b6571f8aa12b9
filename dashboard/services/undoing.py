"""Taking back what someone did: as an act of its own, which can be undone in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TypeAlias
from uuid import UUID

from django.db import transaction

from dashboard.models import (
    AcceptedRisk,
    AuditEvent,
    AuditLogEvidence,
    Cluster,
    SavedView,
    Ticket,
    User,
)
from dashboard.services import (
    access,
    audit,
    audit_logs,
    clock,
    clusters,
    plan_acts,
    plan_ticks,
    risks,
    tickets,
)
from dashboard.services.audit_logs import AuditLogError
from dashboard.services.clusters import ClusterError
from dashboard.services.plan_rows import PlanError
from dashboard.services.risks import RiskError
from dashboard.services.tickets import TicketError

FOR = timedelta(hours=24)
GONE, CHANGED = "it was removed since", "it was changed since"


class UndoError(Exception):
    """Nothing was undone; the message is for people."""


class _Left(Exception):
    """Why one thing stays as it is."""


_WHY_LEFT = (_Left, AuditLogError, ClusterError, PlanError, RiskError, TicketError)


@dataclass(frozen=True, slots=True)
class Undone:
    """How many things are as they were before; `left` says of each other one why it is not. `batch`
    marks the undoing.
    """

    number: int
    left: tuple[str, ...]
    batch: UUID


Revert: TypeAlias = Callable[[AuditEvent, "Cluster | None", User], None]


def undo(batch: UUID, *, actor: User) -> Undone:
    """Put back what the acts of `batch` changed, wherever it is still as they left it.

    Raises NotVisible where there is no such act, UndoError where it can't be undone, or nothing is
    as it left it.
    """
    with transaction.atomic(), audit.together(undoes=batch) as new:
        events = list(AuditEvent.objects.filter(batch=batch).order_by("-pk"))
        _check(events, batch)
        keys = {event.cluster_id for event in events if event.cluster_id is not None}
        # One object for each: an act may have changed several things of it.
        known = Cluster.objects.select_for_update().filter(pk__in=keys).defer("credentials")
        found = {cluster.pk: cluster for cluster in known.order_by("pk")}
        left = []
        for event in events:
            try:
                REVERSALS[event.action](event, found.get(event.cluster_id or 0), actor)
            except _WHY_LEFT as error:
                left.append(f"{event.about}: {error}")
    if len(left) == len(events):
        raise UndoError(f"Nothing was undone. {'; '.join(left[:3])}.")
    return Undone(len(events) - len(left), tuple(left), new)


def offers(batches: Iterable[UUID]) -> tuple[set[UUID], set[UUID]]:
    """Those of the acts that can be undone by whoever may change clusters, and those that were:
    at most two queries.
    """
    wanted = set(batches)
    young = AuditEvent.objects.filter(batch__in=wanted, at__gte=clock.now() - FOR)
    kinds = set(young.order_by().values_list("batch", "action").distinct())
    lasting = {batch for batch, action in kinds if action not in REVERSALS}
    recent = {batch for batch, _ in kinds if batch is not None} - lasting
    undone = _undone() if recent else set()
    return recent - undone, recent & undone


def offer(batch: UUID) -> str:
    """The tag of a message that offers to undo the act; "" where it can't be, or did nothing."""
    return f"undo:{batch}" if offers([batch])[0] else ""


def _check(events: list[AuditEvent], batch: UUID) -> None:
    if not events:
        raise access.NotVisible(str(batch))
    if any(event.action not in REVERSALS for event in events):
        raise UndoError("This can't be undone.")
    if events[-1].at < clock.now() - FOR:
        raise UndoError("It is more than 24 hours ago: that can't be undone any more.")
    if batch in _undone():
        raise UndoError("It was undone already.")


def _undone() -> set[UUID]:
    """The acts of the last hours that were undone, but for those whose undoing was undone."""
    recent = AuditEvent.objects.filter(at__gte=clock.now() - FOR, detail__has_key=audit.UNDOES)
    undone: set[UUID] = set()
    pairs = recent.order_by("-at", "-pk").values_list("batch", f"detail__{audit.UNDOES}")
    for batch, before in dict.fromkeys(pairs):
        if batch not in undone:
            undone.add(UUID(before))
    return undone


def _field(
    event: AuditEvent,
    cluster: Cluster | None,
    actor: User,
    *,
    name: str,
    kind: type,
    put: Callable[..., None],
) -> None:
    """Give the cluster back, by `put`, what the event says that its field `name` was before."""
    if cluster is None:
        raise _Left(GONE)
    before, to = event.detail.get("before"), event.detail.get("to")
    if not isinstance(before, kind) or not isinstance(to, kind):
        raise _Left("what it was before was not written down")
    if getattr(cluster, name) != to:
        raise _Left(CHANGED)
    put(cluster, before, actor=actor)


def _pausing(_event: AuditEvent, cluster: Cluster | None, actor: User, *, was_paused: bool) -> None:
    if cluster is None:
        raise _Left(GONE)
    if cluster.is_paused is was_paused:
        raise _Left(CHANGED)
    clusters.set_paused(cluster, is_paused=was_paused, actor=actor)


def _put_apiservers(cluster: Cluster, before: list[str], *, actor: User) -> None:
    # Checked once more: other credentials may not tell one of them from another server.
    urls = clusters.apiserver_urls("\n".join(before), cluster)
    clusters.set_apiserver_urls(cluster, urls, actor=actor)


def _accepting(event: AuditEvent, _: Cluster | None, actor: User) -> None:
    risks.withdraw(_risk(event), actor=actor)


def _withdrawing(event: AuditEvent, _: Cluster | None, actor: User) -> None:
    risks.reinstate(_risk(event), actor=actor)


def _risk(event: AuditEvent) -> AcceptedRisk:
    found = AcceptedRisk.objects.filter(pk=event.detail.get("risk"), cluster=event.cluster_id)
    risk = found.select_related("cluster").first()
    if risk is None:
        raise _Left(GONE)
    return risk


def _uploading_log(event: AuditEvent, _: Cluster | None, actor: User) -> None:
    audit_logs.remove(_upload(event), actor=actor)


def _removing_log(event: AuditEvent, _: Cluster | None, actor: User) -> None:
    audit_logs.restore(_upload(event), actor=actor)


def _upload(event: AuditEvent) -> AuditLogEvidence:
    found = AuditLogEvidence.objects.filter(pk=event.detail.get("upload"), cluster=event.cluster_id)
    row = found.select_related("cluster").first()
    if row is None:
        raise _Left(GONE)
    return row


def _starting_plan(event: AuditEvent, cluster: Cluster | None, actor: User) -> None:
    plan_acts.leave(_there(cluster), _key(event, "plan"), actor=actor)


def _leaving_plan(event: AuditEvent, cluster: Cluster | None, actor: User) -> None:
    plan_acts.resume(_there(cluster), _key(event, "plan"), actor=actor)


def _ticking(event: AuditEvent, cluster: Cluster | None, actor: User) -> None:
    plan_ticks.withdraw(_there(cluster), _key(event, "tick"), actor=actor)


def _taking_back(event: AuditEvent, cluster: Cluster | None, actor: User) -> None:
    plan_ticks.reinstate(_there(cluster), _key(event, "tick"), actor=actor)


def _opening_ticket(event: AuditEvent, _: Cluster | None, actor: User) -> None:
    ticket = Ticket.objects.filter(pk=_key(event, "ticket")).first()
    if ticket is None:
        raise _Left(GONE)
    tickets.take_back(ticket, actor)


def _there(cluster: Cluster | None) -> Cluster:
    if cluster is None:
        raise _Left(GONE)
    return cluster


def _key(event: AuditEvent, name: str) -> int:
    key = event.detail.get(name)
    if not isinstance(key, int):
        raise _Left("what it was was not written down")
    return key


def _saving_view(event: AuditEvent, _: Cluster | None, actor: User) -> None:
    query = event.detail.get("query")
    if not SavedView.objects.filter(name=event.about, query=query).delete()[0]:
        raise _Left(CHANGED)
    audit.record("view removed", actor=actor, about=event.about, query=query)


def _removing_view(event: AuditEvent, _: Cluster | None, actor: User) -> None:
    query = event.detail.get("query")
    values = {"query": query, "created_at": clock.now(), "created_by": actor}
    if not SavedView.objects.get_or_create(name=event.about, defaults=values)[1]:
        raise _Left("another view has its name now")
    audit.record("view saved", actor=actor, about=event.about, query=query)


REVERSALS: dict[str, Revert] = {
    "cluster renamed": partial(_field, name="name", kind=str, put=clusters.rename),
    "cluster labelled": partial(_field, name="labels", kind=dict, put=clusters.set_labels),
    "cluster grouped": partial(_field, name="group", kind=str, put=clusters.set_group),
    "cluster interval set": partial(
        _field, name="interval_seconds", kind=int, put=clusters.set_interval
    ),
    "cluster apiservers set": partial(
        _field, name="apiserver_urls", kind=list, put=_put_apiservers
    ),
    "cluster paused": partial(_pausing, was_paused=False),
    "cluster resumed": partial(_pausing, was_paused=True),
    risks.ACCEPTED: _accepting,
    risks.WITHDRAWN: _withdrawing,
    audit_logs.UPLOADED: _uploading_log,
    audit_logs.REMOVED: _removing_log,
    audit_logs.RESTORED: _uploading_log,
    plan_acts.STARTED: _starting_plan,
    plan_acts.RESUMED: _starting_plan,
    plan_acts.LEFT: _leaving_plan,
    plan_ticks.TICKED: _ticking,
    plan_ticks.TAKEN_BACK: _taking_back,
    tickets.OPENED: _opening_ticket,
    "view saved": _saving_view,
    "view removed": _removing_view,
}
"""What takes back each kind of act; what is not here can't be undone."""
