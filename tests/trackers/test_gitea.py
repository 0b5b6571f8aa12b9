"""The real Gitea that other tests use: what is made there is there, and what a token may not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.trackers.gitea import PERSON, GiteaError

if TYPE_CHECKING:
    from tests.trackers.gitea import Gitea, Repository

pytestmark = pytest.mark.lab

SCOPES = {
    "no issues": (("read:repository", "read:user"), 403),
    "reading only": (("read:issue",), 403),
    "issues and nothing else": (("write:issue",), 0),
}


def api(repository: Repository, path: str = "") -> str:
    return f"/api/v1/repos/{repository.path}{path}"


def test_an_issue_made_through_the_api_is_there_and_survives_a_kill(
    gitea: Gitea, repository: Repository
) -> None:
    label = {"name": "authzviz", "color": "#206bc4"}
    made = gitea.request("POST", api(repository, "/labels"), label, token=gitea.token)
    issue = {
        "title": "Move prod-eu to the Node authorizer",
        "body": "`authzviz-1`",
        "assignees": [PERSON],
        "labels": [made["id"]],
        "due_date": "2030-01-31T00:00:00Z",
    }
    gitea.request("POST", api(repository, "/issues"), issue, token=gitea.token)

    gitea.kill()
    gitea.restart()

    (found,) = repository.issues()
    assert (found["title"], found["body"], found["state"]) == (
        issue["title"],
        "`authzviz-1`",
        "open",
    )
    assert [who["login"] for who in found["assignees"]] == [PERSON]
    assert [each["name"] for each in found["labels"]] == ["authzviz"]
    assert found["due_date"].startswith("2030-01-31")
    assert found["html_url"] == f"{gitea.url}/{repository.path}/issues/1"


def test_a_person_closes_reopens_edits_and_comments(repository: Repository) -> None:
    number = repository.create_by_hand("By hand", "as it was")

    repository.close_by_hand(number)
    assert repository.issue(number)["state"] == "closed"
    repository.reopen_by_hand(number)
    repository.edit_by_hand(number, body="as I want it")
    repository.comment_by_hand(number, "Who knows about this?")

    issue = repository.issue(number)
    assert (issue["state"], issue["body"]) == ("open", "as I want it")
    assert [each["body"] for each in repository.comments(number)] == ["Who knows about this?"]


@pytest.mark.parametrize(("scopes", "status"), SCOPES.values(), ids=SCOPES)
def test_a_token_makes_an_issue_with_the_scope_for_it_alone(
    gitea: Gitea, repository: Repository, scopes: tuple[str, ...], status: int
) -> None:
    token, body = gitea.make_token(*scopes), {"title": "One"}
    if not status:
        assert gitea.request("POST", api(repository, "/issues"), body, token=token)["number"] == 1
        return
    with pytest.raises(GiteaError, match=f": {status} "):
        gitea.request("POST", api(repository, "/issues"), body, token=token)
    assert repository.issues() == []


def test_more_issues_than_fit_on_a_page_are_all_seen(repository: Repository) -> None:
    for number in range(51):
        repository.create_by_hand(f"Issue {number}")

    assert [each["number"] for each in repository.issues()] == list(range(1, 52))
