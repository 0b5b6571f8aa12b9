"""Our templates, without what only those who write them need."""

from __future__ import annotations

import re

from django.template import Origin
from django.template.loaders import filesystem

_INDENTATION = re.compile(r"\n\s+")


class Loader(filesystem.Loader):
    """Loads a template without its indentation, which was half of what a page with a long table
    weighed. Line breaks stay, as they part words.

    What is kept as written has to be in one line: <pre>, <textarea>.
    """

    def get_contents(self, origin: Origin) -> str:
        """The template's text, one line break wherever there are several or spaces after one."""
        return _INDENTATION.sub("\n", super().get_contents(origin))
