"""Files that are read while they are uploaded: nothing of them is kept, in memory or on disk."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest, QueryDict, UnreadablePostError
from django.http.multipartparser import (
    FIELD,
    FILE,
    ChunkIter,
    LazyStream,
    MultiPartParserError,
    Parser,
)
from django.utils.datastructures import MultiValueDict
from django.utils.encoding import force_str

_CHUNK_BYTES = 256 * 2**10
_MOST_FIELDS = 20
_MOST_FIELD_BYTES = 8 * 2**10
# Browsers show an answer only once they have sent everything.
_DRAIN_SECONDS = 10.0
_SILENT_SECONDS = 60.0


class CutOff(UnreadablePostError):
    """The upload ended before its end, or nothing came for a minute: nobody waits for an answer."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A file of a form: its name as sent, and its content, which can be read once."""

    field: str
    name: str
    chunks: Iterator[bytes]


class StreamedForm(FileUploadHandler):
    """An upload handler that reads of a form the fields before its first file, and stops there; the
    files are read by whoever asks for `files()`.

    So the token of a form, which stands before its files, is checked before any of them is read.
    """

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self._web_request = request
        self._body: _Body | None = None
        self._parts: Iterator[Any] = iter(())
        self._first: tuple[Any, LazyStream] | None = None

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, str],  # noqa: N803, ARG002  # as Django names it
        content_length: int,
        boundary: Any,
        encoding: str | None = None,  # noqa: ARG002
    ) -> tuple[QueryDict, MultiValueDict[str, UploadedFile[Any]]]:
        """The fields before the first file; no files."""
        self._body = _Body(input_data, content_length)
        chunks = ChunkIter(self._body, _CHUNK_BYTES)  # type: ignore[arg-type]  # it only reads
        self._parts = iter(Parser(LazyStream(chunks), boundary))
        post = QueryDict(mutable=True)
        for number, (kind, headers, part) in enumerate(self._parts):
            if kind == FILE:
                self._first = (headers, part)
                break
            if number >= _MOST_FIELDS:
                break
            content = part.read(_MOST_FIELD_BYTES + 1)
            if len(content) > _MOST_FIELD_BYTES:
                raise MultiPartParserError("a field before the files is too long")
            if kind == FIELD:
                post.appendlist(_named(headers, "name"), force_str(content, errors="replace"))
        post._mutable = False
        return post, MultiValueDict()

    def files(self) -> Iterator[Sent]:
        """Each file as it arrives; what was not read of one is skipped. Raises CutOff where the
        upload ends too early.
        """
        with _impatient(self._web_request):
            self._read_fields()
            if self._first is None:
                return
            headers, part = self._first
            self._first = None
            yield _sent(headers, part)
            _exhaust(part)
            try:
                for kind, headers, part in self._parts:
                    if kind == FILE:
                        yield _sent(headers, part)
                    _exhaust(part)
            except MultiPartParserError as error:
                raise CutOff(str(error)) from error

    def _read_fields(self) -> None:
        """Has no effect where the check of the token has done so."""
        _ = self._web_request.POST

    def drain(self) -> None:
        """Read what is left and forget it, for a few seconds at most: only then does a browser show
        why its upload is refused.
        """
        if self._body is None:
            return
        until = time.monotonic() + _DRAIN_SECONDS
        with _impatient(self._web_request):
            try:
                while time.monotonic() < until and self._body.read(_CHUNK_BYTES):
                    pass
            except UnreadablePostError:
                return


class _Body:
    """What is sent, which has to be as long as was announced."""

    def __init__(self, stream: Any, length: int) -> None:
        self._stream = stream
        self._left = length

    def read(self, size: int) -> bytes:
        """At most `size` bytes, none at the end; raises CutOff where that comes too early."""
        data: bytes = self._stream.read(min(size, self._left))
        self._left -= len(data)
        if not data and self._left:
            raise CutOff("the upload was cut off")
        return data


class _impatient:  # noqa: N801  # used as a verb
    """While it holds, a connection on which nothing comes for a minute is over; gunicorn itself
    waits for ever.
    """

    def __init__(self, request: HttpRequest) -> None:
        found = request.META.get("gunicorn.socket")
        self._socket = found if isinstance(found, socket.socket) else None

    def __enter__(self) -> None:
        if self._socket is not None:
            self._before = self._socket.gettimeout()
            self._socket.settimeout(_SILENT_SECONDS)

    def __exit__(self, *_: object) -> None:
        if self._socket is not None:
            self._socket.settimeout(self._before)


def _sent(headers: Any, part: LazyStream) -> Sent:
    return Sent(_named(headers, "name"), _named(headers, "filename"), iter(part))


def _named(headers: Any, key: str) -> str:
    found = headers.get("content-disposition", ("", {}))[1]
    return force_str(found.get(key, b""), errors="replace")


def _exhaust(part: LazyStream) -> None:
    for _ in part:
        pass
