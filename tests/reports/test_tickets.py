"""What tickets say, by template: of recorded clusters, and with hostile names."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authzviz.engine.assessment import Finding, Missing, Severity, Verdict
from authzviz.engine.finding_keys import keyed
from authzviz.plans.plan import PhaseId, State
from authzviz.plans.progress import Progress
from authzviz.plans.progress import progress as progress_of
from authzviz.reports.printable import printable
from authzviz.reports.ticket import (
    DEFAULT_TEMPLATE,
    MOST_TITLE_LETTERS,
    PLACEHOLDERS,
    Facts,
    Template,
    filled,
    marked,
    problems_of,
    progress,
    titled,
)
from authzviz.reports.ticket_facts import MOST_FINDINGS, PROBLEMS, url
from authzviz.tickets.document import (
    MAX_LETTERS,
    Code,
    CodeBlock,
    Items,
    Link,
    Paragraph,
    document,
    plain_text,
    spans_of,
)
from tests.dashboard.assessments import ASSESSMENTS
from tests.plans.clusters import NAMES, judged, plan
from tests.plans.hostile_names import HOSTILE, hostile_plan
from tests.reports.test_markdown import LOOKED_FOR

MARKER = "authzviz-0123456789ab"
PAGE = "https://authzviz.example/clusters/alpha/"
AT = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


def facts(verdict: Verdict = Verdict.REFUSED, **changes: Any) -> Facts:
    known = Facts(
        "alpha", MARKER, ASSESSMENTS[verdict], page=PAGE, opened_by="ann", read_at=AT, since=AT
    )
    return replace(known, **changes)


def of_recording(name: str, **changes: Any) -> Facts:
    return facts(assessment=judged(name), plan=plan(name), cluster=name, **changes)


def body_of(known: Facts) -> str:
    return filled(DEFAULT_TEMPLATE, known)[1]


@pytest.mark.parametrize("name", NAMES)
def test_a_ticket_of_each_recorded_cluster_is_whole_and_small(name: str) -> None:
    title, body = filled(DEFAULT_TEMPLATE, of_recording(name))

    assert title == f"{titled(name)}: {' ('.join(PROBLEMS[judged(name).verdict])})"
    assert len(body) < 12_000
    assert body.splitlines()[-1] == f"`{MARKER}`"
    assert "$" not in body
    for finding in judged(name).findings[:MOST_FINDINGS]:
        assert finding.title in plain_text(document(body))
    for step in plan(name).steps:
        assert step.title in plain_text(document(body))


def test_the_steps_have_the_numbers_of_the_runbook() -> None:
    made = plan("v1.37.2-legacy")
    lists = [b for b in document(body_of(of_recording("v1.37.2-legacy"))).blocks if is_ordered(b)]

    assert [(one.start, len(one.items)) for one in lists if isinstance(one, Items)] == [
        (1 + sum(len(p.steps) for p in made.phases[:at]), len(phase.steps))
        for at, phase in enumerate(made.phases)
    ]


def is_ordered(block: object) -> bool:
    return isinstance(block, Items) and block.is_ordered


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_b44_a_hostile_name_is_only_text_in_a_ticket(name: str) -> None:
    said = facts(Verdict.UNKNOWN).assessment
    assert said is not None
    hostile = replace(
        said,
        summary=name,
        cause=name,
        version=name,
        distribution=name,
        findings=(Finding("legacy-binding", Severity.HIGH, f"{name} is", name),),
        missing=(Missing(name, name, name, name),),
    )
    known = facts(
        assessment=hostile,
        plan=hostile_plan(name),
        cluster=name,
        group=name,
        opened_by=name,
        before={"x": name},
        progress=Progress(PhaseId.REMOVE_GRANTS, 0, 1),
    )
    every = "\n\n".join(f"${name}" for name in PLACEHOLDERS)
    for text in (body_of(known), filled(Template("$cluster", every), known)[1], progress(known)):
        assert_only_ours(text)
    title, _ = filled(Template("$cluster $group $opened_by $version $distribution", ""), known)
    assert printable(title) == title


@given(st.text(max_size=300))
def test_b44_no_name_is_more_than_text_in_a_title_or_a_body(name: str) -> None:
    known = facts(cluster=name, group=name, opened_by=name)
    title, body = filled(Template("$cluster: $group", "$cluster, $group\n\n$following"), known)

    assert printable(title) == title
    assert len(title) <= MOST_TITLE_LETTERS
    assert_only_ours(body)
    assert_only_ours(progress(known))


def assert_only_ours(text: str) -> None:
    """No link but to our pages, no block of code, no HTML, and nothing that a tracker acts on."""
    shown = document(text)

    assert not any(isinstance(block, CodeBlock) for block in shown.blocks)
    assert not any(line.startswith("/") for line in text.splitlines())
    in_links: list[object] = []
    for span in spans_of(shown):
        if isinstance(span, Link):
            assert span.url.startswith(PAGE)
            in_links += span.spans
        elif not isinstance(span, Code) and span not in in_links:
            assert not LOOKED_FOR.search(getattr(span, "text", ""))


TITLES = {
    "mention": ("@admin", "@ admin"),
    "issue elsewhere": ("org/repo#1", "org/repo# 1"),
    "merge request": ("!1", "! 1"),
    "label": ('~"a b"', '~ "a b"'),
    "address": ("https://evil.example", "https:// evil.example"),
    "emoji": (":heart:", ": heart:"),
    "time": ("at 19:45:16", "at 19:45:16"),
    "lines": ("a\nb\r\nBcc: c", r"a\nb\r\nBcc: c"),
    "hidden": ("a\u202eb", r"a\u202eb"),
    "long": ("a" * 300, f"{'a' * 249}…"),
    "plain": ("prod-eu-5: kubelets refused", "prod-eu-5: kubelets refused"),
}


@pytest.mark.parametrize(("text", "title"), TITLES.values(), ids=TITLES)
def test_b44_a_title_is_one_line_that_names_nobody(text: str, title: str) -> None:
    assert titled(text) == title


GOOD = {
    "the product's": DEFAULT_TEMPLATE,
    "braces and dollars": Template("${cluster} for $$5", "${cluster}: $$5\n\n${findings}"),
    "a box": Template(
        "$cluster", "- [ ] look at $cluster\n\n> $verdict\n\n[page]($page) **$group**"
    ),
    "a table": Template("$cluster", "| a | b |\n|---|---|\n| $cluster | $verdict |"),
    "code elsewhere": Template("$cluster", "`kubectl get nodes` on $cluster\n\n```\nls\n```"),
    "no body": Template("$cluster", ""),
    "windows": Template("$cluster", "a\r\n\r\n$findings\r\n\r\nb"),
}


@pytest.mark.parametrize("template", GOOD.values(), ids=GOOD)
def test_a_good_template_has_no_problems(template: Template) -> None:
    assert problems_of(template) == ()


BAD = {
    "no title": (Template(" ", ""), ["The title is empty."]),
    "long title": (Template("a" * 201, ""), ["The title has more than 200 letters."]),
    "two lines": (Template("a\nb", ""), ["The title has more than one line."]),
    "block in a title": (
        Template("$findings", ""),
        ["$findings is more than a line, and stands in no title."],
    ),
    "unknown": (
        Template("$cluser", "$clusters ${x}"),
        [
            "The title holds $cluser, which nothing stands for.",
            "The body holds $clusters, which nothing stands for.",
            "The body holds $x, which nothing stands for.",
        ],
    ),
    "lone dollar": (
        Template("a", "costs 5 $"),
        ["The body holds a $ that begins no name: write $$ for a dollar."],
    ),
    "long body": (Template("a", "a" * 6_001), ["The body has more than 6,000 letters."]),
    "html": (
        Template("a", "<details>$cluster</details>"),
        ["The body holds HTML, which not every tracker takes: write Markdown."],
    ),
    "a comment": (
        Template("a", "<!-- $cluster -->"),
        ["The body holds HTML, which not every tracker takes: write Markdown."],
    ),
    "code": (
        Template("a", "`$cluster`"),
        ["$cluster stands in code or in an address, where a name might break out."],
    ),
    "lone backtick": (
        Template("a", "`` a $cluster"),
        ["$cluster stands in code or in an address, where a name might break out."],
    ),
    "address": (
        Template("a", "[a]($cluster)"),
        ["$cluster stands in code or in an address, where a name might break out."],
    ),
    "one of two in code": (
        Template("a", "$cluster `$cluster`"),
        ["$cluster stands in code or in an address, where a name might break out."],
    ),
    "block in a line": (
        Template("a", "Findings: $findings"),
        ["$findings needs a line of its own, and stands there once."],
    ),
    "block in a list": (
        Template("a", "- a\n  $plan"),
        ["$plan needs a line of its own, and stands there once."],
    ),
    "block twice": (
        Template("a", "$plan\n\n$plan"),
        ["$plan needs a line of its own, and stands there once."],
    ),
    "block in a fence": (
        Template("a", "```\n$plan\n```"),
        ["$plan stands in code, where it would not be read."],
    ),
}


@pytest.mark.parametrize(("template", "problems"), BAD.values(), ids=BAD)
def test_what_is_wrong_with_a_template_is_said(template: Template, problems: list[str]) -> None:
    assert list(problems_of(template)) == problems


@given(st.text(), st.text())
def test_any_template_is_checked_and_filled(title: str, body: str) -> None:
    problems_of(Template(title, body))
    shown, text = filled(Template(title, body), facts())

    assert printable(shown) == shown
    assert text.endswith(f"`{MARKER}`")


def test_a_body_never_grows_past_what_trackers_take() -> None:
    template = Template("a", "$cluster\n" * 600)
    _, body = filled(template, facts(cluster="@name " * 80))

    assert len(body) <= MAX_LETTERS
    assert body.endswith(f"…\n\n`{MARKER}`")
    assert_only_ours(body)


MARKED = {
    "lost": ("a", f"a\n\n`{MARKER}`"),
    "kept": (f"a\n\n`{MARKER}`\n", f"a\n\n`{MARKER}`"),
    "elsewhere": (f"`{MARKER}` a", f"`{MARKER}` a\n\n`{MARKER}`"),
    "empty": ("", f"`{MARKER}`"),
    "one long line": ("a" * MAX_LETTERS, f"…\n\n`{MARKER}`"),
}


@pytest.mark.parametrize(("text", "body"), MARKED.values(), ids=MARKED)
def test_the_marker_is_the_last_line(text: str, body: str) -> None:
    assert marked(text, MARKER) == body


def test_a_page_is_linked_only_where_a_link_may_go() -> None:
    assert url(PAGE) == f"<{PAGE}>"
    assert [url(bad) for bad in ("", "javascript:a", "/a", "https://a/>b", "https://a b")] == [
        ""
    ] * 5


def test_a_cluster_that_was_never_read_says_so() -> None:
    title, body = filled(DEFAULT_TEMPLATE, Facts("alpha", MARKER))

    assert title == "alpha: not read yet (find out by which path kubelets go)"
    assert "Nothing was read of this cluster yet." in body
    assert "None." not in body
    assert (
        progress(Facts("alpha", MARKER)) == f"Nothing was read of this cluster yet.\n\n`{MARKER}`"
    )


def test_accepted_findings_are_counted_and_not_listed() -> None:
    said = ASSESSMENTS[Verdict.REFUSED]
    keys = list(keyed(said))
    body = body_of(facts(accepted=frozenset(keys[:1])))

    assert said.findings[0].title not in body
    assert "1 finding accepted as a risk in authzviz, not listed." in body


def test_an_unknown_verdict_names_what_was_not_read() -> None:
    body = body_of(facts(Verdict.UNKNOWN))

    assert "Not read, and needed to tell:" in body
    assert ASSESSMENTS[Verdict.UNKNOWN].missing[0].what in plain_text(document(body))


def test_many_findings_are_cut_and_counted() -> None:
    said = ASSESSMENTS[Verdict.REFUSED]
    many = tuple(Finding("refused", Severity.LOW, f"number {at}", "x") for at in range(40))
    body = body_of(facts(assessment=replace(said, findings=many)))

    assert "- and 25 more, on the cluster's page" in body
    assert "number 20" not in body


READS = {
    "fresh": ({}, "Read 2026-11-24 09:30 UTC."),
    "old": (
        {"is_old": True},
        "Last read 2026-11-24 09:30 UTC, too long ago to tell how it is now.",
    ),
    "recorded": (
        {"is_recorded": True},
        "A recording of 2026-11-24 09:30 UTC: the cluster is not read again.",
    ),
}


@pytest.mark.parametrize(("changes", "said"), READS.values(), ids=READS)
def test_when_it_was_read_is_said(changes: dict[str, Any], said: str) -> None:
    assert said in body_of(facts(**changes))
    assert said in progress(facts(**changes))


TARGET = Verdict.NODE_AUTHORIZER
WHERE = {
    "not there": (facts(), "since 2026-11-24 09:30 UTC.\n"),
    "there once": (facts(TARGET), "the next read that says so closes the ticket"),
    "there twice": (facts(TARGET, closes=True), "in two reads in a row: this closes the ticket"),
    "there before": (facts(TARGET, closes=True, stays_open=True), "a person closes it"),
    "fell back": (facts(was_there=True), "The cluster was at the target, and fell back."),
    "unknown": (facts(Verdict.UNKNOWN, was_there=True), "can't be told now"),
    "old": (facts(TARGET, closes=True, is_old=True), "can't be told now"),
    "recorded": (facts(TARGET, is_recorded=True), "a person closes the ticket"),
}


@pytest.mark.parametrize(("known", "said"), WHERE.values(), ids=WHERE)
def test_the_comment_tells_where_the_target_is(known: Facts, said: str) -> None:
    text = progress(known)

    assert said in text
    assert ("reached, in two" in text) is (
        known.closes and not known.is_old and not known.stays_open
    )
    assert text.endswith(f"`{MARKER}`")


def test_what_is_there_already_is_not_said_to_be_closed() -> None:
    assert "closes this once two reads" in body_of(facts())
    assert "a person closes this" in body_of(facts(TARGET, stays_open=True))


def test_the_comment_tells_how_far_the_plan_is() -> None:
    made = plan("v1.37.2-legacy")
    known = of_recording("v1.37.2-legacy", progress=progress_of(made))
    following = next(step for step in made.steps if step.state is not State.DONE)

    assert f"**Plan:** 4 of 26 steps done; phase: Find out. Next: {following.title}." in progress(
        known
    )
    assert "steps done when last read; phase: Find out.\n" in progress(replace(known, is_old=True))
    assert "Nobody started the plan yet." in progress(replace(known, progress=None))
    done = replace(known, progress=Progress(None, 26, 26))
    assert "26 of 26 steps done; every phase is done." in progress(done)


def test_the_comment_tells_what_differs_from_when_it_was_opened() -> None:
    known = facts()
    first, *others = known.open
    text = progress(replace(known, before={first: "a", "gone": "Binding `x` of @y"}))

    assert known.open[first].title not in text
    new = [known.open[key].title for key in others]
    assert ("New since this ticket was opened" in text) is bool(new)
    assert "**Not found any more, or accepted as a risk:**\n\n- Binding `` `x` `` of `@y`" in text


def test_nothing_is_gone_that_may_only_be_out_of_sight() -> None:
    before = {"gone": "Binding x"}

    assert "Binding x" not in progress(facts(Verdict.UNKNOWN, before=before))
    assert "Binding x" not in progress(facts(is_old=True, before=before))


def test_many_changes_are_cut_and_counted() -> None:
    text = progress(facts(before={str(at): f"number {at}" for at in range(30)}))

    assert "- and 20 more" in text
    blocks = document(text).blocks
    assert isinstance(blocks[0], Paragraph)
