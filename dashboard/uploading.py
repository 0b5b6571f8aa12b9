"""How uploaded files are taken: into memory, and only as much of them as may be used."""

from __future__ import annotations

from io import BytesIO

from django.conf import settings
from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler


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
