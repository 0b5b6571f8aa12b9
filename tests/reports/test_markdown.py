"""Names from clusters in Markdown: neither markup nor anything that a tracker acts on."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from authzviz.reports.markdown import cell, code, inline
from authzviz.reports.printable import printable
from authzviz.tickets.document import (
    Break,
    Code,
    Item,
    Items,
    Paragraph,
    Table,
    Text,
    document,
    words_of,
)

ACTED_ON = {
    "mention": "@admin",
    "mention after a bracket": "(@admin)",
    "team": "@org/team",
    "issue": "#1",
    "issue elsewhere": "org/repo#1",
    "merge request": "!1",
    "snippet": "$1",
    "label": '~bug ~"a b"',
    "milestone": "%v1",
    "epic": "&1",
    "alert": "^alert#1",
    "GitHub's issue": "GH-1 gh-1",
    "GitLab's issue": "GL-1",
    "issue of another tracker": "OPS-17",
    "commit": "deadbeef 0123456789abcdef0123456789abcdef01234567",
    "commit of somebody": "user@deadbeef",
    "quick action": "/close",
    "emoji": ":heart:",
    "address": "http://evil.example www.evil.example ftp://evil.example",
    "mail": "a@evil.example mailto:a@evil.example",
    "html": "<img src=x> <!-- x --> </details>",
    "entity": "&commat;admin &#64;admin",
    "link": "[x](https://evil.example)",
    "image": "![x](https://evil.example)",
    "reference": "[x]: https://evil.example",
    "autolink": "<https://evil.example>",
    "footnote": "[^1] [^1]: x",
    "wiki page": "[[Home]]",
    "box": "[x] a",
    "fence": "``` a\n@admin\n```",
    "tildes": "~~~ a\n@admin\n~~~",
    "code": "`@admin` ` @admin `` ` @admin",
    "math": "$`a`$ $$a$$",
    "macro": "{{include(x)}}",
    "revision": "r12 commit:c6f4d0fd user:admin source:x",
    "escaped": "\\@admin \\`@admin\\`",
    "diff": "{+ a +} [- b -]",
    "struck": "~~a~~ ==a==",
    "hidden": "\u200b@admin @\u2060admin",
}
# What GitHub, GitLab, Gitea and Redmine look for in text that is not code.
LOOKED_FOR = re.compile(
    r"@[\w-]|[#!$%&~^][\w\"'(]|\b(?i:gh|gl)-\d|\b[A-Z][A-Z0-9]+-\d|://|www\.|\[|\{\{"
    r"|:(?!\d\d:)[\w+-]+:|(?i:\b[0-9a-f]{7,40}\b)|\br\d+\b|\b(?:user|commit|source):\S|<\w|`"
)


@pytest.mark.parametrize("text", ACTED_ON.values(), ids=ACTED_ON)
def test_b44_what_a_tracker_acts_on_is_code(text: str) -> None:
    assert_inert(text)


SIGNS = st.text(alphabet=st.sampled_from("@#!~%&$^*_`[](){}<>|\\/:.,;-+='\" \n\tab1GH"))


@given(st.text() | SIGNS)
@example("a\x85b")
def test_b44_no_text_is_more_than_text(text: str) -> None:
    assert_inert(text)


def assert_inert(text: str) -> None:
    """Its letters are all there, in a paragraph of its own and in an item of a list, as text that
    nobody acts on or as code.
    """
    words = " ".join(printable(text).split())
    for before in ("", "- ", "# ", "> ", "a: "):
        spans = list(spans_of(document(before + inline(text)).blocks))

        assert words_of(spans) == ("a: " if before == "a: " else "") + words or not words
        for span in spans:
            assert isinstance(span, Text | Code)
            assert isinstance(span, Code) or not LOOKED_FOR.search(span.text)
    assert not re.search(r"^\s*/", inline(text), re.MULTILINE)


@given(st.text() | SIGNS)
@example("a | b \\| `c`")
def test_a_cell_of_a_table_stays_one(text: str) -> None:
    shown = " ".join(printable(text).split()).replace("\\|", "\\x7c")
    for write in (inline, code):
        blocks = document(f"| a | b |\n|---|---|\n| {cell(write(text))} | end |").blocks

        assert len(blocks) == 1
        assert isinstance(blocks[0], Table)
        assert [words_of(one.spans) for one in blocks[0].rows[0]] == [shown, "end"]


PROSE = {
    "plain": "ClusterRoleBinding legacy gives system:nodes 3 rules; it's wide (very).",
    "time": "read 2026-11-24 19:45:16 UTC",
    "share": "95% of 1,000 nodes",
    "slash": "kube-system/kube-proxy and/or not",
    "quoted": '"is forbidden"',
    "other letters": "Kubelets für Zürich 東京 → on",
}


@pytest.mark.parametrize("text", PROSE.values(), ids=PROSE)
def test_prose_stays_as_it_is(text: str) -> None:
    assert inline(text) == text


def test_a_box_is_not_ticked_by_a_name() -> None:
    blocks = document(f"- {inline('[x] a')}").blocks

    assert blocks == (Items((Item((Paragraph((Code("[x]"), Text(" a"))),)),)),)


def spans_of(value: object) -> Iterator[Text | Code | Break]:
    if isinstance(value, Text | Code | Break):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from spans_of(each)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from spans_of(getattr(value, field.name))
