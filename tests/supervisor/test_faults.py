"""kill -9 of the worker, the broker or the scheduler during polling: polls go on, and what is
stored is whole. All on one running site with replayed clusters that answer slowly."""

import json
import os
import signal
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from authzviz.supervisor.site import DRAIN_SECONDS
from tests import replay
from tests.supervisor.conftest import environment_of_a_run, eventually
from tests.supervisor.sites import RunningSite, kill, none_runs, running

RECORDINGS = ("v1.19.16-seed-outage", "v1.28.15-seed-fix1-legacy", "v1.28.15-seed-fix2-node")
VERSION = "/version"


def slow_version(recording: str) -> dict[str, replay.Answerer]:
    """A recording's version, told late: a poll takes a second, so that it can be hit."""
    version = json.loads(replay.responses(recording)[VERSION]["json"])

    def answer(*_: object) -> replay.Reply:
        time.sleep(1)
        return replay.json_reply(version)

    return {VERSION: answer}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSite]:
    """A site that reads three slow clusters every few seconds."""
    folder = tmp_path_factory.mktemp("faults")
    kubeconfig = folder / "kubeconfig"
    environment = {
        **environment_of_a_run(folder),
        "KUBECONFIG": str(kubeconfig),
        "AUTHZVIZ_POLL_DEADLINE": "15",
    }
    with ExitStack() as stack:
        servers = [
            stack.enter_context(replay.replay(name, replace=slow_version(name)))
            for name in RECORDINGS
        ]
        kubeconfig.write_text(replay.merged_kubeconfig(*servers))
        run = stack.enter_context(running(environment, folder / "terminal"))
        run.sign_in_link()
        run.run("tests.supervisor.fleet", "add", str(kubeconfig))
        yield run


def polls(site: RunningSite) -> list[int]:
    """Return, for each cluster, the generation of the facts that are stored; 0 for none yet.

    No poll may end in an error: what was killed was ours, and clusters answer.
    """
    assert site.query("SELECT name, last_error FROM dashboard_cluster WHERE last_error <> ''") == []
    rows = site.query(
        "SELECT coalesce(s.generation, 0) FROM dashboard_cluster c"
        " LEFT JOIN dashboard_currentstate s ON s.cluster_id = c.id ORDER BY c.id"
    )
    return [int(str(row[0])) for row in rows]


def is_polling(site: RunningSite) -> bool:
    """Tell whether a cluster is being read right now."""
    return bool(site.query("SELECT 1 FROM dashboard_cluster WHERE lease_until IS NOT NULL"))


def wait_for_a_poll(site: RunningSite) -> None:
    """Return once every cluster has been read and stored anew."""
    before = polls(site)
    eventually(
        lambda: all(now > then for now, then in zip(polls(site), before, strict=True)),
        "another poll of each cluster",
    )


@pytest.mark.parametrize("program", ["worker", "broker", "scheduler"])
def test_f1_f3_polls_go_on_after_kill_9_during_polling(site: RunningSite, program: str) -> None:
    wait_for_a_poll(site)
    eventually(lambda: is_polling(site), "a poll")
    killed = site.pid(program)

    kill(killed)

    wait_for_a_poll(site)
    wait_for_a_poll(site)
    assert site.pid(program) != killed
    begin = f"{program} ended (SIGKILL) and is started again"
    assert any(line.startswith(begin) for line in site.lines())
    assert site.run("tests.supervisor.fleet", "check") == ""
    assert site.query("PRAGMA integrity_check") == [("ok",)]


def test_f17_a_worker_that_is_asked_to_end_finishes_its_polls_first(site: RunningSite) -> None:
    wait_for_a_poll(site)
    eventually(lambda: is_polling(site), "a poll")
    ended = site.pid("worker")

    os.kill(ended, signal.SIGTERM)

    none_runs([ended])
    wait_for_a_poll(site)
    # A poll that was cut off keeps its lease, and its successor is the second attempt.
    assert site.query("SELECT max(attempts) <= 1 FROM dashboard_cluster") == [(1,)]
    assert int(site.environment["AUTHZVIZ_POLL_DEADLINE"]) <= DRAIN_SECONDS


def test_b35_no_secret_is_in_any_file_of_a_running_site(site: RunningSite) -> None:
    wait_for_a_poll(site)
    link = site.sign_in_link()

    files = {path: path.read_bytes() for path in site.data.rglob("*") if path.is_file()}

    secrets = (
        replay.TOKEN.encode(),
        b64encode(replay.TOKEN.encode()),
        link.split("/")[-2].encode(),
    )
    assert {"authzviz.sqlite3", "worker.log", "credentials.key"} <= {path.name for path in files}
    assert any(path.is_relative_to(site.data / "broker") for path in files)
    assert [path for path, held in files.items() if any(map(held.__contains__, secrets))] == []


def test_what_a_site_keeps_is_for_its_owner_alone(site: RunningSite) -> None:
    kept = [site.data, *(path for path in site.data.rglob("*") if not path.is_symlink())]

    assert [path for path in kept if path.stat().st_mode & 0o077] == []
