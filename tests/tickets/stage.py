"""Trackers to stand before the adapters: over TLS on loopback, with faults to switch on.

A fake tracker is a state machine in memory that answers as the tracker's documentation says. It
knows which request is which act, so that a fault can be put on the n-th of them, whatever an
adapter asks around it:

    stage.on("create", refuse(503))          # the next creation is refused
    stage.on("comment", FINE, dropped)       # the one after the next is done, and no answer comes
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from authzviz.net import AddressPolicy
from authzviz.net.secret import Secret
from authzviz.tickets.port import Port
from authzviz.tickets.setup import Kind, Setup
from tests.replay import TOKEN, Asked, Raw, Replay, Reply, serve_any
from tests.tickets.shelf import MemoryShelf

ACTS = ("create", "update", "comment", "edit-comment", "close", "reopen")
"""What is done to a ticket. Other acts of a fake: "read", "find" and what else it needs."""

LOOPBACK = AddressPolicy(loopback=True)
WRONG = f"wrong-{TOKEN}"
"""A secret that no fake accepts, and that must not be seen either."""

# What becomes of an act: it is done by calling what is given.
Fault = Callable[[Callable[[], Reply]], Reply | Raw | None]


def fine(do: Callable[[], Reply]) -> Reply:
    """Done and answered."""
    return do()


def refuse(status: int, body: object = None, **headers: str) -> Fault:
    """Nothing done and this answered; `retry_after="5"` becomes a header."""
    sent = {"Content-Type": "application/json"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    text = json.dumps({"message": "no"} if body is None else body).encode()
    return lambda do: (status, sent, text)


def dropped(do: Callable[[], Reply]) -> Raw:
    """Done, and the connection is ended without an answer."""
    do()
    return _end


def dropped_before(do: Callable[[], Reply]) -> Raw:
    """Nothing done, and the connection is ended without an answer."""
    return _end


def hanging(do: Callable[[], Reply]) -> None:
    """Done, and never answered."""
    do()


def _end(connection: object) -> None:
    """End the connection: whoever handles it closes it."""


class Fake(Protocol):
    """A tracker in memory."""

    search_is_late: bool
    """Switched on: what is created from now on is not found by searching."""

    def act(self, asked: Asked) -> str:
        """Which act it is: one of ACTS, or another word."""
        ...

    def reply(self, asked: Asked) -> Reply:
        """The answer, after doing what is asked."""
        ...

    def count(self) -> int:
        """How many tickets there are."""
        ...

    def comments(self, id_: str) -> list[str]:
        """The texts of a ticket's comments, the oldest first."""
        ...

    def say(self, id_: str, text: str) -> None:
        """A comment of somebody else."""
        ...

    def remove(self, id_: str) -> None:
        """Remove a ticket, as its administrator may."""
        ...

    def edit(self, id_: str, *, title: str, body: str) -> None:
        """Change a ticket, as people do."""
        ...


class Stage:
    """One tracker, standing; what it was asked is in `asked`."""

    def __init__(
        self, kind: Kind, fake: Fake, values: Mapping[str, str], secrets: Mapping[str, str]
    ) -> None:
        self.kind = kind
        self.fake = fake
        self.asked: list[Asked] = []
        self._values = values
        self._secrets = secrets
        self._faults: dict[str, list[Fault]] = {}
        self._turn = threading.Lock()
        self._wrong: list[Exception] = []
        self._server: Replay | None = None

    def port(self, *, deadline_seconds: float = 20.0, secret: str = "", **values: str) -> Port:
        """An adapter that reaches it, with `secret` in place of the right ones where given."""
        return self.kind.connect(self.setup(deadline_seconds, secret, **values))

    def setup(self, deadline_seconds: float = 20.0, secret: str = "", **values: str) -> Setup:
        """What an adapter is made from."""
        assert self._server is not None
        told = {name: text.format(url=self._server.url) for name, text in self._values.items()}
        secrets = {name: Secret(secret or text) for name, text in self._secrets.items()}
        return Setup(
            {"ca": self._server.ca, **told, **values},
            secrets,
            LOOPBACK,
            MemoryShelf(),
            deadline_seconds,
        )

    def on(self, act: str, *faults: Fault) -> None:
        """What becomes of the next acts of that name, one after the other; then all is fine."""
        self._faults[act] = list(faults)

    def done(self, act: str) -> list[Asked]:
        """The requests for that act, whatever became of them."""
        return [asked for asked in self.asked if self.fake.act(asked) == act]

    def count(self) -> int:
        """How many tickets there are."""
        return self.fake.count()

    def answer(self, asked: Asked) -> Reply | Raw | None:
        """What the server answers."""
        with self._turn:
            self.asked.append(asked)
            waiting = self._faults.get(self.fake.act(asked))
            fault = waiting.pop(0) if waiting else fine
            try:
                return fault(lambda: self.fake.reply(asked))
            except Exception as error:
                self._wrong.append(error)
                raise

    @contextlib.contextmanager
    def standing(self) -> Iterator[Stage]:
        """The stage while its server runs. In the end it raises what the fake could not take."""
        with serve_any(self.answer) as self._server:
            yield self
        for error in self._wrong:
            raise error


class BuiltinStage(Stage):
    """The built-in list: no server, no secrets, no faults."""

    def __init__(self, kind: Kind) -> None:
        self.shelf = MemoryShelf()
        super().__init__(kind, ShelfFake(self.shelf), {}, {})

    def setup(self, deadline_seconds: float = 20.0, secret: str = "", **values: str) -> Setup:
        """What the list is made from."""
        return Setup(values, {}, LOOPBACK, self.shelf, deadline_seconds)

    @contextlib.contextmanager
    def standing(self) -> Iterator[Stage]:
        """The stage, at once."""
        yield self


class ShelfFake:
    """The list in memory, to be looked at and changed as people do."""

    search_is_late = False

    def __init__(self, shelf: MemoryShelf) -> None:
        self._shelf = shelf

    def act(self, asked: Asked) -> str:
        """Never asked."""
        raise AssertionError(asked)

    def reply(self, asked: Asked) -> Reply:
        """Never asked."""
        raise AssertionError(asked)

    def count(self) -> int:
        """How many tickets there are."""
        return len(self._shelf.kept)

    def comments(self, id_: str) -> list[str]:
        """The texts of a ticket's comments, the oldest first."""
        return [one.text for one in self._shelf.kept[id_].comments]

    def say(self, id_: str, text: str) -> None:
        """A comment; whose it is, is not kept."""
        self._shelf.add_comment(id_, text)

    def remove(self, id_: str) -> None:
        """Remove a ticket."""
        del self._shelf.kept[id_]

    def edit(self, id_: str, *, title: str, body: str) -> None:
        """Change a ticket."""
        self._shelf.change(id_, title=title, body=body)
