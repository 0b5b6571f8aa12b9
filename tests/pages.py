"""The pages that have to be as quick with a thousand clusters as with ten: a line for each.

Their queries and sizes are tested in tests/dashboard/test_pages_speed.py; `make bench` prints how
long each takes.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.fleet import slug

_ONE = f"/clusters/{slug(3)}"
_TWENTY = "&".join(f"c={slug(number)}" for number in range(20))
PAGES = {
    "fleet": "/",
    "fleet, by name, last page": "/?sort=-name&page=99",
    "fleet, one verdict, searched": "/?verdict=refused&search=prod",
    "cluster": f"{_ONE}/",
    "cluster history": f"{_ONE}/history/",
    "cluster history, last page": f"{_ONE}/history/?page=4",
    "compare 20": f"/clusters/compare/?{_TWENTY}",
    "compare 20 with a baseline": f"/clusters/compare/?{_TWENTY}&baseline={slug(1)}",
    "fleet history": "/history/",
    "fleet history, one verdict": "/history/?verdict=refused",
    "fleet history, searched": "/history/?search=0003",
    "fleet history, page 5": "/history/?page=5",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a page took and gave."""

    status: int
    size: int
    queries: tuple[str, ...]


def ask(client: Client, page: str) -> Answer:
    """Ask for the page of that name in PAGES, through all of Django."""
    with CaptureQueriesContext(connection) as captured:
        response = client.get(PAGES[page])
    return Answer(
        response.status_code,
        len(response.content),
        tuple(query["sql"] for query in captured.captured_queries),
    )
