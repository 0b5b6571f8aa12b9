"""A tracker that no network is needed for: its server keeps what was done, whatever is answered."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import time_machine
from django.db import transaction
from django.utils import timezone

from authzviz.engine.assessment import Assessment
from authzviz.tickets.errors import (
    OutcomeUnknown,
    TicketGone,
    TicketRejected,
    TrackerLimited,
    TrackerUnavailable,
)
from authzviz.tickets.port import Comment, Draft, Remote, Traits
from authzviz.tickets.setup import Kind, Setup
from dashboard.models import Cluster, Ticket, Tracker, User
from dashboard.services import clock, judging, ticket_sending, tickets
from tests.dashboard.assessments import LEGACY
from tests.dashboard.conftest import add_cluster
from tests.dashboard.snapshots import snapshot

Travel = time_machine.Traveller
CHANGES = ("create", "update", "comment", "edit_comment", "close", "reopen")


class Killed(BaseException):
    """The worker's process is no more."""


@dataclass
class Kept:
    """A ticket as the server has it."""

    id: str
    marker: str
    title: str
    body: str
    delivery: str
    created_at: datetime
    is_open: bool = True
    assignee: str = ""
    comments: dict[str, str] = field(default_factory=dict)


Fault = Callable[[Callable[[], None]], None]


def _raises(error: BaseException, *, is_done: bool) -> Fault:
    def fault(do: Callable[[], None]) -> None:
        if is_done:
            do()
        raise error

    return fault


FAULTS: dict[str, Fault] = {
    "unavailable": _raises(TrackerUnavailable("it is down"), is_done=False),
    "limited": _raises(TrackerLimited("slower", wait_seconds=7.0), is_done=False),
    "limited, no word": _raises(TrackerLimited("slower"), is_done=False),
    "credentials": _raises(TicketRejected("who are you", is_of_tracker=True), is_done=False),
    "rejected": _raises(TicketRejected("not like this"), is_done=False),
    "lost before": _raises(OutcomeUnknown("no answer"), is_done=False),
    "lost after": _raises(OutcomeUnknown("no answer"), is_done=True),
    "killed before": _raises(Killed(), is_done=False),
    "killed after": _raises(Killed(), is_done=True),
    "breaks before": _raises(ZeroDivisionError(), is_done=False),
    "breaks after": _raises(ZeroDivisionError(), is_done=True),
}


@dataclass
class FakeTracker:
    """A Port and the server behind it. `faults` are taken one by one by the calls of that name,
    else `chance` tells one, "" for none; `late` is how many seconds its search lags behind.
    """

    traits: Traits = field(default=Traits(found_after=0.0))
    late: float = 0.0
    kept: dict[str, Kept] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    deliveries: list[tuple[str, str]] = field(default_factory=list)
    faults: dict[str, list[str]] = field(default_factory=dict)
    chance: Callable[[str], str] = field(default=lambda _: "")
    meanwhile: dict[str, Callable[[], None]] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def connect(self, _: Setup) -> FakeTracker:
        return self

    @property
    def kind(self) -> Kind:
        return Kind("fake", "Fake", fields=(), connect=self.connect, traits=self.traits)

    @property
    def only(self) -> Kept:
        """The only ticket."""
        (kept,) = self.kept.values()
        return kept

    def done(self) -> Counter[str]:
        """How often each change had its effect."""
        return Counter(self.calls)

    def check(self) -> str:
        return "fake"

    def find(self, marker: str) -> tuple[Remote, ...]:
        self._fail("find")
        seen_until = timezone.now() - timedelta(seconds=self.late)
        found = [
            one
            for one in self.kept.values()
            if one.marker == marker and one.created_at <= seen_until
        ]
        return tuple(map(_remote, reversed(found))) if self.traits.reads_back else ()

    def create(self, draft: Draft, delivery: str) -> Remote:
        id_ = str(next(self.numbers))

        def do() -> None:
            self.kept[id_] = Kept(
                id_,
                draft.marker,
                draft.title,
                draft.body,
                delivery,
                timezone.now(),
                assignee=draft.assignee,
            )

        self._change("create", delivery, do)
        return _remote(self.kept[id_])

    def read(self, ids: Iterable[str]) -> Mapping[str, Remote]:
        self._fail("read")
        return {id_: _remote(self.kept[id_]) for id_ in ids if id_ in self.kept}

    def update(self, id_: str, *, title: str, body: str, delivery: str) -> Remote:
        kept = self._there(id_)

        def do() -> None:
            kept.title, kept.body = title, body

        self._change("update", delivery, do)
        return _remote(kept)

    def find_comment(self, id_: str, marker: str) -> Comment | None:
        self._fail("find_comment")
        kept = self._there(id_)
        if not self.traits.reads_back:
            return None
        found = [Comment(*pair) for pair in kept.comments.items() if marker in pair[1]]
        return found[-1] if found else None

    def comment(self, id_: str, text: str, delivery: str) -> Comment:
        kept = self._there(id_)
        key = f"c{next(self.numbers)}"

        def do() -> None:
            kept.comments[key] = text

        self._change("comment", delivery, do)
        return Comment(key, text)

    def edit_comment(self, id_: str, comment_id: str, text: str, delivery: str) -> Comment:
        kept = self._there(id_)
        if comment_id not in kept.comments:
            raise TicketGone("no such comment")

        def do() -> None:
            kept.comments[comment_id] = text

        self._change("edit_comment", delivery, do)
        return Comment(comment_id, text)

    def close(self, id_: str, delivery: str) -> Remote:
        return self._opened(id_, delivery, "close", is_open=False)

    def reopen(self, id_: str, delivery: str) -> Remote:
        return self._opened(id_, delivery, "reopen", is_open=True)

    def _opened(self, id_: str, delivery: str, name: str, *, is_open: bool) -> Remote:
        kept = self._there(id_)

        def do() -> None:
            kept.is_open = is_open

        self._change(name, delivery, do)
        return _remote(kept)

    def _there(self, id_: str) -> Kept:
        if id_ not in self.kept:
            raise TicketGone("no such ticket")
        return self.kept[id_]

    def _fail(self, name: str) -> None:
        self._suffer(name, lambda: None)

    def _change(self, name: str, delivery: str, do: Callable[[], None]) -> None:
        def counted() -> None:
            self.calls.append(name)
            do()

        self.deliveries.append((name, delivery))
        self._suffer(name, counted)
        counted()

    def _suffer(self, name: str, do: Callable[[], None]) -> None:
        self.meanwhile.pop(name, lambda: None)()
        fault = self.faults[name].pop(0) if self.faults.get(name) else self.chance(name)
        if fault:
            FAULTS[fault](do)


def _remote(kept: Kept) -> Remote:
    state = "Open" if kept.is_open else "Done"
    url = f"https://tracker.example/{kept.id}"
    return Remote(kept.id, url, kept.is_open, state, kept.title, kept.body, kept.assignee)


def add_tracker(name: str = "Forge", kind: str = "fake") -> Tracker:
    return Tracker.objects.create(name=name, kind=kind, created_at=clock.now())


def read(cluster: Cluster, assessment: Assessment, at: datetime | None = None) -> None:
    """Store a read of the cluster that found this."""
    found = replace(snapshot(), read_at=at or timezone.now())
    with transaction.atomic():
        judging.store(cluster, found, assessment)


def read_cluster(name: str = "alpha", assessment: Assessment = LEGACY) -> Cluster:
    """A cluster that was read once."""
    cluster = add_cluster(name)
    read(cluster, assessment)
    return cluster


def open_ticket(
    cluster: Cluster, tracker: Tracker, actor: User, *, title: str = "", body: str = ""
) -> Ticket:
    return tickets.open_one(
        cluster,
        tracker,
        actor=actor,
        page_url="https://authzviz.example/clusters/alpha/",
        title=title,
        body=body,
    )


def work(tracker: Tracker) -> bool:
    """A worker's turn, which may be killed; True where it was not."""
    try:
        ticket_sending.work(tracker.pk)
    except Killed:
        return False
    return True


def settle(tracker: Tracker, travel: time_machine.Traveller, turns: int = 60) -> None:
    """Let time pass, five seconds a turn, until nothing is due in the tracker any more."""
    for _ in range(turns):
        work(tracker)
        if not tracker.tickets.exclude(due_at=None).exists():
            return
        travel.shift(timedelta(seconds=5))
    raise AssertionError(list(tracker.tickets.exclude(due_at=None).values()))


def fresh(ticket: Ticket) -> Ticket:
    return Ticket.objects.get(pk=ticket.pk)


def told(ticket: Ticket) -> list[str]:
    """What was told of the ticket, the oldest first."""
    return list(ticket.events.order_by("pk").values_list("what", flat=True))
