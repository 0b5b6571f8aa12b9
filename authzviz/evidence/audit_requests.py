"""An audit event -> the request as the authorizers saw it."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote

from authzviz.engine.request import Request
from authzviz.evidence.audit_events import Event

LONGEST = 300
"""No name is longer: of a longer one no more is kept."""

_SELECTING = frozenset(("list", "watch", "deletecollection"))
_LONGEST_QUERY = 10_000


def request_of(event: Event) -> Request:
    """The request of the event; a field selector is only in its URI."""
    ref = event.object_ref
    path, _, query = event.uri.partition("?")
    if ref is None:
        return Request(verb=short(event.verb), path=short(unquote(path[: 2 * LONGEST])))
    # An audit event also names what a create made, which no authorizer was told.
    is_unnamed = event.verb == "create" and not ref.subresource
    return Request(
        verb=short(event.verb),
        resource=short(ref.resource),
        group=short(ref.api_group),
        subresource=short(ref.subresource),
        namespace=short(ref.namespace),
        name="" if is_unnamed else short(ref.name),
        field_selector=_selector(query) if event.verb in _SELECTING else "",
    )


def _selector(query: str) -> str:
    if "fieldSelector" not in query or len(query) > _LONGEST_QUERY:
        return ""
    try:
        return parse_qs(query, max_num_fields=100).get("fieldSelector", [""])[0][:LONGEST]
    except ValueError:
        return ""


def resource_in_words(request: Request) -> str:
    """The resource as Use has it: "RESOURCE.GROUP/SUBRESOURCE", or the path."""
    if request.path:
        return request.path
    name = f"{request.resource}.{request.group}" if request.group else request.resource
    return f"{name}/{request.subresource}" if request.subresource else name


def short(name: str) -> str:
    """The name, cut where no real one is so long."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
