"""Files of an audit log, as they come in chunks of any size -> lines; gzip is unpacked on the way.

Whatever a file holds, no more is kept of it than one line of MAX_LINE_BYTES.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator

MAX_LINE_BYTES = 16 << 20
"""An event holds at most a request and a response of 3 MiB each; a batch of them is split."""

MAX_RATIO = 200
"""How many times its size a gzip file may unpack to: audit logs shrink to a tenth to a fortieth."""

TOO_LONG = "longer than 16 MiB"
CUT_OFF = "cut off: the gzip file ends in the middle"
DAMAGED = "damaged: the rest of the gzip file can't be unpacked"

_HEAD_BYTES = 512
_PIECE_BYTES = 1 << 20
_FREE_BYTES = 64 << 20
_GZIP = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_ARCHIVES = (
    (b"PK", "a zip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"BZh", "bzip2"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"Rar!", "a rar archive"),
)


class AuditLogRefused(Exception):
    """The file is of a kind that is not read; the text says which and what to do."""


class Lines:
    """The lines of one file after the other. `rejected` counts what could not be read as a line, by
    reason.
    """

    def __init__(self, rejected: Counter[str], *, max_bytes: int | None = None) -> None:
        """`max_bytes` caps what all files together may hold, unpacked."""
        self.rejected = rejected
        self.bytes_read = 0
        self._max_bytes = max_bytes
        self._new_file()

    def _new_file(self) -> None:
        self._head = b""
        self._is_begun = False
        self._gzip: _Gzip | None = None
        self._text = _Splitter(self.rejected)

    def feed(self, chunk: bytes) -> Iterator[list[bytes]]:
        """The whole lines that the chunk ends, in lists. Raises AuditLogRefused."""
        if self._is_begun:
            yield from self._take(chunk)
            return
        self._head += chunk
        if len(self._head) >= _HEAD_BYTES:
            yield from self._begin()

    def end_file(self) -> Iterator[tuple[list[bytes], bool]]:
        """What is left of the file, with whether a newline ends it; the next chunk begins another.
        Raises AuditLogRefused.
        """
        try:
            if not self._is_begun and self._head:
                for lines in self._begin():
                    yield lines, True
            if self._gzip is not None:
                self._gzip.end()
            yield from self._text.rest()
        finally:
            self._new_file()

    def _begin(self) -> Iterator[list[bytes]]:
        head, self._head, self._is_begun = self._head, b"", True
        if head.startswith(_GZIP):
            self._gzip = _Gzip(self.rejected)
        yield from self._take(head)

    def _take(self, chunk: bytes) -> Iterator[list[bytes]]:
        for piece in _pieces(chunk) if self._gzip is None else self._gzip.unpacked(chunk):
            self.bytes_read += len(piece)
            if self._max_bytes is not None and self.bytes_read > self._max_bytes:
                raise AuditLogRefused(
                    f"the files hold more than {self._max_bytes >> 20} MiB, unpacked: give them to"
                    " `authzviz evidence`, which has no limit"
                )
            yield from self._text.lines(piece)


class _Gzip:
    """One gzip file, unpacked as it comes; it may be several members in a row."""

    def __init__(self, rejected: Counter[str]) -> None:
        self._rejected = rejected
        self._member: zlib._Decompress | None = None
        self._is_damaged = False
        self._packed_bytes = self._unpacked_bytes = 0

    def unpacked(self, chunk: bytes) -> Iterator[bytes]:
        """What the chunk adds, in pieces of at most 1 MiB. Raises AuditLogRefused for a bomb."""
        self._packed_bytes += len(chunk)
        is_full = False
        while (chunk or is_full) and not self._is_damaged:
            if self._member is None:
                chunk = chunk.lstrip(b"\x00")  # padding between members, as tapes have it
                if not chunk:
                    return
                self._member = zlib.decompressobj(wbits=31)
            try:
                piece = self._member.decompress(chunk, _PIECE_BYTES)
            except zlib.error:
                self._is_damaged = True
                self._rejected[DAMAGED] += 1
                return
            is_full = len(piece) == _PIECE_BYTES
            chunk = self._member.unconsumed_tail
            if self._member.eof:
                chunk, self._member, is_full = self._member.unused_data, None, False
            if piece:
                self._count(piece)
                yield piece

    def end(self) -> None:
        """Count a file that ends within a member."""
        if self._member is not None and not self._is_damaged:
            self._rejected[CUT_OFF] += 1

    def _count(self, piece: bytes) -> None:
        self._unpacked_bytes += len(piece)
        if self._unpacked_bytes > max(_FREE_BYTES, MAX_RATIO * self._packed_bytes):
            raise AuditLogRefused(
                f"it unpacks to more than {MAX_RATIO} times its size: no audit log does"
            )


class _Splitter:
    """Text in pieces -> whole lines, none of them longer than the cap."""

    def __init__(self, rejected: Counter[str]) -> None:
        self._rejected = rejected
        self._begun: list[bytes] = []
        self._length = 0
        self._is_skipping = False
        self._head: bytes | None = b""

    def lines(self, data: bytes) -> Iterator[list[bytes]]:
        """The whole lines that the piece ends. Raises AuditLogRefused for an archive."""
        if self._head is not None:
            self._head += data
            if len(self._head) < _HEAD_BYTES:
                return
            data, self._head = self._checked_head(), None
        yield from self._lines(data)

    def rest(self) -> Iterator[tuple[list[bytes], bool]]:
        """What was not given yet, and what follows the last newline."""
        if self._head:
            head, self._head = self._checked_head(), None
            for lines in self._lines(head):
                yield lines, True
        if self._begun:
            yield [b"".join(self._begun)], False

    def _checked_head(self) -> bytes:
        head = self._head or b""
        _refuse_archive(head)
        return head.removeprefix(_BYTE_ORDER_MARK)

    def _lines(self, data: bytes) -> Iterator[list[bytes]]:
        if self._is_skipping:
            end = data.find(b"\n")
            if end < 0:
                return
            self._is_skipping, data = False, data[end + 1 :]
        end = data.rfind(b"\n")
        if end < 0:
            self._keep(data)
            return
        lines = data[:end].split(b"\n")
        if self._begun:
            self._keep(lines[0])
            lines[0] = b"".join(self._begun)
            if self._is_skipping:
                self._is_skipping = False
                del lines[0]
        self._begun, self._length = [], 0
        self._keep(data[end + 1 :])
        yield lines

    def _keep(self, data: bytes) -> None:
        if not data:
            return
        self._length += len(data)
        if self._length > MAX_LINE_BYTES:
            self._rejected[TOO_LONG] += 1
            self._begun, self._length, self._is_skipping = [], 0, True
        else:
            self._begun.append(data)


def _pieces(chunk: bytes) -> Iterator[bytes]:
    for start in range(0, len(chunk), _PIECE_BYTES):
        yield chunk[start : start + _PIECE_BYTES]


def _refuse_archive(head: bytes) -> None:
    for magic, what in _ARCHIVES:
        if head.startswith(magic):
            raise AuditLogRefused(f"it is {what}: unpack it, and give the files; gzip is read")
    if head[257:262] == b"ustar":
        raise AuditLogRefused("it is a tar archive: unpack it, and give the files; gzip is read")
