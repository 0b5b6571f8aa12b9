"""Whole pages for people, and parts of them for htmx."""

from __future__ import annotations

from django.http import HttpRequest


def template_for(request: HttpRequest, page: str, part: str) -> str:
    """The page's template, or the part of it that htmx asks for.

    The whole page where a browser goes back to it: htmx says so in a header of its own.
    """
    headers = request.headers
    is_part = "HX-Request" in headers and "HX-History-Restore-Request" not in headers
    return f"{page}#{part}" if is_part else page
