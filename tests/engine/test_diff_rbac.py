"""What changed about bindings and roles between two snapshots, in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from authzviz.engine.model import (
    ApiServer,
    Binding,
    PolicyRule,
    Role,
    Snapshot,
    Subject,
)
from tests.engine.build import (
    ADMIN_ROLE,
    AUTHENTICATED,
    CORE_ROLE,
    EMPTY_BINDING,
    LEGACY_BINDING,
    NODE1,
    NODE_RBAC,
    NODE_ROLE,
    NODES,
    RBAC,
    cluster,
    crb,
    ok,
    rb,
    rule,
)
from tests.engine.differing import Case, partly, said

TEAM = Subject("Group", "team")
SECRETS = "get, list, watch secrets in every namespace"
GAIN = "through it every kubelet may, beyond the Node authorizer, "
LOSS = "through it every kubelet could, beyond the Node authorizer, "
REFUSED = "; with the Node authorizer off, what no other binding grants is refused"
HALF = Role("system:node", rules=NODE_ROLE.rules[:3])


def with_roles(*roles: Role, bindings: tuple[Binding, ...] = (LEGACY_BINDING,)) -> Snapshot:
    """A cluster with exactly these ClusterRoles."""
    return replace(cluster(NODE_RBAC, bindings=bindings), cluster_roles=ok(roles))


SINGLE = tuple(crb(f"n{i}", "system:node", Subject("User", f"system:node:n{i}")) for i in range(5))
BARE = tuple(replace(one, subjects=()) for one in SINGLE)


def binding(
    before: tuple[Binding, ...], after: tuple[Binding, ...], by: ApiServer = NODE_RBAC
) -> tuple[Snapshot, Snapshot]:
    """Two snapshots that differ in these ClusterRoleBindings alone."""
    roles = (CORE_ROLE,)
    return (
        cluster(by, bindings=before, cluster_roles=roles),
        cluster(by, bindings=after, cluster_roles=roles),
    )


def in_namespace(*bindings: Binding) -> Snapshot:
    reader = Role("reader", "prod", (rule("get", "secrets"),))
    return cluster(NODE_RBAC, roles=(reader,), role_bindings=bindings)


ALL = f"{SECRETS}; create serviceaccounts/token in every namespace;"
ALL += " get, list, watch configmaps in every namespace; and 6 more"
BINDINGS: dict[str, Case] = {
    "the legacy subject comes": (
        *binding((EMPTY_BINDING,), (LEGACY_BINDING,)),
        [
            (
                (
                    "ClusterRoleBinding system:node got Group system:nodes, and so binds"
                    " ClusterRole system:node to it"
                ),
                GAIN + ALL,
            )
        ],
    ),
    "the legacy subject goes": (
        *binding((LEGACY_BINDING,), (EMPTY_BINDING,)),
        [("ClusterRoleBinding system:node lost Group system:nodes", LOSS + ALL)],
    ),
    "the legacy subject goes without the Node authorizer": (
        *binding((LEGACY_BINDING,), (EMPTY_BINDING,), RBAC),
        [("ClusterRoleBinding system:node lost Group system:nodes", LOSS + ALL + REFUSED)],
    ),
    "two subjects come, and one that is no kubelet": (
        *binding((crb("x", "gone"),), (crb("x", "gone", NODES, NODE1, TEAM),)),
        [
            (
                "ClusterRoleBinding x got Group system:nodes and User system:node:node1",
                GAIN + "do nothing",
            ),
            ("ClusterRoleBinding x got or lost 1 subject that no kubelet is", ""),
        ],
    ),
    "a new one": (
        *binding((), (crb("x", "cluster-admin", AUTHENTICATED, TEAM),)),
        [
            (
                (
                    "ClusterRoleBinding x is new: it binds ClusterRole cluster-admin to Group"
                    " system:authenticated"
                ),
                GAIN + "do anything with every resource in every namespace; use every verb on *",
            )
        ],
    ),
    "one goes": (
        *binding((crb("x", "system:basic-user", NODE1),), ()),
        [
            (
                (
                    "ClusterRoleBinding x is gone: it bound ClusterRole system:basic-user to User"
                    " system:node:node1"
                ),
                "through it the kubelet of node1 could, beyond the Node authorizer, do nothing",
            )
        ],
    ),
    "two go": (
        *binding((crb("x", "gone", NODES), crb("y", "gone", NODES)), ()),
        [
            (
                (
                    f"ClusterRoleBinding {name} is gone: it bound ClusterRole gone to Group"
                    f" system:nodes"
                ),
                LOSS + "do nothing",
            )
            for name in ("x", "y")
        ],
    ),
    "another role": (
        *binding((crb("x", "core", NODES),), (crb("x", "system:basic-user", NODES),)),
        [
            (
                (
                    "ClusterRoleBinding x names ClusterRole system:basic-user, and named"
                    " ClusterRole core"
                ),
                GAIN + "do nothing",
            ),
        ],
    ),
    "not put back any more": (
        *binding((LEGACY_BINDING,), (replace(LEGACY_BINDING, is_reconciled=False),)),
        [
            (
                (
                    "ClusterRoleBinding system:node is no longer put back as it was when an"
                    " apiserver starts"
                ),
                "",
            )
        ],
    ),
    "put back": (
        *binding((replace(LEGACY_BINDING, is_reconciled=False),), (LEGACY_BINDING,)),
        [
            (
                "ClusterRoleBinding system:node is put back as it was when an apiserver starts",
                "",
            )
        ],
    ),
    "many of single nodes come": (
        *binding((), SINGLE),
        [
            (
                (
                    "5 bindings of single nodes to ClusterRole system:node are new:"
                    " ClusterRoleBinding n0, ClusterRoleBinding n1, ClusterRoleBinding n2 and 2"
                    " more"
                ),
                "through it each of them may, beyond the Node authorizer, " + ALL,
            )
        ],
    ),
    "many of single nodes lose their subject": (
        *binding(SINGLE, BARE),
        [
            (
                (
                    "5 bindings of single nodes to ClusterRole system:node lost their node:"
                    " ClusterRoleBinding n0, ClusterRoleBinding n1, ClusterRoleBinding n2 and 2"
                    " more"
                ),
                "through it each of them could, beyond the Node authorizer, " + ALL,
            )
        ],
    ),
    "in a namespace": (
        in_namespace(),
        in_namespace(rb("x", "prod", "reader", NODES)),
        [
            (
                "RoleBinding prod/x is new: it binds Role prod/reader to Group system:nodes",
                GAIN + "get secrets in namespace prod",
            )
        ],
    ),
    "others are counted": (
        *binding(
            (crb("a", "core", TEAM), crb("b", "core", TEAM)),
            (crb("b", "core"), crb("c", "core"), crb("d", "core")),
        ),
        [
            (
                (
                    "Other RBAC, which reaches no kubelet: 2 ClusterRoleBindings new, 1"
                    " ClusterRoleBinding gone, 1 ClusterRoleBinding changed"
                ),
                "",
            )
        ],
    ),
    "a list that was not whole": (
        partly(binding((), ())[0], "cluster_role_bindings"),
        partly(
            cluster(
                NODE_RBAC,
                bindings=(LEGACY_BINDING, crb("a", "core", TEAM)),
                cluster_roles=(CORE_ROLE,),
            ),
            "cluster_role_bindings",
        ),
        [
            (
                (
                    "ClusterRoleBinding system:node is seen, and may be new: it binds ClusterRole"
                    " system:node to Group system:nodes"
                ),
                GAIN + ALL,
            )
        ],
    ),
    "a list that is not whole": (
        partly(binding((LEGACY_BINDING, crb("a", "core", TEAM)), ())[0], "cluster_role_bindings"),
        partly(binding((), ())[0], "cluster_role_bindings"),
        [
            (
                (
                    "ClusterRoleBinding system:node is not seen any more; whether it is gone"
                    " can't be told: it bound ClusterRole system:node to Group system:nodes"
                ),
                "",
            )
        ],
    ),
}


@pytest.mark.parametrize(("before", "after", "says"), BINDINGS.values(), ids=BINDINGS)
def test_bindings(before: Snapshot, after: Snapshot, says: list[tuple[str, str]]) -> None:
    assert said(before, after) == says


URLS = Role("system:node", rules=(rule("get", urls="/metrics /logs"), PolicyRule()))
NAMED = Role(
    "system:node",
    rules=(
        rule("get", "secrets configmaps", names="a b"),
        rule("get", "leases", "coordination.k8s.io"),
        rule("get", "x", "core a.example b.example"),
        rule("list", "secrets"),
    ),
)
ROLES: dict[str, Case] = {
    "rules come": (
        with_roles(Role("system:node", rules=NODE_ROLE.rules[:1])),
        with_roles(HALF),
        [
            (
                (
                    "ClusterRole system:node got the right to create localsubjectaccessreviews,"
                    " subjectaccessreviews in group authorization.k8s.io; get, list, watch services"
                ),
                "",
            )
        ],
    ),
    "rules go": (
        with_roles(HALF),
        with_roles(Role("system:node", rules=HALF.rules[1:])),
        [
            (
                (
                    "ClusterRole system:node lost the right to create tokenreviews in group"
                    " authentication.k8s.io"
                ),
                "",
            )
        ],
    ),
    "many at once, of all kinds": (
        with_roles(URLS),
        with_roles(NAMED),
        [
            (
                (
                    "ClusterRole system:node got the right to get secrets, configmaps named a and"
                    " b; get leases in group coordination.k8s.io; get x in groups a.example,"
                    " b.example; and 1 more rule"
                ),
                "",
            ),
            ("ClusterRole system:node lost the right to get /metrics, /logs; nothing ", ""),
        ],
    ),
    "one comes": (
        with_roles(),
        with_roles(Role("system:node", rules=(rule("list", "secrets"),))),
        [
            (
                "ClusterRole system:node, which bindings to kubelets name, is new",
                "grants list secrets",
            )
        ],
    ),
    "one goes": (
        with_roles(HALF),
        with_roles(),
        [("ClusterRole system:node, which bindings to kubelets name, is gone", "")],
    ),
    "one is missing in a list that is not whole": (
        partly(with_roles(HALF), "cluster_roles"),
        partly(with_roles(), "cluster_roles"),
        [
            (
                (
                    "ClusterRole system:node, which bindings to kubelets name, is not seen;"
                    " whether it is gone can't be told"
                ),
                "",
            )
        ],
    ),
    "one comes to a list that was not whole": (
        partly(with_roles(), "cluster_roles"),
        partly(with_roles(HALF), "cluster_roles"),
        [],
    ),
    "others are counted": (
        with_roles(HALF),
        with_roles(HALF, ADMIN_ROLE),
        [("Other RBAC, which reaches no kubelet: 1 ClusterRole new", "")],
    ),
    "none that bindings to kubelets name": (with_roles(), with_roles(), []),
}


@pytest.mark.parametrize(("before", "after", "says"), ROLES.values(), ids=ROLES)
def test_roles(before: Snapshot, after: Snapshot, says: list[tuple[str, str]]) -> None:
    assert said(before, after) == says
