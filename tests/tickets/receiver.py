"""A receiver of webhooks, which verifies what it gets as the specification tells receivers to."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from typing import Any

from authzviz.net.secret import Secret
from authzviz.tickets.registry import KINDS
from authzviz.tickets.setup import Setup
from tests.replay import TOKEN, Asked, Reply
from tests.tickets.stage import Stage

KEY = b64encode(TOKEN.encode()).decode()
TARGET = f"/in/{TOKEN}?key={TOKEN}"
_ACTS = {
    "ticket.opened": "create",
    "ticket.updated": "update",
    "ticket.closed": "close",
    "ticket.reopened": "reopen",
}


class Receiver:
    """Keeps each event once, whatever is sent twice."""

    search_is_late = False

    def __init__(self) -> None:
        self.events: dict[str, dict[str, Any]] = {}

    def act(self, asked: Asked) -> str:
        """Which act the event tells of."""
        event = asked.json()
        if event["type"] == "ticket.commented":
            return "edit-comment" if event["data"]["comment"]["is_edit"] else "comment"
        type_ = str(event["type"])
        return _ACTS.get(type_, type_)

    def reply(self, asked: Asked) -> Reply:
        """204, or 401 for what is signed wrongly."""
        if not is_signed(asked) or asked.target != TARGET:
            return 401, {}, b""
        self.events.setdefault(asked.headers["webhook-id"], asked.json())
        return 204, {}, b""

    def count(self) -> int:
        """How many tickets were opened."""
        return sum(event["type"] == "ticket.opened" for event in self.events.values())

    def comments(self, id_: str) -> list[str]:
        """The texts of the comments that were sent of a ticket."""
        return [
            event["data"]["comment"]["text"]
            for event in self.events.values()
            if event["type"] == "ticket.commented" and event["data"]["ticket"] == id_
        ]

    def say(self, id_: str, text: str) -> None:
        """Nobody else is heard here."""
        raise AssertionError(id_)

    def remove(self, id_: str) -> None:
        """Nothing is kept here."""
        raise AssertionError(id_)

    def edit(self, id_: str, *, title: str, body: str) -> None:
        """Nobody else is heard here."""
        raise AssertionError(id_)


class ReceiverStage(Stage):
    """A receiver whose URL is a secret as a whole."""

    def __init__(self) -> None:
        self.receiver = Receiver()
        super().__init__(KINDS["webhook"], self.receiver, {}, {"secret": f"whsec_{KEY}"})

    def setup(self, deadline_seconds: float = 20.0, secret: str = "", **values: str) -> Setup:
        """What an adapter is made from; a value named `url` is the URL as a whole."""
        made = super().setup(deadline_seconds, secret, **values)
        assert self._server is not None
        url = values.get("url", f"{self._server.url}{TARGET}")
        secrets = {**made.secrets, "url": Secret(url)}
        if "header_value" in values:
            secrets["header_value"] = Secret(values["header_value"])
        return Setup(made.values, secrets, made.policy, made.shelf, made.deadline_seconds)


def is_signed(asked: Asked, key: str = KEY) -> bool:
    """Whether the signature is the one of Standard Webhooks 1.0.0, "Signature scheme"."""
    id_, at = asked.headers["webhook-id"], asked.headers["webhook-timestamp"]
    signed = f"{id_}.{at}.".encode() + asked.body
    expected = b64encode(hmac.new(b64decode(key), signed, hashlib.sha256).digest()).decode()
    offered = asked.headers["webhook-signature"].split(" ")
    return any(hmac.compare_digest(one, f"v1,{expected}") for one in offered)
