"""Text from a cluster on a terminal: nothing that it would obey, and nothing that nobody sees."""

from __future__ import annotations

import pytest

from authzviz.reports.printable import printable

SHOWN = {
    "plain": ("system:node node1", "system:node node1"),
    "other scripts": ("界面-käse", "界面-käse"),
    "an escape": ("\x1b[2J", "\\x1b[2J"),
    "reordering": ("a\u202eb", "a\\u202eb"),
    "a letter that is drawn as nothing": ("system:nodes\u3164", "system:nodes\\u3164"),
    "another space": ("a\u00a0b c", "a\\xa0b c"),
}


@pytest.mark.parametrize(("text", "shown"), SHOWN.values(), ids=SHOWN)
def test_what_is_hidden_is_written_out(text: str, shown: str) -> None:
    assert printable(text) == shown
