"""Reads of a cluster move what is wanted of its tickets. No poll fails because of one.

Only what a cluster turns into moves anything: it gets to its target, or falls back. What people did
in the tracker since then stays. What was read once, and is no cluster's state now, moves nothing.
"""

from __future__ import annotations

import hashlib
import json
import logging
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q

from authzviz.engine.assessment import Verdict
from dashboard.models import (
    LIVE,
    Cluster,
    CurrentState,
    PlanState,
    StartedPlan,
    Ticket,
    TicketState,
)
from dashboard.models.cluster import is_stale
from dashboard.services import clock

log = logging.getLogger(__name__)

READS_TO_CLOSE = 2
PRODUCT, PEOPLE = "product", "people"
REMOVED = (
    "The cluster was removed from authzviz: this ticket is followed no more, and stays as it is."
)
_POLLED = ("cluster__interval_seconds", "cluster__last_success_at", "cluster__last_error")
_NOT_THERE = (TicketState.REJECTED.value, TicketState.GONE.value)


def follow(cluster_id: int, read_at: datetime, verdict: Verdict) -> None:
    """Move what is wanted of the cluster's tickets to what was read. One query where it has none.

    Needs a transaction around it, the one that stored what was read. Never raises for a ticket.
    """
    current = Ticket.objects.filter(cluster_id=cluster_id, is_current=True)
    tickets = list(current.select_for_update().order_by("pk"))
    if not tickets or verdict is Verdict.UNKNOWN:
        return
    try:
        with transaction.atomic():
            seen = digest_of(cluster_id)
            is_live = Cluster.objects.filter(pk=cluster_id, source__in=LIVE).exists()
            for ticket in tickets:
                if ticket.counted_read_at != read_at:
                    moved = _moved(ticket, verdict) if is_live else {}
                    _store(ticket, read_at, moved, seen)
    except Exception:  # whatever it is, what was read is to be stored
        log.exception("the tickets of cluster %s could not be followed", cluster_id)


def digest_of(cluster_id: int) -> str:
    """What the texts of tickets are made from, in 63 digits: the first 32 stand for what bodies
    tell, the others for what comments tell. "" for a cluster that was never read.
    """
    known = ("verdict", "findings", "cluster__name")
    state = CurrentState.objects.filter(cluster=cluster_id).values_list(*known).first()
    if state is None:
        return ""
    running = StartedPlan.objects.filter(cluster=cluster_id, state=PlanState.RUNNING.value)
    plan = running.values_list("pk", "phase", "steps_done", "steps_total", "states").first()
    # Why a step is in its state is told with numbers that change with every read.
    steps = {key: step.get("state") for key, step in plan[-1].items()} if plan else {}
    return _digest(state) + _digest((state, plan[:-1] if plan else None, steps))[:31]


def seen_by(digest: str, *, is_reached: bool) -> str:
    """`digest` with what the ticket adds to it: whether it counts as having reached the target."""
    return f"{digest}{'+' if is_reached else '-'}"


def is_held(ticket: Ticket) -> bool:
    """True where the product wants the ticket closed or reopened, and what is known of its cluster
    by now does not bear that out: it is unknown, old, or could not be read. The next read that
    tells has it looked at again.
    """
    if ticket.wanted_open is None or ticket.wanted_by:
        return False
    state = CurrentState.objects.select_related("cluster").filter(cluster=ticket.cluster_id)
    now = state.only("verdict", "cluster__source", *_POLLED).first()
    if now is None or is_stale(now.cluster, clock.now()) or now.verdict == Verdict.UNKNOWN.value:
        return True
    return (now.verdict == Verdict.NODE_AUTHORIZER.value) is ticket.wanted_open


def cluster_removed(cluster_id: int, name: str) -> None:
    """Follow the cluster's tickets no more: those in a tracker get a last comment, and of those
    that were never sent nothing stays. Needs the transaction that removes the cluster.
    """
    tickets = Ticket.objects.filter(cluster_id=cluster_id)
    nothing_sent = Q(state=TicketState.QUEUED) | Q(state=TicketState.REJECTED)
    tickets.filter(nothing_sent, remote_id="", sending="").delete()
    tickets.update(cluster_name=name, revision=F("revision") + 1)
    for ticket in tickets.filter(is_current=True).only("marker", "revision"):
        Ticket.objects.filter(pk=ticket.pk).update(
            progress=f"{REMOVED}\n\n`{ticket.marker}`",
            is_comment_due=True,
            is_body_due=False,
            wanted_open=None,
            due_at=clock.now(),
        )


def _moved(ticket: Ticket, verdict: Verdict) -> dict[str, object]:
    """The columns of the ticket that one more read with this verdict changes."""
    values: dict[str, object] = {}
    if verdict is not Verdict.NODE_AUTHORIZER:
        values["reached_reads"] = 0
        if ticket.is_reached:
            values |= {"is_reached": False, **_fallen_back(ticket)}
        return values
    values["reached_reads"] = reads = ticket.reached_reads + 1
    if reads >= READS_TO_CLOSE and not ticket.is_reached:
        values["is_reached"] = True
        values |= _got_there(ticket)
    return values


def _store(ticket: Ticket, read_at: datetime, values: dict[str, object], seen: str) -> None:
    seen = seen_by(seen, is_reached=bool(values.get("is_reached", ticket.is_reached)))
    is_news = seen != ticket.seen
    is_held = ticket.wanted_open is not None and not ticket.error
    values["counted_read_at"] = read_at
    if is_news:
        values["seen"] = seen
    if is_news or "wanted_open" in values:
        values["revision"] = F("revision") + 1
    if (is_news or is_held or "wanted_open" in values) and ticket.state not in _NOT_THERE:
        # What waits after a failure waits on.
        values["due_at"] = ticket.due_at or clock.now()
    Ticket.objects.filter(pk=ticket.pk).update(**values)


def _got_there(ticket: Ticket) -> dict[str, object]:
    if ticket.state != TicketState.CLOSED:
        is_wanted = ticket.wanted_open is False  # a person closes it already
        return {} if is_wanted else {"wanted_open": False, "wanted_by": ""}
    if ticket.wanted_open and not ticket.wanted_by:
        return {"wanted_open": None}  # the product was about to reopen it
    return {}


def _fallen_back(ticket: Ticket) -> dict[str, object]:
    is_closed = ticket.state in (TicketState.CLOSED, TicketState.GONE)
    if is_closed and ticket.closed_by == PRODUCT:
        return {"wanted_open": True, "wanted_by": ""}
    if ticket.wanted_by == "" and ticket.wanted_open is False:
        return {"wanted_open": None}  # the product was about to close it
    return {}


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
