"""What holds for every kind of tracker."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from itertools import count

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
from authzviz.tickets.registry import KINDS
from tests.replay import TOKEN
from tests.tickets.cases import CASES, NO_HTTP, READING, REMOTE
from tests.tickets.real_gitea import real_gitea
from tests.tickets.stage import (
    ACTS,
    WRONG,
    Fault,
    Stage,
    dropped,
    dropped_before,
    hanging,
    refuse,
)

MARKER = "authzviz-0123456789ab"
OTHER = "authzviz-ba9876543210"
DRAFT = Draft(
    MARKER,
    "edge-1: kubelets need the legacy binding",
    f"`edge-1` relies on **system:node**.\n\n- 3 nodes\n\n`{MARKER}`",
    page="https://authzviz.example.org/clusters/edge-1/",
    labels=("ops",),
    due=date(2031, 4, 1),
)
NOTE = f"2 of 3 steps done\n\n`{MARKER}`"
LATER = f"3 of 3 steps done\n\n`{MARKER}`"
_numbers = count(1)

REAL = pytest.param("the real Gitea", marks=(pytest.mark.lab, pytest.mark.gitea))

reading = pytest.mark.parametrize("kind", [*READING, REAL])
remote = pytest.mark.parametrize("kind", [*REMOTE, REAL])
remote_reading = pytest.mark.parametrize("kind", [*sorted({*REMOTE} & {*READING}), REAL])


@pytest.fixture
def stage(kind: str, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """That kind of tracker, standing and empty."""
    is_real = kind not in CASES
    made = real_gitea(request.getfixturevalue("repository")) if is_real else CASES[kind]()
    with made.standing() as standing:
        yield standing


def new() -> str:
    """The delivery of another change."""
    return f"00000000-0000-4000-8000-{next(_numbers):012}"


def act_on(port: Port, act: str, id_: str, comment_id: str) -> object:
    """What the port says to one of ACTS, or to a search for the comment."""
    does: dict[str, Callable[[], object]] = {
        "create": lambda: port.create(replace(DRAFT, marker=OTHER), new()),
        "update": lambda: port.update(id_, title="t", body=f"b `{MARKER}`", delivery=new()),
        "comment": lambda: port.comment(id_, NOTE, new()),
        "edit-comment": lambda: port.edit_comment(id_, comment_id, LATER, new()),
        "close": lambda: port.close(id_, new()),
        "reopen": lambda: port.reopen(id_, new()),
        "find-comment": lambda: port.find_comment(id_, MARKER),
    }
    return does[act]()


def prepared(stage: Stage, act: str) -> tuple[str, str]:
    """A ticket and its comment to which that act can be done."""
    port = stage.port()
    made = port.create(DRAFT, new())
    comment = port.comment(made.id, NOTE, new())
    if act == "reopen":
        port.close(made.id, new())
    return made.id, comment.id


def failing(stage: Stage, act: str, *faults: Fault, deadline_seconds: float = 20) -> TrackerError:
    """How that act fails, with a ticket that is there."""
    id_, comment_id = prepared(stage, act)
    stage.on(act, *faults)
    with pytest.raises(TrackerError) as caught:
        act_on(stage.port(deadline_seconds=deadline_seconds), act, id_, comment_id)
    assert_no_secret(caught.value)
    return caught.value


def assert_no_secret(error: BaseException) -> None:
    """Neither the error nor what it came from shows a secret."""
    shown = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
    assert TOKEN not in shown


def test_every_kind_has_a_case() -> None:
    assert set(CASES) | NO_HTTP == set(KINDS)


@reading
def test_a_ticket_is_created_once_and_found_again(stage: Stage) -> None:
    port = stage.port()
    assert port.find(MARKER) == ()

    made = port.create(DRAFT, new())

    assert stage.count() == 1
    assert made.is_open
    assert made.title == DRAFT.title
    assert [found.id for found in port.find(MARKER)] == [made.id]
    assert port.find(OTHER) == ()


@reading
def test_what_is_created_reads_back_the_same(stage: Stage) -> None:
    port = stage.port()

    made = port.create(DRAFT, new())

    assert port.read([made.id]) == {made.id: made}
    assert port.find(MARKER) == (made,)


@reading
def test_the_newest_of_several_is_found_first(stage: Stage) -> None:
    port = stage.port()
    first, second = (port.create(DRAFT, new()) for _ in range(2))
    port.close(first.id, new())

    assert [(one.id, one.is_open) for one in port.find(MARKER)] == [
        (second.id, True),
        (first.id, False),
    ]


@reading
def test_one_marker_is_not_the_beginning_of_another(stage: Stage) -> None:
    port = stage.port()
    port.create(replace(DRAFT, marker=MARKER + "cd", body=f"`{MARKER}cd`"), new())

    assert port.find(MARKER) == ()


@reading
def test_many_are_read_at_once_without_those_that_are_gone(stage: Stage) -> None:
    port = stage.port()
    made = [
        port.create(replace(DRAFT, marker=f"{OTHER[:-2]}{number:02}"), new())
        for number in range(12)
    ]
    stage.fake.remove(made[3].id)
    ids = [one.id for one in made]

    assert set(port.read(ids)) == {*ids} - {made[3].id}
    assert port.read([]) == {}


@reading
def test_title_and_body_are_updated_and_state_stays(stage: Stage) -> None:
    port = stage.port()
    made = port.create(DRAFT, new())
    port.close(made.id, new())

    changed = port.update(
        made.id, title="edge-1: done", body=f"Gone.\n\n`{MARKER}`", delivery=new()
    )

    assert (changed.id, changed.title, changed.is_open) == (made.id, "edge-1: done", False)
    assert changed.body != made.body
    assert port.read([made.id]) == {made.id: changed}


@reading
def test_what_people_changed_is_told(stage: Stage) -> None:
    port = stage.port()
    made = port.create(DRAFT, new())

    stage.fake.edit(made.id, title="Taken over", body=f"By hand. {MARKER}")

    read = port.read([made.id])[made.id]
    assert read.title == "Taken over"
    assert read.body != made.body


@reading
def test_a_comment_is_edited_and_not_repeated(stage: Stage) -> None:
    port = stage.port()
    made = port.create(DRAFT, new())
    assert port.find_comment(made.id, MARKER) is None

    comment = port.comment(made.id, NOTE, new())
    assert port.find_comment(made.id, MARKER) == comment
    edited = port.edit_comment(made.id, comment.id, LATER, new())

    assert edited.id == comment.id
    assert edited.text != comment.text
    assert port.find_comment(made.id, MARKER) == edited
    assert len(stage.fake.comments(made.id)) == 1


@reading
def test_of_several_comments_the_newest_with_the_marker_is_found(stage: Stage) -> None:
    port = stage.port()
    made = port.create(DRAFT, new())
    port.comment(made.id, NOTE, new())
    newest = port.comment(made.id, LATER, new())
    port.comment(made.id, "by hand, without it", new())

    assert port.find_comment(made.id, MARKER) == newest
    assert port.find_comment(made.id, OTHER) is None


@remote_reading
def test_a_comment_of_other_people_is_not_taken_for_ours(stage: Stage) -> None:
    port = stage.port()
    made = port.create(DRAFT, new())
    ours = port.comment(made.id, NOTE, new())

    stage.fake.say(made.id, f"> {NOTE}\n\nwhy is that?")

    assert port.find_comment(made.id, MARKER) == ours


@reading
def test_closing_and_reopening_are_read_back_and_harmless_twice(stage: Stage) -> None:
    port = stage.port()
    made = port.create(DRAFT, new())

    for close_or_open, is_open in ((port.close, False), (port.reopen, True), (port.close, False)):
        for _ in range(2):
            now = close_or_open(made.id, new())
            assert (now.id, now.is_open) == (made.id, is_open)
            assert port.read([made.id])[made.id].is_open is is_open
    assert stage.count() == 1


@reading
@pytest.mark.parametrize("act", [*ACTS[1:], "find-comment"])
def test_what_is_gone_is_told_as_gone(stage: Stage, act: str) -> None:
    id_, comment_id = prepared(stage, act)
    stage.fake.remove(id_)

    with pytest.raises(TicketGone):
        act_on(stage.port(), act, id_, comment_id)
    assert stage.port().read([id_]) == {}


@reading
def test_a_check_says_something_and_changes_nothing(stage: Stage) -> None:
    said = stage.port().check()

    assert said
    assert TOKEN not in said
    assert stage.count() == 0
    assert {asked.method for asked in stage.asked} <= {"GET", "HEAD"}


REJECTED: dict[str, Fault] = {
    "400": refuse(400),
    "422 with our own request in it": refuse(422, {"message": f"Validation of {TOKEN} failed"}),
}


@remote
@pytest.mark.parametrize("fault", REJECTED.values(), ids=REJECTED)
def test_what_is_rejected_is_not_there(stage: Stage, fault: Fault) -> None:
    stage.on("create", fault)

    with pytest.raises(TicketRejected) as caught:
        stage.port().create(DRAFT, new())

    assert not caught.value.is_of_tracker
    assert stage.count() == 0
    assert_no_secret(caught.value)


@remote
@pytest.mark.parametrize("status", [403, 404])
def test_what_is_forbidden_or_hidden_is_not_there(stage: Stage, status: int) -> None:
    stage.on("create", refuse(status))

    with pytest.raises(TicketRejected):
        stage.port().create(DRAFT, new())

    assert stage.count() == 0


@pytest.mark.parametrize("kind", sorted(CASES))
def test_nothing_that_is_printed_of_an_adapter_is_a_secret(stage: Stage) -> None:
    port = stage.port()

    assert TOKEN not in f"{port!r} {vars(port)!r} {stage.setup()!r}"


LIMITED: dict[str, tuple[str, float]] = {
    "seconds": ("7", 7.0),
    "none": ("0", LEAST_WAIT),
    "an age": ("999999999", LONGEST_WAIT),
    "a date gone by": ("Wed, 21 Oct 2015 07:28:00 GMT", LEAST_WAIT),
    "a far date": ("Wed, 21 Oct 2099 07:28:00 GMT", LONGEST_WAIT),
}


@remote
@pytest.mark.parametrize(("after", "seconds"), LIMITED.values(), ids=LIMITED)
def test_b47_f13_a_limit_is_obeyed_within_bounds(stage: Stage, after: str, seconds: float) -> None:
    stage.on("create", refuse(429, retry_after=after))

    with pytest.raises(TrackerLimited) as caught:
        stage.port().create(DRAFT, new())

    assert caught.value.wait_seconds == seconds
    assert stage.count() == 0


@remote
@pytest.mark.parametrize("after", ["-5", "soon", ""])
def test_b47_f13_a_limit_that_says_nothing_readable_leaves_the_wait_to_us(
    stage: Stage, after: str
) -> None:
    stage.on("create", refuse(429, retry_after=after))

    with pytest.raises(TrackerLimited) as caught:
        stage.port().create(DRAFT, new())

    assert caught.value.wait_seconds is None


@remote
@pytest.mark.parametrize("act", ACTS)
def test_f13_a_limit_holds_for_every_act(stage: Stage, act: str) -> None:
    if not stage.kind.traits.reads_back and act != "create":
        pytest.skip("whatever is sent there is a message")
    assert isinstance(failing(stage, act, refuse(429)), TrackerLimited)


@remote
def test_credentials_that_are_refused_are_the_trackers_matter(stage: Stage) -> None:
    stage.on("create", refuse(401, {"message": f"Bad credentials: {TOKEN}"}))

    with pytest.raises(TicketRejected) as caught:
        stage.port().create(DRAFT, new())

    assert caught.value.is_of_tracker
    assert_no_secret(caught.value)


ASKS: dict[str, Callable[[Port], object]] = {
    "create": lambda port: port.create(DRAFT, new()),
    "find": lambda port: port.find(MARKER),
    "read": lambda port: port.read(["1"]),
    "check": lambda port: port.check(),
}


@remote_reading
@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)
def test_wrong_credentials_are_the_trackers_matter(
    stage: Stage, ask: Callable[[Port], object]
) -> None:
    with pytest.raises(TicketRejected) as caught:
        ask(stage.port(secret=WRONG))

    assert caught.value.is_of_tracker
    assert_no_secret(caught.value)
    assert stage.count() == 0


UNKNOWN: dict[str, tuple[Fault, bool]] = {
    "done, and dropped": (dropped, True),
    "dropped before": (dropped_before, False),
    "done, and answered by a proxy": (lambda do: (do(), refuse(504)(do))[1], True),
    "500": (refuse(500), False),
    "503": (refuse(503), False),
    "an answer that is none": (lambda do: (201, {}, b"<html>"), False),
}


@remote
@pytest.mark.parametrize(("fault", "is_done"), UNKNOWN.values(), ids=UNKNOWN)
def test_f12_a_creation_without_an_answer_is_unknown_and_can_be_looked_up(
    request: pytest.FixtureRequest, stage: Stage, fault: Fault, is_done: bool
) -> None:
    if not stage.kind.traits.reads_back and "that is none" in request.node.name:
        pytest.skip("what a webhook's receiver answers is not read")
    stage.on("create", fault)

    with pytest.raises(OutcomeUnknown) as caught:
        stage.port().create(DRAFT, new())

    assert_no_secret(caught.value)
    assert len(stage.done("create")) == 1, "never sent again by itself"
    if stage.kind.traits.reads_back:
        assert len(stage.port().find(MARKER)) == stage.count() == int(is_done)


@remote
def test_f12_a_creation_that_is_never_answered_is_unknown_and_found(stage: Stage) -> None:
    stage.on("create", hanging)

    with pytest.raises(OutcomeUnknown) as caught:
        stage.port(deadline_seconds=1.5).create(DRAFT, new())

    assert_no_secret(caught.value)
    if stage.kind.traits.reads_back:
        assert len(stage.port().find(MARKER)) == stage.count() == 1


@remote_reading
@pytest.mark.parametrize("act", ACTS)
def test_an_act_without_an_answer_is_unknown(stage: Stage, act: str) -> None:
    assert isinstance(failing(stage, act, dropped), OutcomeUnknown)


@remote_reading
def test_f12_a_late_search_hides_no_ticket_that_is_read_by_its_id(stage: Stage) -> None:
    port = stage.port()
    stage.fake.search_is_late = True

    made = port.create(DRAFT, new())

    assert port.find(MARKER) in ((), (made,))
    assert port.read([made.id]) == {made.id: made}
    assert port.close(made.id, new()).id == made.id


@remote_reading
def test_a_comment_that_was_made_without_an_answer_is_found(stage: Stage) -> None:
    port = stage.port()
    made = port.create(DRAFT, new())
    stage.on("comment", dropped)
    with pytest.raises(OutcomeUnknown):
        port.comment(made.id, NOTE, new())

    found = port.find_comment(made.id, MARKER)

    assert found is not None
    assert len(stage.fake.comments(made.id)) == 1


@remote_reading
@pytest.mark.parametrize("act", ["find", "read"])
@pytest.mark.parametrize(
    "fault", [refuse(503), refuse(500), dropped_before], ids=["503", "500", "dropped before"]
)
def test_what_can_not_be_read_is_unavailable(stage: Stage, act: str, fault: Fault) -> None:
    port = stage.port()
    made = port.create(DRAFT, new())
    stage.on(act, *[fault] * 5)

    with pytest.raises(TrackerUnavailable) as caught:
        port.find(MARKER) if act == "find" else port.read([made.id])

    assert_no_secret(caught.value)


@remote
def test_a_title_is_one_line_of_bounded_length(stage: Stage) -> None:
    port = stage.port()

    port.create(replace(DRAFT, title="a\r\nb\x00\u202e" + "c" * 5000), new())

    if stage.kind.traits.reads_back:
        title = port.find(MARKER)[0].title
        assert title.startswith("a b c")
        assert len(title) <= stage.kind.traits.title_letters


@remote_reading
def test_a_body_beyond_every_limit_is_cut_and_says_so(stage: Stage) -> None:
    port = stage.port()
    long = f"{'word ' * 400_000}\n\n`{MARKER}`"

    made = port.create(replace(DRAFT, body=long), new())
    comment = port.comment(made.id, long, new())

    for text in (made.body, comment.text):
        assert len(text) < len(long)
        assert "too long" in text
        assert MARKER in text
    assert [one.id for one in port.find(MARKER)] == [made.id]
