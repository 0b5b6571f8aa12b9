"""The fleet as a file for spreadsheets: a line for each cluster that an address finds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.contrib.auth.models import AnonymousUser

from authzviz.engine.assessment import Severity, Verdict
from dashboard.models import CurrentState, User
from dashboard.services import clusters, fleet, spreadsheet
from dashboard.services.fleet_query import Wanted
from dashboard.services.pages import FleetRow
from dashboard.words import DISTRIBUTIONS, SEVERITIES, VERDICTS

_AT_ONCE = 500
_HEAD = (
    *("Cluster", "Group", "Labels", "Verdict", "Since", "Possible verdicts", "Why", "Kubernetes"),
    *("Distribution", "Nodes", "Nodes ready"),
    *(f"Findings: {SEVERITIES[severity].label.lower()}" for severity in Severity),
    *(
        "Findings: accepted",
        "Not read",
        "Read at",
        "Old",
        "Last read failed with",
        "Server",
        "Tickets",
    ),
)


def as_csv(user: User | AnonymousUser, want: Wanted) -> bytes:
    """All clusters that are wanted, on whatever page, in their order."""
    return spreadsheet.as_csv(_lines(user, want))


def _lines(user: User | AnonymousUser, want: Wanted) -> Iterator[tuple[str, ...]]:
    yield _HEAD
    found = fleet.found_by(user, want)
    for start in range(0, len(found), _AT_ONCE):
        for row in fleet.rows(user, found[start : start + _AT_ONCE]):
            yield _line(row)


def _line(row: FleetRow) -> tuple[str, ...]:
    cluster = row.cluster
    return (
        cluster.name,
        cluster.group,
        clusters.labels_text(cluster.labels),
        *(_judged(row, row.current) if row.current else _UNREAD),
        _time(row.read_at),
        "yes" if row.is_stale else "",
        row.error,
        cluster.server,
        "; ".join(f"{one.place.name} {one.key} {one.state}" for one in row.tickets),
    )


def _judged(row: FleetRow, current: CurrentState) -> tuple[str, ...]:
    return (
        VERDICTS[Verdict(current.verdict)].label,
        _time(row.since),
        ", ".join(current.possible),
        current.summary,
        current.version,
        DISTRIBUTIONS.get(current.distribution, current.distribution),
        _number(current.nodes_total),
        _number(current.nodes_ready),
        *map(str, fleet.severities(row.open_severities)),
        str(len(row.accepted)),
        str(current.missing_count),
    )


def _number(number: int | None) -> str:
    """Empty where it was not read: nothing is not the same as none."""
    return "" if number is None else str(number)


def _time(when: datetime | None) -> str:
    return when.isoformat(timespec="seconds") if when else ""


# Between the labels and when it was read.
_UNREAD = ("Not read yet", *[""] * (len(_HEAD) - 9))
