"""Texts for Jira and GitLab: they say the same, and nothing in them is acted on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from authzviz.tickets.document import (
    Break,
    Code,
    CodeBlock,
    Items,
    Link,
    Paragraph,
    Quote,
    Table,
    Text,
    document,
    words_of,
)
from authzviz.tickets.markup_adf import adf, as_text
from authzviz.tickets.markup_gitlab import without_quick_actions
from authzviz.tickets.markup_wiki import escaped, wiki
from tests.tickets.fake_jira_cloud import ADF

HOSTILE = (
    "[~admin]",
    "[~accountid:5b10ac8d]",
    "@admin",
    "{code}",
    "{noformat}",
    "{quote}",
    "{color:red}x{color}",
    "{panel:title=x}",
    "!image.png!",
    "!http://evil.example/x.png|width=1!",
    "[x|http://evil.example]",
    "[x|javascript:alert(1)]",
    "http://evil.example",
    "mailto:a@evil.example",
    "|| a || b ||",
    "h1. x",
    "bq. x",
    "----",
    "* x",
    "# x",
    "\\\\",
    "\\{code}",
    "*b* _i_ -s- +u+ ^s^ ~s~ ??c?? {{m}}",
    "(/) (x) :-) ;) (!)",
    "OPS-17",
    "&#91;~admin&#93;",
    "</textarea><script>",
    "/close",
    "```",
    "`",
    "\u2028/close",
    "\x00",
)
hostile = st.lists(st.sampled_from(HOSTILE) | st.text(max_size=8), max_size=6).map(" ".join)
markdown = st.lists(
    st.sampled_from(
        (*HOSTILE, "\n", "\n\n", "- ", "1. ", "> ", "    ", "| a | b |\n|-|-|\n| ", "**", "_", "# ")
    )
    | st.text(max_size=6),
    max_size=14,
).map("".join)
FRAMES = (
    re.compile(
        r"^(?:[*#]+ (?:[☐☑] )?)?\{(noformat|code)\}\n.*?\n\{\1\}$", re.MULTILINE | re.DOTALL
    ),
    re.compile(r"^(?:[*#]+ (?:[☐☑] )?)?\{quote\}$", re.MULTILINE),
    re.compile(r"\[(?:[^\[\]|{}\n]*\|)?(?:https?://|mailto:)[^\[\]|{}!\\\s]*\]"),
    re.compile(r"\{\{[^{}\n]+\}\}"),
)
ACTIVE = re.compile(
    r"[{}\[\]\\!?~^+@<>()]|(?<!&)#(?![*# ])|&(?!#[0-9]+;)|--(?!--$)|[a-z]+://|mailto:"
)


def spans_of(blocks: Iterable[Any]) -> Iterator[Any]:
    """Every span below the blocks."""
    for block in blocks:
        if isinstance(block, Items):
            yield from spans_of(inner for item in block.items for inner in item.blocks)
        elif isinstance(block, Quote):
            yield from spans_of(block.blocks)
        elif isinstance(block, Table):
            for row in (block.head, *block.rows):
                for cell in row:
                    yield from flat(cell.spans)
        elif hasattr(block, "spans"):
            yield from flat(block.spans)


def flat(spans: Iterable[Any]) -> Iterator[Any]:
    """The spans and those within them."""
    for span in spans:
        yield span
        if hasattr(span, "spans"):
            yield from flat(span.spans)


def active(text: str) -> list[str]:
    """What is left of wiki markup, outside of what we put there, that Jira acts on."""
    for frame in FRAMES:
        text = frame.sub("", text)
    return [
        line
        for line in text.split("\n")
        if line != "----" and ACTIVE.search(re.sub(r"^[*#]+ ", "", line))
    ]


@given(st.text())
@example(" ".join(HOSTILE))
def test_escaping_for_the_wiki_loses_no_letter(text: str) -> None:
    references = re.sub(r"&#([0-9]+);", lambda found: chr(int(found[1])), escaped(text))

    assert references == re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]+", " ", text)


@given(hostile)
@example(" ".join(HOSTILE))
def test_text_is_inert_in_the_wiki(text: str) -> None:
    written = escaped(text)

    assert not ACTIVE.search(written)
    assert "\n" not in written
    assert not re.search(r"\b(h[1-6]|bq)\.|[A-Z]-[0-9]|[*|`]|__", written)


@pytest.mark.parametrize("name", [one for one in HOSTILE if one.isprintable() and "`" not in one])
def test_a_name_as_code_is_inert_in_the_wiki(name: str) -> None:
    written = wiki(f"a ` {name} ` b")

    assert not active(written), written
    assert len(FRAMES[3].findall(written)) == 1


@given(markdown)
@example("> ```\n> {quote}[~x]\n> ```")
@example("```\n{noformat}[~x]\n```\n{code}")
@example("- ```\n  {code}\n  ```")
@example("[a](https://x.example/|b]!c!{code})")
def test_only_our_own_markup_is_in_the_wiki(text: str) -> None:
    written = wiki(text)

    assert not active(written), written


def test_both_ends_of_code_within_code_end_nothing() -> None:
    written = wiki("```\n{noformat}\n{CODE:sql}\n[~admin]\n```")

    assert written.lower().count("{noformat}") == 2
    assert written.startswith("{noformat}\n")
    assert written.endswith("\n{noformat}")


TRANSLATED = {
    "heading": ("## One `a`", "h2. One {{a}}"),
    "emphasis": ("**a** and *b*", "*a* and _b_"),
    "link": ("[the page](https://a.example/x_y/?q=1)", "[the page|https://a.example/x_y/?q=1]"),
    "address": ("<https://a.example/>", "[https://a.example/]"),
    "nested lists": ("- a\n  1. b\n- c", "* a\n*# b\n* c"),
    "ticked off": ("- [x] a\n- [ ] b", "* ☑ a\n* ☐ b"),
    "code": ("```bash\nls [~x]\n```", "{noformat}\nls [~x]\n{noformat}"),
    "quote": ("> a\n>\n> b", "{quote}\na\n\nb\n{quote}"),
    "table": ("| a | b |\n|-|-|\n| `x\\|y` |  |", "||a||b||\n|{{x&#124;y}}| |"),
    "rule": ("a\n\n---", "a\n\n----"),
    "macro's name": ("`code`", "{{&#99;ode}}"),
    "readable names": (
        "kube-apiserver system:node a_b v1.30",
        "kube-apiserver system:node a_b v1.30",
    ),
    "marker": ("`authzviz-0123456789ab`", "{{authzviz-0123456789ab}}"),
    "marker of a comment": ("`authzviz-012345678901-23`", "{{authzviz-012345678901-23}}"),
    "issue": ("OPS-17 A_1-2 xAB-1", "OPS&#45;17 A_1&#45;2 xAB&#45;1"),
}


@pytest.mark.parametrize(("text", "expected"), TRANSLATED.values(), ids=TRANSLATED)
def test_what_the_wiki_gets(text: str, expected: str) -> None:
    assert wiki(text) == expected


def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The node and all below it."""
    yield node
    for inner in node.get("content", ()):
        yield from nodes(inner)


@given(markdown)
@example("- > a\n  >\n  > | a | b |\n  > |-|-|\n- # h\n- ---\n-\n> # x\n> ---")
@example("[![](https://a.example/)](https://b.example/) **`a`** [`a`](https://a.example)")
def test_jiras_documents_are_valid_and_hold_text_alone(text: str) -> None:
    written = adf(text)

    ADF.validate(written)
    kinds = {node["type"] for node in nodes(written)}
    assert kinds <= {
        *("doc", "paragraph", "heading", "text", "hardBreak", "rule", "blockquote", "codeBlock"),
        *("bulletList", "orderedList", "listItem", "table", "tableRow", "tableHeader", "tableCell"),
    }


@given(markdown)
def test_jiras_documents_say_all_of_it(text: str) -> None:
    said = "".join(node.get("text", "") for node in nodes(adf(text)))
    blocks = document(text).blocks
    spans = [span for span in spans_of(blocks) if not isinstance(span, Link)]

    for span in spans:
        if isinstance(span, Code) or not hasattr(span, "spans"):
            assert words_of((span,)).strip("\n") in said
    for block in blocks:
        if isinstance(block, CodeBlock):
            assert block.text in said


def test_links_of_a_document_go_where_they_went() -> None:
    written = adf("[the page](https://a.example/x) [bad](javascript:alert(1)) <https://b.example>")

    marks = [mark for node in nodes(written) for mark in node.get("marks", ())]
    assert [mark["attrs"]["href"] for mark in marks if mark["type"] == "link"] == [
        "https://a.example/x",
        "https://b.example",
    ]


def test_numbers_that_jiras_editor_gives_change_nothing() -> None:
    written = adf("# a\n\nb")
    numbered = json.loads(json.dumps(written))
    for number, node in enumerate(numbered["content"]):
        node.setdefault("attrs", {})["localId"] = f"id{number}"

    assert as_text(numbered) == as_text(written) != as_text(adf("# a\n\nc"))
    assert as_text(None) == ""


QUICK = {
    "alone": ("/close", "`/close`"),
    "after a line": ("a\n/label ~x", "a\n`/label` ~x"),
    "indented": ("  /close", "  `/close`"),
    "in a fence": ("```\n/close\n```", "```\n/close\n```"),
    "after a fence": ("```\na\n```\n/close", "```\na\n```\n`/close`"),
    "within a line": ("see /close", "see /close"),
    "a path": ("/etc/kubernetes", "`/etc/kubernetes`"),
    "none": ("a / b\n/ c", "a / b\n/ c"),
}


@pytest.mark.parametrize(("text", "expected"), QUICK.values(), ids=QUICK)
def test_no_line_is_a_quick_action_of_gitlab(text: str, expected: str) -> None:
    assert without_quick_actions(text) == expected


@given(markdown)
def test_no_line_outside_of_code_begins_with_a_quick_action(text: str) -> None:
    written = without_quick_actions(text)

    assert without_quick_actions(written) == written
    for block in document(written).blocks:
        if isinstance(block, Paragraph):
            starts = [Break(), *block.spans]
            after = [two for one, two in pairwise(starts) if isinstance(one, Break)]
            assert not [one for one in after if isinstance(one, Text) and one.text[:6] == "/close"]
