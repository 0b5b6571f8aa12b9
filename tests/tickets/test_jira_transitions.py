"""Which transition of a workflow is taken."""

from __future__ import annotations

from typing import Any

import pytest

from authzviz.tickets.errors import TicketRejected
from authzviz.tickets.jira_transitions import chosen, transitions_of

CLOSED = {"done"}
REQUIRED = {"required": True, "name": "Root cause", "hasDefaultValue": False}


def offered(*told: tuple[str, str, str], **fields: Any) -> Any:
    """Transitions of these names, statuses and categories, all of which ask for these fields."""
    raw = [
        {
            "id": str(number),
            "name": name,
            "to": {"name": status, "statusCategory": {"key": category}},
            "fields": fields,
        }
        for number, (name, status, category) in enumerate(told)
    ]
    return transitions_of({"transitions": raw})


START, REVIEW = ("Start", "In Progress", "indeterminate"), ("Review", "Review", "indeterminate")
DONE, DROPPED = ("Finish", "Done", "done"), ("Won't do", "Won't do", "done")
CLOSE, OTHER = ("Close issue", "Closed", "done"), ("Ship it", "Shipped", "done")
LOCAL = ("Abschließen", "Fertig", "done")
BACK, REOPEN = ("Back", "To Do", "new"), ("Reopen", "Reopened", "indeterminate")

CLOSING: dict[str, tuple[tuple[tuple[str, str, str], ...], tuple[str, ...], str]] = {
    "the only one": ((START, OTHER), (), "Ship it"),
    "in another language": ((START, LOCAL), (), "Abschließen"),
    "done rather than dropped": ((DROPPED, DONE), (), "Finish"),
    "an unknown name rather than dropped": ((DROPPED, OTHER), (), "Ship it"),
    "done before closed": ((CLOSE, DONE), (), "Finish"),
    "dropped where there is no other": ((START, DROPPED), (), "Won't do"),
    "by its name": ((DONE, DROPPED), ("won't DO",), "Won't do"),
    "by the status it leads to": ((DONE, CLOSE), ("Closed",), "Close issue"),
    "the first of the names": ((DONE, CLOSE), ("Close issue", "Finish"), "Close issue"),
    "a step where none closes": ((START, REVIEW), ("Review", "Close issue"), "Review"),
    "at once rather than by steps": ((REVIEW, CLOSE), ("Review", "Close issue"), "Close issue"),
}


@pytest.mark.parametrize(("told", "names", "expected"), CLOSING.values(), ids=CLOSING)
def test_what_closes(
    told: tuple[tuple[str, str, str], ...], names: tuple[str, ...], expected: str
) -> None:
    assert chosen(offered(*told), names, wanted_open=False).name == expected


REOPENING: dict[str, tuple[tuple[tuple[str, str, str], ...], tuple[str, ...], str]] = {
    "reopened before anything": ((START, BACK, REOPEN), (), "Reopen"),
    "to do before in progress": ((START, BACK), (), "Back"),
    "by its name": ((BACK, REOPEN, START), ("Start",), "Start"),
}


@pytest.mark.parametrize(("told", "names", "expected"), REOPENING.values(), ids=REOPENING)
def test_what_reopens(
    told: tuple[tuple[str, str, str], ...], names: tuple[str, ...], expected: str
) -> None:
    assert chosen(offered(*told), names, wanted_open=True).name == expected


REFUSED: dict[str, tuple[Any, tuple[str, ...], str]] = {
    "none closes": (offered(START, REVIEW), (), "no transition that closes .* “Start”, “Review”"),
    "none at all": (offered(), (), "only: none"),
    "none of the names": (offered(START, DONE), ("Ship",), "no transition “Ship” now"),
    "a field is required": (offered(DONE, cause=REQUIRED), (), "requires .*: Root cause"),
}


@pytest.mark.parametrize(("told", "names", "words"), REFUSED.values(), ids=REFUSED)
def test_what_stands_in_the_way(told: Any, names: tuple[str, ...], words: str) -> None:
    with pytest.raises(TicketRejected, match=words) as caught:
        chosen(told, names, wanted_open=False)

    assert not caught.value.is_of_tracker


def test_another_is_taken_where_one_requires_too_much() -> None:
    told = (*offered(DONE, cause=REQUIRED), *offered(OTHER))

    assert chosen(told, (), wanted_open=False).name == "Ship it"


def test_a_required_field_with_a_default_is_no_hindrance() -> None:
    told = offered(DONE, cause=REQUIRED | {"hasDefaultValue": True})

    assert chosen(told, (), wanted_open=False).wants == ()


RESOLUTIONS: dict[str, tuple[tuple[str, ...], str]] = {
    "as done": (("Won't Do", "Duplicate", "Done"), "Done"),
    "as fixed": (("Won't Fix", "Fixed"), "Fixed"),
    "whatever there is": (("Abgelehnt",), "Abgelehnt"),
    "not dropped": (("Cannot Reproduce", "Rejected"), "Cannot Reproduce"),
}


@pytest.mark.parametrize(("names", "expected"), RESOLUTIONS.values(), ids=RESOLUTIONS)
def test_the_resolution_that_is_given(names: tuple[str, ...], expected: str) -> None:
    allowed = [{"name": name} for name in names]
    resolution = {"required": True, "name": "Resolution", "allowedValues": allowed}

    step = chosen(offered(DONE, resolution=resolution), (), wanted_open=False)

    assert step.request() == {
        "transition": {"id": "0"},
        "fields": {"resolution": {"name": expected}},
    }


def test_no_resolution_is_given_where_none_is_asked_for() -> None:
    step = chosen(offered(DONE), (), wanted_open=False)

    assert step.request() == {"transition": {"id": "0"}}
