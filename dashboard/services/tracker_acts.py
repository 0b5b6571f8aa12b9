"""The life of a tracker in the settings. Every act writes its audit row in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, Q, QuerySet

from authzviz.net.secret import Secret
from authzviz.tickets.errors import TicketRejected, TrackerError
from authzviz.tickets.http import Deadline
from authzviz.tickets.setup import Kind
from dashboard.logs import redact
from dashboard.models import TicketState, Tracker, User
from dashboard.services import audit, clock, erasing, tickets, trackers
from dashboard.services.access import NotVisible
from dashboard.services.sealing import SealError

ADDED, CHANGED, REMOVED = "tracker added", "tracker changed", "tracker removed"
SECRETS_REPLACED = "tracker credentials replaced"
MADE_DEFAULT, PAUSED, RESUMED = "tracker made the default", "tracker paused", "tracker resumed"
# Somebody waits for it in front of the page.
TEST_SECONDS, TEST_WHOLE_SECONDS = 10.0, 20.0
PLACES = frozenset({"url", "host", "port", "security", "ca"})
"""The fields that decide to whom secrets are sent, or who can read them on their way."""
_CHANGED_COLUMNS = (
    *("name", "values", "credentials", "title_template", "body_template", "labels", "assignee"),
    *("due_days", "wait_until", "failures", "last_error"),
)


class TrackerSettingsError(Exception):
    """What was asked for can't be done; the message is for people. `field` is where it is wrong."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Given:
    """What people told of a tracker; `secrets` are those that they typed, the others stay."""

    name: str
    values: Mapping[str, str]
    secrets: Mapping[str, Secret]
    title_template: str = ""
    body_template: str = ""
    labels: tuple[str, ...] = ()
    assignee: str = ""
    due_days: int | None = None


@dataclass(frozen=True, slots=True)
class Tested:
    """What came of a test, in a sentence."""

    is_good: bool
    words: str


def every() -> QuerySet[Tracker]:
    """Every tracker by name, each with how many tickets are `waiting`, `open_`, and `failed`."""
    trackers.builtin()
    current = Q(tickets__is_current=True)
    return Tracker.objects.defer("credentials").annotate(
        waiting=Count(
            "tickets",
            current & Q(tickets__state__in=(TicketState.QUEUED, TicketState.UNKNOWN)),
        ),
        open_=Count("tickets", current & Q(tickets__state=TicketState.OPEN)),
        failed=Count("tickets", current & Q(tickets__state=TicketState.REJECTED)),
    )


def one(pk: int) -> Tracker:
    """The tracker, or NotVisible."""
    tracker = Tracker.objects.filter(pk=pk).first()
    if tracker is None:
        raise NotVisible("tracker")
    return tracker


def test(kind: Kind, values: Mapping[str, str], secrets: Mapping[str, Secret]) -> Tested:
    """Ask a tracker who we are there; nothing is stored, and nothing is changed there."""
    try:
        port = trackers.connect_to(
            kind, values, secrets, deadline_seconds=TEST_SECONDS, whole=Deadline(TEST_WHOLE_SECONDS)
        )
        return Tested(is_good=True, words=port.check())
    except TrackerError as error:
        return Tested(is_good=False, words=redact(error.message).rstrip("."))


def test_stored(tracker: Tracker) -> Tested:
    """As `test`, with the stored secrets; where it is good, a tracker that waits goes on."""
    try:
        kind, secrets = trackers.kind_of(tracker), trackers.secrets_of(tracker)
    except (TicketRejected, SealError) as error:
        return Tested(is_good=False, words=str(error))
    tested = test(kind, tracker.values, secrets)
    note(tracker, tested)
    return tested


def note(tracker: Tracker, tested: Tested) -> None:
    """Write down what came of a test; a tracker that waits goes on where it was good."""
    rows = Tracker.objects.filter(pk=tracker.pk)
    if tested.is_good:
        rows.update(wait_until=None, failures=0, last_error="", last_success_at=clock.now())
    else:
        rows.update(last_error=tested.words, last_error_at=clock.now())


def known_secrets(tracker: Tracker | None, kind: Kind, given: Given) -> dict[str, Secret]:
    """The secrets as they are to be: the typed ones, and those that stay.

    Raises TrackerSettingsError where one is missing, or would go to another server than it was
    given for.
    """
    kept = trackers.secrets_of(tracker) if tracker is not None else {}
    moved = tracker is not None and (
        # A webhook's URL is a secret itself.
        not PLACES.isdisjoint(given.secrets)
        or any(tracker.values.get(name, "") != given.values.get(name, "") for name in PLACES)
    )
    for name in sorted(kept):
        if moved and name not in given.secrets:
            raise TrackerSettingsError(
                "give it again: what was given for one server is not sent to another, nor on "
                "another way",
                name,
            )
    secrets = {**kept, **given.secrets}
    for field in kind.fields:
        if field.kind == "secret" and field.is_required and not secrets.get(field.name):
            raise TrackerSettingsError("this is needed", field.name)
    return secrets


def add(kind: Kind, given: Given, secrets: Mapping[str, Secret], *, actor: User) -> Tracker:
    """The new tracker, the default where there is no other than the built-in list.

    Raises TrackerSettingsError where the name is taken.
    """
    tracker = Tracker(kind=kind.id, created_at=clock.now(), created_by=actor)
    with transaction.atomic():
        _fill(tracker, given, secrets)
        others = Tracker.objects.filter(is_default=True).exclude(kind=trackers.BUILTIN)
        if not others.exists():
            Tracker.objects.filter(is_default=True).update(is_default=False)
            tracker.is_default = True
        tracker.save()
        audit.record(ADDED, actor=actor, about=tracker.name, kind=kind.title)
    return tracker


def change(tracker: Tracker, given: Given, secrets: Mapping[str, Secret], *, actor: User) -> None:
    """What was told of the tracker, anew; what waits for it is tried at once.

    Raises TrackerSettingsError where the name is taken.
    """
    with transaction.atomic():
        _fill(tracker, given, secrets)
        tracker.wait_until = None
        tracker.failures = 0
        tracker.last_error = ""
        # Nothing of its queue: that may have gone on since the row was read.
        tracker.save(update_fields=_CHANGED_COLUMNS)
        audit.record(CHANGED, actor=actor, about=tracker.name)
        if given.secrets:
            erasing.erase_deleted()
            audit.record(SECRETS_REPLACED, actor=actor, about=tracker.name)


def make_default(tracker: Tracker, *, actor: User) -> None:
    """Send the tickets of one click there from now on."""
    with transaction.atomic():
        before = Tracker.objects.filter(is_default=True).exclude(pk=tracker.pk).first()
        if before is not None:
            Tracker.objects.filter(pk=before.pk).update(is_default=False)
        Tracker.objects.filter(pk=tracker.pk).update(is_default=True)
        audit.record(
            MADE_DEFAULT,
            actor=actor,
            about=tracker.name,
            before=before.name if before else None,
        )


def set_paused(tracker: Tracker, *, is_paused: bool, actor: User) -> None:
    """Send nothing to the tracker until somebody resumes it; what is asked for waits."""
    with transaction.atomic():
        changed = Tracker.objects.filter(pk=tracker.pk, is_paused=not is_paused)
        if changed.update(is_paused=is_paused):
            audit.record(PAUSED if is_paused else RESUMED, actor=actor, about=tracker.name)


def remove(tracker: Tracker, *, actor: User) -> None:
    """Forget the tracker, its secrets and what is known of its tickets, which stay where they are.

    Raises TrackerSettingsError for the built-in list, which there always is.
    """
    if tracker.kind == trackers.BUILTIN:
        raise TrackerSettingsError("the built-in list stays")
    with transaction.atomic():
        tickets.hold_queues([tracker.pk])
        audit.record(REMOVED, actor=actor, about=tracker.name)
        tracker.delete()
        erasing.erase_deleted()
        if not Tracker.objects.filter(is_default=True).exists():
            Tracker.objects.filter(pk=trackers.builtin().pk).update(is_default=True)


def _fill(tracker: Tracker, given: Given, secrets: Mapping[str, Secret]) -> None:
    if Tracker.objects.filter(name=given.name).exclude(pk=tracker.pk).exists():
        raise TrackerSettingsError("another tracker has this name", "name")
    tracker.name = given.name
    tracker.values = dict(given.values)
    tracker.title_template = given.title_template
    tracker.body_template = given.body_template
    tracker.labels = list(given.labels)
    tracker.assignee = given.assignee
    tracker.due_days = given.due_days
    if secrets:
        trackers.keep_secrets(tracker, secrets)
