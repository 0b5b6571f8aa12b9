"""Trackers in every state and tickets in each of theirs, for the clusters of `tests.fleet`.

Nothing is sent: another worker seems to go through each tracker's queue.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from authzviz.reports.ticket import DEFAULT_TEMPLATE, filled
from dashboard.models import Cluster, ListedTicket, Ticket, TicketEvent, TicketState, Tracker
from dashboard.services import clock, ticket_words, trackers
from dashboard.services.tickets import marker_of

BATCH = UUID(int=8)
_HOST = "https://git.example"
_LONG = "A field is missing: " + "customfield_10042 (Cost centre) is required; " * 12
_NO_BLANKS = "x" * 180
_SITES: dict[str, dict[str, str]] = {
    "github": {"url": "https://api.github.com", "repository": "platform/clusters"},
    "gitlab": {"url": "https://gitlab.example", "project": "platform/clusters"},
    "jira-cloud": {"url": "https://team.atlassian.net", "email": "bot@example.org"},
    "gitea": {"url": _HOST, "repository": "platform/" + "clusters-" * 12},
    "redmine": {"url": "https://redmine.example", "project": "clusters"},
    "mail": {"host": "mail.example", "from": "a@example.org", "to": "ops@example.org"},
    "webhook": {},
}


def fill() -> None:
    """A tracker of each kind, and a ticket in each state, for the first clusters without one."""
    kept = _trackers()
    there = iter(Cluster.objects.filter(tickets=None).order_by("slug")[:20])
    for state, fields in _TICKETS:
        _ticket(next(there), kept["gitea"], state, fields)
    _ticket(next(there), kept["webhook"], TicketState.OPEN, {})
    _ticket(next(there), kept["jira-cloud"], TicketState.QUEUED, {})
    _ticket(next(there), kept["github"], TicketState.QUEUED, {})
    two = next(there)
    _ticket(two, kept["gitlab"], TicketState.OPEN, {"remote_assignee": "ann"})
    _ticket(two, kept["redmine"], TicketState.REJECTED, {"error": _NO_BLANKS})
    _listed(next(there))


def _trackers() -> dict[str, Tracker]:
    now = clock.now()
    trackers.builtin()
    states: dict[str, dict[str, Any]] = {
        "github": {"is_paused": True},
        "gitlab": {"name": "GitLab of a team " + "with a long name " * 5},
        "jira-cloud": {
            "wait_until": now + timedelta(hours=2),
            "failures": 3,
            "last_error": _LONG,
            "last_error_at": now,
        },
        "redmine": {"failures": 1, "last_error": _NO_BLANKS, "last_error_at": now},
        "mail": {"last_success_at": None},
    }
    usual = {"created_at": now, "last_success_at": now, "lease_until": now + timedelta(days=1)}
    return {
        kind: Tracker.objects.create(
            **{"name": kind, "kind": kind, "values": values, **usual, **states.get(kind, {})}
        )
        for kind, values in _SITES.items()
    }


def _ticket(cluster: Cluster, tracker: Tracker, state: TicketState, fields: dict[str, Any]) -> None:
    now = clock.now()
    facts = ticket_words.facts_of(cluster.pk, "https://authzviz.example/clusters/a/")
    title, body = filled(DEFAULT_TEMPLATE, facts)
    there: dict[str, Any] = {}
    if state in {TicketState.OPEN, TicketState.CLOSED, TicketState.GONE}:
        key = f"{cluster.pk + 100}"
        there = {
            "remote_id": key,
            "url": f"{_HOST}/platform/clusters/issues/{key}",
            "remote_state": state.value,
            "remote_title": title,
            "written_title": title,
            "written_body": body,
            "comment_text": "## Progress\n\nThe plan runs: step 2 of 9.",
            "read_at": now,
        }
    row = Ticket.objects.create(
        cluster=cluster,
        tracker=tracker,
        state=state.value,
        **{
            "cluster_name": cluster.name,
            "marker": marker_of(cluster),
            "opened_at": now,
            "opened_by_name": "maria",
            "batch": BATCH,
            **there,
            **fields,
        },
    )
    for what in ("opened", "commented", "seen") if there else ():
        TicketEvent.objects.create(ticket=row, at=now, what=what, words="by hand")


def _listed(cluster: Cluster) -> None:
    now = clock.now()
    listed = ListedTicket.objects.create(
        marker=marker_of(cluster),
        title="Move to the Node authorizer",
        body="## Why\n\nIt is **time**.\n\n- [x] one\n- [ ] two\n\n```\nkubectl get nodes\n```",
        labels=["k8s", "authzviz"],
        assignee="ann",
        due_on=(now + timedelta(days=9)).date(),
        comments=[["1", "## Progress\n\nHalf done."], ["2", "**ben:** mine now"]],
        created_at=now,
        changed_at=now,
    )
    fields = {"remote_id": str(listed.pk), "url": "", "remote_title": listed.title}
    _ticket(cluster, trackers.builtin(), TicketState.OPEN, fields)


_TICKETS: list[tuple[TicketState, dict[str, Any]]] = [
    (TicketState.QUEUED, {}),
    (TicketState.QUEUED, {"sending": "create", "sending_since": clock.now(), "attempts": 1}),
    (
        TicketState.UNKNOWN,
        {"sending": "create", "sending_since": clock.now(), "error": "no answer within 10 s"},
    ),
    (TicketState.OPEN, {"remote_state": "In Progress", "due_on": clock.now().date()}),
    (TicketState.OPEN, {"error": "it did not take the comment", "error_at": clock.now()}),
    (TicketState.OPEN, {"read_at": clock.now() - timedelta(hours=3), "labels": ["a", "b"]}),
    (TicketState.CLOSED, {"closed_by": "product"}),
    (TicketState.CLOSED, {"closed_by": "people", "wanted_open": True, "due_at": clock.now()}),
    (TicketState.REJECTED, {"error": _LONG, "error_at": clock.now()}),
    (TicketState.GONE, {}),
    (TicketState.OPEN, {"is_current": False}),
]
