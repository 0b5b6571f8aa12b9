"""A ticket's text for includes/document.html."""

from __future__ import annotations

from authzviz.tickets.document import Block, document
from dashboard.visible import made_visible


def blocks_of(text: str) -> tuple[Block, ...]:
    """The text's blocks, every hidden letter in them made visible."""
    return made_visible(document(text).blocks)
