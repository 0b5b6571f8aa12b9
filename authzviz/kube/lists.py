"""Whole lists, page by page, each item judged by itself; or why there is no list."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar
from urllib.parse import quote

import msgspec

from authzviz.engine.model import Outcome, Read
from authzviz.kube.errors import Expired, KubeError, NotFound, ReadFailed, ReadForbidden
from authzviz.kube.known_pages import KNOWN, parted
from authzviz.kube.objects import UNDECODABLE, NameOnly
from authzviz.kube.room import held

if TYPE_CHECKING:
    from authzviz.kube.connection import Answer, Connection

T = TypeVar("T")
J = TypeVar("J")

PAGE = 500
_MAX_PAGES = 1000
MAX_ITEMS = 200_000
_MAX_GAPS = 20
# A review is "created", though it is kept nowhere.
_GOOD = (200, 201)
_LONGEST_TOKEN = 8 << 10
_ITEMS_BETWEEN_LOOKS = 256


class ListMeta(msgspec.Struct, frozen=True, gc=False, rename={"next": "continue"}):
    next: str | None = None


class Page(msgspec.Struct, Generic[T], frozen=True, gc=False):
    kind: str
    items: tuple[T, ...]
    metadata: ListMeta = ListMeta()


class _Named(msgspec.Struct, frozen=True, gc=False):
    metadata: NameOnly


class _Status(msgspec.Struct, frozen=True, gc=False):
    kind: str
    message: str = ""


class Kind(msgspec.Struct, Generic[J, T], frozen=True):
    """One kind of list: its name, what one item looks like, and what becomes of it.

    `is_lasting` where its items hardly change between two reads, and are worth remembering. `held`
    tells how many bytes such a thing takes; `per_object` and `per_value` are as in Room.check, by
    default those of dicts of labels, which take most.
    """

    list_kind: str
    item: type[J]
    convert: Callable[[J], T]
    held: Callable[[T], int] = held
    is_lasting: bool = False
    per_object: int = 250
    per_value: int = 150


def attempt(source: str, permission: str, work: Callable[[], T]) -> Read[T]:
    """The read that `work` makes: its value, or what its KubeError says."""
    try:
        return Read(Outcome.OK, source, permission, work())
    except ReadForbidden as refused:
        return Read(Outcome.FORBIDDEN, source, permission, why=refused.message)
    except KubeError as failed:
        return Read(Outcome.FAILED, source, permission, why=failed.message)


def read_list(
    connection: Connection, path: str, permission: str, kind: Kind[J, T], query: str = ""
) -> Read[tuple[T, ...]]:
    """The whole list at `path`, with gaps for items that can't be understood.

    `query` replaces paging: "resourceVersion=0" asks for all at once, from the apiserver's cache.
    """
    gaps: list[str] = []
    source = f"GET {path}"
    read = attempt(source, permission, lambda: tuple(items(connection, path, kind, gaps, query)))
    return with_gaps(read, gaps)


def with_gaps(read: Read[T], gaps: list[str]) -> Read[T]:
    """The read with the first twenty of its gaps, and how many more there are."""
    if not gaps:
        return read
    more = [f"and {len(gaps) - _MAX_GAPS} more"] if len(gaps) > _MAX_GAPS else []
    return Read(
        read.outcome,
        read.source,
        read.permission,
        read.value,
        read.why,
        (*gaps[:_MAX_GAPS], *more),
    )


def items(
    connection: Connection, path: str, kind: Kind[J, T], gaps: list[str], query: str = ""
) -> list[T]:
    """Every item of a list; what can't be understood goes to `gaps`.

    A list that expires while it is read (410) is begun anew once: half a list is never given.
    """
    room_left = connection.room.left
    try:
        return _pages(connection, path, kind, gaps, query)
    except Expired:
        gaps.clear()
        connection.room.left = room_left
    try:
        return _pages(connection, path, kind, gaps, query)
    except Expired:
        raise ReadFailed("incomplete: the list expired twice while it was read") from None


def _pages(
    connection: Connection, path: str, kind: Kind[J, T], gaps: list[str], query: str
) -> list[T]:
    found: list[T] = []
    tokens: set[str] = set()
    joint = "&" if "?" in path else "?"
    decode = PageDecoder(kind, connection)
    token = ""
    for _ in range(_MAX_PAGES):
        url = f"{path}{joint}{query or f'limit={PAGE}'}"
        if token:
            url += f"&continue={quote(token, safe='')}"
        page, token = decode(expect(connection, connection.get(url)), len(found), gaps)
        found += page
        if not token:
            return found
        if token in tokens or len(found) > MAX_ITEMS or len(token) > _LONGEST_TOKEN:
            break
        tokens.add(token)
    raise ReadFailed(f"incomplete: the list did not end after {len(found)} items")


class PageDecoder(Generic[J, T]):
    """Turns one page into items: at once where all are well-formed, else one by one."""

    def __init__(self, kind: Kind[J, T], connection: Connection) -> None:
        self._kind = kind
        self._connection = connection
        self._whole = msgspec.json.Decoder(Page[kind.item])  # type: ignore[name-defined]
        self._one: msgspec.json.Decoder[J] = msgspec.json.Decoder(kind.item)

    def __call__(self, body: bytearray, before: int, gaps: list[str]) -> tuple[list[T], str]:
        """The page's items and the token of the next page, "" at the end.

        Raises ReadFailed for anything but such a list.
        """
        parts = parted(body) if self._kind.is_lasting else None
        known = self._known(*parts) if parts else None
        if known is not None:
            return known
        self._connection.room.check(
            body, per_object=self._kind.per_object, per_value=self._kind.per_value
        )
        try:
            page = self._whole.decode(body)
        except msgspec.ValidationError:
            return self._one_by_one(body, before, gaps)
        except UNDECODABLE:
            raise ReadFailed(f"unexpected answer: no {self._kind.list_kind}") from None
        self._check(page.kind)
        found = [self._kind.convert(item) for item in page.items]
        size = self._keep(found)
        head = _head(parts[0]) if parts else None
        # Unless what stands before the items says all: a later key of the same name would win.
        if parts and head and (head.kind, head.metadata) == (page.kind, page.metadata):
            KNOWN.put((self._kind, parts[1]), found, size)
        return found, page.metadata.next or ""

    def _known(self, start: bytes, digest: bytes) -> tuple[list[T], str] | None:
        """The page where its items were decoded before: only its own metadata is read."""
        found: list[T] | None
        found, size = KNOWN.get((self._kind, digest)) or (None, 0)
        head = _head(start) if found is not None else None
        if found is None or head is None or head.kind != self._kind.list_kind:
            return None
        self._connection.room.keep(size)
        return found, head.metadata.next or ""

    def _keep(self, found: list[T]) -> int:
        size = sum(map(self._kind.held, found))
        self._connection.room.keep(size)
        return size

    def _check(self, kind: str) -> None:
        if kind != self._kind.list_kind:
            found = self._connection.clean(kind)
            raise ReadFailed(f"unexpected answer: {found} instead of {self._kind.list_kind}")

    def _one_by_one(self, body: bytearray, before: int, gaps: list[str]) -> tuple[list[T], str]:
        # Here each item is an object first, whatever it is in the text.
        self._connection.room.check(body, per_object=self._kind.per_object, per_value=150)
        try:
            page = msgspec.json.decode(body, type=Page[msgspec.Raw])
        except UNDECODABLE:
            raise ReadFailed(f"unexpected answer: no {self._kind.list_kind}") from None
        self._check(page.kind)
        found = []
        for number, raw in enumerate(page.items, start=before + 1):
            if number % _ITEMS_BETWEEN_LOOKS == 0:
                self._connection.check_time()
            try:
                found.append(self._kind.convert(self._one.decode(raw)))
            except UNDECODABLE as error:
                gaps.append(
                    self._connection.clean(f"{_name(raw) or f'item {number}'}: {error}")
                    if len(gaps) < _MAX_GAPS
                    else ""
                )
        self._keep(found)
        return found, page.metadata.next or ""


def _head(raw: bytes) -> Page[msgspec.Raw] | None:
    try:
        return msgspec.json.decode(raw, type=Page[msgspec.Raw])
    except UNDECODABLE:
        return None


def _name(raw: msgspec.Raw) -> str:
    try:
        named = msgspec.json.decode(raw, type=_Named).metadata
    except UNDECODABLE:
        return ""
    return f"{named.namespace}/{named.name}" if named.namespace else named.name


def expect(connection: Connection, answer: Answer) -> bytearray:
    """The body of a good answer. Raises ReadForbidden, NotFound, Expired or ReadFailed."""
    if answer.status in _GOOD:
        return answer.body
    said = connection.clean(message_of(answer.body))
    if answer.status == 403:
        raise ReadForbidden(said or "403 Forbidden")
    kind = {404: NotFound, 410: Expired}.get(answer.status, ReadFailed)
    raise kind(f"the apiserver answered {_phrase(answer.status)}" + (f": {said}" if said else ""))


def message_of(body: bytearray) -> str:
    """The message of a Status; nothing of anything else, which may be a page of HTML."""
    try:
        status = msgspec.json.decode(body, type=_Status)
    except UNDECODABLE:
        return ""
    return status.message if status.kind == "Status" else ""


def _phrase(status: int) -> str:
    from http import HTTPStatus

    try:
        phrase = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
    return f"{phrase} (a redirect, not followed)" if 300 <= status < 400 else phrase
