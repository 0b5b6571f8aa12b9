"""What changed between two snapshots of a cluster, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from authzviz.engine.assessment import Verdict
from authzviz.engine.diff_apiservers import changed_apiservers
from authzviz.engine.diff_rbac import changed_rbac
from authzviz.engine.differences import About, Change, named
from authzviz.engine.model import Node, Outcome, Read, Snapshot
from authzviz.engine.phrases import counted

__all__ = ["About", "Change", "difference"]

_READS = {
    "version": "The version",
    "apiservers": "The apiservers' flags",
    "endpoints": "The addresses of apiservers",
    "cluster_roles": "ClusterRoles",
    "cluster_role_bindings": "ClusterRoleBindings",
    "roles": "Roles",
    "role_bindings": "RoleBindings",
    "nodes": "Nodes",
    "leases": "Leases",
}
_WHY = {Outcome.FORBIDDEN: "the apiserver forbids it", Outcome.FAILED: "the read failed"}


def difference(
    before: Snapshot, after: Snapshot, verdicts: tuple[Verdict, Verdict] | None = None
) -> tuple[Change, ...]:
    """Everything that changed from `before` to `after`, what weighs most for kubelets first.

    `verdicts` are those of both, where the caller knows them. What could not be read on either
    side is said to be so, never to be gone or new. Readiness, leases and the order of lists count
    for nothing. Never raises; time: O(size of both).
    """
    return (
        *_verdict(verdicts),
        *_version(before.version.value, after.version.value),
        *changed_apiservers(before, after),
        *changed_rbac(before, after),
        *_nodes(before.nodes, after.nodes),
        *_reads(before, after),
    )


def _verdict(verdicts: tuple[Verdict, Verdict] | None) -> Iterator[Change]:
    if verdicts is not None and verdicts[0] is not verdicts[1]:
        yield Change(About.VERDICT, f"The verdict was {verdicts[0]}, and is {verdicts[1]}")


def _version(before: str | None, after: str | None) -> Iterator[Change]:
    if before is not None and after is not None and before != after:
        yield Change(About.VERSION, f"Kubernetes was {before}, and is {after}")


def _nodes(before: Read[tuple[Node, ...]], after: Read[tuple[Node, ...]]) -> Iterator[Change]:
    """Nodes that joined and went, and the kubelets of those that stayed."""
    if before.value is None or after.value is None:
        return
    old = {node.name: node for node in before.value}
    new = {node.name: node for node in after.value}
    joined = [name for name in new if name not in old]
    gone = [name for name in old if name not in new]
    of = f": {counted(len(new), 'node')} now, {len(old)} before"
    if joined:
        verb = "joined" if before.is_whole else "seen, which may have joined"
        yield Change(About.NODES, f"{counted(len(joined), 'node')} {verb} ({named(joined)}){of}")
    if gone:
        verb = "gone" if after.is_whole else "not seen; whether gone can't be told"
        yield Change(About.NODES, f"{counted(len(gone), 'node')} {verb} ({named(gone)}){of}")
    yield from _kubelets([(old[name], node) for name, node in new.items() if name in old])


def _kubelets(pairs: list[tuple[Node, Node]]) -> Iterator[Change]:
    moved = Counter(
        (old.kubelet_version, new.kubelet_version)
        for old, new in pairs
        if old.kubelet_version != new.kubelet_version
    )
    for (old, new), count in moved.most_common():
        words = f"The kubelet of {counted(count, 'node')} was {old or 'unknown'}, and is"
        yield Change(About.NODES, f"{words} {new or 'unknown'}")


def _reads(before: Snapshot, after: Snapshot) -> Iterator[Change]:
    """Reads that ended otherwise than before; what changed in them meanwhile can't be told."""
    old = before.reads
    for field, read in after.reads.items():
        was, what = old[field], _READS[field]
        if was.outcome is read.outcome:
            yield from _gaps(what, was, read)
        elif read.outcome is Outcome.OK:
            words = f"{what} can be read again; what changed in between can't be told"
            yield Change(About.READ, words)
        elif was.outcome is Outcome.OK:
            words = f"{what} can't be read any more, since {_WHY[read.outcome]}"
            yield Change(About.READ, words, "what changes in them can't be told")
        else:
            yield Change(About.READ, f"{what} can't be read as before: now {_WHY[read.outcome]}")


def _gaps(what: str, before: Read[object], after: Read[object]) -> Iterator[Change]:
    if before.gaps and not after.gaps:
        yield Change(About.READ, f"{what} are understood whole again")
    elif after.gaps and not before.gaps:
        yield Change(
            About.READ, f"{what} are no longer understood whole: {named(list(after.gaps))}"
        )
