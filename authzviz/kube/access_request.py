"""Who asks for what: from a line of JSON, or in the words of `kubectl auth can-i`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from authzviz.engine.identity import Identity
from authzviz.engine.request import Request
from authzviz.kube.objects import UNDECODABLE

MAX_LINE_BYTES = 1 << 20


class AccessRequestError(ValueError):
    """A line or words that are no request; the text says why."""


class _Line(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A misspelt field is refused: without it the answer would be to another question."""

    user: str
    verb: str
    groups: tuple[str, ...] | None = None
    group: str | None = None
    resource: str | None = None
    subresource: str | None = None
    namespace: str | None = None
    name: str | None = None
    field_selector: str | None = None
    path: str | None = None


_line = msgspec.json.Decoder(_Line)


def from_file(path: Path) -> Iterator[tuple[Identity, Request]]:
    """The requests of a JSONL file, one by one: it may be larger than memory.

    Groups are as given, as in a SubjectAccessReview. Raises AccessRequestError, which names file
    and line.
    """
    number = 0
    try:
        with path.open("rb") as file:
            while raw := file.readline(MAX_LINE_BYTES):
                number += 1
                yield from_line(raw)
    except AccessRequestError as error:
        raise AccessRequestError(f"{path}, line {number}: {error}") from None
    except OSError as error:
        raise AccessRequestError(f"{path} can't be read: {error.strerror}") from None


def from_line(raw: bytes) -> tuple[Identity, Request]:
    """The identity and request of one line of JSON. Raises AccessRequestError."""
    if len(raw) >= MAX_LINE_BYTES:
        raise AccessRequestError(f"longer than {MAX_LINE_BYTES >> 20} MiB")
    if not raw.strip():
        raise AccessRequestError("empty")
    try:
        found = _line.decode(raw)
    except UNDECODABLE as error:
        raise AccessRequestError(str(error)) from None
    request = Request(
        verb=found.verb,
        resource=found.resource or "",
        group=found.group or "",
        subresource=found.subresource or "",
        namespace=found.namespace or "",
        name=found.name or "",
        field_selector=found.field_selector or "",
        path=found.path or "",
    )
    _check(request)
    return Identity(found.user, found.groups or ()), request


def from_words(verb: str, target: str, *, namespace: str = "", subresource: str = "") -> Request:
    """The request of VERB and RESOURCE[.GROUP][/NAME] or /PATH. Raises AccessRequestError."""
    if target.startswith("/"):
        request = Request(verb, path=target, namespace=namespace, subresource=subresource)
    else:
        kind, _, name = target.partition("/")
        resource, _, group = kind.partition(".")
        request = Request(verb, resource, group, subresource, namespace, name)
    _check(request)
    return request


def _check(request: Request) -> None:
    """An apiserver decides on either a path or a resource, never on both or on neither."""
    if not request.verb:
        raise AccessRequestError("the verb is empty")
    if not request.path and not request.resource:
        raise AccessRequestError("neither a resource nor a path")
    if not request.path:
        return
    if not request.path.startswith("/"):
        raise AccessRequestError(f'the path "{request.path}" does not begin with /')
    if request != Request(request.verb, path=request.path):
        raise AccessRequestError("a path has no resource, group, name, namespace or selector")
