"""Trackers in words: how each does, and what waits for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from authzviz.tickets.registry import KINDS
from authzviz.tickets.setup import Kind
from dashboard.models import Tracker
from dashboard.services import clock, trackers
from dashboard.visible import visible
from dashboard.words import Word

UNUSED = Word("Not used yet", "plain", "clock", "Nothing was sent there, and no test was made.")
WORKS = Word("Works", "good", "check", "The last exchange went well.")
WAITS = Word("Waits", "caution", "clock", "It takes nothing for now: tickets stay queued.")
FAILS = Word(
    "Fails",
    "critical",
    "alert-triangle",
    "The last exchange failed, as its page says: tickets stay queued and are tried again.",
)
OFF = Word(
    "Left alone", "plain", "player-pause", "AUTHZVIZ_SEND_TICKETS is off: this server sends none."
)
PAUSED = Word("Paused", "plain", "player-pause", "Somebody paused it: tickets stay queued.")
STATES = {
    "works": WORKS,
    "waits": WAITS,
    "fails": FAILS,
    "paused": PAUSED,
    "off": OFF,
    "unused": UNUSED,
}


@dataclass(frozen=True, slots=True)
class TrackerRow:
    """One tracker. `place` is where it is, without secrets. `error` is why it fails or waits, ""
    where it doesn't; `wait_until` until when, None where it doesn't wait.
    """

    pk: int
    name: str
    kind: str
    place: str
    state: Word
    error: str
    error_at: datetime | None
    wait_until: datetime | None
    last_success_at: datetime | None
    waiting: int
    open: int
    failed: int
    is_default: bool
    is_paused: bool
    is_builtin: bool


def tracker_rows(found: Iterable[Tracker]) -> list[TrackerRow]:
    """The rows of these trackers, which have the numbers of tracker_acts.every."""
    now = clock.now()
    return [_row(tracker, now) for tracker in found]


def _row(tracker: Tracker, now: datetime) -> TrackerRow:
    kind = KINDS.get(tracker.kind)
    is_waiting = tracker.wait_until is not None and tracker.wait_until > now
    return TrackerRow(
        pk=tracker.pk,
        name=visible(tracker.name),
        kind=kind.title if kind else visible(tracker.kind),
        place=_place(tracker, kind),
        state=_state(tracker, is_waiting=is_waiting),
        error=visible(tracker.last_error),
        error_at=tracker.last_error_at if tracker.last_error else None,
        wait_until=tracker.wait_until if is_waiting else None,
        last_success_at=tracker.last_success_at,
        waiting=getattr(tracker, "waiting", 0),
        open=getattr(tracker, "open_", 0),
        failed=getattr(tracker, "failed", 0),
        is_default=tracker.is_default,
        is_paused=tracker.is_paused,
        is_builtin=tracker.kind == trackers.BUILTIN,
    )


def _state(tracker: Tracker, *, is_waiting: bool) -> Word:
    cases = (
        (trackers.is_off(tracker), OFF),
        (tracker.is_paused, PAUSED),
        (tracker.kind == trackers.BUILTIN, WORKS),
        (bool(tracker.last_error), FAILS),
        (is_waiting, WAITS),
        (tracker.last_success_at is not None, WORKS),
    )
    return next((word for holds, word in cases if holds), UNUSED)


def _place(tracker: Tracker, kind: Kind | None) -> str:
    """Whatever was told of it that tells where tickets go: its fields of one line, no secrets."""
    if kind is None:
        return ""
    plain = (field for field in kind.fields if field.kind in {"url", "text"})
    told = (tracker.values.get(field.name, "") for field in plain)
    return visible(" · ".join(text for text in told if text)[:200])
