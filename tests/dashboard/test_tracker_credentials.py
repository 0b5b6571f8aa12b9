"""Credentials of trackers: to whom they go, who may have them sent, and their end."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from authzviz.net.secret import Secret
from authzviz.tickets.registry import KINDS
from dashboard.models import Tracker, User
from dashboard.services import sealing, ticket_queue, tracker_acts, trackers
from dashboard.services.tracker_acts import Given, TrackerSettingsError
from tests.dashboard.conftest import add_cluster
from tests.dashboard.snapshots import CANARY

pytestmark = pytest.mark.django_db

KEPT = frozenset(
    {
        *("repository", "project", "issue_type", "closing", "reopening", "fields"),
        *("tracker", "priority", "closed_status", "formatting"),
        *("email", "user", "from", "to", "header"),
    }
)
"""Fields that say what is done at the server, as whom, and nothing of where it is."""
OLD, NEW = b"o" * 32, b"n" * 32


def stored(kind: str) -> Tracker:
    """A tracker with a secret in each of its fields for one."""
    tracker = Tracker(name="ours", kind=kind, created_at=timezone.now())
    tracker.values = {one.name: "before" for one in KINDS[kind].fields if one.kind != "secret"}
    trackers.keep_secrets(
        tracker, {name: Secret(CANARY) for name in sorted(KINDS[kind].secret_names)}
    )
    tracker.save()
    return tracker


def keeps(tracker: Tracker, given: Given) -> bool:
    """Whether the secrets that are not typed stay."""
    try:
        tracker_acts.known_secrets(tracker, KINDS[tracker.kind], given)
    except TrackerSettingsError:
        return False
    return True


FIELDS = [
    (kind.id, field.name) for kind in KINDS.values() for field in kind.fields if kind.secret_names
]


@pytest.mark.parametrize(("kind", "name"), FIELDS, ids=[f"{kind}, {name}" for kind, name in FIELDS])
def test_secrets_stay_only_where_they_go_the_same_way(kind: str, name: str) -> None:
    tracker = stored(kind)
    field = next(one for one in KINDS[kind].fields if one.name == name)
    if field.kind == "secret":
        others = KINDS[kind].secret_names - {name}
        given = Given("ours", tracker.values, {name: Secret("after")})
        is_kept = not others or name not in tracker_acts.PLACES
    else:
        given = Given("ours", {**tracker.values, name: "after"}, {})
        is_kept = name in KEPT
        assert (name in KEPT) is not (name in tracker_acts.PLACES)

    assert keeps(tracker, given) is is_kept
    assert keeps(tracker, Given("ours", tracker.values, {}))


def test_a_field_that_is_left_out_is_another_way(admin: User) -> None:
    tracker = stored("mail")
    values = {name: value for name, value in tracker.values.items() if name != "ca"}

    assert not keeps(tracker, Given("ours", values, {}))


def test_saving_leaves_the_queue_to_its_worker(admin: User) -> None:
    tracker = trackers.builtin()
    turn = ticket_queue.claim(tracker.pk)
    assert turn is not None

    tracker_acts.change(tracker, Given("renamed", {}, {}), {}, actor=admin)

    ticket_queue.renew(turn)
    now = Tracker.objects.get(pk=tracker.pk)
    assert (now.name, now.generation) == ("renamed", turn.tracker.generation)
    assert now.lease_until is not None


def test_rotation_seals_trackers_secrets_anew(settings: Settings) -> None:
    settings.CREDENTIALS_KEYS = (OLD,)
    tracker, out = stored("github"), StringIO()
    settings.CREDENTIALS_KEYS = (NEW, OLD)

    call_command("rotate_credentials_key", stdout=out)
    call_command("rotate_credentials_key", stdout=out)
    settings.CREDENTIALS_KEYS = (NEW,)

    tracker.refresh_from_db()
    assert trackers.secrets_of(tracker)["token"].reveal() == CANARY
    assert out.getvalue() == (
        "sealed anew: the credentials of 0 clusters and 1 tracker\n"
        "sealed anew: the credentials of 0 clusters and 0 trackers\n"
    )


def test_rotation_without_the_old_key_names_the_tracker(settings: Settings) -> None:
    settings.CREDENTIALS_KEYS = (OLD,)
    stored("github")
    settings.CREDENTIALS_KEYS = (NEW,)

    with pytest.raises(CommandError, match="ours"):
        call_command("rotate_credentials_key", stdout=StringIO())


def test_one_that_no_key_opens_holds_up_no_other(settings: Settings) -> None:
    settings.CREDENTIALS_KEYS = (b"l" * 32,)
    add_cluster("lost")
    settings.CREDENTIALS_KEYS = (OLD,)
    tracker, out = stored("github"), StringIO()
    settings.CREDENTIALS_KEYS = (NEW, OLD)

    with pytest.raises(CommandError, match=r"of: lost$"):
        call_command("rotate_credentials_key", stdout=out)

    tracker.refresh_from_db()
    assert sealing.is_current(bytes(tracker.credentials or b""))
    assert "0 clusters and 1 tracker" in out.getvalue()


@pytest.mark.sqlite
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_removed", [True, False], ids=["removed", "replaced"])
def test_secrets_that_are_gone_are_in_no_file_of_the_database(
    as_admin: Client, admin: User, is_removed: bool
) -> None:
    tracker = stored("github")
    sealed = bytes(tracker.credentials or b"")
    assert sealed in files()

    if is_removed:
        as_admin.post(reverse("tracker_remove", args=(tracker.pk,)))
    else:
        given = Given("ours", tracker.values, {"token": Secret("another")})
        tracker_acts.change(tracker, given, given.secrets, actor=admin)

    assert sealed not in files()


def files() -> bytes:
    """All that the database has on disk, its write-ahead log included."""
    name = Path(connection.settings_dict["NAME"])
    return b"".join(path.read_bytes() for path in sorted(name.parent.glob(f"{name.name}*")))
