"""Trackers in the settings: added after a test, changed, paused, removed; secrets never shown."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from authzviz.net import AddressForbidden
from authzviz.reports.ticket import DEFAULT_TEMPLATE
from authzviz.tickets.builtin import BuiltinList
from authzviz.tickets.errors import TicketRejected, TrackerUnavailable
from authzviz.tickets.port import Field
from authzviz.tickets.registry import KINDS
from authzviz.tickets.setup import CA, Kind, Setup
from dashboard.models import AuditEvent, Ticket, TicketState, Tracker, User
from dashboard.services import sealing, tracker_acts, trackers
from dashboard.services.tracker_acts import Given
from tests.dashboard.conftest import add_cluster
from tests.dashboard.snapshots import CANARY

pytestmark = pytest.mark.django_db


class Desk(BuiltinList):
    """A tracker that notes what it was reached with, and says what the test wants."""

    trouble: Exception | None = None
    reached: list[Setup] = []

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup.shelf)
        self.reached.append(setup)

    def check(self) -> str:
        if self.trouble is not None:
            raise self.trouble
        return "signed in as the desk"


KIND = Kind(
    "desk",
    "Desk",
    fields=(
        Field("url", "URL", kind="url"),
        Field("queue", "Queue", kind="choice", choices=(("a", "first"), ("b", "second"))),
        Field("token", "Token", "An API token.", kind="secret"),
        CA,
    ),
    connect=Desk,
)
TYPED = {
    "name": "our desk",
    "its_url": "https://desk.example",
    "its_queue": "b",
    "its_token": CANARY,
    "its_ca": "",
    "labels": "ops, node authorizer,ops",
    "assignee": "platform",
    "due_days": "14",
    "title_template": "",
    "body_template": "",
}


@pytest.fixture(autouse=True)
def desk(monkeypatch: pytest.MonkeyPatch) -> type[Desk]:
    monkeypatch.setitem(KINDS, "desk", KIND)
    monkeypatch.setattr(Desk, "trouble", None)
    monkeypatch.setattr(Desk, "reached", [])
    return Desk


def added(client: Client, **typed: str) -> Tracker:
    client.post(reverse("tracker_add", args=("desk",)), {**TYPED, **typed})
    return Tracker.objects.get(kind="desk")


def page(client: Client, tracker: Tracker) -> str:
    return client.get(reverse("tracker", args=(tracker.pk,))).content.decode()


def test_a_tracker_is_tested_and_added(as_admin: Client, admin: User) -> None:
    tracker = added(as_admin)

    assert (tracker.name, tracker.values) == (
        "our desk",
        {"url": "https://desk.example", "queue": "b"},
    )
    assert (tracker.labels, tracker.assignee, tracker.due_days) == (
        ["ops", "node authorizer"],
        "platform",
        14,
    )
    assert tracker.created_by == admin
    assert Desk.reached[0].secret("token") == CANARY
    assert Desk.reached[0].deadline_seconds == tracker_acts.TEST_SECONDS
    event = AuditEvent.objects.get(action=tracker_acts.ADDED)
    assert (event.about, event.detail) == ("our desk", {"kind": "Desk"})


def test_what_the_test_said_is_told_and_kept(
    as_admin: Client, desk: type[Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    good = as_admin.post(reverse("tracker_add", args=("desk",)), TYPED, follow=True)
    tracker = Tracker.objects.get(kind="desk")
    monkeypatch.setattr(desk, "trouble", TrackerUnavailable("desk.example is down."))
    url = reverse("tracker", args=(tracker.pk,))
    refused = as_admin.post(url, TYPED).content.decode()
    insisted = as_admin.post(url, {**TYPED, "even_if_refused": "on"}, follow=True)

    assert "our desk is added: signed in as the desk." in good.content.decode()
    assert tracker.last_success_at is not None
    assert "Nothing was saved: desk.example is down. Type it again" in refused
    assert "Saved, though its test failed: desk.example is down." in insisted.content.decode()
    assert Tracker.objects.get(kind="desk").last_error == "desk.example is down"


@pytest.mark.parametrize("act", ["test", "save", "resume"])
def test_the_queue_goes_on_at_once(
    as_admin: Client, act: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = added(as_admin)
    sent: list[int] = []
    monkeypatch.setattr("dashboard.views.trackers.send_tickets", sent.append)
    name, typed = {
        "test": ("tracker_test", {}),
        "save": ("tracker", TYPED),
        "resume": ("tracker_pause", {"is_paused": "false"}),
    }[act]
    as_admin.post(reverse(name, args=(tracker.pk,)), typed)

    assert sent == [tracker.pk]


def test_the_first_tracker_takes_over_from_the_built_in_list(as_admin: Client) -> None:
    assert trackers.builtin().is_default
    first = added(as_admin)
    as_admin.post(reverse("tracker_add", args=("desk",)), {**TYPED, "name": "another"})

    assert first.is_default
    assert not trackers.builtin().is_default
    assert not Tracker.objects.get(name="another").is_default


def test_secrets_are_sealed_and_never_shown(as_admin: Client) -> None:
    tracker = added(as_admin)
    shown = page(as_admin, tracker)
    wrong = as_admin.post(reverse("tracker", args=(tracker.pk,)), {**TYPED, "its_queue": "nowhere"})

    assert CANARY.encode() not in bytes(tracker.credentials or b"")
    assert CANARY not in shown
    assert wrong.status_code == 422
    assert CANARY not in wrong.content.decode()
    assert trackers.secrets_of(tracker)["token"].reveal() == CANARY
    assert CANARY not in str(list(AuditEvent.objects.values_list("detail", "about")))


def test_a_sealed_secret_does_not_open_in_another_row(as_admin: Client) -> None:
    tracker = added(as_admin)
    other = Tracker(name="other", kind="desk", credentials=tracker.credentials)

    with pytest.raises(sealing.SealError):
        trackers.secrets_of(other)


def test_nothing_is_added_that_does_not_answer_unless_one_insists(
    as_admin: Client, desk: type[Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "trouble", TrackerUnavailable(f"no: Bearer {CANARY}"))
    refused = as_admin.post(reverse("tracker_add", args=("desk",)), TYPED)
    there_before = Tracker.objects.filter(kind="desk").count()
    insisted = added(as_admin, even_if_refused="on")

    assert refused.status_code == 422
    assert "Nothing was saved" in refused.content.decode()
    assert CANARY not in refused.content.decode()
    assert there_before == 0
    assert insisted.name == "our desk"


def test_a_name_is_taken_once(as_admin: Client) -> None:
    added(as_admin)
    again = as_admin.post(reverse("tracker_add", args=("desk",)), TYPED)

    assert again.status_code == 422
    assert "Another tracker has this name" in again.content.decode()
    assert Tracker.objects.filter(kind="desk").count() == 1


def test_secrets_stay_where_none_is_typed(as_admin: Client) -> None:
    tracker = added(as_admin)
    saved = as_admin.post(
        reverse("tracker", args=(tracker.pk,)), {**TYPED, "its_token": "", "its_queue": "a"}
    )
    tracker.refresh_from_db()

    assert saved.status_code == 302
    assert tracker.values["queue"] == "a"
    assert trackers.secrets_of(tracker)["token"].reveal() == CANARY
    assert not AuditEvent.objects.filter(action=tracker_acts.SECRETS_REPLACED).exists()


def test_secrets_are_not_sent_to_another_server(as_admin: Client) -> None:
    tracker = added(as_admin)
    Desk.reached.clear()
    moved = {**TYPED, "its_token": "", "its_url": "https://evil.example"}
    refused = as_admin.post(reverse("tracker", args=(tracker.pk,)), moved)
    reached = list(Desk.reached)
    given = as_admin.post(reverse("tracker", args=(tracker.pk,)), {**moved, "its_token": "another"})

    assert refused.status_code == 422
    assert "Give it again" in refused.content.decode()
    assert reached == []
    assert given.status_code == 302
    assert AuditEvent.objects.filter(action=tracker_acts.SECRETS_REPLACED).count() == 1


def test_a_missing_secret_is_named(admin: User) -> None:
    given = Given("desk", {"url": "https://desk.example"}, {})

    with pytest.raises(tracker_acts.TrackerSettingsError) as caught:
        tracker_acts.known_secrets(None, KIND, given)

    assert caught.value.field == "token"


def test_saving_lets_a_tracker_that_waits_go_on(as_admin: Client) -> None:
    tracker = added(as_admin)
    Tracker.objects.update(
        wait_until=timezone.now(), failures=9, last_error="down", last_error_at=timezone.now()
    )
    as_admin.post(reverse("tracker", args=(tracker.pk,)), {**TYPED, "its_token": ""})
    tracker.refresh_from_db()

    assert (tracker.wait_until, tracker.failures, tracker.last_error) == (None, 0, "")


def test_the_test_button_says_what_the_tracker_says(
    as_admin: Client, desk: type[Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = added(as_admin)
    url = reverse("tracker_test", args=(tracker.pk,))
    good = as_admin.post(url, follow=True).content.decode()
    monkeypatch.setattr(desk, "trouble", TicketRejected(f"token={CANARY} is refused"))
    bad = as_admin.post(url, follow=True).content.decode()
    tracker.refresh_from_db()

    assert "signed in as the desk" in good
    assert "is refused" in bad
    assert CANARY not in bad + tracker.last_error
    assert tracker.last_success_at is not None


def test_credentials_that_do_not_open_are_said(as_admin: Client, settings: Settings) -> None:
    tracker = added(as_admin)
    settings.CREDENTIALS_KEYS = (b"x" * 32,)
    said = as_admin.post(reverse("tracker_test", args=(tracker.pk,)), follow=True)
    saved = as_admin.post(reverse("tracker", args=(tracker.pk,)), {**TYPED, "its_token": ""})

    assert "be opened" in said.content.decode()
    assert saved.status_code == 422


def test_the_default_can_be_chosen(as_admin: Client) -> None:
    tracker = added(as_admin)
    as_admin.post(reverse("tracker_default", args=(trackers.builtin().pk,)))
    tracker.refresh_from_db()

    assert trackers.builtin().is_default
    assert not tracker.is_default
    event = AuditEvent.objects.get(action=tracker_acts.MADE_DEFAULT)
    assert event.detail == {"before": "our desk"}


def test_a_tracker_is_paused_and_resumed_once(as_admin: Client) -> None:
    tracker = added(as_admin)
    url = reverse("tracker_pause", args=(tracker.pk,))
    states = []
    for is_paused in ("true", "true", "false"):
        as_admin.post(url, {"is_paused": is_paused})
        tracker.refresh_from_db()
        states.append(tracker.is_paused)

    assert states == [True, True, False]
    acts = AuditEvent.objects.filter(action__in=(tracker_acts.PAUSED, tracker_acts.RESUMED))
    assert acts.count() == 2


def test_a_removed_tracker_leaves_nothing_here(as_admin: Client) -> None:
    tracker = added(as_admin)
    cluster = add_cluster()
    Ticket.objects.create(
        cluster=cluster,
        cluster_name=cluster.name,
        tracker=tracker,
        marker="authzviz-0",
        opened_at=timezone.now(),
        opened_by_name="admin",
        state=TicketState.OPEN.value,
    )
    asked = as_admin.get(reverse("tracker_remove", args=(tracker.pk,))).content.decode()
    as_admin.post(reverse("tracker_remove", args=(tracker.pk,)))

    assert "1 open" in " ".join(asked.split())
    assert not Tracker.objects.filter(kind="desk").exists()
    assert not Ticket.objects.exists()
    assert trackers.builtin().is_default


def test_the_built_in_list_stays(as_admin: Client) -> None:
    said = as_admin.post(reverse("tracker_remove", args=(trackers.builtin().pk,)), follow=True)

    assert "the built-in list stays" in said.content.decode()
    assert Tracker.objects.filter(kind="builtin").exists()


def test_a_kind_of_another_version_is_said(as_admin: Client) -> None:
    tracker = Tracker.objects.create(name="old", kind="trac", created_at=timezone.now())
    said = as_admin.get(reverse("tracker", args=(tracker.pk,)), follow=True).content.decode()

    assert "this version knows no trac" in said


UNKNOWN = {"no such kind": ("tracker_add", "nothing"), "the list": ("tracker_add", "builtin")}


@pytest.mark.parametrize(("name", "argument"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_can_not_be_added_is_404(as_admin: Client, name: str, argument: str) -> None:
    assert as_admin.get(reverse(name, args=(argument,))).status_code == 404


ADDRESSES = {
    "a webhook on a private network": (True, (), "10.0.0.1", False),
    "a webhook on an opened network": (True, ("10.0.0.0/8",), "10.0.0.1", True),
    "a webhook in the open": (True, (), "203.0.113.9", True),
    "a webhook at a metadata service": (True, ("169.254.0.0/16",), "169.254.169.254", False),
    "a tracker on a private network": (False, (), "10.0.0.1", True),
    "a tracker outside of the networks": (False, ("10.0.0.0/8",), "192.168.0.1", False),
    "a tracker at a metadata service": (False, (), "169.254.169.254", False),
}


@pytest.mark.parametrize(
    ("is_outward", "cidrs", "address", "is_allowed"), ADDRESSES.values(), ids=ADDRESSES
)
def test_where_trackers_may_be(
    settings: Settings, is_outward: bool, cidrs: tuple[str, ...], address: str, is_allowed: bool
) -> None:
    settings.AUTHZVIZ_LOCAL = False
    settings.TRACKER_CIDRS = () if is_outward else cidrs
    settings.WEBHOOK_CIDRS = cidrs if is_outward else ()
    policy = trackers.address_policy(
        Kind("one", "One", fields=(), connect=Desk, is_outward=is_outward)
    )
    try:
        policy.check(address, 443)
        found = True
    except AddressForbidden:
        found = False

    assert found is is_allowed


def test_numbers_stand_beside_each_tracker(as_admin: Client) -> None:
    tracker = added(as_admin)
    for number, state in enumerate(TicketState):
        cluster = add_cluster(f"c{number}")
        Ticket.objects.create(
            cluster=cluster,
            cluster_name=cluster.name,
            tracker=tracker,
            marker=f"authzviz-{number}",
            opened_at=timezone.now(),
            opened_by_name="admin",
            state=state.value,
        )
    found = tracker_acts.every().get(pk=tracker.pk)

    assert (found.waiting, found.open_, found.failed) == (2, 1, 1)  # type: ignore[attr-defined]


TEMPLATES = {
    "an unknown placeholder in the title": {"title_template": "$cluster $nothing"},
    "an unknown placeholder in the text": {"body_template": "$nothing"},
    "a block in the title": {"title_template": "$findings"},
}


@pytest.mark.parametrize("typed", TEMPLATES.values(), ids=TEMPLATES)
def test_a_template_that_can_not_be_filled_is_refused(
    as_admin: Client, typed: dict[str, str]
) -> None:
    answer = as_admin.post(reverse("tracker_add", args=("desk",)), {**TYPED, **typed})

    assert answer.status_code == 422
    assert set(answer.context["form"].errors) == set(typed)
    assert not Tracker.objects.filter(kind="desk").exists()


def test_the_usual_template_is_not_kept_as_somebody_s_own(as_admin: Client) -> None:
    usual = {
        "title_template": DEFAULT_TEMPLATE.title,
        "body_template": DEFAULT_TEMPLATE.body.replace("\n", "\r\n"),
    }
    tracker = added(as_admin, **usual)
    kept = (tracker.title_template, tracker.body_template)
    shown = page(as_admin, tracker)
    own = changed(as_admin, tracker, {**usual, "title_template": "Move $cluster"})

    assert kept == ("", "")
    assert "$findings" in shown
    assert (own.title_template, own.body_template) == ("Move $cluster", "")


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS.values() if kind.fields], ids=lambda kind: kind.id
)
def test_what_may_stay_empty_says_so(as_admin: Client, kind: Kind) -> None:
    form = as_admin.get(reverse("tracker_add", args=(kind.id,))).context["form"]
    labels = {field.name: field.label for field in form.own}

    assert {name for name, label in labels.items() if "(optional)" in label} == {
        f"its_{field.name}" for field in kind.fields if not field.is_required
    }


def changed(client: Client, tracker: Tracker, typed: dict[str, str]) -> Tracker:
    client.post(reverse("tracker", args=(tracker.pk,)), {**TYPED, "its_token": "", **typed})
    tracker.refresh_from_db()
    return tracker
