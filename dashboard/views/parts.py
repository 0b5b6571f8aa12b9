"""Whole pages for people, and parts of them for htmx."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from dashboard.services import clock


def is_for_part(request: HttpRequest) -> bool:
    """True where htmx asks for a part of the page.

    Not where a browser goes back to the whole page: htmx says so in a header of its own.
    """
    headers = request.headers
    return "HX-Request" in headers and "HX-History-Restore-Request" not in headers


def template_for(request: HttpRequest, page: str, part: str) -> str:
    """The page's template, or the part of it that htmx asks for."""
    return f"{page}#{part}" if is_for_part(request) else page


def attached(content: bytes, name: str) -> HttpResponse:
    """A table for spreadsheets as today's file of that name, which never comes from a cluster."""
    dated = f"{name}-{clock.now():%Y-%m-%d}.csv"
    return HttpResponse(
        content,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{dated}"'},
    )
