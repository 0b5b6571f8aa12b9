"""How long the server takes for its pages with 1,000 clusters, on SQLite and on PostgreSQL:
`python -m tests.bench_pages`, and at the end of `make bench`.

Whole requests through all of Django, each page once in each round, so that what else the machine
does falls on all alike; what the server itself takes of a processor stands beside it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

from tests.bench_rounds import PageFigure
from tests.postgres import open_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test import Client

_CLUSTERS, _ROUNDS, _WARM_UP = 1_000, 50, 3
_AIM_MS, _FILE_AIM_MS = 100, 500


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
    from tests.bench_rounds import Rounds
    from tests.bench_tickets import ticket_figures
    from tests.fleet import fill
    from tests.pages import PAGES, send

    print(f"{database}: filling the fleet with {_CLUSTERS:,} clusters ...", file=sys.stderr)
    fill(_CLUSTERS)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")  # autovacuum does it within minutes
    client = _signed_in()
    rounds = Rounds(database, warm_up=_WARM_UP)
    for _ in range(_WARM_UP + _ROUNDS):
        for page in PAGES:
            aim = _FILE_AIM_MS if "file" in page else _AIM_MS
            rounds.take(page, partial(send, client, page), aim=aim)
    return [*rounds.figures(), *ticket_figures(client, database, _CLUSTERS)]


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
