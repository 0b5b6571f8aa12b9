"""What changed between two snapshots, in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from authzviz.engine.assessment import Verdict
from authzviz.engine.diff import About, difference
from authzviz.engine.model import (
    Outcome,
    Role,
    Snapshot,
    Subject,
)
from tests.engine.build import (
    CORE_ROLE,
    LEGACY_BINDING,
    NODE_RBAC,
    NODE_ROLE,
    RBAC,
    cluster,
    crb,
    node,
    ok,
    unread,
)
from tests.engine.differing import Case, partly, said, without

SINGLE = tuple(crb(f"n{i}", "system:node", Subject("User", f"system:node:n{i}")) for i in range(5))
BARE = tuple(replace(one, subjects=()) for one in SINGLE)


HALF = Role("system:node", rules=NODE_ROLE.rules[:3])


N1, N2, N3 = node("n1"), node("n2"), node("n3")
BASE = cluster(NODE_RBAC, nodes=(N1,))
THREE = cluster(NODE_RBAC, nodes=(N1, N2, N3))
NEWER = replace(N1, kubelet_version="v1.29.1")
ELSE: dict[str, Case] = {
    "the version": (
        BASE,
        replace(BASE, version=ok("v1.29.1")),
        [("Kubernetes was v1.28.15, and is v1.29.1", "")],
    ),
    "nodes join": (BASE, THREE, [("2 nodes joined (n2 and n3): 3 nodes now, 1 before", "")]),
    "nodes go": (THREE, BASE, [("2 nodes gone (n2 and n3): 1 node now, 3 before", "")]),
    "nodes are seen where some were not understood": (
        partly(BASE, "nodes"),
        partly(THREE, "nodes"),
        [("2 nodes seen, which may have joined (n2 and n3): 3 nodes now, 1 before", "")],
    ),
    "nodes are missing where some are not understood": (
        partly(THREE, "nodes"),
        partly(BASE, "nodes"),
        [("2 nodes not seen; whether gone can't be told (n2 and n3): 1 node now, 3 before", "")],
    ),
    "kubelets": (
        BASE,
        replace(BASE, nodes=ok((NEWER,))),
        [("The kubelet of 1 node was v1.28.15, and is v1.29.1", "")],
    ),
    "kubelets that tell no version": (
        replace(BASE, nodes=ok((replace(N1, kubelet_version=""),))),
        BASE,
        [("The kubelet of 1 node was unknown, and is v1.28.15", "")],
    ),
    "a kubelet stops to tell its version": (
        BASE,
        replace(BASE, nodes=ok((replace(N1, kubelet_version=""),))),
        [("The kubelet of 1 node was v1.28.15, and is unknown", "")],
    ),
    "reads are refused": (
        BASE,
        without(BASE, "nodes", "cluster_role_bindings"),
        [
            (
                "ClusterRoleBindings can't be read any more, since the apiserver forbids it",
                "what changes in them can't be told",
            ),
            (
                "Nodes can't be read any more, since the apiserver forbids it",
                "what changes in them can't be told",
            ),
        ],
    ),
    "reads are allowed": (
        without(BASE, "version", "apiservers", "cluster_roles", "endpoints"),
        BASE,
        [
            ("The version can be read again; what changed in between can't be told", ""),
            (
                "The apiservers' flags can be read again; what changed in between can't be told",
                "",
            ),
            (
                (
                    "The addresses of apiservers can be read again; what changed in between can't"
                    " be told"
                ),
                "",
            ),
            ("ClusterRoles can be read again; what changed in between can't be told", ""),
        ],
    ),
    "reads fail otherwise": (
        without(BASE, "leases"),
        without(BASE, "leases", outcome=Outcome.FAILED),
        [("Leases can't be read as before: now the read failed", "")],
    ),
    "still refused": (without(BASE, "roles"), without(BASE, "roles"), []),
    "no longer understood": (
        BASE,
        partly(BASE, "roles"),
        [("Roles are no longer understood whole: item 7", "")],
    ),
    "understood again": (
        partly(BASE, "roles"),
        BASE,
        [("Roles are understood whole again", "")],
    ),
}


@pytest.mark.parametrize(("before", "after", "says"), ELSE.values(), ids=ELSE)
def test_versions_nodes_and_reads(
    before: Snapshot, after: Snapshot, says: list[tuple[str, str]]
) -> None:
    assert said(before, after) == says


VERDICTS = {
    "another": (
        (Verdict.LEGACY_BINDING, Verdict.REFUSED),
        ["The verdict was legacy-binding, and is refused"],
    ),
    "the same": ((Verdict.REFUSED, Verdict.REFUSED), []),
    "not known": (None, []),
}


@pytest.mark.parametrize(("verdicts", "says"), VERDICTS.values(), ids=VERDICTS)
def test_verdicts(verdicts: tuple[Verdict, Verdict] | None, says: list[str]) -> None:
    assert [one.words for one in difference(BASE, BASE, verdicts)] == says


def test_what_weighs_most_comes_first() -> None:
    after = replace(
        cluster(RBAC, bindings=(LEGACY_BINDING, crb("x", "core")), nodes=(N2,), version="v1.29.1"),
        cluster_roles=ok((HALF, CORE_ROLE)),
        leases=unread(BASE.leases),
    )
    found = [one.about for one in difference(BASE, after, (Verdict.REFUSED, Verdict.MIXED))]

    assert list(dict.fromkeys(found)) == list(About)
    assert found == sorted(found, key=list(About).index)


def test_the_same_in_another_order_is_no_change() -> None:
    bindings = (*SINGLE, LEGACY_BINDING)
    before = cluster(NODE_RBAC, bindings=bindings, nodes=(N1, N2))
    after = cluster(NODE_RBAC, bindings=bindings[::-1], nodes=(N2, N1))

    assert difference(before, after) == ()
