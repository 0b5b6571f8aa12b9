"""Addresses that no link leads to: every page answers them, and nobody changes anything by one."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any

import pytest
from django.apps import apps
from django.urls import URLPattern, get_resolver, reverse

from dashboard.models import AuditEvent, User
from dashboard.services import trackers
from tests.dashboard.conftest import signed_in
from tests.dashboard.test_hostile import ELSEWHERE, NO_PAGES, ONLY_POSTS, Fleet, fleet_of

ASKED = (
    *("search", "verdict", "group", "label", "distribution", "version", "state", "severity"),
    *("sort", "by", "page", "rows", "seen", "format", "from", "to", "before", "batch", "person"),
    *("cluster", "act", "when", "c", "baseline", "modes", "plugins", "drop", "bind", "take", "add"),
    *("show", "subject", "find", "finding", "namespace", "path", "node", "kind", "example", "next"),
)
"""What any page may be asked for."""
ODD: dict[str, Any] = {
    "nothing": "",
    "U+0000": "\0",
    "U+0000 within": "a\0b",
    "a lone surrogate": b"\xed\xa0\x80",
    "a large number": "9" * 18,
    "a larger number": "9" * 5000,
    "a number below": "-1",
    "digits of another script": "\u0661",
    "a raised digit": "\u00b2",
    "the first day": "0001-01-01",
    "no day": "0000-00-00",
    "the last day": "9999-12-31",
    "a week": "2026-W01-1",
    "a regular expression": "(a+)+$[^",
    "what LIKE takes for anything": "%_\\",
    "a long word": "a" * 3000,
    "many words": "a " * 1500,
    "a query of its own": "?a=b&c=d#e",
    "a label that is none": "label:",
    "a label of nothing": "label:=",
    "lines": "a\r\nSet-Cookie: b=c\r\n\r\n<b>",
    "several": ["a", "", "\0", "a"],
}


# Forms and pages whose addresses ask for nothing.
TAKE_NOTHING = {
    *("cluster_add", "cluster_choose", "cluster_settings", "cluster_credentials", "cluster_remove"),
    *("view_remove", "cluster_download", "people", "profile", "help", "account_logout"),
    "account_set_password",
}


def pages(fleet: Fleet, without: AbstractSet[str] = frozenset()) -> Iterator[str]:
    """Every address that shows something."""
    for pattern in get_resolver().url_patterns:
        assert isinstance(pattern, URLPattern)
        if pattern.name not in ELSEWHERE | NO_PAGES | ONLY_POSTS | without:
            kwargs = {one: fleet.arguments[one] for one in pattern.pattern.converters}
            yield reverse(pattern.name, kwargs=kwargs)


@pytest.mark.parametrize("value", ODD.values(), ids=ODD)
def test_every_page_answers_what_no_link_asks(admin: User, value: Any) -> None:
    fleet = fleet_of("plain", admin)
    client = signed_in(admin)

    found = {}
    for path in pages(fleet, TAKE_NOTHING):
        answer = client.get(path, dict.fromkeys(ASKED, value))
        found[path] = answer.status_code
        assert all("\n" not in text and "\r" not in text for text in answer.headers.values())

    assert {path for path, status in found.items() if status not in {200, 302, 404, 422}} == set()


def stored() -> dict[str, list[dict[str, Any]]]:
    """Every row of every table that isn't about who is signed in."""
    return {
        model.__name__: sorted(model._default_manager.values(), key=str)
        for model in apps.get_app_config("dashboard").get_models()
        if model not in {AuditEvent, User} and model.__name__ != "CacheEntry"
    }


def test_looking_at_things_changes_none(admin: User) -> None:
    fleet = fleet_of("plain", admin)
    client = signed_in(admin)
    trackers.builtin()  # made by whoever asks first
    before, acts = stored(), AuditEvent.objects.count()

    for path in pages(fleet):
        client.get(path)
        client.head(path)
        client.get(path, headers={"HX-Request": "true"})

    assert stored() == before
    # Who took all facts of a cluster away is written down; each time.
    told = set(AuditEvent.objects.order_by("pk")[acts:].values_list("action", flat=True))
    assert told == {"bundle downloaded"}


def test_nothing_that_shows_facts_is_kept_by_a_browser(admin: User) -> None:
    fleet = fleet_of("plain", admin)
    client = signed_in(admin)

    kept = [
        path
        for path in (*pages(fleet), f"/clusters/{uuid.uuid4()}/")
        for headers in ({}, {"HX-Request": "true"})
        if "no-store" not in client.get(path, headers=headers).headers.get("Cache-Control", "")
    ]

    assert kept == []


PAST_ALL = ("/views/{}/remove/", "/people/{}/role/", "/clusters/hostile/risks/{}/withdraw/")


@pytest.mark.parametrize("path", PAST_ALL)
@pytest.mark.parametrize("number", ["9" * 30, "9" * 5000], ids=["30 digits", "5,000 digits"])
def test_a_number_past_all_is_nothing(admin: User, path: str, number: str) -> None:
    fleet_of("plain", admin)
    client = signed_in(admin)

    assert client.post(path.format(number)).status_code == 404
