"""Every context of many kubeconfigs, added one by one: what one lacks holds up no other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db import transaction

from authzviz.kube.kubeconfig import Context
from dashboard.models import User
from dashboard.services import clusters, reading, uploads
from dashboard.services.uploads import UploadError

# As many as may be tested at once.
_TESTS_AT_ONCE = 3


class State(StrEnum):
    """What became of a context."""

    ADDED = "added"
    SKIPPED = "skipped"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Wishes:
    """How the clusters are to be added; `is_trial` where nothing is to be stored."""

    interval_seconds: int
    labels: dict[str, str]
    even_if_unreachable: bool = False
    is_trial: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one context of one file; `context` is empty where the file itself is none.

    `words` hold nothing secret: they say what answered, or why not.
    """

    file: str
    context: str
    state: State
    words: str


@dataclass(frozen=True, slots=True)
class _Found:
    file: str
    context: Context


def add_all(
    files: Iterable[tuple[str, str]], wishes: Wishes, *, actor: User | None
) -> Iterator[Outcome]:
    """Add every context of these (name, text) pairs; one outcome each, in their order.

    A server that the fleet has, or that came before, is skipped. All else is as on the page: the
    same fields, addresses and connection tests. `actor` is None for the command line.
    """
    servers = {server: names[0] for server, names in uploads.known_servers().items()}
    waiting: list[_Found] = []
    outcomes: list[Outcome | _Found] = []
    for file, text in files:
        try:
            contexts = uploads.parse(text)
        except UploadError as error:
            outcomes.append(Outcome(file, "", State.REFUSED, str(error)))
            continue
        for context in contexts:
            found = _Found(file, context)
            early = _early(found, servers)
            outcomes.append(early or found)
            if not early:
                waiting.append(found)
    with ThreadPoolExecutor(max_workers=_TESTS_AT_ONCE) as pool:
        tested = pool.map(_test, waiting)
        for each in outcomes:
            if isinstance(each, Outcome):
                yield each
            else:
                yield _add(each, next(tested), wishes, actor)


def _early(found: _Found, servers: dict[str, str]) -> Outcome | None:
    """Why the context is not even tried, None where it is; then `servers` has its server."""
    context = found.context
    if problem := uploads.problem_of(context):
        return Outcome(found.file, context.name, State.REFUSED, problem)
    server = context.credentials.server if context.credentials else ""
    if server in servers:
        words = f"{server} is {servers[server]} already"
        return Outcome(found.file, context.name, State.SKIPPED, words)
    try:
        reading.check_server(server)
    except reading.ReadError as error:
        return Outcome(found.file, context.name, State.REFUSED, str(error))
    servers[server] = context.name
    return None


def _test(found: _Found) -> dict[str, Any]:
    return uploads.test_credentials(found.context.name, uploads.credentials_of(found.context))


def _add(found: _Found, test: dict[str, Any], wishes: Wishes, actor: User | None) -> Outcome:
    name = found.context.name
    if not test["is_answered"] and not wishes.even_if_unreachable:
        return Outcome(found.file, name, State.REFUSED, test["message"])
    if not wishes.is_trial:
        with transaction.atomic():
            cluster = clusters.add(
                name=name,
                credentials=uploads.credentials_of(found.context),
                interval_seconds=wishes.interval_seconds,
                actor=actor,
            )
            clusters.set_labels(cluster, wishes.labels, actor=actor)
        name = cluster.name
    return Outcome(found.file, name, State.ADDED, _said(test))


def _said(test: dict[str, Any]) -> str:
    if not test["is_answered"]:
        return f"does not answer: {test['message']}"
    lacking = [read["permission"] for read in test["reads"] if read["outcome"] != "ok"]
    words = f"answers, {test['version']}"
    return f"{words}; not read, for want of: {', '.join(lacking)}" if lacking else words
