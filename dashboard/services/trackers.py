"""Trackers: how they are reached, and what is kept of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, timedelta

from django.conf import settings
from django.utils import timezone

from authzviz.net import AddressPolicy
from authzviz.net.pinned import resolve
from authzviz.net.secret import Secret
from authzviz.tickets.errors import TicketRejected
from authzviz.tickets.http import DEADLINE_SECONDS, Deadline
from authzviz.tickets.port import Port, Traits
from authzviz.tickets.registry import KINDS
from authzviz.tickets.setup import Kind, Setup
from dashboard.models import Tracker
from dashboard.services import clock, own_services, sealing
from dashboard.services.ticket_shelf import ListedTickets

BUILTIN = "builtin"
_PURPOSE = "tracker"


def kind_of(tracker: Tracker) -> Kind:
    """The kind of the tracker. Raises TicketRejected where this version has none such."""
    kind = KINDS.get(tracker.kind)
    if kind is None:
        raise TicketRejected(f"this version knows no {tracker.kind}", is_of_tracker=True)
    return kind


def traits_of(kind_id: str) -> Traits:
    """What trackers of that kind can do; the usual where this version has none such."""
    kind = KINDS.get(kind_id)
    return kind.traits if kind else Traits()


def connect(tracker: Tracker, whole: Deadline) -> Port:
    """The way to the tracker, until that deadline; nothing is sent yet. Raises TicketRejected,
    SealError.
    """
    return connect_to(kind_of(tracker), tracker.values, secrets_of(tracker), whole=whole)


def connect_to(
    kind: Kind,
    values: Mapping[str, str],
    secrets: Mapping[str, Secret],
    *,
    deadline_seconds: float = DEADLINE_SECONDS,
    whole: Deadline | None = None,
) -> Port:
    """The way to a tracker that may not be stored yet; so many seconds are for each request, and
    for all of them together. Raises TicketRejected.
    """
    policy, shelf = address_policy(kind), ListedTickets()
    return kind.connect(Setup(values, secrets, policy, shelf, deadline_seconds, whole))


def address_policy(kind: Kind) -> AddressPolicy:
    """Which addresses trackers of this kind may have on this server.

    A webhook goes wherever whoever sets it up says: to private networks only where the server's
    operator opened them.
    """
    cidrs = settings.WEBHOOK_CIDRS if kind.is_outward else settings.TRACKER_CIDRS
    own = own_services.addresses(settings.DATABASES, settings.CELERY_BROKER_URL, resolve)
    narrowed = AddressPolicy.narrowed(" ".join(cidrs), loopback=settings.AUTHZVIZ_LOCAL, own=own)
    if kind.is_outward and not cidrs:
        return AddressPolicy(loopback=narrowed.loopback, private=False, own=own)
    return narrowed


def is_off(tracker: Tracker) -> bool:
    """True where this server is to leave the tracker alone, as a copy of another server is."""
    return not settings.SEND_TICKETS and tracker.kind != BUILTIN


def keep_secrets(tracker: Tracker, secrets: Mapping[str, Secret]) -> None:
    """Put these secrets, sealed, into the row, which is not saved."""
    plain = json.dumps({name: secret.reveal() for name, secret in secrets.items()})
    tracker.credentials = sealing.seal(plain.encode(), purpose=_PURPOSE, row=str(tracker.uuid))


def builtin() -> Tracker:
    """The built-in list, which is there as soon as somebody asks; the default of a new server."""
    has_default = Tracker.objects.filter(is_default=True).exists()
    return Tracker.objects.get_or_create(
        kind=BUILTIN,
        defaults={
            "name": KINDS[BUILTIN].title,
            "created_at": clock.now(),
            "is_default": not has_default,
        },
    )[0]


def default() -> Tracker:
    """Where the tickets of one click go."""
    return Tracker.objects.filter(is_default=True).first() or builtin()


def due_on(tracker: Tracker) -> date | None:
    """The day on which a ticket that is opened now is due, in UTC; None where none is."""
    if tracker.due_days is None:
        return None
    return timezone.now().date() + timedelta(days=tracker.due_days)


def secrets_of(tracker: Tracker) -> dict[str, Secret]:
    """The tracker's secrets by field. Raises SealError."""
    if tracker.credentials is None:
        return {}
    sealed = bytes(tracker.credentials)
    plain = sealing.open_sealed(sealed, purpose=_PURPOSE, row=str(tracker.uuid))
    return {str(name): Secret(str(text)) for name, text in json.loads(plain).items()}


def reseal(tracker: Tracker) -> bool:
    """Seal the secrets with the first key; False where they are already, or there are none.
    Raises SealError.
    """
    if tracker.credentials is None or sealing.is_current(bytes(tracker.credentials)):
        return False
    before = tracker.credentials
    keep_secrets(tracker, secrets_of(tracker))
    # Only over what was opened: someone may have replaced them meanwhile.
    rows = Tracker.objects.filter(pk=tracker.pk, credentials=before)
    rows.update(credentials=tracker.credentials)
    return True
