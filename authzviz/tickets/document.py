"""CommonMark as values: what a ticket's text says, for trackers with another markup and for pages.

Raw HTML is text, links go only where a link may go, and both depth and size have an end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

MAX_LETTERS = 32_000
"""Of a text; what is longer is cut. Jira takes 32,767 letters, the others more."""
SCHEMES = frozenset({"https", "http", "mailto"})
_DEEPEST = 8
_MOST_NESTED = 24
_MOST_CELLS = 10_000
_BELOW_HEAD = re.compile(r"^[ \t>|:*+0-9.)-]*-[ \t|:-]*$", re.MULTILINE)
_TASK = re.compile(r"\[([ xX])\][ \t]+")


@dataclass(frozen=True, slots=True)
class Text:
    """Letters as they are; no line ends in them."""

    kind: ClassVar[str] = "text"
    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """Letters as code, in one line."""

    kind: ClassVar[str] = "code"
    text: str


@dataclass(frozen=True, slots=True)
class Strong:
    """What stands out strongly."""

    kind: ClassVar[str] = "strong"
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Emphasis:
    """What is emphasised."""

    kind: ClassVar[str] = "emphasis"
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """A link to an address of one of SCHEMES, already percent-encoded. Images are links, too."""

    kind: ClassVar[str] = "link"
    url: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Break:
    """The end of a line within a paragraph."""

    kind: ClassVar[str] = "break"


Span: TypeAlias = Text | Code | Strong | Emphasis | Link | Break


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph."""

    kind: ClassVar[str] = "paragraph"
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; `level` is 1 to 6."""

    kind: ClassVar[str] = "heading"
    level: int
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a list; `is_done` is None where it is none to tick off."""

    blocks: tuple[Block, ...]
    is_done: bool | None = None


@dataclass(frozen=True, slots=True)
class Items:
    """A list; `start` is the number of the first item where it is ordered."""

    kind: ClassVar[str] = "items"
    items: tuple[Item, ...]
    is_ordered: bool = False
    start: int = 1


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """Lines of code; `language` is "" where none is told."""

    kind: ClassVar[str] = "code-block"
    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Quote:
    """What is quoted."""

    kind: ClassVar[str] = "quote"
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table."""

    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table; every row has as many cells as `head`."""

    kind: ClassVar[str] = "table"
    head: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across."""

    kind: ClassVar[str] = "rule"


Block: TypeAlias = Paragraph | Heading | Items | CodeBlock | Quote | Table | Rule


@dataclass(frozen=True, slots=True)
class Document:
    """A text as blocks; `is_cut` where it went on after MAX_LETTERS."""

    blocks: tuple[Block, ...]
    is_cut: bool = False


def document(text: str) -> Document:
    """The text, CommonMark with tables and items to tick off, as blocks. Never raises.

    The end of a line is a Break, as most trackers have it. What is nested more than 8 deep stands
    as one paragraph of its letters.
    Sources: spec.commonmark.org 0.31.2; github.github.com/gfm, "Tables" and "Task list items".
    """
    text_read = text[:MAX_LETTERS]
    parser = _WITHOUT_TABLES if _has_too_many_cells(text_read) else _PARSER
    root = SyntaxTreeNode(parser.parse(text_read))
    return Document(tuple(_blocks(root.children, 1)), is_cut=len(text) > MAX_LETTERS)


def plain_text(document: Document) -> str:
    """The document for mails and previews: no markup, addresses of links behind their words."""
    return "\n\n".join(_plain_block(block) for block in document.blocks)


def words_of(spans: Iterable[Span]) -> str:
    """The letters of the spans, without addresses of links; a Break is a line end."""
    return "".join(_words(span) for span in spans)


def spans_of(value: Document | Block | Span | Cell | Item) -> Iterator[Text | Code | Break | Link]:
    """Every span in it, in order; what is within a link follows the link."""
    if isinstance(value, Text | Code | Break):
        yield value
        return
    if isinstance(value, Link):
        yield value
    for part in _parts(value):
        yield from spans_of(part)


def is_safe_url(url: str) -> bool:
    """True where a link may go there: an absolute address of one of SCHEMES."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return False
    return parts.scheme in SCHEMES and bool(parts.netloc or parts.scheme == "mailto")


def _parts(value: Document | Block | Span | Cell | Item) -> tuple[Block | Span | Cell | Item, ...]:
    if isinstance(value, Document | Quote | Item):
        return value.blocks
    if isinstance(value, Items):
        return value.items
    if isinstance(value, Table):
        return (*value.head, *(cell for row in value.rows for cell in row))
    if isinstance(value, CodeBlock | Rule | Text | Code | Break):
        return ()
    return value.spans


def _parser(extension: str | None = None) -> MarkdownIt:
    options = {"html": False, "linkify": False, "typographer": False, "maxNesting": _MOST_NESTED}
    parser = MarkdownIt("commonmark", options)
    if extension:
        parser.enable(extension)
    parser.validateLink = is_safe_url  # type: ignore[method-assign]
    return parser


_PARSER, _WITHOUT_TABLES = _parser("table"), _parser()


def _has_too_many_cells(text: str) -> bool:
    """True where tables might be more than a person reads: each row is filled up with cells to as
    many as the line below the head has, which takes seconds.
    """
    columns = max((line.count("|") for line in _BELOW_HEAD.findall(text)), default=0) + 1
    return columns * text.count("\n") > _MOST_CELLS


def _blocks(nodes: Iterable[SyntaxTreeNode], depth: int) -> Iterator[Block]:
    for node in nodes:
        block = _block(node, depth)
        if block is not None:
            yield block


def _block(node: SyntaxTreeNode, depth: int) -> Block | None:
    if node.type in ("fence", "code_block"):
        language = node.info.split()[0] if node.info.split() else ""
        return CodeBlock(node.content.rstrip("\n"), language)
    if node.type == "hr":
        return Rule()
    if node.type == "heading":
        return Heading(int(node.tag[1:]), _inline(node.children))
    if node.type == "table":
        return _table(node)
    if node.type in _CONTAINERS:
        return _CONTAINERS[node.type](node, depth) if depth < _DEEPEST else _flat(node)
    spans = _inline(node.children)
    return Paragraph(spans) if spans else None


def _items(node: SyntaxTreeNode, depth: int) -> Items:
    is_ordered = node.type == "ordered_list"
    items = tuple(_item(child, depth + 1) for child in node.children)
    return Items(items, is_ordered, int(node.attrs.get("start", 1)) if is_ordered else 1)


def _item(node: SyntaxTreeNode, depth: int) -> Item:
    blocks = tuple(_blocks(node.children, depth))
    first = blocks[0] if blocks else None
    mark = _TASK.match(_source(node.children[0])) if isinstance(first, Paragraph) else None
    if not (isinstance(first, Paragraph) and mark and isinstance(first.spans[0], Text)):
        return Item(blocks)
    # Looked for in the source: with a backslash before it, it is no box to tick.
    rest = Text(first.spans[0].text[3:].lstrip())
    spans = ((rest,) if rest.text else ()) + first.spans[1:]
    return Item((Paragraph(spans), *blocks[1:]), is_done=mark[1] != " ")


def _quote(node: SyntaxTreeNode, depth: int) -> Quote:
    return Quote(tuple(_blocks(node.children, depth + 1)))


def _table(node: SyntaxTreeNode) -> Table:
    rows = [
        tuple(Cell(_inline(cell.children)) for cell in row.children)
        for part in node.children
        for row in part.children
    ]
    return Table(rows[0], tuple(rows[1:]))


_CONTAINERS: dict[str, Callable[[SyntaxTreeNode, int], Block]] = {
    "bullet_list": _items,
    "ordered_list": _items,
    "blockquote": _quote,
}


def _flat(node: SyntaxTreeNode) -> Paragraph | None:
    """Every letter below the node in one paragraph."""
    leaves = (leaf for leaf in node.walk() if leaf.type in ("inline", "fence", "code_block"))
    words = " ".join(
        words_of(_inline((leaf,))) if leaf.type == "inline" else leaf.content for leaf in leaves
    )
    words = " ".join(words.split())
    return Paragraph((Text(words),)) if words else None


def _source(node: SyntaxTreeNode) -> str:
    return node.children[0].content if node.children else ""


def _inline(nodes: Sequence[SyntaxTreeNode]) -> tuple[Span, ...]:
    """The spans of an inline node, which is the one child of whatever holds text."""
    return tuple(_joined(_spans(child for node in nodes for child in node.children)))


def _spans(nodes: Iterable[SyntaxTreeNode]) -> Iterator[Span]:
    for node in nodes:
        if node.type in ("softbreak", "hardbreak"):
            yield Break()
        elif node.type == "code_inline":
            yield Code(node.content)
        elif node.type in _SPANS:
            yield _SPANS[node.type](tuple(_joined(_spans(node.children))))
        elif node.type == "link":
            yield from _linked(str(node.attrs["href"]), tuple(_joined(_spans(node.children))))
        elif node.type == "image":
            alt = words_of(_joined(_spans(node.children)))
            yield from _linked(str(node.attrs["src"]), (Text(alt),) if alt else ())
        elif node.content:
            yield Text(node.content)


def _linked(url: str, spans: tuple[Span, ...]) -> tuple[Span, ...]:
    # An address may be empty, and the parser asks nobody whether that is safe.
    return (Link(url, spans),) if url else spans


_SPANS: dict[str, Callable[[tuple[Span, ...]], Span]] = {"strong": Strong, "em": Emphasis}


def _joined(spans: Iterable[Span]) -> Iterator[Span]:
    """The spans with texts that follow one another as one."""
    before: Text | None = None
    for span in spans:
        if isinstance(span, Text):
            before = Text(before.text + span.text) if before else span
            continue
        if before:
            yield before
            before = None
        yield span
    if before:
        yield before


def _words(span: Span) -> str:
    if isinstance(span, Text | Code):
        return span.text
    return "\n" if isinstance(span, Break) else words_of(span.spans)


def _plain_block(block: Block) -> str:
    if isinstance(block, Rule):
        return "-" * 20
    if isinstance(block, CodeBlock):
        return _indented(block.text, "    ")
    if isinstance(block, Quote):
        return "\n".join(f"> {line}".rstrip() for line in _plain(block.blocks).split("\n"))
    if isinstance(block, Items):
        return "\n".join(_plain_items(block))
    if isinstance(block, Table):
        rows = (block.head, *block.rows)
        return "\n".join(" | ".join(_plain_spans(cell.spans) for cell in row) for row in rows)
    words = _plain_spans(block.spans)
    return f"{words}\n{'-' * min(len(words), 60)}" if isinstance(block, Heading) else words


def _plain(blocks: Iterable[Block]) -> str:
    return "\n".join(_plain_block(block) for block in blocks)


def _plain_items(block: Items) -> Iterator[str]:
    for number, item in enumerate(block.items, start=block.start):
        mark = f"{number}. " if block.is_ordered else "- "
        box = "" if item.is_done is None else "[x] " if item.is_done else "[ ] "
        yield mark + box + _indented(_plain(item.blocks), " " * len(mark)).lstrip()


def _indented(text: str, by: str) -> str:
    return "\n".join(f"{by}{line}".rstrip() for line in text.split("\n"))


def _plain_spans(spans: Iterable[Span]) -> str:
    return "".join(_plain_span(span) for span in spans)


def _plain_span(span: Span) -> str:
    if not isinstance(span, Link):
        return _words(span) if isinstance(span, Text | Code | Break) else _plain_spans(span.spans)
    words, address = _plain_spans(span.spans), span.url.removeprefix("mailto:")
    return words if words == address else f"{words} ({address})".lstrip()
