"""Snapshots as they are stored: what lasts, and what passes with every poll."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from authzviz import engine
from authzviz.engine.assessment import Assessment
from authzviz.engine.fresh import NODE_ROLE
from authzviz.engine.model import (
    ENGINE_VERSION,
    ApiServer,
    Lease,
    Node,
    Outcome,
    Read,
    Review,
    SigningRequest,
    Snapshot,
)
from authzviz.kube import bundle, remembered
from authzviz.kube.remembered import NOTHING, Remembered
from dashboard.models import CurrentState
from dashboard.services import telling

T = TypeVar("T")

_encode = msgspec.json.Encoder().encode
# Level 6 takes three times as long for the nodes of a large cluster, and saves 7% of their bytes.
_LEVEL = 1

_LASTING = (
    "version",
    "endpoints",
    "cluster_roles",
    "cluster_role_bindings",
    "roles",
    "role_bindings",
)


@dataclass(frozen=True, slots=True)
class Passing:
    """What differs with every poll, and so is kept only for the current state.

    Of the apiservers, too, the latest answers are kept: reasons and times in them differ, though
    they tell the same. None in what older versions have stored.
    """

    read_at: datetime
    server_time: datetime | None
    version: Read[str]
    nodes: Read[tuple[Node, ...]]
    leases: Read[tuple[Lease, ...]]
    is_live: bool
    apiservers: Read[tuple[ApiServer, ...]] | None = None
    node_reviews: Read[tuple[Review, ...]] | None = None
    signing_requests: Read[tuple[SigningRequest, ...]] | None = None


def pack(value: object) -> bytes:
    """`value` as compressed JSON."""
    return zlib.compress(msgspec.json.encode(value), _LEVEL)


def unpack(packed: bytes, kind: type[T]) -> T:
    """What `pack` was given; raises msgspec.ValidationError where `kind` has changed since."""
    return msgspec.json.decode(zlib.decompress(packed), type=kind)


def pack_snapshot(snapshot: Snapshot) -> bytes:
    """`snapshot` as a gzipped bundle to keep for good, without leases and signing requests: they
    are as old as the poll and tell nothing later.
    """
    snapshot = dataclasses.replace(snapshot, signing_requests=None)
    leases = snapshot.leases
    if leases.value is not None:
        snapshot = dataclasses.replace(snapshot, leases=dataclasses.replace(leases, value=()))
    return gzip.compress(bundle.to_bytes(snapshot), mtime=0)


def passing(snapshot: Snapshot) -> Passing:
    """The part of `snapshot` that only the current state keeps."""
    return Passing(
        read_at=snapshot.read_at,
        server_time=snapshot.server_time,
        version=snapshot.version,
        nodes=snapshot.nodes,
        leases=snapshot.leases,
        is_live=snapshot.is_live,
        apiservers=snapshot.apiservers,
        node_reviews=snapshot.node_reviews,
        signing_requests=snapshot.signing_requests,
    )


def current_snapshot(state: CurrentState) -> Snapshot:
    """The snapshot of the last good poll, put together again from its two parts."""
    return _with_passing(bundle.load(bytes(state.snapshot.bundle)), state)


def lean_snapshot(state: CurrentState) -> Snapshot:
    """The same, of its ClusterRoles only system:node: what a comparison of many clusters needs."""
    return _with_passing(bundle.load_lean(bytes(state.snapshot.bundle), role=NODE_ROLE), state)


def current_passing(state: CurrentState) -> Passing:
    """The part of the last good poll that passes: nodes and leases, without what lasts."""
    return unpack(bytes(state.passing), Passing)


def _with_passing(lasting: Snapshot, state: CurrentState) -> Snapshot:
    part = current_passing(state)
    return dataclasses.replace(
        lasting,
        read_at=part.read_at,
        server_time=part.server_time,
        version=part.version,
        nodes=part.nodes,
        leases=part.leases,
        is_live=part.is_live,
        apiservers=part.apiservers or lasting.apiservers,
        node_reviews=part.node_reviews,
        signing_requests=part.signing_requests,
    )


def marks_of(names: Iterable[str]) -> frozenset[bytes]:
    """What stands in the packed part that passes for a node of each name, for `count_nodes`."""
    return frozenset(b'"name":' + _encode(name) for name in names)


def count_nodes(passing: bytes, marks: frozenset[bytes]) -> int:
    """How many of these nodes the last good poll read, by the packed part that passes.

    Nothing is decoded: no field but a node's is called "name" before the leases, and within text
    each quotation mark has a backslash.
    """
    raw = zlib.decompress(passing)
    # After the leases comes all that apiservers answered, which is as much again.
    end = raw.find(b'"leases":')
    return sum(raw.find(mark, 0, end) >= 0 for mark in marks)


def current_assessment(state: CurrentState) -> Assessment:
    """What today's engine makes of the last good poll; judged here where another engine did."""
    if state.engine_version == ENGINE_VERSION:
        return unpack(bytes(state.assessment), Assessment)
    return engine.judge(current_snapshot(state))


def remembered_of(cluster_id: int) -> Remembered:
    """What the last good poll of the cluster left to the next one."""
    states = CurrentState.objects.filter(cluster_id=cluster_id)
    return _remembered(states.values_list("remembered", flat=True).first())


def requests_read_at(state: CurrentState) -> datetime | None:
    """When the signing requests of the last good poll were read, which may be minutes before it;
    None where they were not.
    """
    return _remembered(state.remembered).signing_requests_at


def _remembered(packed: bytes | memoryview | None) -> Remembered:
    try:
        return unpack(bytes(packed), Remembered) if packed else NOTHING
    except msgspec.ValidationError:
        return NOTHING  # another version's


def remember(snapshot: Snapshot, before: bytes | memoryview | None) -> bytes:
    """What this poll leaves to the next one, packed; `before` is what it was left itself."""
    return pack(remembered.of(snapshot, _remembered(before)))


def facts_hash(snapshot: Snapshot) -> str:
    """The SHA-256 of what lasts: flags, RBAC, versions, node counts, what apiservers answer, and
    how each read ended.

    Neither the order of lists nor times, leases, readiness and the wording of reasons change it.
    """
    facts: dict[str, Any] = {name: _facts_of(snapshot.reads[name]) for name in _LASTING}
    facts["apiservers"] = telling.of_apiservers(snapshot.apiservers)
    if snapshot.node_reviews is not None:
        facts["node_reviews"] = telling.of_node_reviews(snapshot.node_reviews)
    # Only bundles hold these: a newer one may differ in nothing else.
    for name, read in snapshot.reads_about_pods.items():
        facts[name] = _facts_of(read)
    if snapshot.declared is not None:
        facts["declared"] = _facts_of(snapshot.declared)
    nodes = snapshot.nodes
    counts = Counter((node.kubelet_version, node.is_control_plane) for node in nodes.value or ())
    facts["nodes"] = (nodes.outcome, nodes.gaps, sorted(counts.items()))
    facts["leases"] = snapshot.leases.outcome
    return hashlib.sha256(msgspec.json.encode(facts)).hexdigest()


def is_whole(snapshot: Snapshot) -> bool:
    """True where every read gave everything."""
    return all(read.is_whole for read in snapshot.reads.values())


def read_summaries(snapshot: Snapshot) -> list[dict[str, Any]]:
    """How each read ended, without its value: what the page lists as evidence.

    What was asked of apiservers comes last, with the `server` that it was asked of.
    """
    whole = [_summary(name, read) for name, read in snapshot.reads.items()]
    if snapshot.node_reviews is not None:
        whole.append(_summary("node_reviews", snapshot.node_reviews))
    for server in snapshot.apiservers.value or ():
        observed = server.observed
        asked: dict[str, Read[object] | None] = {}
        if observed is not None:
            asked = {
                "flagz": observed.flagz,
                "reviews": observed.reviews,
                "rules": observed.rules,
                "metrics": observed.metrics,
                "restriction": observed.restriction,
            }
        whole += [
            _summary(name, read, server.name) for name, read in asked.items() if read is not None
        ]
    return whole


def _summary(name: str, read: Read[object], server: str = "") -> dict[str, Any]:
    return {
        "name": name,
        "outcome": read.outcome.value,
        "source": read.source,
        "permission": read.permission,
        "why": read.why,
        "gaps": list(read.gaps),
        **({"server": server} if server else {}),
    }


def skew_seconds(snapshot: Snapshot) -> float | None:
    """How far the apiserver's clock is ahead of ours; None where it told no time."""
    if snapshot.server_time is None:
        return None
    return (snapshot.server_time - snapshot.read_at).total_seconds()


def _facts_of(read: Read[object]) -> tuple[Outcome, tuple[str, ...], object]:
    value = read.value
    if isinstance(value, tuple):
        # By a digest of their own, so that thousands of items are not encoded twice.
        value = hashlib.sha256(b"\n".join(sorted(map(_encode, value)))).hexdigest()
    return read.outcome, read.gaps, value
