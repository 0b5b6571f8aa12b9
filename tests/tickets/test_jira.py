"""What only Jira does: workflows, required fields, late searches, accounts, moved issues."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from authzviz.tickets.errors import (
    OutcomeUnknown,
    TicketGone,
    TicketRejected,
    TrackerLimited,
    TrackerUnavailable,
)
from authzviz.tickets.port import Port
from authzviz.tickets.registry import KINDS
from tests.replay import TOKEN
from tests.tickets.cases import CASES
from tests.tickets.fake_jira import RESOLUTION, FakeJira, Step
from tests.tickets.fake_jira_cloud import FakeJiraCloud
from tests.tickets.stage import WRONG, Stage, dropped, refuse
from tests.tickets.test_contract import DRAFT, MARKER, NOTE, OTHER, new

both = pytest.mark.parametrize("kind", ["jira-cloud", "jira-datacenter"])
cloud = pytest.mark.parametrize("kind", ["jira-cloud"])
datacenter = pytest.mark.parametrize("kind", ["jira-datacenter"])
CAUSE = {"cause": {"required": True, "name": "Root cause", "hasDefaultValue": False}}
ALL_AT_ONCE = (
    Step("11", "Start", "In Progress", frozenset({"To Do"})),
    Step("21", "Review", "Review", frozenset({"In Progress"})),
    Step("31", "Release", "Done", frozenset({"Review"})),
)


@pytest.fixture
def stage(kind: str) -> Iterator[Stage]:
    """That Jira, standing and empty."""
    with CASES[kind]().standing() as standing:
        yield standing


def fake(stage: Stage) -> FakeJira:
    """The Jira behind the stage."""
    assert isinstance(stage.fake, FakeJira)
    return stage.fake


def told(stage: Stage, values: dict[str, str]) -> Port:
    """An adapter with these settings in place of others."""
    return stage.kind.connect(stage.setup(20.0, "", **values))


def sent(stage: Stage, act: str) -> Any:
    """The body of the last request for that act."""
    return stage.done(act)[-1].json()


@both
def test_a_workflow_that_wants_a_resolution_gets_one(stage: Stage) -> None:
    port = stage.port()
    made = port.create(DRAFT, new())
    done = Step("31", "Done", "Done", fields={"resolution": RESOLUTION})
    fake(stage).workflow = (Step("11", "To Do", "To Do"), done)

    assert not port.close(made.id, new()).is_open
    assert fake(stage).issues[made.id].resolution == "Fixed"


@both
def test_a_workflow_that_wants_what_is_not_known_is_told_and_nothing_done(stage: Stage) -> None:
    port = stage.port()
    made = port.create(DRAFT, new())
    fake(stage).workflow = (Step("31", "Resolve", "Done", fields=CAUSE),)

    with pytest.raises(TicketRejected, match=r"“Resolve” closes .* Root cause"):
        port.close(made.id, new())
    assert stage.done("close") == []


@both
def test_an_issue_goes_through_several_steps_where_they_are_told(stage: Stage) -> None:
    fake(stage).workflow = ALL_AT_ONCE
    made = stage.port().create(DRAFT, new())
    with pytest.raises(TicketRejected, match="no transition that closes"):
        stage.port().close(made.id, new())

    closed = stage.port(closing="Start, Review, Release").close(made.id, new())

    assert (closed.state, closed.is_open) == ("Done", False)


@both
def test_steps_that_end_before_done_are_told(stage: Stage) -> None:
    fake(stage).workflow = ALL_AT_ONCE
    made = stage.port().create(DRAFT, new())

    with pytest.raises(TicketRejected, match="is “Review” after the transitions"):
        stage.port(closing="Start, Review").close(made.id, new())


@both
def test_a_step_in_the_middle_without_an_answer_is_gone_on_with(stage: Stage) -> None:
    fake(stage).workflow = ALL_AT_ONCE
    port = stage.port(closing="Start, Review, Release")
    made = port.create(DRAFT, new())
    stage.on("reopen", dropped)  # what leads to a status that is not done
    with pytest.raises(OutcomeUnknown):
        port.close(made.id, new())

    assert not port.close(made.id, new()).is_open


@both
def test_due_date_and_labels_go_along(stage: Stage) -> None:
    stage.port().create(replace(DRAFT, labels=("team a", "ops", "authzviz")), new())

    fields = sent(stage, "create")["fields"]
    assert fields["labels"] == [MARKER, "authzviz", "team-a", "ops"]
    assert fields["duedate"] == "2031-04-01"


@both
def test_other_fields_are_given_as_they_were_told(stage: Stage) -> None:
    fake(stage).required = {"customfield_10010": "Cost centre"}
    port = stage.port(fields='{"customfield_10010": {"value": "Platform"}, "summary": "mine"}')

    made = port.create(DRAFT, new())

    assert sent(stage, "create")["fields"]["customfield_10010"] == {"value": "Platform"}
    assert made.title == DRAFT.title


@both
def test_a_required_field_of_the_project_is_the_trackers_matter(stage: Stage) -> None:
    fake(stage).required = {"customfield_10010": "Cost centre"}

    with pytest.raises(TicketRejected) as caught:
        stage.port().create(DRAFT, new())

    assert caught.value.is_of_tracker
    assert caught.value.message == "Jira: Cost centre is required. (customfield_10010)"
    assert stage.count() == 0


@both
def test_a_due_date_that_is_refused_is_the_tickets_matter(stage: Stage) -> None:
    fake(stage).screen -= {"duedate"}

    with pytest.raises(TicketRejected, match=r"not on the appropriate screen.* \(due date\)") as no:
        stage.port().create(DRAFT, new())

    assert not no.value.is_of_tracker


@both
def test_a_creation_that_can_not_be_read_back_is_not_lost(stage: Stage) -> None:
    stage.on("/issue/OPS-1", refuse(429))

    made = stage.port().create(DRAFT, new())

    read = stage.port().read(["OPS-1"])["OPS-1"]
    assert (made.id, made.url, made.title, made.body) == (read.id, read.url, read.title, read.body)


@both
def test_an_update_that_can_not_be_read_back_is_unknown(stage: Stage) -> None:
    port = stage.port()
    made = port.create(DRAFT, new())
    stage.on("/issue/OPS-1", refuse(503))

    with pytest.raises(OutcomeUnknown):
        port.update(made.id, title="t", body="b", delivery=new())


@both
def test_a_search_that_is_late_finds_nothing_and_reading_does(stage: Stage) -> None:
    fake(stage).search_is_late = True
    port = stage.port()

    made = port.create(DRAFT, new())

    assert port.find(MARKER) == ()
    assert set(port.read([made.id])) == {made.id}
    assert stage.kind.traits.found_after >= 60


@both
def test_an_issue_that_moved_to_another_project_is_followed(stage: Stage) -> None:
    port = stage.port()
    made = port.create(DRAFT, new())
    issue = fake(stage).issues.pop(made.id)
    fake(stage).moved[made.id] = "PLAT-9"
    issue.project, issue.number = "PLAT", 9
    fake(stage).issues["PLAT-9"] = issue

    read = port.read([made.id])[made.id]
    closed = port.close(made.id, new())

    assert (read.id, closed.id) == (made.id, made.id)
    assert read.url.endswith("/browse/PLAT-9")
    assert not closed.is_open


@both
def test_more_than_a_page_is_found(stage: Stage) -> None:
    port = stage.port()
    made = [port.create(DRAFT, new()).id for _ in range(5)]

    assert [one.id for one in port.find(MARKER)] == made[::-1]


@both
def test_our_comment_is_found_among_hundreds(stage: Stage) -> None:
    port = stage.port()
    made = port.create(DRAFT, new())
    ours = port.comment(made.id, NOTE, new())
    for number in range(230):
        stage.fake.say(made.id, f"{number}: {MARKER}?")

    assert port.find_comment(made.id, MARKER) == ours


@cloud
@pytest.mark.parametrize("act", ["update", "close", "find-comment"])
def test_a_token_that_is_good_no_more_ends_no_ticket(stage: Stage, act: str) -> None:
    made = stage.port().create(DRAFT, new())
    port = stage.port(secret=WRONG)
    acts: dict[str, Callable[[], object]] = {
        "update": lambda: port.update(made.id, title="t", body="b", delivery=new()),
        "close": lambda: port.close(made.id, new()),
        "find-comment": lambda: port.find_comment(made.id, MARKER),
    }

    with pytest.raises(TicketRejected) as caught:
        acts[act]()

    assert caught.value.is_of_tracker


@both
def test_the_credentials_in_base64_are_secret_too(stage: Stage) -> None:
    port = stage.port()
    port.check()
    header = stage.asked[0].headers["authorization"].split()[1]
    stage.on("create", refuse(400, {"errorMessages": [f"Bad header {header}, {TOKEN}"]}))

    with pytest.raises(TicketRejected) as caught:
        port.create(DRAFT, new())

    assert caught.value.message == "Jira: Bad header ***, ***"


def persons(stage: Stage, *people: dict[str, str]) -> None:
    """The people whom the site knows."""
    assert isinstance(stage.fake, FakeJiraCloud)
    stage.fake.people = list(people)


MIA = {"accountId": "1", "displayName": "Mia Krystof", "emailAddress": "mia@example.org"}
MIAMI = {"accountId": "2", "displayName": "Mia Krystof-Miami"}


@cloud
@pytest.mark.parametrize("name", ["mia@example.org", "mia krystof", "5b10a2844c20165700ede21f"])
def test_an_assignee_is_found_by_address_name_or_account(stage: Stage, name: str) -> None:
    persons(stage, MIAMI, MIA)

    stage.port().create(replace(DRAFT, assignee=name), new())

    expected = name if name.startswith("5b") else "1"
    assert sent(stage, "create")["fields"]["assignee"] == {"accountId": expected}


@cloud
@pytest.mark.parametrize(("name", "words"), [("mia", "2 people"), ("bob", "nobody")])
def test_an_assignee_who_is_not_clear_is_told(stage: Stage, name: str, words: str) -> None:
    persons(stage, MIAMI, MIA)

    with pytest.raises(TicketRejected, match=words) as caught:
        stage.port().create(replace(DRAFT, assignee=name), new())

    assert not caught.value.is_of_tracker
    assert stage.count() == 0


@datacenter
def test_an_assignee_is_given_by_name(stage: Stage) -> None:
    made = stage.port().create(replace(DRAFT, assignee="mia"), new())
    assert made.assignee == "Mia Krystof"

    with pytest.raises(TicketRejected, match="does not exist") as caught:
        stage.port().create(replace(DRAFT, assignee="bob"), new())

    assert not caught.value.is_of_tracker


@datacenter
def test_escaped_text_stays_within_what_jira_takes(stage: Stage) -> None:
    body = "{*_[]}" * 5_000 + f"\n\n`{MARKER}`"

    made = stage.port().create(replace(DRAFT, body=body), new())

    assert MARKER in made.body


@cloud
def test_links_lead_to_the_site_where_requests_go_to_the_gateway(stage: Stage) -> None:
    port = stage.port()
    made = port.create(DRAFT, new())
    port._site = "https://api.atlassian.com/ex/jira/1-2-3"  # type: ignore[attr-defined]

    assert port.read([made.id])[made.id].url == "https://ops.example.net/browse/OPS-1"


@both
def test_a_limit_says_which_one_it_is(stage: Stage) -> None:
    limited = refuse(429, None, retry_after="9", ratelimit_reason="jira-quota-tenant-based")
    stage.on("create", limited)

    with pytest.raises(TrackerLimited, match="jira-quota-tenant-based") as caught:
        stage.port().create(DRAFT, new())

    assert caught.value.wait_seconds == 9


@both
def test_a_conflict_is_for_later(stage: Stage) -> None:
    port = stage.port()
    made = port.create(DRAFT, new())
    stage.on("close", refuse(409, {"errorMessages": ["is being changed"], "errors": {}}))

    with pytest.raises(TrackerUnavailable, match="is being changed"):
        port.close(made.id, new())


@both
def test_a_captcha_is_told(stage: Stage) -> None:
    stage.on("create", refuse(403, None, x_authentication_denied_reason="CAPTCHA_CHALLENGE; x"))

    with pytest.raises(TicketRejected, match="sign in with it once") as caught:
        stage.port().create(DRAFT, new())

    assert caught.value.is_of_tracker


WRONG_SETTINGS = {
    "project": ({"project": "OPS; DROP"}, "project key"),
    "no project": ({"project": ""}, "project key"),
    "fields that are no JSON": ({"fields": "a=b"}, "JSON object"),
    "fields that are a list": ({"fields": "[]"}, "JSON object"),
    "URL": ({"url": "http://jira.example.com"}, "https"),
}


@both
@pytest.mark.parametrize(("values", "words"), WRONG_SETTINGS.values(), ids=WRONG_SETTINGS)
def test_settings_that_can_not_be_are_told(
    stage: Stage, values: dict[str, str], words: str
) -> None:
    with pytest.raises(TicketRejected, match=words) as caught:
        told(stage, values)

    assert caught.value.is_of_tracker


@both
def test_a_check_tells_account_project_and_what_closes(stage: Stage) -> None:
    first = stage.port().check()
    stage.port().create(replace(DRAFT, marker=OTHER), new())

    assert first == "authzviz opens Task in Operations (OPS), to be closed as “Won't Do” or “Done”"
    assert stage.port().check() == "authzviz opens Task in Operations (OPS), closed by “Done”"


@both
def test_a_check_tells_what_could_not_be_closed(stage: Stage) -> None:
    stage.port().create(DRAFT, new())
    fake(stage).workflow = (Step("31", "Resolve", "Done", fields=CAUSE),)

    assert stage.port().check() == (
        "authzviz opens Task in Operations (OPS), but OPS-1 could not be closed now. "
        "Jira: “Resolve” closes the issue and requires what is not known: Root cause"
    )


def _no_done(jira: FakeJira) -> None:
    jira.workflow = jira.workflow[:2]


def _no_rights(jira: FakeJira) -> None:
    jira.permissions -= {"TRANSITION_ISSUES", "ADD_COMMENTS"}


def _no_labels(jira: FakeJira) -> None:
    jira.screen -= {"labels"}


def _cost_centre(jira: FakeJira) -> None:
    jira.required = {"customfield_10010": "Cost centre"}


PROBLEMS = {
    "rights": (_no_rights, {}, "authzviz may not transition issues, add comments in OPS"),
    "project": (None, {"project": "NONE"}, "No project could be found with key 'NONE'"),
    "issue type": (None, {"issue_type": "Epic"}, "no issue type Epic, only: Task, Bug"),
    "labels": (_no_labels, {}, "has no field for: labels"),
    "required": (_cost_centre, {}, r"requires Cost centre \(customfield_10010\): give them under"),
    "workflow": (_no_done, {}, "no status of the category Done"),
}


@both
@pytest.mark.parametrize(("spoil", "values", "words"), PROBLEMS.values(), ids=PROBLEMS)
def test_a_check_tells_what_stands_in_the_way(
    stage: Stage, spoil: Any, values: dict[str, str], words: str
) -> None:
    if spoil:
        spoil(fake(stage))

    with pytest.raises(TicketRejected, match=words) as caught:
        told(stage, values).check()

    assert caught.value.is_of_tracker
    assert {asked.method for asked in stage.asked} == {"GET"}


@both
def test_an_issue_type_may_be_told_by_its_number(stage: Stage) -> None:
    assert "opens Task" in stage.port(issue_type="10001").check()


@both
def test_a_comment_that_people_removed_is_gone(stage: Stage) -> None:
    port = stage.port()
    made = port.create(DRAFT, new())
    comment = port.comment(made.id, NOTE, new())
    fake(stage).issues[made.id].comments.clear()

    with pytest.raises(TicketGone):
        port.edit_comment(made.id, comment.id, NOTE, new())


def test_both_kinds_say_where_a_token_is_made_and_what_it_has_to_be_allowed() -> None:
    for kind in ("jira-cloud", "jira-datacenter"):
        fields = {one.name: one for one in KINDS[kind].fields}
        assert "oken" in fields["token"].help
        assert "Transition" in fields["token"].help
