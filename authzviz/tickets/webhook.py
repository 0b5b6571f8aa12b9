"""A signed webhook: what happens to tickets, posted to an address that somebody chose.

Headers and signature are those of the Standard Webhooks specification 1.0.0
(github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md), for which
receivers have libraries. Delivery is at least once: `webhook-id` stays the same on every try.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from authzviz.net.url import parse_webhook
from authzviz.tickets.errors import TicketRejected, TrackerError, TrackerLimited
from authzviz.tickets.http import Refusal, TrackerHttp, usual_error
from authzviz.tickets.port import Comment, Draft, Field, Remote, Traits
from authzviz.tickets.setup import CA, Kind, Setup
from authzviz.tickets.texts import body_of, title_of

_TRAITS = Traits(reads_back=False, found_after=0.0)
_SECRET_PREFIX = "whsec_"  # noqa: S105
_LEAST_KEY, _LONGEST_KEY = 24, 64
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_VALUE = re.compile(r"[\x20-\x7e]{1,2000}")
_TAKEN = re.compile(
    r"(?i)(webhook-.*|host|content-.*|transfer-encoding|connection|te|upgrade|expect|user-agent)"
)
_OF_TRACKER = frozenset({401, 403, 404, 405, 410})


@dataclass(frozen=True, slots=True)
class Hook:
    """Where it goes and by which key it is signed."""

    http: TrackerHttp
    target: str = field(repr=False)
    key: bytes = field(repr=False)
    now: Callable[[], float] = time.time

    def post(self, type_: str, data: Mapping[str, object], delivery: str) -> None:
        """Send one event. Raises TrackerError."""
        body = json.dumps({"type": type_, "data": data}, separators=(",", ":")).encode()
        at = str(int(self.now()))
        headers = {
            "webhook-id": delivery,
            "webhook-timestamp": at,
            "webhook-signature": signature(self.key, delivery, at, body),
        }
        answer = self.http.ask("POST", self.target, body=body, headers=headers, keeps_body=False)
        if isinstance(answer, Refusal):
            raise _error(answer, self.http.host)


class Webhook:
    """Tells its receiver of changes; what came of them there is not known."""

    def __init__(self, hook: Hook) -> None:
        self._hook = hook

    def check(self) -> str:
        """That the receiver took an event of the type `ping`, which is about no ticket."""
        self._hook.post("ping", {}, f"ping-{int(self._hook.now() * 1000)}")
        return f"{self._hook.http.host} took a signed event of the type ping"

    def find(self, marker: str) -> tuple[Remote, ...]:
        """Nothing: a webhook can't be asked."""
        return ()

    def create(self, draft: Draft, delivery: str) -> Remote:
        """The ticket as it was sent; the same delivery gives the same id."""
        id_ = f"{draft.marker}.{delivery}"
        text = _text(draft.title, draft.body)
        data = {
            **_named(id_),
            **text,
            "page": draft.page,
            "labels": list(draft.labels),
            "assignee": draft.assignee,
            "due": draft.due.isoformat() if draft.due else None,
        }
        self._hook.post("ticket.opened", data, delivery)
        return Remote(id_, "", True, "sent", text["title"], text["body"], draft.assignee)

    def read(self, ids: Iterable[str]) -> Mapping[str, Remote]:
        """Nothing: a webhook can't be asked."""
        return {}

    def update(self, id_: str, *, title: str, body: str, delivery: str) -> Remote:
        """The ticket as it was sent."""
        text = _text(title, body)
        self._hook.post("ticket.updated", {**_named(id_), **text}, delivery)
        return Remote(id_, "", True, "sent", text["title"], text["body"])

    def find_comment(self, id_: str, marker: str) -> Comment | None:
        """None: a webhook can't be asked."""
        return None

    def comment(self, id_: str, text: str, delivery: str) -> Comment:
        """The comment as it was sent; the same delivery gives the same id."""
        return self._commented(id_, Comment(delivery, _cut(text)), delivery, is_edit=False)

    def edit_comment(self, id_: str, comment_id: str, text: str, delivery: str) -> Comment:
        """The comment as it was sent."""
        return self._commented(id_, Comment(comment_id, _cut(text)), delivery, is_edit=True)

    def close(self, id_: str, delivery: str) -> Remote:
        """The ticket, of which nothing but this is known."""
        self._hook.post("ticket.closed", _named(id_), delivery)
        return Remote(id_, "", False, "closing sent", "")

    def reopen(self, id_: str, delivery: str) -> Remote:
        """The ticket, of which nothing but this is known."""
        self._hook.post("ticket.reopened", _named(id_), delivery)
        return Remote(id_, "", True, "reopening sent", "")

    def _commented(self, id_: str, comment: Comment, delivery: str, *, is_edit: bool) -> Comment:
        said = {"id": comment.id, "text": comment.text, "is_edit": is_edit}
        self._hook.post("ticket.commented", {**_named(id_), "comment": said}, delivery)
        return comment


def signature(key: bytes, delivery: str, at: str, body: bytes) -> str:
    """The value of `webhook-signature`."""
    signed = f"{delivery}.{at}.".encode() + body
    return "v1," + b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def _named(id_: str) -> dict[str, object]:
    return {"ticket": id_, "marker": id_.partition(".")[0]}


def _text(title: str, body: str) -> dict[str, str]:
    return {"title": title_of(title, _TRAITS.title_letters), "body": _cut(body)}


def _cut(text: str) -> str:
    return body_of(text, _TRAITS.body_letters)


def _error(refusal: Refusal, host: str) -> TrackerError:
    """What a receiver's refusal means. A 410 asks that nothing be sent any more."""
    if refusal.status == 410:
        return TicketRejected(
            f"{host} says that this webhook is gone (410): pause the tracker or change its URL",
            is_of_tracker=True,
        )
    if refusal.status == 429:
        return TrackerLimited(f"{host} takes no more for now", wait_seconds=refusal.wait_seconds)
    if refusal.status in _OF_TRACKER:
        said = f"{host} does not take this webhook ({refusal.status})"
        return TicketRejected(said, is_of_tracker=True)
    return usual_error(refusal, host, is_change=True)


def _connect(setup: Setup) -> Webhook:
    try:
        server, target = parse_webhook(setup.secret("url"))
    except ValueError as problem:
        raise TicketRejected(f"URL: {problem}", is_of_tracker=True) from None
    http = setup.http(str(server), _own_header(setup))
    return Webhook(Hook(http, target, _key(setup.secret("secret"))))


def _key(text: str) -> bytes:
    try:
        key = b64decode(text.removeprefix(_SECRET_PREFIX), validate=True)
    except ValueError:
        key = b""
    if not _LEAST_KEY <= len(key) <= _LONGEST_KEY:
        raise TicketRejected(
            f"Signing secret: must be {_LEAST_KEY} to {_LONGEST_KEY} bytes in base64, with or "
            f"without {_SECRET_PREFIX} before them",
            is_of_tracker=True,
        )
    return key


def _own_header(setup: Setup) -> dict[str, str]:
    name, value = setup.value("header"), setup.secret("header_value")
    if not name and not value:
        return {}
    if not _NAME.fullmatch(name) or _TAKEN.fullmatch(name):
        raise TicketRejected("Header: is no name of a header of yours", is_of_tracker=True)
    if not _VALUE.fullmatch(value):
        raise TicketRejected("Header's value: must be printable ASCII", is_of_tracker=True)
    return {name: value}


KIND = Kind(
    "webhook",
    "Webhook",
    fields=(
        Field(
            "url",
            "URL",
            "https only. Stored sealed as a whole, as its path or query may hold a secret.",
            kind="secret",
        ),
        Field(
            "secret",
            "Signing secret",
            "24 to 64 bytes in base64, as `openssl rand -base64 32` makes them; the receiver "
            "verifies each event with it.",
            kind="secret",
        ),
        Field("header", "Header", "Of your own, as Authorization.", is_required=False),
        Field("header_value", "Header's value", kind="secret", is_required=False),
        CA,
    ),
    connect=_connect,
    traits=_TRAITS,
    is_outward=True,
)
