"""Pages of lists that were decoded before: what has not changed is not decoded anew.

RBAC objects hardly ever change between two polls, and decoding them is much of what a poll of a
large cluster costs. A page is known by a hash of its items; whoever serves the same bytes is told
the same values.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import Any

_MAX_BYTES = 32 << 20
_LONGEST_HEAD = 1 << 14
_ITEMS = b'"items":'


class KnownPages:
    """Values by the bytes that they were made of; the least used go when there are too many."""

    def __init__(self, max_bytes: int = _MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._values: OrderedDict[tuple[object, ...], tuple[int, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[object, ...]) -> tuple[Any, int] | None:
        """The value that was put there and its size, None for none."""
        with self._lock:
            found = self._values.get(key)
            if found is None:
                return None
            self._values.move_to_end(key)
            return found[1], found[0]

    def put(self, key: tuple[object, ...], value: object, size: int) -> None:
        """Keep a value that holds `size` bytes."""
        with self._lock:
            old = self._values.pop(key, None)
            self._bytes += size - (old[0] if old else 0)
            self._values[key] = size, value
            while self._bytes > self._max_bytes:
                _, (gone, _) = self._values.popitem(last=False)
                self._bytes -= gone


KNOWN = KnownPages()


def parted(body: bytearray) -> tuple[bytes, bytes] | None:
    """The list without its items, as JSON, and a hash of the rest; None where it has none.

    The list's own metadata changes with every read, and stands before its items.
    """
    start = body.find(_ITEMS)
    if not 0 <= start <= _LONGEST_HEAD:
        return None
    head = bytes(body[:start]) + _ITEMS + b"[]}"
    return head, hashlib.blake2b(memoryview(body)[start:], digest_size=16).digest()
