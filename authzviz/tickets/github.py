"""Issues on GitHub: github.com and GitHub Enterprise Server.

Source: docs.github.com/en/rest, "Issues", "Rate limits for the REST API" and "Best practices for
using the REST API"; API version 2022-11-28.
"""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from authzviz.tickets.api import JsonApi
from authzviz.tickets.errors import TicketRejected, TrackerError, TrackerLimited
from authzviz.tickets.forge import Forge, Manner, in_words, remote_of
from authzviz.tickets.http import LEAST_WAIT, LONGEST_WAIT, Refusal, usual_error
from authzviz.tickets.port import COMMON_LABEL, Draft, Field, Remote, Traits
from authzviz.tickets.setup import CA, Kind, Setup

_TRAITS = Traits(write_gap=1.0, most_per_read=100, body_letters=65_536)
_MANNER = Manner(100, "per_page", "creator")
_SCOPES = {"repo", "public_repo"}
_LIMITS = ("rate limit", "abuse detection")


class GitHub(Forge):
    """The issues of one repository."""

    def check(self) -> str:
        """Who and where; whether it may write is told of a classic token alone."""
        said = super().check()
        scopes = self._api.read_page("/user", bool)[1].get("x-oauth-scopes", "")
        if not scopes:
            return f"{said}; whether the token may write issues shows with the first ticket"
        if not _SCOPES & {scope.strip() for scope in scopes.split(",")}:
            raise TicketRejected("the token lacks the scope repo", is_of_tracker=True)
        return said

    def create(self, draft: Draft, delivery: str) -> Remote:
        """GitHub makes the labels that it does not know, where the account may push."""
        sent: dict[str, object] = {
            "title": self._title(draft.title),
            "body": self._body(draft.body),
            "labels": list(dict.fromkeys((draft.marker, COMMON_LABEL, *draft.labels))),
        }
        if draft.assignee:
            sent["assignees"] = [draft.assignee]
        return self._api.change("POST", self._issues, remote_of, sent)

    def close(self, id_: str, delivery: str) -> Remote:
        """Closed as completed; the reason of a closed one stays."""
        return self._edit(id_, {"state": "closed", "state_reason": "completed"})

    def reopen(self, id_: str, delivery: str) -> Remote:
        """Open again."""
        return self._edit(id_, {"state": "open", "state_reason": "reopened"})


def error_of(
    refusal: Refusal, host: str, *, is_change: bool, is_of_ticket: bool = False
) -> TrackerError:
    """What GitHub means: its limits come as 403, too, and 410 is also for issues turned off."""
    refusal = in_words(refusal)
    words = refusal.words.lower()
    if refusal.status in {403, 429}:
        is_spent = refusal.headers.get("x-ratelimit-remaining") == "0"
        is_asked_to_wait = "retry-after" in refusal.headers or refusal.status == 429
        if is_spent or is_asked_to_wait or any(limit in words for limit in _LIMITS):
            return TrackerLimited(f"{host} takes no more for now", wait_seconds=_wait_of(refusal))
    if refusal.status == 403 and is_of_ticket and "locked" in words:
        return TicketRejected(f"{host}: the conversation is locked")
    if refusal.status == 410 and not is_of_ticket:
        return TicketRejected(f"{host} answered 410: {refusal.words}", is_of_tracker=True)
    return usual_error(refusal, host, is_change=is_change, is_of_ticket=is_of_ticket)


def _wait_of(refusal: Refusal) -> float | None:
    """Retry-After, else the time at which the limit is lifted, in seconds since 1970."""
    if refusal.wait_seconds is not None:
        return refusal.wait_seconds
    lifted = refusal.headers.get("x-ratelimit-reset", "")
    if refusal.headers.get("x-ratelimit-remaining") != "0" or not lifted[:12].isdecimal():
        return None
    return min(max(float(lifted[:12]) - time.time(), LEAST_WAIT), LONGEST_WAIT)


def _api_url(url: str) -> str:
    """The API's address, also where the address for people was told."""
    host, path = urlsplit(url).netloc.lower(), urlsplit(url).path.strip("/")
    if host in {"github.com", "www.github.com"}:
        return "https://api.github.com"
    if not path and not host.startswith("api."):
        return f"{url.rstrip('/')}/api/v3"
    return url


def _connect(setup: Setup) -> GitHub:
    headers = {
        "Accept": "application/vnd.github+json",
        "Authorization": f"Bearer {setup.secret('token')}",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    http = setup.http(_api_url(setup.value("url")), headers)
    return GitHub(JsonApi(http, error_of), setup.value("repository"), _MANNER, _TRAITS)


KIND = Kind(
    "github",
    "GitHub",
    fields=(
        Field(
            "url",
            "API address",
            "For GitHub Enterprise Server: https://host/api/v3",
            kind="url",
            default="https://api.github.com",
        ),
        Field("repository", "Repository", "owner/name"),
        Field(
            "token",
            "Token",
            "Fine-grained, with Issues: read and write; or classic, with the scope repo. "
            "Its account needs the Write role, without which GitHub drops labels.",
            kind="secret",
        ),
        CA,
    ),
    connect=_connect,
    traits=_TRAITS,
)
