"""`make run`, from the first line in the terminal to the last process gone."""

import http.client
import signal
from pathlib import Path
from urllib.parse import urlsplit

from tests.supervisor.sites import children, none_runs, running


def get(url: str) -> tuple[int, str]:
    """Return the status of a GET, and where it leads if it is a redirect."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    try:
        connection.request("GET", parts.path)
        answer = connection.getresponse()
        return answer.status, answer.headers.get("Location", "")
    finally:
        connection.close()


def test_a_run_from_link_to_end(own_environment: dict[str, str], tmp_path: Path) -> None:
    with running(own_environment, tmp_path / "terminal") as site:
        link = site.sign_in_link()
        address = link[: link.index("/", len("http://"))]
        assert get(f"{address}/livez") == (200, "")
        assert get(link)[0] in (200, 302)
        assert "/login" not in get(link)[1]
        for program in ("broker", "worker", "scheduler", "web"):
            assert site.pid(program) in children(site.process.pid)
        pids = site.pids()

        assert site.end(signal.SIGTERM) == 0
        none_runs(pids)
        assert site.lines()[-1] == "Ended."


def test_a_killed_run_leaves_nothing_behind_and_the_next_one_goes_on(
    own_environment: dict[str, str], tmp_path: Path
) -> None:
    with running(own_environment, tmp_path / "terminal") as site:
        port = urlsplit(site.sign_in_link()).port
        pids = [*map(site.pid, ("broker", "worker", "scheduler", "web")), *site.pids()]
        clusters = site.query("SELECT uuid FROM dashboard_cluster ORDER BY id")
        # No kubeconfig: the sample fleet is there before the link is.
        assert clusters
        site.end(signal.SIGKILL)
        none_runs(pids)

    with running({**own_environment, "PORT": str(port)}, tmp_path / "again") as site:
        site.sign_in_link()
        assert site.query("SELECT uuid FROM dashboard_cluster ORDER BY id") == clusters
