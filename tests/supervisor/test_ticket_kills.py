"""kill -9 of worker, broker and tracker at random while tickets are opened: one issue for each
click, none lost, none doubled.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests import fleet
from tests.supervisor.conftest import environment_of_a_run
from tests.supervisor.sites import kill, running
from tests.supervisor.visitor import Visitor
from tests.trackers.desk import Desk, open_desk
from tests.trackers.passing import slow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.trackers.gitea import Repository

_CLICKERS = 4
_DOWN_SECONDS = 0.5
# As long as a worker that was killed holds its tracker, and an issue may be late to be found.
_STEP_SECONDS = 3.0
_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Size:
    """How many tickets are asked for, how many clicks lie between two kills, for how long at most
    work goes on before each, and how long the rest is waited for. `is_hurried` where what only
    waits need not be waited for.
    """

    tickets: int
    between: int
    pause_seconds: float
    patience_seconds: float
    is_hurried: bool


SIZES = [
    pytest.param(Size(40, 6, 0.3, 240, True), id="40 tickets", marks=pytest.mark.timeout(600)),
    pytest.param(
        Size(1_000, 40, 15, 3_600, False),
        id="1,000 tickets",
        marks=[pytest.mark.soak, pytest.mark.timeout(7_200)],
    ),
]


@pytest.mark.lab
@pytest.mark.parametrize("size", SIZES)
def test_f12_one_issue_for_each_click_whatever_is_killed(
    desk: Desk, size: Size, chance: random.Random
) -> None:
    desk.site.run("tests.supervisor.fleet", "fill", str(size.tickets))
    slugs = [fleet.slug(number) for number in range(size.tickets)]
    uuids = desk.site.query("SELECT uuid FROM dashboard_cluster WHERE slug LIKE 'cluster-%'")
    wanted = Counter(f"authzviz-{str(uuid)[:12]}" for (uuid,) in uuids)
    killed: Counter[str] = Counter()

    with ThreadPoolExecutor(_CLICKERS) as clickers:
        for start in range(0, size.tickets, size.between):
            batch = slugs[start : start + size.between]
            # Some are clicked twice, at the same moment.
            twice = [slug for slug in batch for _ in range(chance.choice((1, 1, 2)))]
            clicks = clickers.map(desk.click, twice)
            wait_for_work(desk, size)
            time.sleep(chance.uniform(0, size.pause_seconds))
            killed[kill_one(desk, size, chance)] += 1
            assert {click.status for click in clicks} == {302}
            time.sleep(chance.uniform(0, _DOWN_SECONDS))
            desk.gitea.restart()

    wait_until_settled(desk, size)
    assert desk.markers() == wanted, killed
    assert len(desk.repository.issues()) == size.tickets, killed
    assert desk.tickets("count(*), count(DISTINCT remote_id)") == [(size.tickets, size.tickets)]
    unknown = desk.site.query("SELECT 1 FROM dashboard_ticketevent WHERE what = 'unknown'")
    assert unknown or size.is_hurried, "no kill hit anything"


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """What chooses; the run's first lines have its seed, for --randomly-seed to choose so again."""
    seed = request.config.getoption("randomly_seed", 0)
    return random.Random(seed)  # noqa: S311  what is killed is no secret


@pytest.fixture
def desk(tmp_path: Path, repository: Repository, chance: random.Random) -> Iterator[Desk]:
    """A site of its own, and an admin at it, whose tracker is a repository in a slow Gitea."""
    environment = environment_of_a_run(tmp_path)
    with (
        slow(repository.gitea, chance) as proxy,
        running(environment, tmp_path / "terminal") as site,
    ):
        yield open_desk(site, Visitor(site.sign_in_link()), repository, through=proxy)
    repository.gitea.restart()


def wait_for_work(desk: Desk, size: Size) -> None:
    """Return while something is being sent, or when that has been waited for long enough."""
    until = time.monotonic() + _PATIENCE_SECONDS
    ((began,),) = desk.site.query("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')")
    while not desk.tickets("1", f"sending <> '' AND sending_since > '{began}'"):
        if time.monotonic() > until:
            return
        if size.is_hurried:
            hurry(desk)
        time.sleep(0.02)


def kill_one(desk: Desk, size: Size, chance: random.Random) -> str:
    """Kill the worker, the broker or the tracker; return which."""
    kills: dict[str, Callable[[], None]] = {
        "worker": lambda: kill(desk.site.pid("worker")),
        "broker": lambda: kill(desk.site.pid("broker")),
        "tracker": desk.gitea.kill,
    }
    # A broker that is killed only delays.
    chosen = chance.choice(("worker", "worker", "tracker", "tracker", "broker"))
    kills[chosen]()
    if chosen == "worker" and size.is_hurried:
        # It holds nothing any more, which the site would find out later.
        desk.site.change(
            "UPDATE dashboard_tracker SET lease_until = NULL WHERE id = ?", desk.tracker
        )
    return chosen


def hurry(desk: Desk) -> None:
    """Have the site believe that minutes have gone by since what it waits for, where that is safe.

    The tracker's name for what was sent some seconds ago is known to its search by then, and a
    worker that was killed holds nothing.
    """
    desk.site.change(
        "UPDATE dashboard_tracker SET wait_until = NULL, queued_until = NULL WHERE id = ?",
        desk.tracker,
    )
    desk.site.change(
        "UPDATE dashboard_ticket SET due_at = sending_since,"
        " sending_since = strftime('%Y-%m-%d %H:%M:%f', sending_since, '-10 minutes')"
        " WHERE tracker_id = ? AND state = 'unknown'"
        " AND sending_since < strftime('%Y-%m-%d %H:%M:%f', 'now', ?)",
        desk.tracker,
        f"-{_STEP_SECONDS} seconds",
    )


def wait_until_settled(desk: Desk, size: Size) -> None:
    """Return once every ticket is open and nothing more is to be done about it."""
    until = time.monotonic() + size.patience_seconds
    unsettled = "state <> 'open' OR sending <> '' OR due_at IS NOT NULL"
    while found := desk.tickets("id, state, sending, error", unsettled):
        assert time.monotonic() < until, found
        time.sleep(_STEP_SECONDS)
        if size.is_hurried:
            hurry(desk)
