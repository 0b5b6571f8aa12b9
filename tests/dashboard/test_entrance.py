"""Ways in: sign-in, one-time links, invitations, roles."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard.models import AuditEvent, Invitation, Role, SignInLink, User
from dashboard.services import accounts
from tests.dashboard.conftest import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_limits_yet() -> None:
    cache.clear()


@pytest.fixture
def ann(db: None) -> User:
    return User.objects.create_user("ann", password=PASSWORD)


def sign_in(client: Client, **changes: str) -> int:
    data = {"login": "ann", "password": PASSWORD, **changes}
    return client.post(reverse("account_login"), data).status_code


def is_in(client: Client) -> bool:
    return client.get("/").status_code == 200


def test_name_and_password_let_in(ann: User, client: Client) -> None:
    assert sign_in(client) == 302
    assert is_in(client)


def test_a_wrong_password_does_not(ann: User, client: Client) -> None:
    assert sign_in(client, password="wrong") == 200
    assert not is_in(client)


def test_guessing_is_stopped(ann: User, client: Client) -> None:
    for _ in range(5):
        sign_in(client, password="wrong")

    sign_in(client)

    assert not is_in(client)


ELSEWHERE = ["//evil.example", "/\\evil.example", "https:evil.example", "https://evil.example/"]


@pytest.mark.parametrize("target", ELSEWHERE)
def test_nobody_is_sent_elsewhere(ann: User, client: Client, target: str) -> None:
    data = {"login": "ann", "password": PASSWORD, "next": target}

    answer = client.post(reverse("account_login"), data)

    assert answer["Location"] == "/"


def test_there_is_no_signing_up(client: Client) -> None:
    data = {"username": "me", "password1": PASSWORD, "password2": PASSWORD}

    answer = client.post(reverse("account_signup"), data)

    assert answer["Location"].startswith(reverse("account_login"))
    assert not User.objects.exists()


def test_signing_out_needs_a_post(ann: User, client: Client) -> None:
    sign_in(client)
    client.get(reverse("account_logout"))
    still_in = is_in(client)
    client.post(reverse("account_logout"))

    assert (still_in, is_in(client)) == (True, False)


def test_a_session_that_ends_under_a_page_loads_the_page_anew(client: Client) -> None:
    answer = client.get("/", headers={"HX-Request": "true"})

    assert (answer.status_code, answer.headers["HX-Refresh"]) == (204, "true")


def test_a_changed_password_ends_the_other_sessions(ann: User, client: Client) -> None:
    other = Client()
    sign_in(client)
    sign_in(other)
    new = "another long secret"

    client.post(
        reverse("account_change_password"),
        {"oldpassword": PASSWORD, "password1": new, "password2": new},
    )

    assert (is_in(client), is_in(other)) == (True, False)


def link() -> str:
    out = StringIO()
    call_command("sign_in_link", base_url="http://testserver/", stdout=out)
    return out.getvalue().strip()


def test_the_first_link_makes_the_admin_and_works_once(client: Client) -> None:
    address = link()

    looked = client.get(address)
    looked_again = client.get(address)
    client.post(address)
    second = Client()
    again = second.post(address)

    assert (looked.status_code, looked_again.status_code) == (200, 200)
    # not no-referrer: browsers then send the form with no origin, and it is refused
    assert looked["Referrer-Policy"] == "same-origin"
    assert is_in(client)
    assert (again.status_code, is_in(second)) == (404, False)
    assert User.objects.get().role == Role.ADMIN
    assert address.split("/")[-2] not in str(SignInLink.objects.values())


def test_later_links_are_for_the_same_admin(client: Client) -> None:
    link()
    client.post(link())

    assert User.objects.count() == 1
    assert is_in(client)


def test_a_link_is_over_after_an_hour(client: Client) -> None:
    address = link()

    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        assert client.get(address).status_code == 404
        assert client.post(address).status_code == 404
        accounts.clean_up()

    assert not SignInLink.objects.exists()


def test_who_came_by_link_can_set_a_password(client: Client) -> None:
    client.post(link())

    client.post(reverse("account_set_password"), {"password1": PASSWORD, "password2": PASSWORD})

    assert User.objects.get().check_password(PASSWORD)


def invite(client: Client, role: str = "editor") -> str:
    answer = client.post(reverse("invite"), {"note": "for the night shift", "role": role})
    assert answer.status_code == 200
    return str(answer.context["new_link"])


def accept(client: Client, address: str, **changes: str) -> int:
    data = {"username": "newcomer", "password1": PASSWORD, "password2": PASSWORD, **changes}
    return client.post(address, data).status_code


def test_an_invitation_makes_one_user_with_its_role(as_admin: Client, client: Client) -> None:
    address = invite(as_admin)

    first = accept(client, address)
    second = accept(Client(), address, username="another")

    assert (first, second) == (302, 404)
    assert is_in(client)
    assert User.objects.get(username="newcomer").role == Role.EDITOR
    assert not User.objects.filter(username="another").exists()
    assert address not in as_admin.get(reverse("people")).content.decode()


WRONG = {
    "weak password": {"password1": "12345678", "password2": "12345678"},
    "two passwords": {"password2": "something else entirely"},
    "taken name": {"username": "admin"},
    "no name": {"username": ""},
}


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG)
def test_a_wrong_answer_does_not_use_the_invitation_up(
    as_admin: Client, client: Client, changes: dict[str, str]
) -> None:
    address = invite(as_admin)

    assert accept(client, address, **changes) == 422
    assert Invitation.objects.get().used_at is None


def test_a_withdrawn_or_old_invitation_is_worthless(as_admin: Client, client: Client) -> None:
    withdrawn, old = invite(as_admin), invite(as_admin)
    first = Invitation.objects.order_by("pk")[0]
    as_admin.post(reverse("withdraw_invitation", args=(first.pk,)))

    assert client.get(withdrawn).status_code == 404
    with time_machine.travel(timezone.now() + timedelta(days=8)):
        assert client.get(old).status_code == 404


def test_roles_are_changed_and_written_down(as_admin: Client, viewer: User) -> None:
    as_admin.post(reverse("person_role", args=(viewer.pk,)), {"role": "editor"})

    viewer.refresh_from_db()
    assert viewer.role == Role.EDITOR
    event = AuditEvent.objects.get(action="role changed")
    assert event.detail == {"before": "viewer", "to": "editor"}


def test_there_is_always_an_admin(as_admin: Client, admin: User) -> None:
    as_admin.post(reverse("person_role", args=(admin.pk,)), {"role": "viewer"})
    as_admin.post(reverse("person_active", args=(admin.pk,)), {"is_active": "false"})

    admin.refresh_from_db()
    assert (admin.role, admin.is_active) == (Role.ADMIN, True)


def test_whoever_is_deactivated_is_out_at_once(
    as_admin: Client, viewer: User, as_viewer: Client
) -> None:
    assert is_in(as_viewer)

    as_admin.post(reverse("person_active", args=(viewer.pk,)), {"is_active": "false"})

    assert not is_in(as_viewer)
