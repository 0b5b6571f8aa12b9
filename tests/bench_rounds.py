"""Times of whole requests on one database, taken in rounds: each page once in each, so that what
else the machine does falls on all alike.
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import connection
from django.test.utils import CaptureQueriesContext

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test.client import _MonkeyPatchedWSGIResponse as Response


@dataclass(frozen=True, slots=True)
class PageFigure:
    """What a page takes on one database in milliseconds: the median, the 95th percentile, and the
    median of the server's CPU time; with how many queries and bytes. `aim` is for the 95th
    percentile, 0 for none.
    """

    page: str
    database: str
    p50: float
    p95: float
    cpu: float
    queries: int
    size: int
    aim: int

    def __str__(self) -> str:
        return (
            f"{self.page:<34}{self.database:<11}{self.p50:>5.0f} p50{self.p95:>6.0f} p95"
            f"{self.cpu:>5.0f} CPU ms{self.queries:>4} queries{self.size / 1000:>6.0f} kB"
            + (f"   p95 <= {self.aim}" if self.aim else "")
        )


class Rounds:
    """Takes the time of requests, by page; the first `warm_up` of each do not count."""

    def __init__(self, database: str, *, warm_up: int) -> None:
        self._database, self._warm_up = database, warm_up
        self._aims: dict[str, int] = {}
        self._wall: dict[str, list[float]] = defaultdict(list)
        self._cpu: dict[str, list[float]] = defaultdict(list)
        self._taken: dict[str, tuple[int, int]] = {}

    def take(
        self, page: str, send: Callable[[], Response], *, aim: int = 0, status: int = 200
    ) -> Response:
        """The answer, which has to have that status, after its time was taken."""
        is_first = page not in self._taken
        with CaptureQueriesContext(connection) if is_first else nullcontext() as captured:
            began, began_cpu = time.perf_counter(), time.thread_time()
            response = send()
            self._cpu[page].append((time.thread_time() - began_cpu) * 1_000)
            self._wall[page].append((time.perf_counter() - began) * 1_000)
        if response.status_code != status:
            raise SystemExit(f"{page}: {response.status_code}")
        if captured is not None:
            self._aims[page] = aim
            self._taken[page] = len(captured), len(response.content)
        return response

    def figures(self) -> list[PageFigure]:
        """What was taken, in the order of the pages."""
        return [self._figure(page) for page in self._taken]

    def _figure(self, page: str) -> PageFigure:
        wall, cpu = self._wall[page][self._warm_up :], self._cpu[page][self._warm_up :]
        return PageFigure(
            page,
            self._database,
            statistics.median(wall),
            statistics.quantiles(wall, n=20)[-1],
            statistics.median(cpu),
            *self._taken[page],
            self._aims[page],
        )
