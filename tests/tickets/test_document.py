"""CommonMark as values: what stands in a ticket, whatever somebody wrote."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from authzviz.tickets.document import (
    MAX_LETTERS,
    SCHEMES,
    Block,
    Break,
    Cell,
    Code,
    CodeBlock,
    Emphasis,
    Heading,
    Item,
    Items,
    Link,
    Paragraph,
    Quote,
    Rule,
    Strong,
    Table,
    Text,
    document,
    is_safe_url,
    plain_text,
    words_of,
)

ONE = (Paragraph((Text("one"),)),)
BLOCKS: dict[str, tuple[str, Block]] = {
    "paragraph": ("one", ONE[0]),
    "line end": ("one\ntwo", Paragraph((Text("one"), Break(), Text("two")))),
    "heading": ("## a `b`", Heading(2, (Text("a "), Code("b")))),
    "spans": (
        "*a **b*** c",
        Paragraph((Emphasis((Text("a "), Strong((Text("b"),)))), Text(" c"))),
    ),
    "bullets": ("- one\n- one", Items((Item(ONE), Item(ONE)))),
    "numbers": ("3. one", Items((Item(ONE),), is_ordered=True, start=3)),
    "to tick off": (
        "- [ ] one\n- [x] one",
        Items((Item(ONE, is_done=False), Item(ONE, is_done=True))),
    ),
    "to tick off, code": (
        "- [X] `one`",
        Items((Item((Paragraph((Code("one"),)),), is_done=True),)),
    ),
    "no box": (r"- \[ \] one", Items((Item((Paragraph((Text("[ ] one"),)),)),))),
    "within": ("- one\n  - one", Items((Item((*ONE, Items((Item(ONE),)))),))),
    "fence": ("```sh x\none\n\ntwo\n```", CodeBlock("one\n\ntwo", "sh")),
    "indented code": ("    one", CodeBlock("one")),
    "quote": ("> one", Quote(ONE)),
    "rule": ("***", Rule()),
    "table": (
        "| a | b |\n|---|---|\n| `c\\|d` |",
        Table((Cell((Text("a"),)), Cell((Text("b"),))), ((Cell((Code("c|d"),)), Cell(())),)),
    ),
    "link": ("[a](https://b.example/c)", Paragraph((Link("https://b.example/c", (Text("a"),)),))),
    "image": ("![a](https://b.example/c)", Paragraph((Link("https://b.example/c", (Text("a"),)),))),
    "html": ("<b>a</b>", Paragraph((Text("<b>a</b>"),))),
    "block of html": ("<script>\na\n</script>", document("\\<script>\na\n\\</script>").blocks[0]),
}


@pytest.mark.parametrize(("text", "block"), BLOCKS.values(), ids=BLOCKS)
def test_each_kind_of_block_becomes_a_value(text: str, block: Block) -> None:
    assert document(text).blocks == (block,)


NO_LINKS = {
    "script": "[a](javascript:alert(1))",
    "script, disguised": "[a](JaVaScRiPt&colon;alert(1))",
    "data": "[a](data:text/html,x)",
    "relative": "[a](/logout)",
    "without a scheme": "[a](//b.example)",
    "without a host": "[a](https:b)",
    "file": "<file:///etc/passwd>",
    "image": "![a](data:image/png;base64,x)",
    "bare": "https://b.example www.b.example",
}


@pytest.mark.parametrize("text", NO_LINKS.values(), ids=NO_LINKS)
def test_other_addresses_are_no_links(text: str) -> None:
    (paragraph,) = document(text).blocks

    assert isinstance(paragraph, Paragraph)
    assert [type(span) for span in paragraph.spans] == [Text]


def test_what_is_no_address_is_not_safe() -> None:
    assert not is_safe_url("http://[b")


PLAIN = {
    "blocks": ("# a\n\nb `c`\n\n***", f"a\n-\n\nb c\n\n{'-' * 20}"),
    "lists": ("- a\n  1. b\n  2. c\n- [x] d", "- a\n  1. b\n  2. c\n- [x] d"),
    "code": ("```\na\n  b\n```", "    a\n      b"),
    "quote": ("> a\n> - b", "> a\n> - b"),
    "link": ("[a](https://b.example/)", "a (https://b.example/)"),
    "address": ("<https://b.example/>", "https://b.example/"),
    "mail": ("<a@b.example>", "a@b.example"),
    "bold link": ("**[a](https://b.example/)**", "a (https://b.example/)"),
    "table": ("|a|b|\n|-|-|\n|c|d|", "a | b\nc | d"),
}


@pytest.mark.parametrize(("text", "plain"), PLAIN.values(), ids=PLAIN)
def test_plain_text_has_no_markup(text: str, plain: str) -> None:
    assert plain_text(document(text)) == plain


def test_what_is_too_long_is_cut_and_says_so() -> None:
    cut = document("a" * (MAX_LETTERS + 1))

    assert cut.is_cut
    assert not document("a" * MAX_LETTERS).is_cut
    assert len(plain_text(cut)) == MAX_LETTERS


def test_what_is_nested_too_deeply_stands_as_one_paragraph() -> None:
    text = "\n".join(f"{'  ' * depth}- level {depth}" for depth in range(10))

    found = document(text)

    assert 5 < depth_of(found.blocks) <= 8
    assert "level 9" in plain_text(found)


HUGE = {
    "many cells": "|a" * 300 + "\n" + "|-" * 300 + "\n" + "|x\n" * 10_000,
    "in a list": "- " + "|a" * 300 + "\n  " + "|-" * 300 + "\n" + "  |x\n" * 7_000,
}


@pytest.mark.parametrize("text", HUGE.values(), ids=HUGE)
def test_a_table_that_nobody_reads_is_none(text: str) -> None:
    blocks = document(text).blocks

    assert not any(isinstance(block, Table) for block in blocks)
    assert plain_text(document(text))


def test_a_long_table_is_one() -> None:
    (table,) = document("|a|b|c|\n|-|-|-|\n" + "|x|y|z|\n" * 900).blocks

    assert isinstance(table, Table)
    assert len(table.rows) == 900


@given(st.text(alphabet=st.sampled_from("-*_[](){}<>`#|~:!&;@ \n\tax1.+=\\/\"'h")))
@example("[]()")
@example("[words](<>) and ![words]()")
def test_any_text_is_read(text: str) -> None:
    found = document(text)

    plain_text(found)
    assert depth_of(found.blocks) <= 8
    assert all(link.url.split(":")[0] in SCHEMES for link in links_of(found.blocks))


def test_words_of_leaves_addresses_out() -> None:
    assert words_of((Link("https://b.example", (Text("a"),)), Break(), Code("c"))) == "a\nc"


def depth_of(blocks: tuple[Block, ...]) -> int:
    below = [
        depth_of(inner)
        for block in blocks
        for inner in (
            [item.blocks for item in block.items]
            if isinstance(block, Items)
            else [block.blocks]
            if isinstance(block, Quote)
            else []
        )
    ]
    return 1 + max(below, default=0) if blocks else 0


def links_of(value: object) -> Iterator[Link]:
    if isinstance(value, Link):
        yield value
    if isinstance(value, tuple):
        for each in value:
            yield from links_of(each)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from links_of(getattr(value, field.name))
