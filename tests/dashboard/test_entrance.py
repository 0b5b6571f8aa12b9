"""Ways in: sign-in, one-time links, invitations, roles."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.conf import settings
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard.models import AuditEvent, Invitation, Role, SignInLink, User
from dashboard.services import accounts
from tests.dashboard.conftest import PASSWORD, signed_in

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


ELSEWHERE = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\t//evil.example",
    "https:evil.example",
    "https://evil.example/",
    "javascript:alert(1)",
]


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


def test_a_page_is_told_of_a_session_that_ended_under_it(client: Client) -> None:
    answer = client.get("/", headers={"HX-Request": "true"})

    assert (answer.status_code, answer.headers["HX-Trigger"]) == (204, "signed-out")


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


def test_whoever_is_let_in_again_has_to_sign_in_again(
    as_admin: Client, viewer: User, as_viewer: Client
) -> None:
    url = reverse("person_active", args=(viewer.pk,))

    for is_active in ("false", "true"):
        as_admin.post(url, {"is_active": is_active})

    viewer.refresh_from_db()
    assert viewer.is_active
    assert not is_in(as_viewer)
    assert is_in(as_admin)


ENDS = {
    "no admin any more": ("person_role", {"role": "editor"}),
    "deactivated": ("person_active", {"is_active": "false"}),
}


@pytest.mark.parametrize(("name", "data"), ENDS.values(), ids=ENDS)
def test_a_former_admin_gets_in_by_no_invitation_of_their_own(
    as_admin: Client, client: Client, name: str, data: dict[str, str]
) -> None:
    former = User.objects.create_user("former", role=Role.ADMIN.value)
    address, other = invite(signed_in(former), "admin"), invite(as_admin)

    as_admin.post(reverse(name, args=(former.pk,)), data)

    assert accept(client, address) == 404
    assert client.get(other).status_code == 200
    assert AuditEvent.objects.get(action="invitation withdrawn").about == "for the night shift"


def test_a_session_from_before_signing_in_is_worth_nothing_after(client: Client) -> None:
    """Session fixation: whoever planted the session in the browser would be in with it."""
    store = client.session
    store["planted"] = True
    store.save()
    planted = str(store.session_key)
    client.cookies[settings.SESSION_COOKIE_NAME] = planted

    client.post(link())

    assert is_in(client)
    other = Client()
    other.cookies[settings.SESSION_COOKIE_NAME] = planted
    assert not is_in(other)


ALLAUTH = ["account_login", "account_logout", "account_change_password"]


@pytest.mark.parametrize("name", [*ALLAUTH, "account_set_password"])
def test_b41_nothing_about_an_account_changes_without_the_token(ann: User, name: str) -> None:
    client = Client(enforce_csrf_checks=True)
    if name == "account_set_password":
        ann.set_unusable_password()
        ann.save()
    if name != "account_login":
        client.force_login(ann, backend="django.contrib.auth.backends.ModelBackend")
    new = {"password1": "another good one", "password2": "another good one"}
    data = {"login": "ann", "password": PASSWORD, "oldpassword": PASSWORD, **new}

    assert client.post(reverse(name), data).status_code == 403
    assert is_in(client) is (name != "account_login")
    ann.refresh_from_db()
    assert not ann.check_password(new["password1"])


FOREIGN = {
    "another site": {"Origin": "https://evil.example"},
    "no site": {"Origin": "null"},
    "a look-alike": {"Origin": "http://testserver.evil.example"},
}


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
def test_b41_a_foreign_page_sends_no_form_even_with_the_token(
    ann: User, headers: dict[str, str]
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.get(reverse("account_login"))
    token = client.cookies[settings.CSRF_COOKIE_NAME].value
    data = {"login": "ann", "password": PASSWORD, "csrfmiddlewaretoken": token}

    refused = client.post(reverse("account_login"), data, headers=headers)

    assert refused.status_code == 403
    assert client.post(reverse("account_login"), data).status_code == 302


@pytest.mark.parametrize("target", ELSEWHERE)
@pytest.mark.parametrize("name", ["account_logout", "account_change_password"])
def test_b42_nobody_is_sent_elsewhere_afterwards(ann: User, name: str, target: str) -> None:
    client = Client()
    client.force_login(ann, backend="django.contrib.auth.backends.ModelBackend")
    new = {"password1": "another good one", "password2": "another good one"}

    answer = client.post(reverse(name), {"oldpassword": PASSWORD, "next": target, **new})

    assert answer.status_code == 302
    assert answer["Location"] in {"/", reverse("account_change_password")}
