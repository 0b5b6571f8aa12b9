"""CommonMark as the wiki markup of Jira Data Center.

Every sign that could be markup, a macro, a mention, an emoticon or a link stands as a numeric
character reference, which the renderer shows as the sign and takes for nothing else. Between two
letters or digits, where they mean nothing, - _ : . stay as they are, so that the text can be read
and found.
Source: jira.atlassian.com/secure/WikiRendererHelpAction.jspa?section=all
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

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

_DONE, _TO_DO = "☑ ", "☐ "
_UNSEEN = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_SIGN = re.compile(
    r"[\\{}\[\]()|*^~+!?%@#&<>`]"
    # Marks that mean something only at the edge of a word …
    r"|(?<![A-Za-z0-9])[-_:]|[-_:](?![A-Za-z0-9])"
    # … and what looks like OPS-17, mailto:x, h1. and bq.
    r"|[A-Z](?:[A-Z0-9]|(?<=[A-Z0-9])_(?=[A-Z0-9])){0,40}-(?=[0-9])"
    r"|(?:(?<=(?i:mailto))|(?<=(?i:file))|(?<=(?i:news))):"
    r"|(?:(?<=\b(?i:h)[1-6])|(?<=\b(?i:bq)))\.",
)
# {{code}} may be read as a macro in braces.
_MACRO = re.compile(
    r"(?:anchor|chart|code|color|csv|gallery|html|include|jira|noformat|panel|quote|section|toc)\b",
    re.IGNORECASE,
)
_IN_URL = re.compile(r"[\\{}\[\]|*^~!\"<>`\s]")


def wiki(text: str) -> str:
    """The text in wiki markup."""
    return "\n\n".join(_block(block) for block in document(text).blocks)


def _block(block: Block, *, in_quote: bool = False) -> str:
    if isinstance(block, Rule):
        return "----"
    if isinstance(block, CodeBlock):
        return _code_in_lines(block.text) if in_quote else _code_block(block.text)
    if isinstance(block, Items):
        return "\n".join(_items(block, "", in_quote))
    if isinstance(block, Quote):
        inner = "\n\n".join(_block(inner, in_quote=True) for inner in block.blocks)
        return inner if in_quote else f"{{quote}}\n{inner}\n{{quote}}"
    if isinstance(block, Table):
        head, rows = _row(block.head, "||"), (_row(row, "|") for row in block.rows)
        return "\n".join((head, *rows))
    if isinstance(block, Heading):
        return f"h{block.level}. {_in_line(block.spans)}"
    return _spans(block.spans, "\n")


def _code_block(text: str) -> str:
    """The lines as they are, in the macro whose end is not in them.

    Nothing can be escaped within one: where both ends are in the lines, a space without width goes
    into them.
    """
    for macro in ("{noformat}", "{code}"):
        if macro[:-1] not in text.lower():
            return f"{macro}\n{text}\n{macro}"
    broken = re.sub(r"\{(?=noformat)", "{\u200b", text, flags=re.IGNORECASE)
    return f"{{noformat}}\n{broken}\n{{noformat}}"


def _code_in_lines(text: str) -> str:
    """The lines each as code: the end of a quote in them would be one, even in {noformat}."""
    return "\n".join(_code(line) for line in text.split("\n") if line.strip())


def _items(block: Items, above: str, in_quote: bool) -> Iterator[str]:
    mark = above + ("#" if block.is_ordered else "*")
    for item in block.items:
        texts = [_in_item(one, in_quote) for one in item.blocks if not isinstance(one, Items)]
        yield f"{mark} {_box(item)}" + "\n".join(texts)
        for one in item.blocks:
            if isinstance(one, Items):
                yield from _items(one, mark, in_quote)


def _in_item(block: Block, in_quote: bool) -> str:
    if isinstance(block, Heading):
        return _marked("*", block.spans)
    text = _block(block, in_quote=in_quote)
    # An empty line would end the list.
    return text if isinstance(block, CodeBlock) else re.sub(r"\n\s*\n", "\n", text)


def _box(item: Item) -> str:
    return "" if item.is_done is None else _DONE if item.is_done else _TO_DO


def _row(row: Iterable[Cell], bar: str) -> str:
    return bar + bar.join(_in_line(cell.spans) or " " for cell in row) + bar


def _in_line(spans: Iterable[Span]) -> str:
    return _spans(spans, " ")


def _spans(spans: Iterable[Span], line_end: str) -> str:
    return "".join(_span(span, line_end) for span in spans)


def _span(span: Span, line_end: str) -> str:
    if isinstance(span, Break):
        return line_end
    if isinstance(span, Code):
        return _code(span.text)
    if isinstance(span, Strong):
        return _marked("*", span.spans)
    if isinstance(span, Emphasis):
        return _marked("_", span.spans)
    if isinstance(span, Link):
        return _link(span)
    return escaped(span.text)


def _marked(mark: str, spans: Iterable[Span]) -> str:
    inner = _in_line(spans).strip()
    return f"{mark}{inner}{mark}" if inner else ""


def _link(span: Link) -> str:
    url = _IN_URL.sub(lambda found: "".join(f"%{one:02X}" for one in found[0].encode()), span.url)
    words = words_of(span.spans).strip()
    return f"[{escaped(words)}|{url}]" if words and words != span.url else f"[{url}]"


def _code(text: str) -> str:
    text = escaped(text).strip()
    if _MACRO.match(text):
        text = f"&#{ord(text[0])};{text[1:]}"
    return f"{{{{{text}}}}}" if text else ""


def escaped(text: str) -> str:
    """The text with nothing in it that is markup."""
    return _SIGN.sub(_reference, _UNSEEN.sub(" ", text))


def _reference(found: re.Match[str]) -> str:
    """The sign that was found, and what stands before it in what looks like an issue's key."""
    return f"{found[0][:-1]}&#{ord(found[0][-1])};"
