"""Answers of a good status that are none: each ends in an error that says what was done (B48)."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any
from urllib.parse import urlencode

import pytest

from authzviz.net.words import clean
from authzviz.tickets.errors import OutcomeUnknown, TrackerError
from authzviz.tickets.http import Answer, Refusal, TrackerHttp
from authzviz.tickets.port import Comment, Draft, Port, Remote
from tests.replay import Asked, Replay
from tests.tickets.cases import CASES, READING
from tests.tickets.stage import Stage

MARKER = "authzviz-0123456789ab"
DRAFT = Draft(MARKER, "edge-1", f"Move it.\n\n`{MARKER}`", labels=("ops",))
JUNK: tuple[Any, ...] = (None, {"x": None}, "javascript:x", 10**40)
MOST_PLACES, MOST_ANSWERS = 8, 4
OVER_HTTP = [kind for kind in READING if kind != "builtin"]

Act = Callable[[Port, str, str], object]
ACTS: dict[str, Act] = {
    "check": lambda port, id_, comment: port.check(),
    "find": lambda port, id_, comment: port.find(MARKER),
    "create": lambda port, id_, comment: port.create(DRAFT, "d"),
    "read": lambda port, id_, comment: port.read([id_]),
    "read many": lambda port, id_, comment: port.read([id_, *map(str, range(90, 98))]),
    "update": lambda port, id_, comment: port.update(id_, title="t", body="b", delivery="d"),
    "find comment": lambda port, id_, comment: port.find_comment(id_, MARKER),
    "comment": lambda port, id_, comment: port.comment(id_, f"`{MARKER}`", "d"),
    "edit comment": lambda port, id_, comment: port.edit_comment(id_, comment, "x", "d"),
    "close": lambda port, id_, comment: port.close(id_, "d"),
    "reopen": lambda port, id_, comment: port.reopen(id_, "d"),
}


class Wire:
    """Answers adapters without a network, and spoils the answer of that number."""

    def __init__(self, stage: Stage) -> None:
        stage._server = Replay("fake", "https://127.0.0.1:1", "")
        self.fake = stage.fake
        self.answers: list[Any] = []
        self.number = -1
        self.spoil: Callable[[Any], Any] = lambda found: found

    def ask(
        self,
        http: TrackerHttp,
        method: str,
        path: str,
        *,
        query: Any = None,
        body: Any = None,
        headers: Any = None,
        keeps_body: bool = True,
    ) -> Answer | Refusal:
        """In place of TrackerHttp.ask."""
        asked_for = f"?{urlencode(query, doseq=True)}" if query else ""
        sent = b"" if body is None else json.dumps(body).encode()
        told = {**http._headers, "Content-Type": "application/json", **(headers or {})}
        lower = {name.lower(): value for name, value in told.items()}
        try:
            status, its, text = self.fake.reply(
                Asked(method, f"{http._server.path}{path}{asked_for}", lower, sent)
            )
        except (LookupError, TypeError, ValueError):  # it is asked for what it made no sense of
            status, its, text = 400, {}, b"{}"
        its = {name.lower(): value for name, value in its.items()}
        if not 200 <= status < 300:
            return Refusal(status, its, clean(text.decode()), text.decode())
        found = json.loads(text) if text.strip() else None
        if len(self.answers) == self.number:
            text = json.dumps(self.spoil(copy.deepcopy(found))).encode()
        self.answers.append(found)
        return Answer(status, its, text)


def places(found: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to every value in the JSON, itself included."""
    yield before
    if isinstance(found, dict):
        for key, one in found.items():
            yield from places(one, (*before, key))
    if isinstance(found, list) and found:
        yield from places(found[0], (*before, 0))


def spoiled(found: Any, place: tuple[Any, ...], junk: Any) -> Any:
    """The JSON with that in this place."""
    if not place:
        return junk
    at = found
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = junk
    return found


@dataclass
class Spoiled:
    """One act, with a value of one answer spoiled; `error` is what it ended in."""

    wire: Wire
    found: object
    error: TrackerError | None
    has_created: bool


def run(
    kind: str, act: Act, mend: pytest.MonkeyPatch, spoil: Callable[[Any], Any], number: int
) -> Spoiled:
    """The act, on a ticket that has a comment of ours."""
    stage = CASES[kind]()
    wire = Wire(stage)

    def ask(http: TrackerHttp, *told: Any, **more: Any) -> Answer | Refusal:
        return wire.ask(http, *told, **more)

    mend.setattr(TrackerHttp, "ask", ask)
    mend.setattr("authzviz.tickets.http.tls_context", lambda _: None)
    port = stage.port()
    made = port.create(DRAFT, "d0")
    comment = port.comment(made.id, f"`{MARKER}`", "d1")
    wire.answers.clear()
    wire.number, wire.spoil = number, spoil
    before = stage.count()
    try:
        found = act(stage.port(), made.id, comment.id)
    except TrackerError as error:
        return Spoiled(wire, None, error, stage.count() > before)
    return Spoiled(wire, found, None, stage.count() > before)


def is_whole(found: object) -> bool:
    """Whether that is what a port gives, each part of its type."""
    if isinstance(found, tuple):
        return all(map(is_whole, found))
    if isinstance(found, dict):
        return all(map(is_whole, found.values()))
    if isinstance(found, Remote):
        texts = (found.id, found.url, found.state, found.title, found.body, found.assignee)
        is_link = found.url == "" or found.url.startswith(("https://", "http://"))
        is_typed = all(type(one) is str for one in texts) and type(found.is_open) is bool
        return is_typed and is_link and bool(re.fullmatch(r"[A-Za-z0-9_-]+", found.id))
    if isinstance(found, Comment):
        return type(found.id) is type(found.text) is str
    return found is None or type(found) is str


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
@pytest.mark.parametrize("kind", OVER_HTTP)
def test_b48_an_answer_that_makes_no_sense_is_an_error_that_says_what_was_done(
    kind: str, act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = run(kind, act, monkeypatch, lambda found: found, -1)
    assert is_whole(usual.found)
    wrong = []
    for number, answer in enumerate(usual.wire.answers[:MOST_ANSWERS]):
        ways = list(places(answer))
        for place, junk in product(ways[:: len(ways) // MOST_PLACES + 1], JUNK):
            spoil = partial(spoiled, place=place, junk=junk)
            one = run(kind, act, monkeypatch, spoil, number)
            is_said = one.error is None or isinstance(one.error, OutcomeUnknown)
            if not is_whole(one.found) or (one.has_created and not is_said):
                wrong.append((number, place, junk, one.found, one.error))

    assert wrong == []
