"""What only GitLab does: quick actions, roles, scopes, its own way to say when to come back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from authzviz.tickets.errors import TicketGone, TicketRejected, TrackerLimited
from authzviz.tickets.gitlab import meaning
from authzviz.tickets.http import LEAST_WAIT, LONGEST_WAIT, Refusal
from tests.tickets.cases import CASES
from tests.tickets.fake_gitlab import FakeGitLab
from tests.tickets.stage import Stage, refuse
from tests.tickets.test_contract import DRAFT, MARKER, NOTE, new


@pytest.fixture
def stage() -> Iterator[Stage]:
    """GitLab, standing and empty."""
    with CASES["gitlab"]().standing() as standing:
        yield standing


def fake(stage: Stage) -> FakeGitLab:
    """The GitLab behind the stage."""
    assert isinstance(stage.fake, FakeGitLab)
    return stage.fake


def test_the_project_goes_into_the_path_as_one_part(stage: Stage) -> None:
    stage.port().find(MARKER)

    assert stage.asked[0].target.startswith("/api/v4/projects/platform%2Fclusters/issues?")


def test_labels_due_date_and_assignee_go_along(stage: Stage) -> None:
    made = stage.port().create(
        replace(DRAFT, labels=("team a", "a,b", "authzviz"), assignee="@lennie"), new()
    )

    sent = stage.done("create")[0].json()
    assert sent["labels"] == f"{MARKER},authzviz,team a,a b"
    assert sent["due_date"] == "2031-04-01"
    assert made.assignee == "@lennie"


def test_an_assignee_who_is_not_there_is_told(stage: Stage) -> None:
    with pytest.raises(TicketRejected, match="nobody called @bob") as caught:
        stage.port().create(replace(DRAFT, assignee="bob"), new())

    assert not caught.value.is_of_tracker
    assert stage.count() == 0


@pytest.mark.parametrize("act", ["create", "update", "comment"])
def test_no_text_closes_an_issue(stage: Stage, act: str) -> None:
    port = stage.port()
    text = f"a\n/close\n\n```\n/close\n```\n`{MARKER}`"
    made = port.create(replace(DRAFT, body=text if act == "create" else "b"), new())
    if act == "update":
        port.update(made.id, title="t", body=text, delivery=new())
    if act == "comment":
        port.comment(made.id, text, new())

    assert port.read([made.id])[made.id].is_open


def test_our_comment_is_found_among_hundreds(stage: Stage) -> None:
    port = stage.port()
    made = port.create(DRAFT, new())
    ours = port.comment(made.id, NOTE, new())
    for number in range(230):
        stage.fake.say(made.id, f"{number}: {MARKER}?")

    assert port.find_comment(made.id, MARKER) == ours


def test_what_gitlab_notes_itself_is_no_comment(stage: Stage) -> None:
    port = stage.port()
    made = port.create(DRAFT, new())
    port.close(made.id, new())
    fake(stage).issues[made.id].notes[-1]["body"] = f"mentioned in {MARKER}"

    assert port.find_comment(made.id, MARKER) is None


def test_a_comment_that_people_removed_is_gone(stage: Stage) -> None:
    port = stage.port()
    made = port.create(DRAFT, new())
    comment = port.comment(made.id, NOTE, new())
    fake(stage).issues[made.id].notes.clear()

    with pytest.raises(TicketGone):
        port.edit_comment(made.id, comment.id, NOTE, new())


def test_a_project_that_is_hidden_ends_no_ticket(stage: Stage) -> None:
    made = stage.port().create(DRAFT, new())

    with pytest.raises(TicketRejected, match="no such project") as caught:
        stage.port(project="other/one").close(made.id, new())

    assert caught.value.is_of_tracker


def test_the_time_of_the_next_request_is_obeyed_where_no_seconds_are_told(stage: Stage) -> None:
    stage.on("create", refuse(429, None, ratelimit_reset=str(int(time.time()) + 10**6)))

    with pytest.raises(TrackerLimited) as caught:
        stage.port().create(DRAFT, new())

    assert caught.value.wait_seconds == LONGEST_WAIT


RESETS = {
    "gone by": ("1", LEAST_WAIT),
    "nothing": ("", None),
    "a word": ("soon", None),
    "negative": ("-5", None),
    "beyond all time": ("9" * 40, None),
    "other digits": ("\u0661\u0662", None),
}


@pytest.mark.parametrize(("reset", "expected"), RESETS.values(), ids=RESETS)
def test_odd_times_of_the_next_request(reset: str, expected: float | None) -> None:
    refusal = Refusal(429, {"ratelimit-reset": reset}, "Retry later")

    error = meaning(refusal, "gitlab.example.com", is_change=True)

    assert isinstance(error, TrackerLimited)
    assert error.wait_seconds == expected


SAID: dict[str, tuple[int, str, str]] = {
    "by field": (
        400,
        '{"message": {"title": ["is too long", "is odd"]}}',
        "title is too long, is odd",
    ),
    "in words": (422, '{"message": "Spam detected"}', "GitLab: Spam detected"),
    "scope": (
        403,
        '{"error": "insufficient_scope", "error_description": "needs higher privileges"}',
        "needs higher privileges",
    ),
    "missing": (400, '{"error": "title is missing"}', "title is missing"),
    "a list": (400, "[1]", "plain words"),
    "no JSON": (400, "<html>", "plain words"),
}


@pytest.mark.parametrize(("status", "body", "words"), SAID.values(), ids=SAID)
def test_what_gitlab_says_is_told(status: int, body: str, words: str) -> None:
    error = meaning(Refusal(status, {}, "plain words", body), "gitlab.example.com", is_change=True)

    assert isinstance(error, TicketRejected)
    assert words in error.message
    assert error.is_of_tracker is (status == 403)


def test_a_check_tells_account_project_and_until_when(stage: Stage) -> None:
    assert stage.port().check() == (
        "@project_4_bot opens issues in Platform / Clusters; the token is good until 2031-01-01"
    )


def test_a_check_does_without_what_gitlab_does_not_tell(stage: Stage) -> None:
    fake(stage).token = None
    fake(stage).project["permissions"] = {"project_access": None, "group_access": None}

    assert stage.port().check() == "@project_4_bot opens issues in Platform / Clusters"


def _scopes(gitlab: FakeGitLab) -> None:
    gitlab.token = {"scopes": ["read_api"], "expires_at": None}


def _project(**told: Any) -> Callable[[FakeGitLab], None]:
    return lambda gitlab: gitlab.project.update(told)


PROBLEMS: dict[str, tuple[Callable[[FakeGitLab], None], str]] = {
    "scope": (_scopes, "has the scope read_api and needs api"),
    "archived": (_project(archived=True), "is archived"),
    "no issues": (_project(issues_access_level="disabled"), "has no issues: turn them on"),
    "no issues, as before": (_project(issues_enabled=False), "has no issues: turn them on"),
    "guest": (
        _project(permissions={"project_access": {"access_level": 10}, "group_access": None}),
        "needs the role Planner or Reporter",
    ),
}


@pytest.mark.parametrize(("spoil", "words"), PROBLEMS.values(), ids=PROBLEMS)
def test_a_check_tells_what_stands_in_the_way(
    stage: Stage, spoil: Callable[[FakeGitLab], None], words: str
) -> None:
    spoil(fake(stage))

    with pytest.raises(TicketRejected, match=words) as caught:
        stage.port().check()

    assert caught.value.is_of_tracker


def test_a_role_of_the_group_is_as_good(stage: Stage) -> None:
    access = {"project_access": {"access_level": 10}, "group_access": {"access_level": 30}}
    fake(stage).project["permissions"] = access

    assert stage.port().check()


def test_no_project_is_told(stage: Stage) -> None:
    with pytest.raises(TicketRejected, match="project: its path"):
        stage.port(project="/")
