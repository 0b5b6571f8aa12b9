"""What is GitHub's and Gitea's own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date

import pytest

from authzviz.tickets.errors import (
    OutcomeUnknown,
    TicketGone,
    TicketRejected,
    TrackerError,
    TrackerLimited,
    TrackerUnavailable,
)
from authzviz.tickets.http import LEAST_WAIT, LONGEST_WAIT
from authzviz.tickets.port import Draft, Port
from authzviz.tickets.setup import Kind
from tests.tickets.cases import CASES
from tests.tickets.fake_forge import ANN, ROBOT, FakeForge
from tests.tickets.stage import Fault, Stage, dropped, fine, refuse

MARKER = "authzviz-0123456789ab"
DRAFT = Draft(
    MARKER,
    "edge-1",
    f"body `{MARKER}`",
    labels=("ops", "authzviz"),
    assignee=ANN,
    due=date(2031, 4, 1),
)
FORGES = ("github", "gitea")
both = pytest.mark.parametrize("kind", FORGES)
github = pytest.mark.parametrize("kind", ["github"])
gitea = pytest.mark.parametrize("kind", ["gitea"])


@pytest.fixture
def stage(kind: str) -> Iterator[Stage]:
    """That forge, standing and empty."""
    with CASES[kind]().standing() as standing:
        yield standing


def forge(stage: Stage) -> FakeForge:
    """The forge in memory."""
    assert isinstance(stage.fake, FakeForge)
    return stage.fake


@both
def test_a_ticket_gets_its_labels_and_its_assignee(stage: Stage) -> None:
    made = stage.port().create(DRAFT, "d")

    kept = forge(stage).issues[made.id]
    assert kept["labels"] == [MARKER, "authzviz", "ops"]
    assert kept["assignees"] == [ANN]
    assert made.assignee == ANN
    assert made.url.endswith(f"/ops/fleet/issues/{made.id}")


@gitea
def test_a_day_is_that_day_wherever_the_server_is(stage: Stage) -> None:
    made = stage.port().create(DRAFT, "d")

    assert forge(stage).issues[made.id]["due"] == "2031-04-01T12:00:00Z"


@both
def test_without_write_access_the_ticket_is_found_by_its_text(stage: Stage) -> None:
    forge(stage).may_push = False
    port = stage.port()
    for number in range(120):
        other = f"authzviz-ffffffffff{number:02x}"
        port.create(replace(DRAFT, marker=other, body=f"`{other}`"), "d")

    made = port.create(DRAFT, "d")
    longer = replace(DRAFT, marker=f"{MARKER}0", body=f"`{MARKER}0`")
    port.create(longer, "d")

    assert forge(stage).issues[made.id]["labels"] == []
    assert [one.id for one in stage.port().find(MARKER)] == [made.id]
    assert "may not write" in stage.port().check()
    assert {*stage.port().read([made.id, *map(str, range(1, 100))])} > {made.id}


@both
def test_a_ticket_whose_label_was_dropped_is_found_among_the_newest(stage: Stage) -> None:
    made = stage.port().create(DRAFT, "d")
    forge(stage).issues[made.id]["labels"] = []
    for number in range(3):
        other = f"authzviz-ffffffffff{number:02x}"
        stage.port().create(replace(DRAFT, marker=other, body=f"`{other}`"), "d")
    stage.asked.clear()

    assert [one.id for one in stage.port().find(MARKER)] == [made.id]
    assert len(stage.asked) == 4


@both
def test_what_others_open_with_our_marker_is_not_ours(stage: Stage) -> None:
    made = stage.port().create(DRAFT, "d")
    forge(stage).issues[made.id].update(login=ANN, labels=[])

    assert stage.port().find(MARKER) == ()


@both
def test_many_are_read_from_the_list(stage: Stage) -> None:
    port = stage.port()
    made = [
        port.create(replace(DRAFT, marker=f"authzviz-{number:012x}"), "d") for number in range(70)
    ]
    unlabelled = made[7].id
    forge(stage).issues[unlabelled]["labels"] = []
    stage.asked.clear()

    ids = [one.id for one in made]
    assert {*stage.port().read(ids)} == {*ids}
    assert len(stage.asked) <= 5, "a few pages, and what lost its label by itself"


@both
def test_ids_that_are_none_are_not_asked_for(stage: Stage) -> None:
    assert (
        stage.port().read(["", "0", "..", "7/comments", "\N{ARABIC-INDIC DIGIT SEVEN}", "1" * 30])
        == {}
    )
    assert stage.asked == []


@both
def test_nothing_is_gone_where_the_repository_is_hidden(stage: Stage) -> None:
    port = stage.port()
    made = port.create(DRAFT, "d")
    assert port.read([made.id])

    forge(stage).is_hidden = True

    asks: tuple[Callable[[Port], object], ...] = (
        lambda port: port.read([made.id]),
        lambda port: port.close(made.id, "d"),
        lambda port: port.edit_comment(made.id, "1", "x", "d"),
        lambda port: port.find(MARKER),
        lambda port: port.check(),
    )
    for ask in asks:
        with pytest.raises(TicketRejected) as caught:
            ask(stage.port())
        assert caught.value.is_of_tracker


@both
def test_a_ticket_that_moved_is_gone_and_the_tracker_goes_on(stage: Stage) -> None:
    made = stage.port().create(DRAFT, "d")
    forge(stage).moved.add(made.id)

    assert stage.port().read([made.id]) == {}
    with pytest.raises(TicketGone):
        stage.port().close(made.id, "d")


@both
def test_a_ticket_that_can_be_read_and_not_changed_is_not_gone(stage: Stage) -> None:
    made = stage.port().create(DRAFT, "d")
    stage.on("close", refuse(404))

    with pytest.raises(TicketRejected) as caught:
        stage.port().close(made.id, "d")

    assert caught.value.is_of_tracker


@both
def test_a_check_says_who_and_where(stage: Stage) -> None:
    said = stage.port().check()

    assert said.split(";")[0] == f"{ROBOT} reaches the issues of ops/fleet on 127.0.0.1"


CHECKS: dict[str, tuple[str, object, str]] = {
    "issues turned off": ("has_issues", False, "turned off"),
    "archived": ("is_archived", True, "archived"),
}


@both
@pytest.mark.parametrize(("name", "value", "word"), CHECKS.values(), ids=CHECKS)
def test_a_check_finds_where_nothing_can_be_opened(
    stage: Stage, name: str, value: object, word: str
) -> None:
    setattr(stage.fake, name, value)

    with pytest.raises(TicketRejected) as caught:
        stage.port().check()

    assert word in caught.value.message
    assert caught.value.is_of_tracker


REPOSITORIES = {
    "ops/fleet": True,
    "https://github.com/ops/fleet": True,
    "https://github.com/ops/fleet.git": True,
    "https://github.com/ops/fleet/": True,
    "ops": False,
    "ops/fleet/issues": False,
    "ops/..": False,
    "../user": False,
    "ops/fl eet": False,
    "ops/fleet?x": False,
    "": False,
}


@both
@pytest.mark.parametrize(
    ("text", "is_one"), REPOSITORIES.items(), ids=[repr(text) for text in REPOSITORIES]
)
def test_a_repository_is_told_by_owner_and_name(stage: Stage, text: str, is_one: bool) -> None:
    if is_one:
        assert "ops/fleet" in stage.port(repository=text).check()
        return
    with pytest.raises(TicketRejected):
        stage.port(repository=text)


@both
def test_what_is_wrong_with_a_ticket_is_told_in_words(stage: Stage) -> None:
    said = {
        "message": "Validation Failed",
        "errors": [{"resource": "Issue", "field": "assignees", "code": "invalid"}, "odd"],
        "documentation_url": "https://docs.example",
    }
    stage.on("create", refuse(422, said))

    with pytest.raises(TicketRejected) as caught:
        stage.port().create(DRAFT, "d")

    assert caught.value.message.endswith("422: Validation Failed: assignees invalid: odd")


ODD: dict[str, object] = {
    "a list": [],
    "null": None,
    "a state that is none": {"number": 1, "html_url": "", "state": "merged", "title": ""},
    "no number": {"html_url": "", "state": "open", "title": ""},
}


@both
@pytest.mark.parametrize("found", ODD.values(), ids=ODD)
def test_an_answer_of_another_shape_is_none(stage: Stage, found: object) -> None:
    answer: Fault = refuse(200, found if found is not None else "null")
    made = stage.port().create(DRAFT, "d")

    stage.on("read", answer)
    with pytest.raises(TrackerUnavailable):
        stage.port().read([made.id])
    stage.on("close", answer)
    with pytest.raises(OutcomeUnknown):
        stage.port().close(made.id, "d")


@github
def test_closing_what_people_closed_leaves_their_reason(stage: Stage) -> None:
    port = stage.port()
    made = port.create(DRAFT, "d")
    forge(stage).issues[made.id].update(state="closed", reason="not_planned")

    assert port.close(made.id, "d").state == "closed, not planned"
    assert port.reopen(made.id, "d").state == "open"
    assert port.close(made.id, "d").state == "closed"


@github
def test_pull_requests_are_no_tickets(stage: Stage) -> None:
    made = stage.port().create(DRAFT, "d")
    forge(stage).issues[made.id]["is_change"] = True

    assert stage.port().find(MARKER) == ()


LIMITS: dict[str, tuple[Fault, float | None]] = {
    "secondary, with a wait": (refuse(403, retry_after="9"), 9.0),
    "secondary, in words": (
        refuse(403, {"message": "You have exceeded a secondary rate limit."}),
        None,
    ),
    "primary, lifted": (
        refuse(403, x_ratelimit_remaining="0", x_ratelimit_reset="1"),
        LEAST_WAIT,
    ),
    "primary, an age": (
        refuse(429, x_ratelimit_remaining="0", x_ratelimit_reset="9" * 40),
        LONGEST_WAIT,
    ),
    "primary, garbage": (refuse(403, x_ratelimit_remaining="0", x_ratelimit_reset="soon"), None),
    "primary, with requests left": (
        refuse(429, x_ratelimit_remaining="5", x_ratelimit_reset="1"),
        None,
    ),
}


@github
@pytest.mark.parametrize(("fault", "seconds"), LIMITS.values(), ids=LIMITS)
def test_githubs_limits_are_limits(stage: Stage, fault: Fault, seconds: float | None) -> None:
    stage.on("create", fault)
    stage.on("read", fault)

    asks: tuple[Callable[[Port], object], ...] = (
        lambda port: port.create(DRAFT, "d"),
        lambda port: port.check(),
    )
    for ask in asks:
        with pytest.raises(TrackerLimited) as caught:
            ask(stage.port())
        assert caught.value.wait_seconds == seconds


@github
def test_a_limit_is_waited_for_until_it_is_lifted(stage: Stage) -> None:
    lifted = str(int(time.time()) + 600)
    stage.on("create", refuse(403, x_ratelimit_remaining="0", x_ratelimit_reset=lifted))

    with pytest.raises(TrackerLimited) as caught:
        stage.port().create(DRAFT, "d")

    assert caught.value.wait_seconds is not None
    assert LEAST_WAIT < caught.value.wait_seconds <= 600


REFUSED: dict[str, tuple[str, Fault, bool]] = {
    "a token without the right": (
        "create",
        refuse(403, {"message": "Resource not accessible by personal access token"}),
        True,
    ),
    "issues turned off": ("create", refuse(410, {"message": "Issues are disabled"}), True),
    "a locked conversation": (
        "comment",
        refuse(403, {"message": "Unable to create comment because issue is locked."}),
        False,
    ),
}


@github
@pytest.mark.parametrize(("act", "fault", "is_of_tracker"), REFUSED.values(), ids=REFUSED)
def test_github_tells_whose_matter_a_refusal_is(
    stage: Stage, act: str, fault: Fault, is_of_tracker: bool
) -> None:
    port = stage.port()
    made = port.create(DRAFT, "d")
    stage.on(act, fault)

    with pytest.raises(TicketRejected) as caught:
        port.create(DRAFT, "d") if act == "create" else port.comment(made.id, "x", "d")

    assert caught.value.is_of_tracker is is_of_tracker


@github
def test_a_deleted_ticket_is_gone(stage: Stage) -> None:
    made = stage.port().create(DRAFT, "d")
    stage.on("read", refuse(410, {"message": "This issue was deleted"}))

    assert stage.port().read([made.id]) == {}


@gitea
def test_labels_are_made_once(stage: Stage) -> None:
    for number in range(60):
        port = stage.port()
        port.create(replace(DRAFT, marker=f"authzviz-{number:012x}"), "d")
        port.create(replace(DRAFT, marker=f"authzviz-{number:012x}"), "d")

    assert len(stage.done("label")) == 62


@gitea
def test_a_label_without_an_answer_leaves_nothing_unknown(stage: Stage) -> None:
    port = stage.port()
    stage.on("label", fine, dropped)

    with pytest.raises(TrackerUnavailable):
        port.create(DRAFT, "d")
    port.create(DRAFT, "d")

    assert stage.count() == 1
    assert len(stage.done("label")) == 3, "what was made is found"


@gitea
def test_what_takes_too_long_to_prepare_is_not_sent(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("authzviz.tickets.gitea.DEADLINE_SECONDS", -1.0)

    with pytest.raises(TrackerUnavailable):
        stage.port().create(DRAFT, "d")
    assert stage.count() == 0


@both
def test_a_read_ends_before_the_lease(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("authzviz.tickets.forge._LONGEST_READ", -1.0)

    with pytest.raises(TrackerUnavailable):
        stage.port().read(["1"])


SAID: dict[str, tuple[str, Fault, type[TrackerError], bool | None]] = {
    "archived": ("create", refuse(423), TicketRejected, True),
    "a token without the scope": (
        "close",
        refuse(403, {"message": "token does not have at least one of required scope(s)"}),
        TicketRejected,
        True,
    ),
    "another's ticket": ("close", refuse(403, ""), TicketRejected, False),
    "open dependencies": ("close", refuse(412, {"message": "dependencies"}), TicketRejected, False),
}


@gitea
@pytest.mark.parametrize(("act", "fault", "error", "is_of_tracker"), SAID.values(), ids=SAID)
def test_gitea_tells_whose_matter_a_refusal_is(
    stage: Stage, act: str, fault: Fault, error: type[TrackerError], is_of_tracker: bool
) -> None:
    port = stage.port()
    made = port.create(DRAFT, "d")
    stage.on(act, fault)

    with pytest.raises(error) as caught:
        port.create(DRAFT, "d") if act == "create" else port.close(made.id, "d")

    assert getattr(caught.value, "is_of_tracker", None) is is_of_tracker


@pytest.mark.parametrize("address", ["{url}", "{url}/", "{url}/api/v1"])
def test_gitea_is_told_by_its_address(address: str) -> None:
    with CASES["gitea"]().standing() as stage:
        url = stage.setup().value("url")
        assert stage.port(url=address.format(url=url)).check()


def test_kinds_have_what_their_adapters_ask_for() -> None:
    for name in FORGES:
        kind: Kind = CASES[name]().kind
        assert [one.name for one in kind.fields] == ["url", "repository", "token", "ca"]
        assert kind.secret_names == {"token"}


@both
def test_b44_a_name_like_a_marker_finds_no_ticket(stage: Stage) -> None:
    forge(stage).may_push = False
    port = stage.port()
    port.create(replace(DRAFT, body=f"Move `{MARKER}`, a cluster.\n\n`authzviz-ffffffffffff`"), "d")

    assert port.find(MARKER) == ()
    assert len(port.find("authzviz-ffffffffffff")) == 1
