"""How each kind of tracker is set up before the contract: one line for each."""

from __future__ import annotations

from collections.abc import Callable

from authzviz.tickets.registry import KINDS
from tests.replay import TOKEN
from tests.tickets.fake_forge import REPOSITORY
from tests.tickets.fake_gitea import FakeGitea
from tests.tickets.fake_github import FakeGitHub
from tests.tickets.fake_gitlab import FakeGitLab
from tests.tickets.fake_jira_cloud import EMAIL, FakeJiraCloud
from tests.tickets.fake_jira_datacenter import FakeJiraDatacenter
from tests.tickets.fake_redmine import PROJECT, FakeRedmine
from tests.tickets.receiver import ReceiverStage
from tests.tickets.stage import BuiltinStage, Stage

_FORGE = {"repository": REPOSITORY}

CASES: dict[str, Callable[[], Stage]] = {
    "github": lambda: Stage(
        KINDS["github"], FakeGitHub(), {"url": "{url}/api/v3", **_FORGE}, {"token": TOKEN}
    ),
    "gitea": lambda: Stage(
        KINDS["gitea"], FakeGitea(), {"url": "{url}", **_FORGE}, {"token": TOKEN}
    ),
    "builtin": lambda: BuiltinStage(KINDS["builtin"]),
    "gitlab": lambda: Stage(
        KINDS["gitlab"],
        FakeGitLab(),
        {"url": "{url}", "project": "platform/clusters"},
        {"token": TOKEN},
    ),
    "jira-cloud": lambda: Stage(
        KINDS["jira-cloud"],
        FakeJiraCloud(),
        {"url": "{url}", "email": EMAIL, "project": "OPS", "issue_type": "Task"},
        {"token": TOKEN},
    ),
    "jira-datacenter": lambda: Stage(
        KINDS["jira-datacenter"],
        FakeJiraDatacenter(),
        {"url": "{url}", "project": "OPS", "issue_type": "Task"},
        {"token": TOKEN},
    ),
    "redmine": lambda: Stage(
        KINDS["redmine"],
        FakeRedmine(),
        {"url": "{url}", "project": PROJECT, "formatting": "markdown"},
        {"key": TOKEN},
    ),
    "webhook": ReceiverStage,
}
"""By the kind's id, what makes its stage anew."""

NO_HTTP = frozenset({"mail"})
"""Those whose faults are of another protocol: they have tests of their own."""

READING = sorted(id_ for id_ in CASES if KINDS[id_].traits.reads_back)
"""Those that can be asked what they have."""

REMOTE = sorted(id_ for id_ in CASES if id_ != "builtin")
"""Those that are on another server, over HTTP."""
