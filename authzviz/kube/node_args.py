"""What k3s and RKE2 write on their nodes about the arguments that they were started with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from authzviz.engine.model import ApiServer, Flag, FlagSource, Node, Outcome, Read
from authzviz.kube.flags import ANNOTATIONS, KEPT, NO_APISERVER, pairs

MODE = Flag("authorization-mode", "Node,RBAC")
PLUGINS = Flag("enable-admission-plugins", "NodeRestriction")
_ADDRESSES = ("k3s.io/internal-ip", "rke2.io/internal-ip")


@dataclass(frozen=True, slots=True)
class Merged:
    """An apiserver's flags as k3s or RKE2 start it.

    `given` are those that the user's arguments touch, as they end up; `added` those that the tool
    sets by itself; `flags` both.
    """

    flags: tuple[Flag, ...]
    given: tuple[Flag, ...]
    added: tuple[Flag, ...]


def merged(tool: str, args: Sequence[str]) -> Merged:
    """What k3s and RKE2 make of kube-apiserver-arg: a plain value replaces the default, more of
    them add up, NAME+= appends and NAME-= prepends.

    Source: k3s pkg/util/args.go GetArgs, pkg/daemons/control/server.go apiServer; rke2
    pkg/cli/defaults/defaults.go puts NodeRestriction before what the user gives.
    """
    defaults = {MODE.name: [MODE.value], PLUGINS.name: [PLUGINS.value]}
    if any(arg.removeprefix("--").startswith("authorization-config=") for arg in args):
        del defaults[MODE.name]
    own = [f"{PLUGINS.name}={PLUGINS.value}"] if tool == "rke2" else []
    values: dict[str, list[str]] = {}
    touched: set[str] = set()
    for number, arg in enumerate((*own, *args)):
        key, equals, value = arg.removeprefix("--").partition("=")
        flag = key.rstrip("+-").replace("_", "-")
        before = values.get(flag, defaults.get(flag, []) if key[-1:] in ("+", "-") else [])
        said = [value if equals else "true"]
        values[flag] = [*said, *before] if key.endswith("-") else [*before, *said]
        if number >= len(own):
            touched.add(flag)
    added = [Flag(flag, v[0]) for flag, v in defaults.items() if flag not in values]
    if own and values[PLUGINS.name][0] == PLUGINS.value:
        added.append(PLUGINS)
    both = {**defaults, **values}
    found = tuple(Flag(flag, v) for flag in both if flag in KEPT for v in both[flag])
    given = tuple(flag for flag in found if flag.name in touched)
    return Merged(found, given, tuple(added))


def with_node_args(
    apiservers: Read[tuple[ApiServer, ...]], nodes: Read[tuple[Node, ...]]
) -> Read[tuple[ApiServer, ...]]:
    """The apiservers with what the nodes' annotations say of them; where nobody else shows flags,
    the apiservers that they tell of.

    An annotation holds the user's arguments alone: what it lacks is the tool's default, which
    nobody has seen.
    """
    found = {node.name: (node, source) for node, source in _sources(nodes.value or ())}
    if not found:
        return apiservers
    known = apiservers.value or ()
    # Which one an alias is, nobody knows, so no node's annotation is about it.
    themselves = [server for server in known if not server.is_alias]
    joined = [server for server in known if server.is_alias]
    for server in themselves:
        name = _node_of(server, len(themselves), found)
        joined.append(_with(server, found.pop(name)[1]) if name else server)
    if not any(server.flags is not None for server in themselves):
        joined += [_server(node, source) for node, source in found.values()]
    if not joined:
        return apiservers
    source = f"{apiservers.source}, {nodes.source}"
    return replace(apiservers, outcome=Outcome.OK, value=tuple(joined), source=source, why="")


def _sources(nodes: Iterable[Node]) -> Iterable[tuple[Node, FlagSource]]:
    for node in nodes:
        # Any kubelet may annotate its own Node; servers of both tools are labelled as such.
        for key, text in node.annotations if node.is_control_plane else ():
            source = _source(node.name, key, text) if key in ANNOTATIONS and text else None
            if source:
                yield node, source


def _source(node: str, annotation: str, text: str) -> FlagSource | None:
    """What the annotation says, None for an agent and for a server without an apiserver."""
    try:
        words = json.loads(text)
    except ValueError:
        return None
    if not isinstance(words, list) or words[:1] != ["server"] or NO_APISERVER in words:
        return None
    tool = annotation.partition(".")[0]
    args = [value for name, value in pairs(words) if name == "kube-apiserver-arg"]
    evidence = f"annotation {annotation} of node {node}"
    return FlagSource(evidence, merged(tool, args).given, tool)


def _node_of(
    server: ApiServer, servers: int, found: dict[str, tuple[Node, FlagSource]]
) -> str | None:
    """The node that an apiserver runs on: by its pod's name, its address, or as the only one."""
    host = server.address.rpartition(":")[0].strip("[]")
    for name, (node, _) in found.items():
        addresses = ",".join(value for key, value in node.annotations if key in _ADDRESSES)
        if server.name == f"kube-apiserver-{name}" or (host and host in addresses.split(",")):
            return name
    return next(iter(found)) if servers == len(found) == 1 else None


def _with(server: ApiServer, source: FlagSource) -> ApiServer:
    if server.flags is None and server.authorizers is None:
        return replace(
            server, flags=source.flags, evidence=source.evidence, why="", defaults=source.defaults
        )
    return replace(server, other_sources=(*server.other_sources, source))


def _server(node: Node, source: FlagSource) -> ApiServer:
    name = f"kube-apiserver on {node.name}"
    return ApiServer(name, source.flags, source.evidence, defaults=source.defaults)
