"""Every page: nothing inline, every field labelled, headings in order, one id each."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from dashboard.models import Role, User
from dashboard.services import accounts, uploads
from tests.dashboard.assessments import REFUSED
from tests.dashboard.showing import Page, page, show
from tests.dashboard.snapshots import CANARY, KUBECONFIG

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
ADDRESSES = {
    "fleet": "/",
    "cluster": "/clusters/alpha/",
    "add": "/clusters/add/",
    "settings": "/clusters/alpha/settings/",
    "credentials": "/clusters/alpha/credentials/",
    "remove": "/clusters/alpha/remove/",
    "people": "/people/",
    "profile": "/profile/",
    "sign out": "/account/logout/",
    "password": "/account/password/",
    "set password": "/account/password/set/",
    "not here": "/nowhere/",
}
FORBIDDEN = {
    "safe": r"\|\s*safe\b|mark_safe|autoescape off",
    "inline style": r"\sstyle=|<style",
    "inline script": r"<script(?![^>]*\bsrc=)",
    "handler": r"\son[a-z]+=|hx-on|hx-vals=.js:|javascript:",
    "other hosts": r"(?:src|href|action)=.https?://",
}


def faults(found: Page) -> list[str]:
    """What is wrong with any page, wherever it stands."""
    wrong = found.faults()
    wrong += [f"id twice: {name}" for name, number in found.ids.items() if number > 1]
    labelled = {one.get("for") for one in found.all("label")}
    for tag in ("input", "textarea", "select"):
        for one in found.all(tag):
            is_shown = one.get("type") not in {"hidden", "checkbox", "submit"}
            if is_shown and one.get("id") not in labelled:
                wrong.append(f"no label: {one}")
    levels = [int(tag[1]) for tag, _ in found.elements if re.fullmatch("h[1-6]", tag)]
    if levels.count(1) != 1 or levels[0] != 1:
        wrong.append(f"headings: {levels}")
    wrong += [f"h{one} to h{other}" for one, other in pairwise(levels) if other > one + 1]
    if "lang" not in found.all("html")[0] or found.ids["main"] != 1:
        wrong.append("no language or no main")
    return wrong


@pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES)
def test_every_page_is_well_made(admin: User, as_admin: Client, address: str) -> None:
    admin.set_password("correct horse battery")
    admin.save()
    as_admin.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")
    show(REFUSED)

    response = as_admin.get(address, follow=True)

    assert response.status_code in {200, 404}
    assert faults(page(response)) == []


def test_the_choice_of_contexts_is_well_made(admin: User, as_admin: Client) -> None:
    upload = uploads.start(KUBECONFIG, actor=admin)

    found = page(as_admin.get(f"/clusters/add/{upload.pk}/"))

    assert faults(found) == []
    assert CANARY not in found.html
    boxes = [one for one in found.all("input") if one.get("name") == "contexts"]
    assert {one["value"]: "disabled" in one for one in boxes} == {
        "alpha": False,
        "beta": False,
        "gamma": True,
    }


def test_an_invitation_shows_its_link_once(admin: User, as_admin: Client) -> None:
    found = page(as_admin.post("/people/invite/", {"note": "for bob", "role": "viewer"}))
    again = page(as_admin.get("/people/"))

    assert faults(found) == []
    assert "/invitations/" in found.text
    assert "/invitations/" not in again.text
    assert "for bob" in again.text


def test_doors_are_well_made(admin: User) -> None:
    _, token = accounts.invite(role=Role.VIEWER, note="for bob", actor=admin)
    outside = Client()

    for address in ("/account/login/", f"/invitations/{token}/", "/sign-in/nonsense/"):
        assert faults(page(outside.get(address))) == []


def test_a_form_that_is_wrong_says_where(as_admin: Client) -> None:
    show(REFUSED)

    response = as_admin.post(
        "/clusters/alpha/settings/", {"name": "alpha", "labels": "=x=", "interval_seconds": "60"}
    )

    found = page(response)
    assert response.status_code == 422
    assert faults(found) == []
    assert "is no label" in found.text
    field = next(one for one in found.all("input") if one.get("name") == "labels")
    assert set(field["aria-describedby"].split()) <= set(found.ids)
    assert field["aria-invalid"] == "true"


@pytest.mark.parametrize("pattern", FORBIDDEN.values(), ids=FORBIDDEN)
def test_templates_leave_no_way_around_escaping_and_the_policy(pattern: str) -> None:
    files = list(TEMPLATES.rglob("*.html"))

    found = [str(file) for file in files if re.search(pattern, file.read_text())]

    assert len(files) > 20
    assert found == []


@pytest.mark.parametrize("is_local", [True, False], ids=["local", "for others"])
def test_an_invitation_tells_where_its_link_opens(
    as_admin: Client, settings: Settings, is_local: bool
) -> None:
    settings.AUTHZVIZ_LOCAL = is_local

    shown = page(as_admin.post(reverse("invite"), {"note": "night shift", "role": "viewer"}))

    assert ("on this machine only" in shown.text) is is_local
