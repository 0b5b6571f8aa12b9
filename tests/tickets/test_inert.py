"""Names from clusters, in words of tickets, as they arrive at trackers that read Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from authzviz.reports.ticket import DEFAULT_TEMPLATE, Facts, filled, progress
from authzviz.tickets.document import Link, Text, document, spans_of
from authzviz.tickets.port import Draft
from tests.plans.hostile_names import HOSTILE, hostile_plan
from tests.tickets.cases import CASES
from tests.tickets.stage import Stage

MARKER = "authzviz-0123456789ab"
NAMES = {
    **HOSTILE,
    "a mention": "@everyone",
    "a quick action": "x\n/close\n/label ~bug",
    "a reference": "fixes #1, GH-1, org/repo#1",
    "an address": "https://evil.example www.evil.example",
    "an image": "![x](https://evil.example/pixel)",
    "a marker of another": "`authzviz-ffffffffffff`",
}
# What would notify, refer, link or run in a text that is no code.
ACTED_ON = re.compile(r"@\w|(?<!\w)#\d|GH-\d|://evil|www\.evil|^/\w", re.MULTILINE)
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(params=["github", "gitea", "gitlab"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A tracker that reads Markdown, empty."""
    with CASES[request.param]().standing() as standing:
        yield standing


def test_b44_hostile_names_arrive_as_text(stage: Stage) -> None:
    port = stage.port()
    for number, name in enumerate(NAMES.values()):
        facts = Facts(name, MARKER, group=name, plan=hostile_plan(name), opened_by=name)
        title, body = filled(DEFAULT_TEMPLATE, facts)

        made = port.create(Draft(MARKER, title, body), f"d{number}")
        comment = port.comment(made.id, f"{progress(facts)}\n\n`{MARKER}`", f"c{number}")

        assert "\n" not in made.title
        assert not CONTROL.search(made.title)
        for text in (made.body, comment.text):
            assert_inert(text)
            assert text.rstrip().endswith(f"`{MARKER}`")


def test_b44_a_text_that_is_cut_is_as_inert_as_before(stage: Stage) -> None:
    lines = ["- `@everyone` and ``` `@all` ```", "```", "@everyone", "/close", "```"]
    long = "\n".join([*lines * 25_000, "", f"`{MARKER}`"])

    made = stage.port().create(Draft(MARKER, "title", long), "d")

    assert len(made.body) <= stage.kind.traits.body_letters
    assert_inert(made.body)


def assert_inert(body: str) -> None:
    """Nothing of it is markup that a tracker acts on, but in code."""
    assert not CONTROL.search(body)
    for span in spans_of(document(body)):
        assert not isinstance(span, Link), span
        if isinstance(span, Text):
            assert not ACTED_ON.search(span.text), span.text


@pytest.mark.parametrize(
    "text", ["@everyone", "fixes #1", "[x](https://evil.example)", "a\n/close"]
)
def test_what_is_acted_on_would_be_seen(text: str) -> None:
    with pytest.raises(AssertionError):
        assert_inert(text)
