"""A ticket follows a live cluster: opened on the page, there in a real tracker, closed when the
cluster is at its target, reopened when the binding comes back.
"""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from authzviz.reports.reader_role import Reader
from tests.lab.cluster import cluster_role_binding, group
from tests.lab.reader import credentials_of, objects_of
from tests.supervisor.conftest import environment_of_a_run, eventually
from tests.supervisor.sites import running
from tests.supervisor.visitor import Visitor
from tests.trackers.desk import Desk, open_desk, open_desk_in_redmine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from authzviz.kube.credentials import Credentials
    from tests.lab.cluster import Cluster
    from tests.lab.plugin import ClusterFactory
    from tests.supervisor.sites import RunningSite

pytestmark = [
    pytest.mark.lab,
    pytest.mark.timeout(600),
    pytest.mark.usefixtures("lab_ground"),
]

NAME, BINDING = "live", "system:node"
LEGACY = cluster_role_binding(BINDING, "system:node", [group("system:nodes")])
_READER = Reader(minor=37)
_MOMENT_SECONDS = 0.5
_STATE = (
    "SELECT s.generation FROM dashboard_currentstate s JOIN dashboard_cluster c"
    " ON c.id = s.cluster_id WHERE c.slug = ?"
)


@pytest.fixture
def live(cluster: ClusterFactory) -> Cluster:
    """A cluster whose kubelets live by the legacy binding."""
    objects = [LEGACY, *objects_of(_READER)]
    return cluster(authorization_mode="RBAC", admission_plugins="NodeRestriction", objects=objects)


@pytest.fixture(
    params=[
        pytest.param("gitea", marks=pytest.mark.gitea),
        pytest.param("redmine", marks=pytest.mark.soak),
    ]
)
def opened(request: pytest.FixtureRequest) -> Callable[[RunningSite, Visitor], Desk]:
    """What opens the desk in a repository of Gitea, and, in `make soak`, a project of Redmine."""
    if request.param == "redmine":
        project = request.getfixturevalue("redmine").project("live")
        return lambda site, visitor: open_desk_in_redmine(site, visitor, project)
    repository = request.getfixturevalue("repository")
    return lambda site, visitor: open_desk(site, visitor, repository)


@pytest.fixture
def desk(
    live: Cluster, tmp_path: Path, opened: Callable[[RunningSite, Visitor], Desk]
) -> Iterator[Desk]:
    """The product that reads it every few seconds, and an admin with a real tracker."""
    with running(environment_of_a_run(tmp_path), tmp_path / "terminal") as site:
        visitor = Visitor(site.sign_in_link())
        config = tmp_path / "kubeconfig.json"
        config.write_text(kubeconfig(credentials_of(live, _READER)))
        site.run("tests.supervisor.fleet", "add", str(config))
        desk = opened(site, visitor)
        wait_for_verdict(desk, "legacy-binding")
        yield desk


def test_a_ticket_is_opened_closed_at_the_target_and_reopened_when_the_binding_is_back(
    desk: Desk, live: Cluster
) -> None:
    assert desk.click(NAME).status == 302
    issue = eventually(lambda: only_issue(desk), "an issue")
    (ticket,) = eventually(lambda: desk.tickets("id", "state = 'open'"), "the ticket, open")[0]
    assert_it_tells_of_the_cluster(desk, issue)

    live.restart(authorization_mode="Node,RBAC")
    live.remove_subjects(BINDING)
    wait_for_verdict(desk, "node-authorizer")
    read_until(desk, lambda: state_of(desk) == "closed", "the issue, closed")
    assert desk.tickets("closed_by, reached_reads >= 2", "state = 'closed'") == [("product", 1)]

    live.stop()
    wait_for_failed_polls(desk)
    assert state_of(desk) == "closed"
    live.restart()

    live.set_subject(BINDING, group("system:nodes"))
    wait_for_verdict(desk, "over-granted")
    eventually(lambda: state_of(desk) == "open", "the issue, open again")

    live.stop()
    wait_for_failed_polls(desk)
    assert state_of(desk) == "open"
    live.restart()

    desk.repository.close_by_hand(issue["number"])
    desk.act(ticket, "read")
    eventually(lambda: desk.tickets("1", "state = 'closed'"), "that it was closed by hand")
    wait_for_polls(desk)
    assert state_of(desk) == "closed"
    assert desk.tickets("closed_by") == [("people",)]
    assert [each["number"] for each in desk.repository.issues()] == [issue["number"]]
    assert len(desk.repository.comments(issue["number"])) == 1, "progress is edited, not repeated"


def assert_it_tells_of_the_cluster(desk: Desk, issue: dict[str, Any]) -> None:
    """Marker, title, body and the links in both directions."""
    ((uuid,),) = desk.site.query("SELECT uuid FROM dashboard_cluster WHERE slug = ?", NAME)
    marker = f"authzviz-{str(uuid)[:12]}"
    assert NAME in issue["title"]
    assert {label["name"] for label in issue["labels"]} - {"authzviz"} == {marker}
    assert f"`{marker}`" in issue["body"]
    assert BINDING in issue["body"]
    assert f"{desk.visitor.url}/clusters/{NAME}/" in issue["body"]
    assert desk.tickets("url") == [(issue["html_url"],)]
    assert issue["html_url"] in desk.visitor.get(f"/clusters/{NAME}/").text


def only_issue(desk: Desk) -> dict[str, Any]:
    """The issue, nothing where there is none yet."""
    issues = desk.repository.issues()
    assert len(issues) <= 1
    return issues[0] if issues else {}


def state_of(desk: Desk) -> str:
    """The issue's state in Gitea."""
    return str(only_issue(desk)["state"])


def wait_for_verdict(desk: Desk, verdict: str) -> None:
    """Return once the cluster is judged to be so."""
    judged = f"{_STATE} AND s.verdict = ?"
    read_until(desk, lambda: desk.site.query(judged, NAME, verdict), f"the verdict {verdict}")


def wait_for_polls(desk: Desk) -> None:
    """Return once the cluster has been read a few times more."""
    ((now,),) = desk.site.query(_STATE, NAME)
    later = f"{_STATE} AND s.generation >= ?"
    read_until(desk, lambda: desk.site.query(later, NAME, int(str(now)) + 3), "three more polls")


def wait_for_failed_polls(desk: Desk) -> None:
    """Return once the cluster could not be read twice in a row."""
    failing = "SELECT 1 FROM dashboard_cluster WHERE slug = ? AND failures >= 2"
    read_until(desk, lambda: desk.site.query(failing, NAME), "two polls that failed")


def read_until(desk: Desk, look: Callable[[], object], what: str) -> None:
    """Press "Read now" until it is so: after a failure the next read is not soon."""

    def found() -> object:
        desk.visitor.post(f"/clusters/{NAME}/poll/")
        time.sleep(_MOMENT_SECONDS)
        return look()

    eventually(found, what)


def kubeconfig(credentials: Credentials) -> str:
    """A kubeconfig as tests.supervisor.fleet takes it."""
    assert credentials.token
    assert credentials.ca_data
    ca = base64.b64encode(credentials.ca_data.reveal().encode()).decode()
    cluster = {"server": credentials.server, "certificate-authority-data": ca}
    user = {"token": credentials.token.reveal()}
    return json.dumps({"clusters": [{"name": NAME, "cluster": cluster}], "users": [{"user": user}]})
