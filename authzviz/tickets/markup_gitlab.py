"""Our Markdown for GitLab: the same, but for lines that GitLab would carry out.

A line that begins with /close closes the issue, whoever wrote it; code it leaves alone.
Source: docs.gitlab.com/user/project/quick_actions
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt

_QUICK_ACTION = re.compile(r"^(\s*)(/[A-Za-z][^\s`]*)")
_PARSER = MarkdownIt("commonmark", {"html": False}).disable("inline")


def without_quick_actions(text: str) -> str:
    """The text with the first word of such lines as code."""
    text = re.sub(r"\r\n?", "\n", text)
    lines = text.split("\n")
    code = {
        number
        for token in _PARSER.parse(text)
        if token.type in {"fence", "code_block"} and token.map
        for number in range(*token.map)
    }
    return "\n".join(
        line if number in code else _QUICK_ACTION.sub(r"\1`\2`", line)
        for number, line in enumerate(lines)
    )
