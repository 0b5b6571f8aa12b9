"""Where the apiservers are, as they list themselves behind Service default/kubernetes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

import msgspec

from authzviz.engine.permissions import GET_ENDPOINT_SLICE
from authzviz.engine.read import Read
from authzviz.kube.connection import address_of
from authzviz.kube.errors import NotFound, ReadFailed
from authzviz.kube.lists import attempt, expect
from authzviz.kube.objects import UNDECODABLE

if TYPE_CHECKING:
    from authzviz.kube.connection import Connection

T = TypeVar("T")
_MOST = 100
DEFAULT_PORT = 6443
"""Where a kube-apiserver listens unless --secure-port says otherwise."""


class _Port(msgspec.Struct, frozen=True):
    port: int | None = None


class _Endpoint(msgspec.Struct, frozen=True):
    addresses: tuple[str, ...] | None = None


class _Slice(msgspec.Struct, frozen=True):
    endpoints: tuple[_Endpoint, ...] | None = None
    ports: tuple[_Port, ...] | None = None


class _Address(msgspec.Struct, frozen=True):
    ip: str


class _Subset(msgspec.Struct, frozen=True):
    addresses: tuple[_Address, ...] | None = None
    ports: tuple[_Port, ...] | None = None


class _Endpoints(msgspec.Struct, frozen=True):
    subsets: tuple[_Subset, ...] | None = None


def read_endpoints(connection: Connection) -> tuple[Read[tuple[str, ...]], tuple[str, ...]]:
    """The addresses behind Service default/kubernetes, one for each apiserver; and the same with
    their ports, each once, such as 192.0.2.1:6443.
    """
    found: list[tuple[str, int]] = []
    read = attempt(
        "EndpointSlice default/kubernetes",
        GET_ENDPOINT_SLICE.words,
        lambda: _hosts(found, connection),
    )
    return read, tuple(dict.fromkeys(address_of(host, port) for host, port in found))


def _hosts(found: list[tuple[str, int]], connection: Connection) -> tuple[str, ...]:
    found += islice(_listed(connection), _MOST + 1)
    if len(found) > _MOST:
        found.clear()
        raise ReadFailed(f"unexpected answer: more than {_MOST} apiservers")
    return tuple(host for host, _ in found)


def _listed(connection: Connection) -> Iterator[tuple[str, int]]:
    for version in ("v1", "v1beta1"):
        path = f"/apis/discovery.k8s.io/{version}/namespaces/default/endpointslices/kubernetes"
        try:
            slice_ = _decode(connection, path, _Slice)
        except NotFound:
            continue
        port = _port(slice_.ports)
        for endpoint in slice_.endpoints or ():
            yield from ((host, port) for host in endpoint.addresses or ())
        return
    path = "/api/v1/namespaces/default/endpoints/kubernetes"
    for subset in _decode(connection, path, _Endpoints).subsets or ():
        port = _port(subset.ports)
        yield from ((address.ip, port) for address in subset.addresses or ())


def _port(ports: tuple[_Port, ...] | None) -> int:
    return next((each.port for each in ports or () if each.port), DEFAULT_PORT)


def _decode(connection: Connection, path: str, kind: type[T]) -> T:
    body = expect(connection, connection.get(path, max_bytes=1 << 20))
    try:
        return msgspec.json.decode(body, type=kind)
    except UNDECODABLE:
        raise ReadFailed("unexpected answer") from None
