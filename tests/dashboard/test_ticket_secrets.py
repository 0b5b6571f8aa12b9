"""Secrets of trackers, which send back all they are sent: on no page, in no row, log or task."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from celery.app.task import Task
from django.apps import apps
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from authzviz.tickets.hidden import forms
from authzviz.tickets.registry import KINDS
from dashboard import tasks
from dashboard.logs import JsonLines, Redact
from dashboard.models import Cluster, Ticket, TicketState, Tracker
from dashboard.services import ticket_steps
from tests.dashboard.ticketing import read_cluster
from tests.replay import TOKEN, Asked, Reply, serve_any
from tests.tickets.cases import CASES
from tests.tickets.mailserver import USER, mail_server
from tests.tickets.receiver import KEY, TARGET

pytestmark = pytest.mark.django_db

SECRETS = forms((TOKEN,))
KINDS_WITH_SECRETS = sorted(kind.id for kind in KINDS.values() if kind.secret_names)
Leak = Callable[[Asked], Reply]


def said(asked: Asked) -> str:
    """All that a request holds, as a careless server repeats it."""
    return " ".join((TOKEN, asked.target, *asked.headers.values()))


def complaint(asked: Asked) -> dict[str, Any]:
    """That, wherever a tracker's JSON has words."""
    words = said(asked)
    one = {"message": words, "field": words, "code": "invalid"}
    return {"message": words, "error": words, "errorMessages": [words], "errors": [one]}


def escaped(text: str) -> str:
    """A text of JSON with every letter spelled out."""
    return '"' + "".join(f"\\u{ord(letter):04x}" for letter in text) + '"'


def refusal(status: int) -> Leak:
    """A refusal in JSON."""
    return lambda asked: (status, {}, json.dumps(complaint(asked)).encode())


def in_headers(asked: Asked) -> Reply:
    """A refusal with words in the headers that trackers have words in."""
    names = ("Retry-After", "RateLimit-Reason", "X-Authentication-Denied-Reason", "Link", "ETag")
    return 429, dict.fromkeys((*names, "X-RateLimit-Reset"), said(asked)), b""


def in_escapes(asked: Asked) -> Reply:
    """A refusal whose JSON spells each letter out."""
    words = escaped(said(asked))
    return 422, {}, f'{{"message": {words}, "errorMessages": [{words}]}}'.encode()


def by_field(asked: Asked) -> Reply:
    """A refusal that names fields."""
    words = said(asked)
    return 400, {}, json.dumps({"errors": {"summary": words, words: words}}).encode()


def elsewhere(asked: Asked) -> Reply:
    """A redirect."""
    place = f"https://me:{TOKEN}@other.example/{TOKEN}{asked.target}?key={TOKEN}"
    return 302, {"Location": place}, said(asked).encode()


def in_a_good_answer(asked: Asked) -> Reply:
    """An answer that is as good as any, its texts what was sent."""
    words = said(asked)
    one: dict[str, Any] = {
        **dict.fromkeys(("login", "username", "displayName", "name", "full_name"), words),
        **dict.fromkeys(("title", "body", "description", "name_with_namespace"), words),
        **dict.fromkeys(("number", "iid", "id"), 1),
        "has_issues": True,
        "permissions": {"push": True},
        "state": "open",
        "html_url": f"https://127.0.0.1/{TOKEN}",
        "web_url": f"https://127.0.0.1/{TOKEN}",
        "key": "OPS-1",
        "user": {"login": words, "id": 1},
        "labels": [],
        "assignees": [],
    }
    return 200, {}, json.dumps(one).encode()


LEAKS: dict[str, Leak] = {
    **{str(status): refusal(status) for status in (401, 403, 404, 500)},
    "400 by fields": by_field,
    "422 in escapes": in_escapes,
    "429 in headers": in_headers,
    "a redirect": elsewhere,
    "a page": lambda asked: (200, {"Content-Type": "text/html"}, said(asked).encode()),
    "a good answer": in_a_good_answer,
}
MAIL_LEAKS: dict[str, dict[str, str]] = {
    "the greeting": {"": f"554 no {TOKEN}"},
    "EHLO": {"EHLO": f"550 no {TOKEN}"},
    "AUTH": {"AUTH": f"535 not {TOKEN} {SECRETS[0]} {SECRETS[-1]}"},
    "AUTH, later": {"AUTH": f"454-not {TOKEN}\r\n454 {TOKEN}"},
    "the sender": {"MAIL": f"550 no {TOKEN}"},
    "the recipient": {"RCPT": f"451 no {TOKEN}"},
    "the mail": {".": f"554 no {TOKEN}"},
}


@dataclass
class Server:
    """A server that repeats: `typed` is what a person tells of it; `leak` chooses how."""

    typed: Mapping[str, str]
    leaks: tuple[str, ...]
    leak: Callable[[str], None]


@pytest.fixture(params=KINDS_WITH_SECRETS)
def kind(request: pytest.FixtureRequest) -> str:
    """Every kind that has a secret: a new one is among them by itself."""
    return str(request.param)


@pytest.fixture
def server(kind: str) -> Iterator[Server]:
    """One for that kind."""
    with _mail() if kind == "mail" else _http(kind) as running:
        yield running


@contextlib.contextmanager
def _http(kind: str) -> Iterator[Server]:
    leak: list[Leak] = [in_headers]

    def answer(asked: Asked) -> Reply:
        return leak[0](asked)

    with serve_any(answer) as running:
        told = {name: text.format(url=running.url) for name, text in CASES[kind]()._values.items()}
        secrets = dict.fromkeys(KINDS[kind].secret_names, TOKEN)
        if kind == "webhook":
            secrets |= {"url": f"{running.url}{TARGET}", "secret": f"whsec_{KEY}"}
            told["header"] = "X-Key"

        def choose(name: str) -> None:
            leak[0] = LEAKS[name]

        yield Server({**told, **secrets, "ca": running.ca}, tuple(LEAKS), choose)


@contextlib.contextmanager
def _mail() -> Iterator[Server]:
    with mail_server() as running:
        told = {"host": "127.0.0.1", "port": str(running.port), "security": "starttls"}
        told |= {"user": USER, "password": TOKEN, "ca": running.ca}
        told |= {"from": "us@example.org", "to": "desk@example.org"}

        def choose(name: str) -> None:
            running.replies.clear()
            running.replies.update(MAIL_LEAKS[name])

        yield Server(told, tuple(MAIL_LEAKS), choose)


def form_of(kind: str, server: Server, **more: str) -> dict[str, str]:
    """What is posted to add it."""
    known = {field.name for field in KINDS[kind].fields}
    its = {f"its_{name}": text for name, text in server.typed.items() if name in known}
    return {"name": "there", "labels": "", "assignee": "", "due_days": "", **its, **more}


def in_state(ticket: Ticket, **values: Any) -> None:
    """The ticket, as if its tracker had it and something were to be done."""
    now = timezone.now()
    Ticket.objects.filter(pk=ticket.pk).update(
        **{"due_at": now, "sending": "", "error": "", "read_at": now, **values}
    )
    Tracker.objects.filter(pk=ticket.tracker_id).update(wait_until=None, next_read_at=now)


STEPS: tuple[dict[str, Any], ...] = (
    {"state": TicketState.QUEUED.value, "remote_id": ""},
    {"state": TicketState.UNKNOWN.value, "remote_id": "", "sending": "create"},
    {"state": TicketState.OPEN.value, "remote_id": "1", "is_body_due": True},
    {"state": TicketState.OPEN.value, "remote_id": "1", "is_comment_due": True},
    {"state": TicketState.OPEN.value, "remote_id": "1", "wanted_open": False},
    {"state": TicketState.CLOSED.value, "remote_id": "1", "wanted_open": True},
)


def seen_while_it_leaks(client: Client, tracker: Tracker, ticket: Ticket) -> Iterator[str]:
    """All that is shown while everything is tried."""
    test = client.post(reverse("tracker_test", args=(tracker.pk,)), follow=True)
    yield test.content.decode()
    for step in STEPS:
        in_state(ticket, **step)
        tasks.work_on_tickets(tracker.pk)
        yield client.get(reverse("ticket", args=(ticket.pk,))).content.decode()
    yield client.get(reverse("tracker", args=(tracker.pk,))).content.decode()


def pages(client: Client, cluster: Cluster) -> Iterator[str]:
    """Where trackers and tickets are shown beside their own pages."""
    for name in ("trackers", "tickets", "activity", "fleet"):
        yield client.get(reverse(name)).content.decode()
    yield client.get(reverse("tickets"), {"format": "csv"}).content.decode()
    yield client.get(cluster.get_absolute_url()).content.decode()


def rows() -> str:
    """All that is stored."""
    models = apps.get_models(include_auto_created=True)
    return "\n".join(repr(list(one._default_manager.values_list())) for one in models)


def as_logged(record: logging.LogRecord) -> str:
    """The record as the product writes it."""
    Redact().filter(record)
    return JsonLines().format(record)


@pytest.fixture
def payloads(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What goes to the broker."""
    kept: list[object] = []
    monkeypatch.setattr(Task, "apply_async", lambda _, *told, **more: kept.append((told, more)))
    return kept


def test_b35_b36_a_tracker_that_repeats_secrets_gets_them_nowhere(
    kind: str,
    server: Server,
    as_admin: Client,
    settings: Settings,
    payloads: list[object],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.AUTHZVIZ_LOCAL = True
    monkeypatch.setattr(ticket_steps, "pause", lambda _: None)
    caplog.set_level(logging.INFO)  # of each word of Markdown there is a line at DEBUG
    for name in ("authzviz", "dashboard", "django.request"):
        caplog.set_level(logging.DEBUG, name)
    cluster, add = read_cluster(), reverse("tracker_add", args=(kind,))
    seen = {}
    for name in server.leaks:
        server.leak(name)
        seen[f"{name}: add"] = as_admin.post(add, form_of(kind, server)).content.decode()
        Tracker.objects.filter(kind=kind).delete()
        as_admin.post(add, form_of(kind, server, even_if_refused="on"), follow=True)
        tracker = Tracker.objects.get(kind=kind)
        as_admin.post(
            reverse("ticket_open", args=(cluster.slug,)), {"tracker": str(tracker.pk)}, follow=True
        )
        ticket = Ticket.objects.get(tracker=tracker)
        seen[f"{name}: used"] = "\n".join(seen_while_it_leaks(as_admin, tracker, ticket))
        seen[f"{name}: stored"] = rows()
        tasks._send_tickets(tracker.pk)
        assert ticket.tracker.credentials is not None
    seen["pages"] = "\n".join(pages(as_admin, cluster))
    seen["the broker"] = repr(payloads)
    seen["the log"] = "\n".join(map(as_logged, caplog.records))

    assert [(where, one) for where, text in seen.items() for one in SECRETS if one in text] == []
    assert seen["the log"]
    assert payloads
    assert "there" in seen["pages"]
