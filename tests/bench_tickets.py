"""How long the pages of tickets take with 1,000 clusters, and the one click that opens 1,000 of
them: measured by `python -m tests.bench_pages`, in the database that it has filled.

Each round opens tickets for all clusters in a tracker of its own, which is removed afterwards, so
that a round finds what the round before found.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.db import connection
from django.test import Client
from django.utils import timezone

from authzviz.reports.ticket import DEFAULT_TEMPLATE
from dashboard.models import Tracker
from tests.bench_rounds import Rounds
from tests.fleet import slug

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench_rounds import PageFigure

_OPEN = "/tickets/open/"
_ROUNDS, _WARM_UP = 30, 2
_OPEN_AIM_MS, _AIM_MS = 300, 100


def ticket_figures(client: Client, database: str, clusters: int) -> list[PageFigure]:
    """The figures, of the client of a signed-in editor in a database with that many clusters."""
    rounds, form = Rounds(database, warm_up=_WARM_UP), _form(clusters)
    for number in range(_WARM_UP + _ROUNDS):
        with _tracker(number) as tracker:
            _round(rounds, client, tracker, form | {"tracker": str(tracker.pk)})
    return [*rounds.figures(), *_meanwhile(client, database, form)]


def _round(rounds: Rounds, client: Client, tracker: Tracker, form: dict[str, str]) -> None:
    def take(page: str, address: str) -> None:
        rounds.take(page, lambda: client.get(address), aim=_AIM_MS)

    rounds.take("open 1,000: preview", lambda: client.post(_OPEN, form), aim=_AIM_MS)
    confirmed = form | {"confirmed": "1"}
    opened = rounds.take(
        "open 1,000", lambda: client.post(_OPEN, confirmed), aim=_OPEN_AIM_MS, status=302
    )
    take("1,000 tickets, their progress", opened.headers["Location"])
    take("1,500 tickets", "/tickets/")
    take("fleet, 1,000 tickets queued", "/")
    take("cluster, a ticket queued", f"/clusters/{slug(3)}/")
    keys = tracker.tickets.values_list("pk", flat=True)
    if len(keys) != len(form["ticked"].split()):
        raise SystemExit(f"{len(keys)} tickets were opened")
    take("a queued ticket", f"/tickets/{keys[0]}/")


def _meanwhile(client: Client, database: str, form: dict[str, str]) -> list[PageFigure]:
    """What another thread of the same process takes for a page while tickets are opened."""
    rounds = Rounds(database, warm_up=_WARM_UP)
    reader = Client(SERVER_NAME="127.0.0.1")
    reader.cookies = client.cookies
    for number in range(_ROUNDS):
        with _tracker(number) as tracker:
            confirmed = form | {"confirmed": "1", "tracker": str(tracker.pk)}
            thread = threading.Thread(target=_open, args=(client, confirmed))
            thread.start()
            while thread.is_alive():
                rounds.take("plans, while 1,000 are opened", lambda: reader.get("/plans/"))
            thread.join()
    return rounds.figures()


def _open(client: Client, confirmed: dict[str, str]) -> None:
    client.post(_OPEN, confirmed)
    connection.close()


def _form(clusters: int) -> dict[str, str]:
    """What the browser sends, but for the tracker."""
    ticked = " ".join(slug(number) for number in range(clusters))
    text = {"title": DEFAULT_TEMPLATE.title, "body": DEFAULT_TEMPLATE.body}
    return {"ticked": ticked, **text, "labels": "authzviz, migration", "assignee": "maria"}


@contextmanager
def _tracker(number: int) -> Iterator[Tracker]:
    """A tracker without tickets, which is removed with its tickets afterwards."""
    tracker = Tracker.objects.create(
        name=f"Forge {number}", kind="webhook", created_at=timezone.now()
    )
    yield tracker
    tracker.delete()
