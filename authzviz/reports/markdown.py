"""Text from a cluster, made fit for Markdown: no markup, and nothing that a tracker acts on.

GitHub, GitLab, Gitea and Redmine look for mentions and references in what Markdown made of a text,
where its backslashes are gone; in code they don't look. So what might be one becomes code.
Sources: docs.github.com, "Basic writing and formatting syntax" and "Autolinked references and
URLs"; docs.gitlab.com, "GitLab Flavored Markdown" and "GitLab quick actions"; docs.gitea.com,
"Automatically Linked References"; redmine.org, "Redmine text formatting".
"""

from __future__ import annotations

import re

from authzviz.reports.printable import printable

_BACKTICKS = re.compile(r"`+")
# A word between what may stand beside code: brackets, quotation marks, stops.
_WORD = re.compile(r"""(["'(]*)(.*?)([)"'.,;:?!]*)""", re.DOTALL)
# What prose needs. Every other sign of ASCII means something to some tracker; one that stands
# alone only does to Markdown, which heeds the backslash.
_PROSE = re.compile(r"""(?:[^\x00-\x7f]|[0-9A-Za-z"'(),.:;?!/+=-])*|[0-9]+%""")
_LONE = re.compile(r"[*_<>~#&$%]")
_RISKY = re.compile(
    r"""
    ^/ | ^--\w                           # quick actions, at the start of a line; flags
    | :// | (?i:\bwww\.)                 # addresses
    | :(?!\d\d:)[\w+-]+:                 # emoji, which times are not
    | ![\w(]                             # merge requests, images
    | (?i:\b[0-9a-f]{7,64}\b)            # commits
    | \b[A-Z][A-Z0-9]+-\d | (?i:\bg[hl]-\d)
    | \br\d+\b | (?i:\b(?:attachment|commit|document|export|forum|message|news|project|source|user
    |version):\S)                        # Redmine's revisions and links
    """,
    re.VERBOSE,
)
_START = re.compile(r"^(?:([-+=])|(\d+)(?=[.)]))")


def inline(text: str) -> str:
    """The text in one line that is no markup, mention, reference or address: each word that might
    be one is code, and so is what hides or turns text around, written out.
    """
    words = " ".join(map(_inert, printable(text).split()))
    # A number at the start makes a list: what is escaped is the dot or bracket behind it.
    return _START.sub(lambda found: f"\\{found[1]}" if found[1] else f"{found[2]}\\", words)


def code(text: str) -> str:
    """The text in one line as a span of code."""
    shown = " ".join(printable(text).split())
    ticks = "`" * (_longest(shown) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{ticks}{pad}{shown}{pad}{ticks}" if shown else ""


def cell(span: str) -> str:
    """What `inline` or `code` gave inside a table, where a bar would end the cell.

    A bar behind a backslash is written out: parsers differ on which of the two is escaped there.
    """
    return span.replace(r"\|", r"\x7c").replace("|", r"\|")


def fenced(text: str, language: str) -> str:
    """The text as it stands, as a block of code whose fence nothing in it can end."""
    fence = "`" * max(3, _longest(text) + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def _inert(word: str) -> str:
    if _LONE.fullmatch(word):
        return f"\\{word}"
    before, core, after = _parts(word)
    if _PROSE.fullmatch(core) and not _RISKY.search(word):
        return word
    return f"{before}{code(core)}{after}"


def _parts(word: str) -> tuple[str, str, str]:
    found = _WORD.fullmatch(word)
    return (found[1], found[2], found[3]) if found else ("", word, "")


def _longest(text: str) -> int:
    return max(map(len, _BACKTICKS.findall(text)), default=0)
