"""How uploaded files are taken: into memory, and only as much of them as may be used."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.exceptions import TooManyFieldsSent
from django.core.files.uploadedfile import InMemoryUploadedFile, UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.http import QueryDict
from django.http.multipartparser import FIELD, FILE, ChunkIter, LazyStream, Parser
from django.utils.datastructures import MultiValueDict
from django.utils.encoding import force_str

from authzviz.evidence.lines import MAX_BYTES as LOG_BYTES

_MOST_PARTS = 20


class CappedUploadHandler(FileUploadHandler):
    """Keeps at most FILE_UPLOAD_MAX_MEMORY_SIZE bytes of all files of a request, and nothing on
    disk. What is larger arrives cut, with its true size: so a form can say that it is too large,
    where Django's own handler would say that there was no file.
    """

    chunk_size = 64 * 2**10

    def __init__(self, request: object = None) -> None:
        super().__init__(request)  # type: ignore[arg-type]  # None until a request is read
        self._left = settings.FILE_UPLOAD_MAX_MEMORY_SIZE
        self._kept = BytesIO()

    def new_file(self, *args: object, **kwargs: object) -> None:
        """Begin with an empty file."""
        super().new_file(*args, **kwargs)  # type: ignore[arg-type]
        self._kept = BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:  # noqa: ARG002
        """Keep what there is room for; None, so that no other handler gets it either."""
        self._left -= self._kept.write(raw_data[: self._left])

    def file_complete(self, file_size: int) -> InMemoryUploadedFile:
        """The file, of the size that was sent."""
        self._kept.seek(0)
        return InMemoryUploadedFile(
            file=self._kept,
            field_name=self.field_name,
            name=self.file_name or "",
            content_type=self.content_type,
            size=file_size,
            charset=self.charset,
            content_type_extra=self.content_type_extra,
        )


class LogUploadHandler(FileUploadHandler):
    """Reads the whole form of a page that takes one large text, pasted or as a file, while it
    streams in: of each at most LOG_BYTES and one more, which tells that there was more.

    Django's own limit for text is one for all pages, and answers with an error in place of a page.
    Only whoever is signed in gets this far.
    """

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, str],  # noqa: N803, ARG002  # as Django names it
        content_length: int,  # noqa: ARG002
        boundary: Any,
        encoding: str | None = None,  # noqa: ARG002
    ) -> tuple[QueryDict, MultiValueDict[str, UploadedFile[Any]]]:
        """The fields and files of the form."""
        post = QueryDict(mutable=True)
        files: MultiValueDict[str, UploadedFile[Any]] = MultiValueDict()
        stream = LazyStream(ChunkIter(input_data, self.chunk_size))
        for number, (kind, headers, part) in enumerate(Parser(stream, boundary)):
            if number > _MOST_PARTS:
                raise TooManyFieldsSent("too many fields")
            named = headers.get("content-disposition", ("", {}))[1]
            name = force_str(named.get("name", b""), errors="replace")
            if kind == FIELD:
                text, size = _kept(part, is_text=True)
                # What is too large stays so, however many of its bytes make a letter. Not as the
                # request says: some encodings take the square of the length to read.
                letters = "latin-1" if size > LOG_BYTES else "utf-8"
                post.appendlist(name, force_str(text, letters, errors="replace"))
            elif kind == FILE:
                content, size = _kept(part, is_text=False)
                title = force_str(named.get("filename", b""), errors="replace")
                files.appendlist(name, _file(name, title, content, size))
        post._mutable = False
        return post, files


def _kept(part: LazyStream, *, is_text: bool) -> tuple[bytes, int]:
    """What is kept of a part, and how long it was. Browsers end each line of a text with CR LF:
    the CR is none of the log's.
    """
    kept, size = BytesIO(), 0
    for raw in part:
        chunk = raw.replace(b"\r", b"") if is_text else raw
        size += len(chunk)
        kept.write(chunk[: max(0, LOG_BYTES + 1 - kept.tell())])
    return kept.getvalue(), size


def _file(field: str, name: str, content: bytes, size: int) -> InMemoryUploadedFile:
    return InMemoryUploadedFile(
        file=BytesIO(content),
        field_name=field,
        name=name,
        content_type="application/octet-stream",
        size=size,
        charset=None,
    )
