"""What an apiserver's /metrics tells of its authorizers and admission plugins.

Families come in the order of their names, so reading ends as soon as those of interest have passed:
34 KB of the 3 MB of an idle 1.37. Only the text form is asked for and understood.
Source: kubernetes v1.37.2 k8s.io/apiserver pkg/admission/metrics, pkg/authorization/metrics;
plugin/pkg/auth/authorizer/node/metrics.go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from authzviz.engine.apiserver import Metrics
from authzviz.engine.flagged import NODE_RESTRICTION
from authzviz.engine.permissions import GET_METRICS
from authzviz.engine.read import Read
from authzviz.kube.errors import ReadFailed
from authzviz.kube.lists import attempt, expect

if TYPE_CHECKING:
    from authzviz.kube.connection import Connection

_ACCEPT = "text/plain;version=0.0.4"
_MAX_BYTES = 8 << 20
_MAX_LINE_BYTES = 64 << 10
_MAX_SERIES = 1000
_ADMISSION = b"apiserver_admission_controller_admission_duration_seconds"
_ADMISSION_COUNT = _ADMISSION + b"_count"
_DECISIONS = b"apiserver_authorization_decisions_total"
_NODE_GRAPH = b"node_authorizer_graph_"
_LAST_OF_NODE_GRAPH = _NODE_GRAPH + b"~"
_FAMILY = re.compile(rb"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|\})')
_ESCAPE = re.compile(r"\\(.)")
# Every plugin is asked about writes; CONNECT and others only concern some.
_WRITES = frozenset(("CREATE", "UPDATE", "DELETE"))


def read_metrics(connection: Connection, *, with_node_graph: bool) -> Read[Metrics]:
    """What /metrics tells; `with_node_graph` reads as far as the Node authorizer's own metrics,
    which stand far behind.

    Ending in the middle costs the connection: to be read last.
    """
    return attempt("GET /metrics", GET_METRICS.words, lambda: _read(connection, with_node_graph))


def _read(connection: Connection, with_node_graph: bool) -> Metrics:
    read_at = datetime.now(UTC)
    found = _Reading(_LAST_OF_NODE_GRAPH if with_node_graph else _DECISIONS)
    answer = connection.get_until("/metrics", found.take, accept=_ACCEPT, max_bytes=_MAX_BYTES)
    expect(connection, answer)
    if not answer.content_type.startswith("text/plain"):
        raise ReadFailed("unexpected answer: no metrics in text form")
    clean = connection.clean
    # A write that one plugin rejected says nothing of those after it; validation follows them all.
    is_told = NODE_RESTRICTION in found.plugins or found.has_validated
    plugins = found.plugins if is_told and found.has_passed(_ADMISSION) else ()
    return Metrics(
        read_at=read_at,
        authorizers=tuple(sorted((clean(kind), clean(name)) for kind, name in found.authorizers)),
        admission_plugins=tuple(sorted(map(clean, plugins))),
        has_node_graph=_graph(found) if with_node_graph else None,
    )


def _graph(found: _Reading) -> bool | None:
    if found.has_node_graph:
        return True
    return False if found.has_passed(_LAST_OF_NODE_GRAPH) else None


@dataclass(slots=True)
class _Reading:
    """Takes /metrics piece by piece; nothing of it is kept but what is looked for."""

    last: bytes
    authorizers: set[tuple[str, str]] = field(default_factory=set)
    plugins: set[str] = field(default_factory=set)
    has_node_graph: bool = False
    has_validated: bool = False
    _begun: bytes = b""
    _family: bytes = b""
    _is_whole: bool = False

    def take(self, piece: bytes) -> bool:
        """False once what is looked for has passed; an empty piece is the body's end."""
        if not piece:
            self._is_whole = not self._begun
            return False
        *lines, self._begun = (self._begun + piece).split(b"\n")
        for line in lines:
            if not self._read_line(line):
                return False
        if len(self._begun) > _MAX_LINE_BYTES:
            raise ReadFailed("unexpected answer: a line of the metrics is too long")
        if len(self.plugins) + len(self.authorizers) > _MAX_SERIES:
            raise ReadFailed("unexpected answer: too many series in the metrics")
        return True

    def has_passed(self, family: bytes) -> bool:
        """True where everything up to the end of that family was read."""
        return self._is_whole or self._family > family

    def _read_line(self, line: bytes) -> bool:
        if line.startswith(b"# TYPE "):
            name = _FAMILY.match(line, 7)
            self._family = name[0] if name else self._family
            return self._family <= self.last and not self.has_node_graph
        if line.startswith(_ADMISSION_COUNT):
            labels = _labels(line)
            if labels.get("operation", "CREATE") in _WRITES:
                self.plugins.add(labels.get("name", ""))
                self.has_validated |= labels.get("type") == "validate"
        elif line.startswith(_DECISIONS):
            labels = _labels(line)
            self.authorizers.add((labels.get("type", ""), labels.get("name", "")))
        elif line.startswith(_NODE_GRAPH):
            self.has_node_graph = True
        return True


def _labels(line: bytes) -> dict[str, str]:
    """The labels of one series; what is malformed is left out."""
    text = line.decode("utf-8", "replace")
    return {
        name: _ESCAPE.sub(_unescaped, value)
        for name, value in _LABEL.findall(text, text.find("{") + 1)
    }


def _unescaped(escape: re.Match[str]) -> str:
    return "\n" if escape[1] == "n" else escape[1]
