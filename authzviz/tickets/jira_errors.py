"""What Jira says when it refuses, Cloud and Data Center alike.

Sources: developer.atlassian.com/cloud/jira/platform/rest/v3/intro (status codes),
developer.atlassian.com/cloud/jira/platform/rate-limiting,
confluence.atlassian.com/adminjiraserver/adjusting-your-code-for-rate-limiting-987143384.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from authzviz.tickets.errors import (
    TicketRejected,
    TrackerError,
    TrackerLimited,
    TrackerUnavailable,
)
from authzviz.tickets.http import Refusal, usual_error

NAMES = {
    "summary": "title",
    "description": "text",
    "duedate": "due date",
    "issuetype": "issue type",
    "labels": "labels",
    "assignee": "assignee",
    "project": "project",
    "reporter": "reporter",
}
_OF_ONE_TICKET = frozenset({"summary", "description", "duedate", "assignee"})
_CONFLICT = 409


def meaning(
    refusal: Refusal, host: str, *, is_change: bool, is_of_ticket: bool = False
) -> TrackerError:
    """The error that a refusal of Jira is.

    A field that is ours to fill for each ticket is that ticket's matter; the project, the issue
    type and fields that the project adds are the tracker's.
    """
    messages, errors = _said(refusal.body)
    words = "; ".join((*messages, *(_about(name, text) for name, text in errors.items())))
    if refusal.status == 429:
        return _limited(refusal, host)
    if refusal.headers.get("x-authentication-denied-reason", "").startswith("CAPTCHA"):
        said = "Jira wants a CAPTCHA of this account: sign in with it once in a browser"
        return TicketRejected(said, is_of_tracker=True)
    if refusal.status == _CONFLICT:
        return TrackerUnavailable(f"Jira: {words or refusal.words}")
    if refusal.status == 400 and words:
        is_of_tracker = any(name not in _OF_ONE_TICKET for name in errors)
        return TicketRejected(f"Jira: {words}", is_of_tracker=is_of_tracker)
    plain = replace(refusal, words=words or refusal.words)
    return usual_error(plain, host, is_change=is_change, is_of_ticket=is_of_ticket)


def _said(body: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """The messages, and those about fields by the fields' ids."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return (), {}
    if not isinstance(said, dict):
        return (), {}
    errors = said.get("errors")
    about = errors if isinstance(errors, dict) else {}
    return tuple(_messages(said)), {str(name): str(text) for name, text in about.items()}


def _messages(said: dict[str, object]) -> Iterator[str]:
    messages = said.get("errorMessages")
    if isinstance(messages, list):
        yield from map(str, messages)
    for name in ("errorMessage", "message"):
        if isinstance(said.get(name), str):
            yield str(said[name])


def _about(name: str, text: str) -> str:
    return f"{text} ({NAMES.get(name, name)})"


def _limited(refusal: Refusal, host: str) -> TrackerLimited:
    reason = refusal.headers.get("ratelimit-reason", "")
    said = f"{host} takes no more for now" + (f" ({reason[:60]})" if reason else "")
    return TrackerLimited(said, wait_seconds=refusal.wait_seconds)
