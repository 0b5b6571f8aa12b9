"""Where a log comes from: the nodes and apiservers that it names, to find its cluster by."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import islice

from authzviz.engine.identity import NODE_USER_PREFIX
from authzviz.evidence.explanation import ReadLog

MOST_NODES = 20
MOST_SERVERS = 200
_MOST_LOOKED_AT = 50_000
_HOST = r"([A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])"
_SERVER = re.compile(rf"(?:https://|dial tcp ){_HOST}(?::([0-9]{{1,5}}))?(?![A-Za-z0-9.@-])")
_NODE = r"[a-z0-9][a-z0-9.-]{0,252}"
_NAME = re.compile(_NODE)
_FIELD = re.compile(rf'\b(?:node|nodeName)=\\*"({_NODE})\\*"')
_JOURNAL = re.compile(rf"[A-Z][a-z]{{2}} +\d{{1,2}} [\d:]{{8}} ({_NODE}) kubelet\[")
_HTTPS = 443


@dataclass(frozen=True, slots=True)
class Origin:
    """The nodes that were refused, most spoken of first, and the servers that the log names, as
    (host, port).

    This machine's own addresses are no servers here: every machine has them.
    """

    nodes: tuple[str, ...]
    servers: frozenset[tuple[str, int]]


def origin_of(text: str, log: ReadLog) -> Origin:
    """What `text`, of which `log` was read, tells of its cluster. Time: O(letters)."""
    lines: dict[str, int] = {}
    for refusal, place in log.refusals:
        user = refusal.user
        own = user.removeprefix(NODE_USER_PREFIX) if user.startswith(NODE_USER_PREFIX) else ""
        names = (own.lower(),) if _NAME.fullmatch(own.lower()) else tuple(_nodes_in(place.text))
        for name in names:
            lines[name] = lines.get(name, 0) + place.count
    nodes = sorted(lines, key=lambda name: -lines[name])[:MOST_NODES]
    return Origin(tuple(nodes), frozenset(islice(_servers_in(text), MOST_SERVERS)))


def address_of(host: str, port: str | int | None) -> tuple[str, int]:
    """Host and port as Origin has them."""
    return host.strip("[]").lower(), int(port or _HTTPS)


def _nodes_in(line: str) -> Iterator[str]:
    """The node that a line without a node's user is of, as the kubelet or journald says."""
    found = _FIELD.search(line) or _JOURNAL.match(line)
    if found:
        yield found[1]


def _servers_in(text: str) -> Iterator[tuple[str, int]]:
    seen = set()
    for found in islice(_SERVER.finditer(text), _MOST_LOOKED_AT):
        address = address_of(found[1], found[2])
        if address not in seen and not _is_own(address[0]):
            seen.add(address)
            yield address


def _is_own(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
