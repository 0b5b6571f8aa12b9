"""One key of one ConfigMap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from authzviz.kube.errors import NotFound, ReadFailed
from authzviz.kube.lists import expect
from authzviz.kube.objects import UNDECODABLE

if TYPE_CHECKING:
    from authzviz.kube.connection import Connection

MAX_TEXT = 64 << 10
"""Characters taken of one key: the configurations that are read here have a few thousand, and what
parses them takes 0.3 ms a thousand.
"""
_MAX_BYTES = 4 << 20  # an apiserver stores up to 1 MiB, which JSON may write longer


class _ConfigMap(msgspec.Struct, frozen=True):
    kind: str
    data: dict[str, str] | None = None


def read_key(connection: Connection, namespace: str, name: str, key: str) -> str | None:
    """The text under a key; None where there is no such ConfigMap or no such key.

    Raises ReadForbidden, and ReadFailed for what is no ConfigMap or longer than MAX_TEXT.
    """
    path = f"/api/v1/namespaces/{namespace}/configmaps/{name}"
    try:
        body = expect(connection, connection.get(path, max_bytes=_MAX_BYTES))
    except NotFound:
        return None
    try:
        found = msgspec.json.decode(body, type=_ConfigMap)
    except UNDECODABLE:
        raise ReadFailed("unexpected answer: no ConfigMap") from None
    if found.kind != "ConfigMap":
        raise ReadFailed("unexpected answer: no ConfigMap")
    text = (found.data or {}).get(key)
    if text is not None and len(text) > MAX_TEXT:
        raise ReadFailed(f"{key} is longer than {MAX_TEXT >> 10} KiB")
    return text
