"""How long the server takes for its pages with 1,000 clusters, on SQLite and on PostgreSQL:
`python -m tests.bench_pages`, and at the end of `make bench`.

Whole requests through all of Django, each page once in each round, so that what else the machine
does falls on all alike; what the server itself takes of a processor stands beside it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from tests.postgres import open_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test import Client

_CLUSTERS, _ROUNDS, _WARM_UP = 1_000, 50, 3
_AIM_MS, _FILE_AIM_MS = 100, 500


@dataclass(frozen=True, slots=True)
class PageFigure:
    """What a page takes on one database in milliseconds: the median, the 95th percentile, and the
    median of the server's CPU time; with how many queries and bytes.
    """

    page: str
    database: str
    p50: float
    p95: float
    cpu: float
    queries: int
    size: int

    def __str__(self) -> str:
        aim = _FILE_AIM_MS if "file" in self.page else _AIM_MS
        return (
            f"{self.page:<30}{self.database:<11}{self.p50:>5.0f} p50{self.p95:>6.0f} p95"
            f"{self.cpu:>5.0f} CPU ms{self.queries:>4} queries{self.size / 1000:>6.0f} kB"
            f"   p95 <= {aim}"
        )


def page_figures() -> Iterator[PageFigure]:
    """Yield the figures, those of both databases beside each other."""
    with open_postgres() as url:
        measured = [_measured("SQLite", ""), _measured("PostgreSQL", url)]
    for figures in zip(*measured, strict=True):
        yield from figures


def _measured(database: str, url: str) -> list[PageFigure]:
    """The pages' figures, from a process of its own: Django has one database at a time."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AUTHZVIZ_")}
    environment.pop("DATABASE_URL", None)
    with tempfile.TemporaryDirectory(prefix="authzviz-bench-") as data:
        environment |= {"AUTHZVIZ_DATA": data, "AUTHZVIZ_LOG_LEVEL": "WARNING"}
        environment |= {"DATABASE_URL": url} if url else {}
        run = subprocess.run(
            [sys.executable, "-m", "tests.bench_pages", database],
            stdout=subprocess.PIPE,
            check=True,
            env=environment | {"DJANGO_SETTINGS_MODULE": "authzviz.settings"},
        )
    return [PageFigure(**figure) for figure in json.loads(run.stdout)]


def _measure(database: str) -> list[PageFigure]:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)

    from django.db import connection

    import authzviz.wsgi  # noqa: F401 - as the web server starts
    from tests.fleet import fill
    from tests.pages import PAGES, ask, send

    print(f"{database}: filling the fleet with {_CLUSTERS:,} clusters ...", file=sys.stderr)
    fill(_CLUSTERS)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")  # autovacuum does it within minutes
    client = _signed_in()
    wall: dict[str, list[float]] = {page: [] for page in PAGES}
    cpu: dict[str, list[float]] = {page: [] for page in PAGES}
    answers = {page: ask(client, page) for page in PAGES}
    for _ in range(_WARM_UP + _ROUNDS):
        for page in PAGES:
            began, began_cpu = time.perf_counter(), time.process_time()
            status, _ = send(client, page)
            cpu[page].append((time.process_time() - began_cpu) * 1_000)
            wall[page].append((time.perf_counter() - began) * 1_000)
            if status != 200:
                raise SystemExit(f"{page}: {status}")
    return [
        PageFigure(
            page,
            database,
            statistics.median(wall[page][_WARM_UP:]),
            statistics.quantiles(wall[page][_WARM_UP:], n=20)[-1],
            statistics.median(cpu[page][_WARM_UP:]),
            len(answers[page].queries),
            answers[page].size,
        )
        for page in PAGES
    ]


def _signed_in() -> Client:
    from django.test import Client

    from dashboard.models import Role, User

    client = Client(SERVER_NAME="127.0.0.1")
    user = User.objects.create_user("reader", role=Role.EDITOR.value)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def main() -> None:
    """Print the figures; with the name of a database, those of the one in the environment."""
    if len(sys.argv) > 1:
        print(json.dumps([asdict(figure) for figure in _measure(sys.argv[1])]))
        return
    for figure in page_figures():
        print(figure)


if __name__ == "__main__":
    main()
