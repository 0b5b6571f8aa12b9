"""CommonMark as Redmine's Textile.

Source: www.redmine.org/projects/redmine/wiki/RedmineTextFormattingTextile; Redmine 5.0.4,
lib/redmine/wiki_formatting/textile. What would be markup, a link to an issue or a mention there is
written as an entity, which Redmine shows as the letter and takes for nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from authzviz.tickets.document import (
    Block,
    Break,
    Code,
    CodeBlock,
    Emphasis,
    Heading,
    Items,
    Link,
    Paragraph,
    Quote,
    Rule,
    Span,
    Strong,
    Table,
    Text,
    document,
)

_URL = re.compile(r"(https?://[^\s<>\"|]+)")
_SPECIAL = re.compile(
    r"[*_+^~@%\"!|\[\]{}<>&=#`\\]|\?(?=\?)|(?<=\?)\?|(?<![^\s(])-|-(?![^\s).,;:])"
    # Letters that begin a block, a revision or what Redmine would look up.
    r"|(?m:^)[a-z](?=[a-z]*[0-9]?[^\s.]*\.)|(?<![^\s(,])r(?=[0-9])"
    r"|(?<!\w)[a-z](?=(?:ommit|ocument|ersion|ttachment|ource|xport|epo|essage|roject|ser|ews"
    r"|orum|iki):\S)"
)
_HIGHEST_HEADING = 3


def textile(text: str) -> str:
    """The text in Textile. Never raises."""
    return "\n\n".join(_block(block) for block in document(text).blocks) + "\n"


def _block(block: Block) -> str:
    if isinstance(block, Heading):
        level = min(block.level + _HIGHEST_HEADING - 1, 6)
        return f"h{level}. {_line(block.spans)}"
    if isinstance(block, Items):
        return "\n".join(_items(block, ""))
    if isinstance(block, CodeBlock):
        return _pre(block)
    if isinstance(block, Quote):
        lines = "\n\n".join(_block(one) for one in block.blocks).split("\n")
        return "\n".join(f"> {line}".rstrip() for line in lines)
    if isinstance(block, Table):
        return _table(block)
    return "---" if isinstance(block, Rule) else _spans(block.spans)


def _pre(block: CodeBlock) -> str:
    # Within pre everything stands as it is, so that only its end has to be kept out.
    text = re.sub(r"(?i)</(pre|code)", r"< /\1", block.text)
    return f"<pre>\n{text}\n</pre>"


def _items(items: Items, above: str) -> Iterator[str]:
    mark = above + ("#" if items.is_ordered else "*")
    for item in items.items:
        box = "" if item.is_done is None else "&#91;x&#93; " if item.is_done else "&#91; &#93; "
        words = " ".join(_line(one.spans) for one in item.blocks if isinstance(one, Paragraph))
        yield f"{mark} {box}{words}"
        for one in item.blocks:
            if isinstance(one, Items):
                yield from _items(one, mark)
            elif not isinstance(one, Paragraph):
                # A block would end the list: lists here hold lines.
                yield f"{mark} {_flat(one)}"


def _flat(block: Block) -> str:
    if isinstance(block, CodeBlock):
        return " ".join(_code(line) for line in block.text.split("\n") if line.strip())
    return " ".join(_block(block).split())


def _table(table: Table) -> str:
    head = "|" + "".join(f"_. {_line(cell.spans)} |" for cell in table.head)
    rows = ("|" + "".join(f" {_line(cell.spans)} |" for cell in row) for row in table.rows)
    return "\n".join((head, *rows))


def _line(spans: Iterable[Span]) -> str:
    return " ".join(_spans(spans).split())


def _spans(spans: Iterable[Span]) -> str:
    return "".join(_span(span) for span in spans)


def _span(span: Span) -> str:
    if isinstance(span, Text):
        return _text(span.text)
    if isinstance(span, Code):
        return _code(span.text)
    if isinstance(span, Break):
        return "\n"
    words = _spans(span.spans)
    if isinstance(span, Link):
        return _link(span, words)
    mark = {Strong: "*", Emphasis: "_"}[type(span)]
    return f"{mark}{words}{mark}" if words.strip() == words != "" else words


def _link(link: Link, words: str) -> str:
    # In a line's middle Textile ends an address at the next space.
    url = link.url.replace('"', "%22").replace("|", "%7C").rstrip(".,;:!?")
    return f'"{" ".join(words.split())}":{url}' if words.strip() else url


def _code(text: str) -> str:
    if re.search(r"(?i)</|\n", text) or not text.strip():
        return _text(text)
    return f"<code>{text}</code>"


def _text(text: str) -> str:
    parts = _URL.split(text)
    return "".join(part if _URL.fullmatch(part) else _SPECIAL.sub(_entity, part) for part in parts)


def _entity(found: re.Match[str]) -> str:
    return f"&#{ord(found[0])};"
