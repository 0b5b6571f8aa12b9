"""What only Redmine does: markers in subjects, workflows that are silent, people by their names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from authzviz.tickets.errors import OutcomeUnknown, TicketRejected
from authzviz.tickets.registry import KINDS
from tests.replay import TOKEN, Asked, Reply
from tests.tickets.fake_redmine import PROJECT, FakeRedmine, answer, recorded
from tests.tickets.stage import Stage, refuse
from tests.tickets.test_contract import DRAFT, LATER, MARKER, NOTE, new

VALUES = {"url": "{url}", "project": PROJECT, "formatting": "markdown"}
CLOSED, REJECTED = 5, 6


@pytest.fixture
def fake() -> FakeRedmine:
    return FakeRedmine()


@pytest.fixture
def stage(fake: FakeRedmine) -> Iterator[Stage]:
    with Stage(KINDS["redmine"], fake, VALUES, {"key": TOKEN}).standing() as standing:
        yield standing


def test_the_marker_stands_before_the_title_and_stays(stage: Stage, fake: FakeRedmine) -> None:
    made = stage.port().create(DRAFT, new())
    assert fake.issues[int(made.id)]["subject"] == f"[{MARKER}] {DRAFT.title}"

    changed = stage.port().update(made.id, title="Other", body="b", delivery=new())

    assert fake.issues[int(made.id)]["subject"] == f"[{MARKER}] Other"
    assert changed.title == "Other"


def test_a_marker_that_people_removed_comes_back_from_the_body(
    stage: Stage, fake: FakeRedmine
) -> None:
    made = stage.port().create(DRAFT, new())
    stage.fake.edit(made.id, title="By hand", body="x")

    stage.port().update(made.id, title="Other", body=f"`{MARKER}`", delivery=new())

    assert fake.issues[int(made.id)]["subject"] == f"[{MARKER}] Other"


def test_the_longest_title_fits_with_its_marker(stage: Stage, fake: FakeRedmine) -> None:
    made = stage.port().create(replace(DRAFT, title="t" * 1000), new())

    assert len(fake.issues[int(made.id)]["subject"]) <= 255


@pytest.mark.parametrize("name", ["Robin Example", "robin example", "7"])
def test_an_assignee_is_a_member_by_name_or_number(stage: Stage, name: str) -> None:
    made = stage.port().create(replace(DRAFT, assignee=name), new())

    sent = stage.done("create")[0].json()["issue"]
    assert sent["assigned_to_id"] == 7
    assert sent["due_date"] == "2031-04-01"
    assert made.assignee == "Robin Example"


def test_an_assignee_who_is_no_member_is_refused_with_who_is(stage: Stage) -> None:
    with pytest.raises(TicketRejected, match="Robin Example") as caught:
        stage.port().create(replace(DRAFT, assignee="nobody"), new())

    assert not caught.value.is_of_tracker
    assert stage.count() == 0


def test_tracker_and_priority_are_told_by_name(stage: Stage) -> None:
    stage.port(tracker="support", priority="High").create(DRAFT, new())

    sent = stage.done("create")[0].json()["issue"]
    assert (sent["tracker_id"], sent["priority_id"]) == (3, 3)


MISSING = {
    "tracker": ({"tracker": "Incident"}, "Incident here, but Bug"),
    "priority": ({"priority": "9"}, "Low"),
    "status": ({"closed_status": "Resolved"}, "Closed, Rejected"),
}


@pytest.mark.parametrize(("told", "words"), MISSING.values(), ids=MISSING)
def test_a_check_says_what_of_what_was_told_is_not_there(
    stage: Stage, told: dict[str, str], words: str
) -> None:
    port = KINDS["redmine"].connect(stage.setup(20.0, "", **told))

    with pytest.raises(TicketRejected, match=words) as caught:
        port.check()

    assert caught.value.is_of_tracker


def test_a_check_names_account_and_project(stage: Stage) -> None:
    assert stage.port().check() == f"authzviz reaches {PROJECT} on 127.0.0.1"


def test_a_check_says_which_rights_are_missing(stage: Stage) -> None:
    role = recorded()["role"]["body"]["role"]

    def few(asked: Asked) -> Reply:
        if asked.path.startswith("/roles/"):
            return answer("role", role={**role, "permissions": ["view_issues"]})
        return FakeRedmine.reply(stage.fake, asked)  # type: ignore[arg-type]

    stage.fake.reply = few  # type: ignore[method-assign]

    with pytest.raises(TicketRejected, match="may not add issues, edit its issues, add notes"):
        stage.port().check()


def test_the_first_closed_status_closes_and_the_first_of_the_tracker_reopens(
    stage: Stage, fake: FakeRedmine
) -> None:
    made = stage.port().create(DRAFT, new())

    assert stage.port().close(made.id, new()).state == "Closed"
    assert stage.port().reopen(made.id, new()).state == "New"


def test_another_closed_status_may_be_told(stage: Stage) -> None:
    made = stage.port().create(DRAFT, new())

    assert stage.port(closed_status="rejected").close(made.id, new()).state == "Rejected"


def test_where_the_workflow_allows_another_status_it_is_taken(
    stage: Stage, fake: FakeRedmine
) -> None:
    made = stage.port().create(DRAFT, new())
    fake.allowed = frozenset({4, REJECTED})

    assert stage.port().close(made.id, new()).state == "Rejected"
    assert stage.port().reopen(made.id, new()).state == "Feedback"


def test_a_workflow_that_forbids_it_is_told(stage: Stage, fake: FakeRedmine) -> None:
    made = stage.port().create(DRAFT, new())
    fake.allowed = frozenset({1, 2})

    with pytest.raises(TicketRejected, match="no closed status"):
        stage.port().close(made.id, new())
    with pytest.raises(TicketRejected, match="no closed status"):
        stage.port(closed_status="Closed").close(made.id, new())


def test_what_redmine_leaves_out_in_silence_is_told(stage: Stage, fake: FakeRedmine) -> None:
    made = stage.port().create(DRAFT, new())
    fake.is_old, fake.allowed = True, frozenset({1, 2})

    with pytest.raises(TicketRejected, match="left the ticket in New"):
        stage.port().close(made.id, new())


def test_an_old_redmine_closes_reopens_and_gets_another_note(
    stage: Stage, fake: FakeRedmine
) -> None:
    fake.is_old = True
    port = stage.port()
    made = port.create(DRAFT, new())
    assert made.is_open
    first = port.comment(made.id, NOTE, new())

    edited = port.edit_comment(made.id, first.id, LATER, new())

    assert edited.id != first.id
    assert fake.comments(made.id) == [NOTE, LATER]
    assert (port.close(made.id, new()).is_open, port.reopen(made.id, new()).is_open) == (
        False,
        True,
    )


def test_a_note_that_was_added_and_can_not_be_read_is_unknown(stage: Stage) -> None:
    made = stage.port().create(DRAFT, new())
    stage.on("look", lambda do: do(), refuse(500))

    with pytest.raises(OutcomeUnknown):
        stage.port().comment(made.id, NOTE, new())


def test_redmines_own_words_are_told(stage: Stage) -> None:
    said = json.dumps(recorded()["refused"]["body"])
    stage.on("create", refuse(422, json.loads(said)))

    with pytest.raises(TicketRejected, match="Subject cannot be blank"):
        stage.port().create(DRAFT, new())


def test_textile_is_what_redmine_has_unless_told(stage: Stage, fake: FakeRedmine) -> None:
    made = stage.port(formatting="").create(DRAFT, new())

    text = fake.issues[int(made.id)]["description"]
    assert "<code>edge-1</code> relies on *system:node*." in text
    assert f"<code>{MARKER}</code>" in text
    assert stage.port(formatting="textile").find(MARKER) == (made,)


def test_a_project_that_is_not_there_is_the_trackers_matter(stage: Stage) -> None:
    with pytest.raises(TicketRejected) as caught:
        stage.port(project="nowhere").check()

    assert caught.value.is_of_tracker
    with pytest.raises(TicketRejected, match="identifier"):
        stage.port(project="")
