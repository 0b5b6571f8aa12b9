"""The flags of a running kube-apiserver, as its /flagz shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from authzviz.engine.apiserver import Flag
from authzviz.engine.permissions import GET_FLAGZ
from authzviz.engine.read import Read
from authzviz.kube import flags
from authzviz.kube.errors import ReadFailed
from authzviz.kube.lists import attempt, expect
from authzviz.kube.objects import UNDECODABLE

if TYPE_CHECKING:
    from authzviz.kube.connection import Connection

FLAGZ_SOURCE = "GET /flagz"
_ACCEPT = (
    "application/json;as=Flagz;v=v1beta1;g=config.k8s.io,"
    "application/json;as=Flagz;v=v1alpha1;g=config.k8s.io,text/plain"
)
_MAX_BYTES = 1 << 20


class _Flagz(msgspec.Struct, frozen=True):
    kind: str
    flags: dict[str, str]


def read_flagz(connection: Connection) -> Read[tuple[Flag, ...]]:
    """The kept flags of the process that answers, from its JSON or its text form."""
    return attempt(FLAGZ_SOURCE, GET_FLAGZ.words, lambda: _flags(connection))


def _flags(connection: Connection) -> tuple[Flag, ...]:
    answer = connection.get("/flagz", accept=_ACCEPT, max_bytes=_MAX_BYTES)
    if answer.status == 406:
        answer = connection.get("/flagz", accept="text/plain", max_bytes=_MAX_BYTES)
    body = expect(connection, answer)
    try:
        if answer.content_type.startswith("text/plain"):
            return flags.of_flagz_text(body.decode("utf-8", "replace"))
        flagz = msgspec.json.decode(body, type=_Flagz)
        return flags.of_flagz_json(flagz.flags if flagz.kind == "Flagz" else {})
    except UNDECODABLE:
        raise ReadFailed("unexpected answer: no Flagz") from None
    except flags.FlagsUnreadable as unreadable:
        raise ReadFailed(str(unreadable)) from None
