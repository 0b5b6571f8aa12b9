"""What each apiserver is known to do, and by what: flags, its own answers, its metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from authzviz.engine.assessment import ApiServerState
from authzviz.engine.model import (
    ApiServer,
    Flag,
    Metrics,
    Observed,
    Outcome,
    OwnRules,
    Read,
    Review,
)
from dashboard.visible import visible
from dashboard.words import QUESTIONS

MOST_WORDS = 300
MOST_EVIDENCE = 900
MOST_ANSWERS = 40
MOST_NODES = 50
# The flags that decide; two sources that agree on them agree.
_DECISIVE = (
    "authorization-mode",
    "authorization-config",
    "enable-admission-plugins",
    "disable-admission-plugins",
    "admission-control",
)
# What follows where nobody in the chain allows it, and nobody says a word.
_SILENCE = {
    "delete-volume": "the Node authorizer, which would give a reason, says nothing",
    "group-only": "the group by itself is granted nothing here",
    "nonsense": "AlwaysAllow is not in the chain",
}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Source:
    """One place that tells something of an apiserver: what it is, and what it says.

    `at` is when that was, None where it was with everything else.
    """

    title: str
    says: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A question that an apiserver answered: `words` are its own, `tells` what follows."""

    question: str
    allowed: bool
    denied: bool
    words: str
    tells: str
    node: str = ""


@dataclass(frozen=True, slots=True)
class ApiServerRow:
    """One apiserver as judged, with everything that tells of it.

    `notes` are what it can't be asked or what can't be told, and why. `is_read` where the last
    read holds it; `url` is then its own page.
    """

    state: ApiServerState
    address: str
    is_alias: bool
    notes: tuple[Source, ...]
    sources: tuple[Source, ...]
    conflicts: tuple[str, ...]
    answers: tuple[Answer, ...]
    is_read: bool = False
    url: str = ""


@dataclass(frozen=True, slots=True)
class NodeAnswers:
    """What was answered about single nodes: those that differ, and how many were asked about.

    `why` says why none was.
    """

    asked: int
    differing: tuple[Answer, ...]
    why: str = ""


def apiserver_rows(
    states: tuple[ApiServerState, ...], read: Read[tuple[ApiServer, ...]]
) -> tuple[ApiServerRow, ...]:
    """A row for each apiserver that was judged, with what was read of it."""
    servers = read.value or ()
    by_name = {server.name: server for server in servers}
    rows = []
    for number, state in enumerate(states):
        same = servers[number] if number < len(servers) else None
        if same is None or same.name != state.name:
            same = by_name.get(state.name)
        rows.append(_row(state, same))
    return tuple(rows)


def node_answers(read: Read[tuple[Review, ...]] | None) -> NodeAnswers | None:
    """What was answered about single nodes; None where nobody asked."""
    if read is None:
        return None
    if read.value is None:
        is_refused = read.outcome is Outcome.FORBIDDEN and read.permission
        return NodeAnswers(0, (), f"needs {_cut(read.permission)}" if is_refused else _why(read))
    nodes = {review.node for review in read.value if review.node}
    usual = _usual(read.value)
    differing = [
        review
        for review in read.value
        if review.node and (review.allowed, _plain(review)) != usual[review.probe]
    ]
    return NodeAnswers(len(nodes), tuple(map(_answer, differing[:MOST_NODES])))


def _usual(reviews: tuple[Review, ...]) -> dict[str, tuple[bool, str]]:
    """What is answered about most nodes, by question; about nobody's node where that was asked."""
    counts: dict[str, Counter[tuple[bool, str]]] = {}
    for review in reviews:
        weight = 1 if review.node else len(reviews)
        counts.setdefault(review.probe, Counter())[(review.allowed, _plain(review))] += weight
    return {probe: count.most_common(1)[0][0] for probe, count in counts.items()}


def _plain(review: Review) -> str:
    return review.reason.replace(review.node, "<node>") if review.node else review.reason


def _row(state: ApiServerState, server: ApiServer | None) -> ApiServerRow:
    if server is None:
        sources = (_told_by(state),)
        return ApiServerRow(state, "", False, _why_not(state), sources, _conflicts(state), ())
    reviews = server.observed.reviews.value if server.observed else None
    return ApiServerRow(
        state=state,
        address="" if server.address == state.name else server.address,
        is_alias=server.is_alias,
        notes=(*_why_not(state), *_unasked(server)),
        sources=tuple(_sources(state, server)),
        conflicts=_conflicts(state),
        answers=tuple(map(_answer, (reviews or ())[:MOST_ANSWERS])),
        is_read=True,
    )


def _sources(state: ApiServerState, server: ApiServer) -> Iterator[Source]:
    yield _told_by(state)
    for other in server.other_sources:
        yield Source("Flags, elsewhere", f"{_cut(other.evidence)}: {_flags(other.flags)}")
    if server.observed is not None:
        yield from _observed(server.observed)


def _told_by(state: ApiServerState) -> Source:
    return Source("Told by", _cut(state.evidence, MOST_EVIDENCE) or "nothing that was read")


def _why_not(state: ApiServerState) -> tuple[Source, ...]:
    return (Source("Not told", _cut(state.why)),) if state.why else ()


def _unasked(server: ApiServer) -> tuple[Source, ...]:
    """Why it was not asked itself, where a try failed."""
    if server.observed is not None or server.unasked is None:
        return ()
    why = f"not asked: {_cut(server.unasked.why)}; tried"
    return (Source("Its own answers", why, server.unasked.tried_at),)


def _observed(observed: Observed) -> Iterator[Source]:
    if observed.reviews.value is None:
        yield Source("Its own answers", _why(observed.reviews))
    yield Source("Our own rights there", _rules(observed.rules))
    if observed.metrics is not None:
        metrics = observed.metrics
        at = metrics.value.read_at if metrics.value else None
        yield Source("/metrics", f"{_metrics(metrics)}{'; read' if at else ''}", at)
    if observed.restriction is not None:
        yield Source("Dry run as a node", _restriction(observed.restriction))


def _rules(read: Read[OwnRules]) -> str:
    if read.value is None:
        return _why(read)
    if read.value.error:
        return f"can't be listed completely: {_cut(read.value.error)}"
    return "listed" + (", not completely" if read.value.is_incomplete else " completely")


def _metrics(read: Read[Metrics]) -> str:
    if read.value is None:
        return _why(read)
    metrics = read.value
    deciders = ", ".join(dict.fromkeys(kind for kind, _ in metrics.authorizers))
    facts = [
        f"decided by {_cut(deciders)}" if deciders else "",
        "NodeRestriction has admitted something"
        if "NodeRestriction" in metrics.admission_plugins
        else "",
        "it keeps the Node authorizer's graph" if metrics.has_node_graph else "",
    ]
    return "; ".join(fact for fact in facts if fact) or "nothing that tells"


def _restriction(read: Read[bool]) -> str:
    if read.value is None:
        return _why(read)
    return "refused by NodeRestriction" if read.value else "not refused: NodeRestriction is off"


def _conflicts(state: ApiServerState) -> tuple[str, ...]:
    return tuple(_cut(said) for said in (*state.contradictions, *state.conflicts))


def _decisive(flags: tuple[Flag, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for flag in flags:
        if flag.name in _DECISIVE:
            found[flag.name] = (
                f"{found[flag.name]},{flag.value}" if flag.name in found else flag.value
            )
    return found


def _flag(name: str, flags: dict[str, str]) -> str:
    return f"--{name}={_cut(flags[name])}" if name in flags else f"no --{name}"


def _flags(flags: tuple[Flag, ...]) -> str:
    found = _decisive(flags)
    return ", ".join(_flag(name, found) for name in found) or "none of the flags that decide"


def _answer(review: Review) -> Answer:
    return Answer(
        question=QUESTIONS.get(review.probe, visible(review.probe)),
        allowed=review.allowed,
        denied=review.denied,
        words=_cut(review.reason),
        tells=_tells(review),
        node=review.node,
    )


def _tells(review: Review) -> str:
    """What follows from one answer taken alone; "" where nothing does."""
    if review.denied:
        return "an authorizer denies it, as only a webhook or AlwaysDeny does"
    if review.allowed:
        return _tells_allowed(review)
    if "can only " in review.reason or "no relationship found" in review.reason:
        return "the Node authorizer is in the chain"
    if "No policy matched" in review.reason:
        return "ABAC is in the chain"
    if review.reason:
        return ""
    return _SILENCE.get(review.probe, "")


def _tells_allowed(review: Review) -> str:
    if "RBAC: " in review.reason:
        return "RBAC grants it"
    if review.reason:
        return "an authorizer other than Node and RBAC grants it"
    if review.probe == "nonsense":
        return "AlwaysAllow is in the chain"
    return "granted without a word, as the Node authorizer and AlwaysAllow do"


def _why(read: Read[T]) -> str:
    outcome = "forbidden" if read.outcome is Outcome.FORBIDDEN else "no answer"
    permission = f"; {_cut(read.permission)} would tell" if read.permission else ""
    return f"{outcome}: {_cut(read.why)}{permission}" if read.why else outcome


def _cut(text: str, most: int = MOST_WORDS) -> str:
    text = visible(text)
    return text if len(text) <= most else f"{text[: most - 1]}…"
