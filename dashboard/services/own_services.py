"""Where this server's own database and broker are, which no cluster's address may lead to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from authzviz.net.address import IPAddress
from authzviz.net.pinned import NameUnresolved

_DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "oracle": 1521}
_BROKER_PORT = 6379


def addresses(
    databases: Mapping[str, Mapping[str, Any]],
    broker_url: str,
    resolver: Callable[[str, int], list[str]],
) -> tuple[tuple[IPAddress, int], ...]:
    """Address and port of each, resolved now; nothing for sockets and files.

    `databases` and `broker_url` are Django's DATABASES and Celery's broker_url. A name without
    addresses is left out: then nobody reaches it.
    """
    found: dict[tuple[IPAddress, int], None] = {}
    for host, port in (*_databases(databases), *_brokers(broker_url)):
        try:
            resolved = resolver(host, port)
        except NameUnresolved:
            continue
        found.update(dict.fromkeys((ip_address(address), port) for address in resolved))
    return tuple(found)


def _databases(databases: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, int]]:
    for database in databases.values():
        usual = _DATABASE_PORTS.get(database["ENGINE"].rpartition(".")[2], 0)
        # As libpq takes them: several hosts with a port each, or one for all.
        hosts = str(database.get("HOST") or "").split(",")
        ports = str(database.get("PORT") or "").split(",")
        for number, host in enumerate(hosts):
            port = int(ports[min(number, len(ports) - 1)] or usual)
            if host and port and not host.startswith("/"):
                yield host.strip("[]"), port


def _brokers(broker_url: str) -> Iterator[tuple[str, int]]:
    for url in broker_url.split(";"):
        parts = urlsplit(url)
        if parts.scheme in {"redis", "rediss"} and parts.hostname:
            yield parts.hostname, parts.port or _BROKER_PORT
