"""CommonMark as Atlassian's document format, which Jira Cloud takes and gives.

Text in it is text: nothing in a text node is markup, a mention or a macro.
Source: developer.atlassian.com/cloud/jira/platform/apis/document/structure
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from authzviz.tickets.document import (
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
    Quote,
    Rule,
    Span,
    Strong,
    Table,
    document,
    words_of,
)

Node = dict[str, Any]

_IN_ITEMS_AND_QUOTES = frozenset({"paragraph", "bulletList", "orderedList", "codeBlock"})
_DONE, _TO_DO = "☑ ", "☐ "


def adf(text: str) -> Node:
    """The document that the text is."""
    return {"version": 1, "type": "doc", "content": list(_blocks(document(text).blocks))}


def as_text(value: object) -> str:
    """A document as Jira gives it, as a text that is the same until somebody changes it.

    Jira's editor numbers the nodes ("localId"), which changes nothing that people see.
    """
    if value is None:
        return ""
    return json.dumps(_unnumbered(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _unnumbered(value: object) -> object:
    if isinstance(value, dict):
        kept = {key: _unnumbered(inner) for key, inner in value.items() if key != "localId"}
        return {key: inner for key, inner in kept.items() if (key, inner) != ("attrs", {})}
    if isinstance(value, list):
        return [_unnumbered(inner) for inner in value]
    return value


def _blocks(blocks: Iterable[Block]) -> Iterator[Node]:
    return map(_block, blocks)


def _block(block: Block) -> Node:
    if isinstance(block, Rule):
        return {"type": "rule"}
    if isinstance(block, CodeBlock):
        return _code_block(block)
    if isinstance(block, Items):
        return _items(block)
    if isinstance(block, Quote):
        return {"type": "blockquote", "content": list(_within(block.blocks)) or [_paragraph(())]}
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Heading):
        content = list(_spans(block.spans))
        return {"type": "heading", "attrs": {"level": block.level}, "content": content}
    return _paragraph(block.spans)


def _paragraph(spans: Iterable[Span]) -> Node:
    return {"type": "paragraph", "content": list(_spans(spans))}


def _code_block(block: CodeBlock) -> Node:
    node: Node = {"type": "codeBlock"}
    if block.language:
        node["attrs"] = {"language": block.language}
    if block.text:
        node["content"] = [{"type": "text", "text": block.text}]
    return node


def _items(block: Items) -> Node:
    content = [{"type": "listItem", "content": _item(item)} for item in block.items]
    if not block.is_ordered:
        return {"type": "bulletList", "content": content}
    return {"type": "orderedList", "attrs": {"order": block.start}, "content": content}


def _item(item: Item) -> list[Node]:
    nodes = list(_within(item.blocks))
    if not nodes or nodes[0]["type"] not in {"paragraph", "codeBlock"}:
        nodes.insert(0, _paragraph(()))  # what an item has to begin with
    if item.is_done is not None and nodes[0]["type"] == "paragraph":
        box = _DONE if item.is_done else _TO_DO
        nodes[0]["content"].insert(0, {"type": "text", "text": box})
    return nodes


def _within(blocks: Iterable[Block]) -> Iterator[Node]:
    """The blocks for an item or a quote; what may not stand there gives its paragraphs."""
    for block in blocks:
        node = _block(block)
        if node["type"] in _IN_ITEMS_AND_QUOTES:
            yield node
        elif isinstance(block, Quote):
            yield from _within(block.blocks)
        elif isinstance(block, Heading):
            yield _paragraph((Strong(block.spans),))
        elif isinstance(block, Table):
            yield from (_paragraph(_row_in_line(row)) for row in (block.head, *block.rows))


def _row_in_line(row: Iterable[Cell]) -> Iterator[Span]:
    for number, cell in enumerate(row):
        if number:
            yield Break()
        yield from cell.spans


def _table(block: Table) -> Node:
    head = _row(block.head, "tableHeader")
    return {"type": "table", "content": [head, *(_row(row, "tableCell") for row in block.rows)]}


def _row(row: Iterable[Cell], kind: str) -> Node:
    cells = [{"type": kind, "content": [_paragraph(cell.spans)]} for cell in row]
    return {"type": "tableRow", "content": cells}


def _spans(spans: Iterable[Span], marks: tuple[Node, ...] = ()) -> Iterator[Node]:
    for span in spans:
        if isinstance(span, Break):
            yield {"type": "hardBreak"}
        elif isinstance(span, Strong):
            yield from _spans(span.spans, _with({"type": "strong"}, marks))
        elif isinstance(span, Emphasis):
            yield from _spans(span.spans, _with({"type": "em"}, marks))
        elif isinstance(span, Link):
            link = {"type": "link", "attrs": {"href": span.url}}
            yield from _spans(_shown(span), _with(link, marks))
        elif span.text:
            yield _text(span.text, marks, is_code=isinstance(span, Code))


def _shown(link: Link) -> tuple[Span, ...]:
    return link.spans if words_of(link.spans).strip() else (Code(link.url),)


def _with(mark: Node, marks: tuple[Node, ...]) -> tuple[Node, ...]:
    return marks if any(one["type"] == mark["type"] for one in marks) else (*marks, mark)


def _text(text: str, marks: tuple[Node, ...], *, is_code: bool) -> Node:
    if is_code:  # code may be a link, and nothing else besides
        marks = (*(one for one in marks if one["type"] == "link"), {"type": "code"})
    node: Node = {"type": "text", "text": text}
    if marks:
        node["marks"] = list(marks)
    return node
