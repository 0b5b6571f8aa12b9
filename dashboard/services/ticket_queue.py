"""The queue of one tracker: one worker at a time goes through it. The database owns the work.

A claim is a conditional UPDATE that has to change one row, and starts a new generation. Whatever is
stored renews the lease under that generation in its own transaction, so that who lost it stores
nothing.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from authzviz.tickets.errors import TrackerError, TrackerLimited, TrackerUnavailable
from authzviz.tickets.http import LEAST_WAIT, LONGEST_WAIT, Deadline
from authzviz.tickets.port import Traits
from authzviz.tickets.registry import KINDS
from dashboard.logs import redact
from dashboard.models import Ticket, TicketState, Tracker
from dashboard.services import clock, trackers

TURN = timedelta(seconds=25)
# Of these, at most so long is spent on reading back: what is to be sent is not to wait for it.
READING = timedelta(seconds=10)
# Trackers may all hang, and a worker has threads for twice as many: clusters go on being read.
MOST_TURNS = 8
# Longer than one call to a tracker takes; each one begins with a lease that was just renewed.
LEASE = timedelta(seconds=45)
# What is asked of a tracker is answered before the lease ends, or not asked any more: else the
# queue's next worker could do the same at the same time.
_ANSWERS_SECONDS = 40.0
# Until then a task that was sent is believed to be on its way. It expires then, too.
QUEUED_SECONDS = 20
READ_EVERY, READ_AFTER_CHANGES = timedelta(minutes=5), timedelta(minutes=1)
FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS, LIMITED_SECONDS = 10.0, 600.0, 60.0
READ_BACK = (TicketState.OPEN.value, TicketState.CLOSED.value, TicketState.GONE.value)
_MOST_LETTERS = 1_000


_ending = threading.Event()


class LeaseLost(Exception):
    """Another worker goes through the queue now, or nobody is to."""


@dataclass(slots=True)
class Turn:
    """One worker's time with a tracker, which is as it was when it was claimed. `changed_at` is
    when something was last sent to it, `answers_until` until when it has to have answered.
    """

    tracker: Tracker
    traits: Traits
    until: datetime
    changed_at: datetime | None
    answers_until: Deadline = field(default_factory=Deadline)

    @property
    def is_over(self) -> bool:
        """True when it is somebody else's turn, or this process ends."""
        return self.is_cut_short or clock.now() >= self.until

    @property
    def is_cut_short(self) -> bool:
        """True when this process ends: nothing more is to be begun."""
        return _ending.is_set()


def end() -> None:
    """Have every turn in this process end with the request that is under way, and none begin."""
    _ending.set()


def claim(tracker_id: int) -> Turn | None:
    """A turn with the tracker, or None where it is paused, waits, or is another's, where as many as
    there may be are at theirs, or this process ends.
    """
    if _ending.is_set():
        return None
    now = clock.now()
    enough = _at_work(now).order_by("pk")[MOST_TURNS - 1 : MOST_TURNS]
    changed = (
        _free(now)
        .filter(~Exists(enough), pk=tracker_id)
        .update(lease_until=now + LEASE, generation=F("generation") + 1, queued_until=None)
    )
    if changed != 1:
        return None
    tracker = Tracker.objects.filter(pk=tracker_id).first()
    if tracker is None:
        return None
    traits, until = trackers.traits_of(tracker.kind), Deadline(_ANSWERS_SECONDS)
    return Turn(tracker, traits, now + TURN, tracker.last_success_at, until)


def renew(turn: Turn, *, is_sending: bool = False, **changes: Any) -> datetime:
    """Renew the lease, with these changes; the time that it is. Raises LeaseLost where it is not
    ours any more or, for what is about to be sent, the tracker is paused.
    """
    now = clock.now()
    own = _own(turn).filter(is_paused=False) if is_sending else _own(turn)
    if own.update(lease_until=now + LEASE, **changes) != 1:
        raise LeaseLost
    turn.answers_until.begin(_ANSWERS_SECONDS)
    return now


def succeeded(turn: Turn) -> datetime:
    """Renew the lease: the tracker answered. Needs the transaction that stores what."""
    turn.tracker.failures = 0
    return renew(
        turn,
        last_success_at=clock.now(),
        failures=0,
        wait_until=None,
        is_wait_asked=False,
        last_error="",
        last_error_at=None,
    )


def failed(turn: Turn, error: TrackerError) -> None:
    """Have the tracker wait: as long as it asked for, else longer with each failure in a row."""
    asked = error.wait_seconds if isinstance(error, TrackerUnavailable) else None
    if asked is None and isinstance(error, TrackerLimited):
        asked = LIMITED_SECONDS
    turn.tracker.failures += 1
    seconds = backoff_seconds(turn.tracker.failures)
    if asked is not None:
        seconds = min(max(asked, LEAST_WAIT), LONGEST_WAIT)
    now = clock.now()
    renew(
        turn,
        wait_until=now + timedelta(seconds=seconds),
        is_wait_asked=asked is not None,
        failures=turn.tracker.failures,
        last_error=words_of(error),
        last_error_at=now,
    )


def release(turn: Turn) -> bool:
    """End the turn; True where there is more to do at once, and no other tracker waits for it."""
    if not give_back(turn):
        return False
    now = clock.now()
    due = set(due_trackers(now).values_list("pk", flat=True))
    if turn.tracker.pk not in due or len(due) > MOST_TURNS - _at_work(now).count():
        return False
    tracker = Tracker.objects.filter(pk=turn.tracker.pk)
    tracker.update(queued_until=now + timedelta(seconds=QUEUED_SECONDS))
    return True


def give_back(turn: Turn) -> bool:
    """End the lease, now; False where it was not ours any more."""
    return _own(turn).update(lease_until=clock.now()) == 1


def due_trackers(now: datetime) -> QuerySet[Tracker]:
    """The trackers with something to send or to read back, that nobody is at."""
    tickets = Ticket.objects.filter(tracker=OuterRef("pk"))
    is_due = Exists(tickets.filter(due_at__lte=now))
    reading = [kind.id for kind in KINDS.values() if kind.traits.reads_back]
    is_to_be_read = (
        Q(next_read_at=None) | Q(next_read_at__lte=now),
        Exists(tickets.filter(is_current=True, state__in=READ_BACK)),
    )
    return _free(now).filter(Q(is_due) | Q(*is_to_be_read, kind__in=reading))


def longest_due() -> datetime | None:
    """Since when a ticket is due of a tracker that takes something now; None where none is."""
    now = clock.now()
    due = Ticket.objects.filter(due_at__lte=now, tracker__in=_taking(now))
    return due.order_by("due_at").values_list("due_at", flat=True).first()


def take_due() -> list[int]:
    """The ids of trackers for which a worker is to be sent, each given out once per 20 s: as many
    as may have a turn, those first that had theirs the longest ago.
    """
    with transaction.atomic():
        now = clock.now()
        is_sent = Q(queued_until__gt=now)
        most = MOST_TURNS - _at_work(now).count() - _free(now).filter(is_sent).count()
        waiting = due_trackers(now).exclude(is_sent).select_for_update(skip_locked=True)
        in_turn = waiting.order_by(F("lease_until").asc(nulls_first=True), "pk")
        ids = list(in_turn.values_list("pk", flat=True)[: max(most, 0)])
        until = now + timedelta(seconds=QUEUED_SECONDS)
        Tracker.objects.filter(pk__in=ids).update(queued_until=until)
    return ids


def backoff_seconds(failures: int) -> float:
    """How long to wait after the n-th failure in a row."""
    doubled = FIRST_BACKOFF_SECONDS * (1 << min(max(failures - 1, 0), 10))
    return min(doubled, LONGEST_BACKOFF_SECONDS)


def words_of(error: TrackerError) -> str:
    """What an error says, fit to be kept."""
    return fit(redact(error.message), _MOST_LETTERS)


def fit(text: str, most: int) -> str:
    """A tracker's text as a column of `most` letters takes it."""
    return text.replace("\0", "")[:most]


def _at_work(now: datetime) -> QuerySet[Tracker]:
    """The trackers that have a turn."""
    return Tracker.objects.filter(lease_until__gt=now)


def _own(turn: Turn) -> QuerySet[Tracker]:
    return Tracker.objects.filter(pk=turn.tracker.pk, generation=turn.tracker.generation)


def _free(now: datetime) -> QuerySet[Tracker]:
    return _taking(now).filter(Q(lease_until=None) | Q(lease_until__lte=now))


def _taking(now: datetime) -> QuerySet[Tracker]:
    """The trackers that neither wait nor are to be left alone."""
    every = Tracker.objects.all()
    if not settings.SEND_TICKETS:
        every = every.filter(kind=trackers.BUILTIN)
    return every.filter(Q(wait_until=None) | Q(wait_until__lte=now), is_paused=False)
