"""A snapshot as a file: JSON, or the same gzipped; the format carries its version."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from authzviz.engine.model import (
    ApiServer,
    Binding,
    Lease,
    Node,
    Observed,
    Outcome,
    Read,
    Role,
    Snapshot,
)
from authzviz.kube.objects import UNDECODABLE

FORMAT = "authzviz-bundle/1"
_NAME, _, _VERSION = FORMAT.partition("/")
MAX_FILE_BYTES = 32 << 20
MAX_BYTES = 192 << 20
_GZIP = b"\x1f\x8b"


class BundleError(ValueError):
    """A file is no bundle that can be read here; the text says why."""


@dataclass(frozen=True, slots=True)
class _Bundle:
    format: str
    snapshot: Snapshot


class _RawRoles(msgspec.Struct, frozen=True):
    """The ClusterRoles as they are written."""

    outcome: Outcome
    source: str
    permission: str
    value: tuple[msgspec.Raw, ...] | None = None
    why: str = ""
    gaps: tuple[str, ...] = ()

    def only(self, name: str) -> Read[tuple[Role, ...]]:
        """The read with none but the roles of that name."""
        mark = msgspec.json.encode(name)
        likely = (bytes(raw) for raw in self.value or ())
        found = (msgspec.json.decode(raw, type=Role) for raw in likely if mark in raw)
        roles = None if self.value is None else tuple(role for role in found if role.name == name)
        return Read(self.outcome, self.source, self.permission, roles, self.why, self.gaps)


class _LeanSnapshot(msgspec.Struct, frozen=True):
    """The fields of a snapshot that hold something of the cluster as it lasts."""

    name: str
    server: str
    read_at: datetime
    server_time: datetime | None
    version: Read[str]
    apiservers: Read[tuple[ApiServer, ...]]
    endpoints: Read[tuple[str, ...]]
    cluster_roles: _RawRoles
    cluster_role_bindings: Read[tuple[Binding, ...]]
    roles: Read[tuple[Role, ...]]
    role_bindings: Read[tuple[Binding, ...]]
    nodes: Read[tuple[Node, ...]]
    leases: Read[tuple[Lease, ...]]


class _Lean(msgspec.Struct, frozen=True):
    snapshot: _LeanSnapshot


class _Head(msgspec.Struct, frozen=True):
    format: str


def dump(snapshot: Snapshot, target: Path | BinaryIO) -> None:
    """Write a bundle to a path, gzipped where that ends in .gz, or as plain JSON to a stream.

    A path gets a whole bundle or none. Raises OSError.
    """
    raw = to_bytes(snapshot)
    if not isinstance(target, Path):
        target.write(raw)
        return
    partial = target.with_name(f".{target.name}.partial")
    try:
        # mtime 0: the same snapshot gives the same file.
        partial.write_bytes(gzip.compress(raw, mtime=0) if target.suffix == ".gz" else raw)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def to_bytes(snapshot: Snapshot) -> bytes:
    """The bundle as JSON."""
    return msgspec.json.encode(_Bundle(FORMAT, snapshot))


def load(source: Path | bytes, *, max_bytes: int = MAX_BYTES) -> Snapshot:
    """The snapshot of a bundle, plain or gzipped, marked as not live; `max_bytes` once unpacked.

    Raises BundleError for what is none, is newer, cut off, too large, or contradicts itself.
    """
    name = str(source) if isinstance(source, Path) else "the bundle"
    try:
        return _load(_read(source) if isinstance(source, Path) else source, max_bytes)
    except BundleError as error:
        raise BundleError(f"{name} {error}") from None


def load_lean(packed: bytes, *, role: str) -> Snapshot:
    """The snapshot of a bundle that was written here, of its ClusterRoles only the one called
    `role`, and without what pods use: in a third of the time, which the roles take.
    """
    lean = msgspec.json.decode(_plain(packed, MAX_BYTES), type=_Lean).snapshot
    fields = {name: getattr(lean, name) for name in lean.__struct_fields__}
    fields["cluster_roles"] = lean.cluster_roles.only(role)
    return Snapshot(**fields, is_live=False)


def _load(packed: bytes, max_bytes: int) -> Snapshot:
    raw = _plain(packed, max_bytes)
    try:
        _check_format(msgspec.json.decode(raw, type=_Head).format)
        snapshot = msgspec.json.decode(raw, type=_Bundle).snapshot
    except msgspec.ValidationError as error:
        raise BundleError(f"is not a bundle: {error}") from None
    except UNDECODABLE:
        raise BundleError(_why_no_json(raw)) from None
    _check(snapshot)
    return replace(snapshot, is_live=False)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BundleError(f"can't be read: {error.strerror}") from None


def _plain(raw: bytes, max_bytes: int) -> bytes:
    if not raw.startswith(_GZIP):
        if len(raw) > max_bytes:
            raise BundleError(f"is too large: more than {max_bytes >> 20} MiB")
        return raw
    if len(raw) > MAX_FILE_BYTES:
        raise BundleError(f"is too large: more than {MAX_FILE_BYTES >> 20} MiB")
    unpacker = zlib.decompressobj(wbits=31)
    try:
        plain = unpacker.decompress(raw, max_bytes + 1)
    except zlib.error:
        raise BundleError("is damaged: its gzip can't be unpacked") from None
    if len(plain) > max_bytes:
        raise BundleError(f"is too large: it unpacks to more than {max_bytes >> 20} MiB")
    if not unpacker.eof:
        raise BundleError("is cut off: its gzip has no end")
    return plain


def _check_format(found: str) -> None:
    name, _, version = found.partition("/")
    if name != _NAME or not version.isdecimal():
        raise BundleError("is not a bundle: its format is another")
    if int(version[:9]) > int(_VERSION):
        raise BundleError(f"is newer ({found[:40]}) than this authzviz can read ({FORMAT})")


def _why_no_json(raw: bytes) -> str:
    if raw.lstrip().startswith(b'{"format"') and not raw.rstrip().endswith(b"}"):
        return "is cut off: its JSON has no end"
    return "is not a bundle: it is no JSON"


def _check(snapshot: Snapshot) -> None:
    for name, read in _reads(snapshot):
        if (read.outcome is Outcome.OK) is (read.value is None):
            raise BundleError(f"contradicts itself: {name} is {read.outcome}, by its value not")
    if any(moment is not None and moment.tzinfo is None for moment in _moments(snapshot)):
        raise BundleError("has a time without a time zone")


def _reads(snapshot: Snapshot) -> Iterator[tuple[str, Read[Any]]]:
    """Every read that a bundle holds, those of single apiservers included."""
    yield from {**snapshot.reads, **snapshot.reads_about_pods}.items()
    for name in ("declared", "node_reviews", "signing_requests"):
        read = getattr(snapshot, name)
        if read is not None:
            yield name, read
    for observed in _observed(snapshot):
        for name in ("reviews", "rules", "metrics", "restriction", "flagz"):
            read = getattr(observed, name)
            if read is not None:
                yield f"{name} of an apiserver", read


def _observed(snapshot: Snapshot) -> Iterator[Observed]:
    for server in snapshot.apiservers.value or ():
        if server.observed is not None:
            yield server.observed


def _moments(snapshot: Snapshot) -> Iterator[datetime | None]:
    yield snapshot.read_at
    yield snapshot.server_time
    yield from (node.since for node in snapshot.nodes.value or ())
    yield from (lease.renewed_at for lease in snapshot.leases.value or ())
    for server in snapshot.apiservers.value or ():
        yield server.unasked.tried_at if server.unasked else None
    for observed in _observed(snapshot):
        metrics = observed.metrics.value if observed.metrics else None
        yield metrics.read_at if metrics else None
    if snapshot.signing_requests:
        yield from (asked.created_at for asked in snapshot.signing_requests.value or ())
