"""What a cluster's verdict rests on: its apiservers, every read, our credentials, and requests."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from authzviz.engine.model import Outcome
from dashboard.services.pages import LastRead
from dashboard.shown.apiservers import ApiServerRow, apiserver_rows
from dashboard.shown.credentials import CredentialsCard, credentials_card
from dashboard.shown.links import object_url
from dashboard.shown.signing_requests import RequestRow, request_rows
from dashboard.visible import made_visible, visible
from dashboard.words import DISTRIBUTIONS, OUTCOMES, READS, Word, humane_age

NOTICED_SKEW = timedelta(seconds=5)
MOST_APISERVERS = 20
MOST_READS = 60
MOST_GAPS = 20


@dataclass(frozen=True, slots=True)
class ReadRow:
    """One read as evidence: what came of it, and the permission that would allow it."""

    name: str
    title: str
    good_for: str
    outcome: Word
    source: str
    why: str
    permission: str
    needs_permission: bool
    gaps: tuple[str, ...]
    gaps_left_out: int


@dataclass(frozen=True, slots=True)
class EvidencePage:
    """What cluster_evidence.html shows; `signing_requests` is None where they were not read, and
    `requests_at` when they were, where that was before all else.
    """

    apiservers: tuple[ApiServerRow, ...]
    apiserver_count: int
    apiservers_left_out: int
    reads: tuple[ReadRow, ...]
    reads_left_out: int
    unread_count: int
    version: str
    distribution: str
    distribution_evidence: str
    clock_skew: str
    credentials: CredentialsCard | None
    signing_requests: tuple[RequestRow, ...] | None
    requests_at: datetime | None
    requests_why: str


def evidence_page(facts: LastRead) -> EvidencePage:
    """What is known, and by what; every name in it made visible."""
    assessment, snapshot = facts.assessment, facts.snapshot
    states = made_visible(assessment.apiservers)
    servers = apiserver_rows(states, made_visible(snapshot.apiservers))
    reads = tuple(_read_row(read, number) for number, read in enumerate(facts.reads))
    whole = OUTCOMES[Outcome.OK]
    asked = snapshot.signing_requests
    requests = asked.value if asked else None
    slug = facts.row.cluster.slug
    return EvidencePage(
        apiservers=tuple(
            replace(row, url=object_url(slug, "apiservers", state.name) if row.is_read else "")
            for row, state in zip(servers[:MOST_APISERVERS], assessment.apiservers, strict=False)
        ),
        apiserver_count=sum(not row.is_alias for row in servers),
        apiservers_left_out=max(0, len(servers) - MOST_APISERVERS),
        reads=reads[:MOST_READS],
        reads_left_out=max(0, len(reads) - MOST_READS),
        unread_count=sum(read.outcome is not whole or bool(read.gaps) for read in reads),
        version=visible(assessment.version),
        distribution=_distribution(assessment.distribution),
        distribution_evidence=visible(assessment.distribution_evidence),
        clock_skew=_skew(facts.clock_skew_seconds),
        credentials=credentials_card(facts),
        signing_requests=None if requests is None else request_rows(requests),
        requests_at=_if_earlier(facts.requests_at, snapshot.read_at),
        requests_why=visible(asked.why) if asked else "",
    )


def _if_earlier(when: datetime | None, read_at: datetime) -> datetime | None:
    return when if when is not None and when < read_at else None


def _read_row(read: dict[str, Any], number: int) -> ReadRow:
    """One read; what each apiserver was asked is told apart by `number`."""
    name, server = str(read["name"]), visible(str(read.get("server", "")))
    outcome = Outcome(read["outcome"])
    title, good_for = READS.get(name, (name, ""))
    if server:
        name, title = f"{name}-{number}", f"{title} of {server}"
    gaps = tuple(visible(str(gap)) for gap in read["gaps"][:MOST_GAPS])
    return ReadRow(
        name=name,
        title=title,
        good_for=good_for,
        outcome=OUTCOMES[outcome],
        source=visible(str(read["source"])),
        why=visible(str(read["why"])),
        permission=visible(str(read["permission"])),
        needs_permission=outcome is Outcome.FORBIDDEN and bool(read["permission"]),
        gaps=gaps,
        gaps_left_out=len(read["gaps"]) - len(gaps),
    )


def _distribution(name: str) -> str:
    """The distribution as its makers write it, "" where nothing tells it."""
    return "" if name == "unknown" else DISTRIBUTIONS.get(name, visible(name))


def _skew(seconds: float | None) -> str:
    if seconds is None or abs(seconds) < NOTICED_SKEW.total_seconds():
        return ""
    return f"{humane_age(abs(seconds))} {'ahead' if seconds > 0 else 'behind'}"
