"""What to do next: about what was not read, and in which order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from authzviz.engine import judge
from authzviz.engine.assessment import Fix
from authzviz.engine.model import Outcome, Read, Snapshot
from tests.engine.build import (
    LEGACY_BINDING,
    NODE_RBAC,
    RBAC,
    cluster,
    ok,
    server,
    unread,
)

TARGET = cluster(NODE_RBAC)
FORBIDDEN = 'roles.rbac.authorization.k8s.io is forbidden: User "x" cannot list resource "roles"'
CONFIG_FILE = "--authorization-config=/etc/authz.yaml"
NOT_READ: dict[str, tuple[Snapshot, str, str]] = {
    "forbidden, in the apiserver's words": (
        replace(
            TARGET,
            roles=Read(Outcome.FORBIDDEN, "/path", "list roles everywhere", why=FORBIDDEN),
        ),
        "Let authzviz read Roles",
        (
            "Permit it to list roles everywhere."
            " It would tell what bindings in namespaces grant kubelets."
            f" The apiserver says: {FORBIDDEN}."
        ),
    ),
    "failed, where no permission helps": (
        replace(TARGET, roles=unread(TARGET.roles, Outcome.FAILED)),
        "See Roles",
        (
            "Needed: list things. It would tell what bindings in namespaces grant kubelets."
            " Why it isn't known: refused."
        ),
    ),
    "read in part": (
        replace(TARGET, roles=ok((), "a Role without name")),
        "See the rest of Roles",
        (
            "Needed: list things. It would tell what bindings in namespaces grant kubelets."
            " Why it isn't known: served, but not understood: a Role without name."
        ),
    ),
    "in a file": (
        cluster(server(CONFIG_FILE)),
        "See the authorizers of apiserver cp1",
        "Needed: the file itself, on the control plane. It would tell whether the Node authorizer",
    ),
}


@pytest.mark.parametrize(("snapshot", "title", "words"), NOT_READ.values(), ids=NOT_READ)
def test_what_was_not_read_says_what_to_permit_what_that_tells_and_what_the_server_said(
    snapshot: Snapshot, title: str, words: str
) -> None:
    (step, *_) = judge(snapshot).next_steps

    assert step.title == title
    assert step.detail.startswith(words)


def test_a_binding_that_keeps_nodes_up_goes_only_after_the_node_authorizer_came() -> None:
    before = judge(cluster(RBAC, bindings=(LEGACY_BINDING,))).next_steps[-1]
    after = judge(cluster(NODE_RBAC, bindings=(LEGACY_BINDING,))).next_steps[0]

    assert before.title == "Then remove what RBAC grants kubelets"
    assert before.detail.startswith("Not before every apiserver has the Node authorizer")
    assert after.title == "Remove what RBAC grants kubelets"
    assert after.detail.startswith("Take the subject off")
    assert before.commands == after.commands


def _forbidden(permission: str) -> Read[Any]:
    return Read(Outcome.FORBIDDEN, "/path", permission, why="no")


def test_many_permissions_that_lack_are_one_step() -> None:
    refused = replace(
        TARGET,
        cluster_roles=_forbidden("list clusterroles"),
        roles=_forbidden("list roles"),
        role_bindings=_forbidden("list rolebindings"),
        apiservers=unread(TARGET.apiservers, Outcome.FAILED),
    )
    first, *others = judge(refused).next_steps

    assert first.title == "Let authzviz read what it may not"
    assert "lack: list clusterroles; list roles; list rolebindings." in first.detail
    assert first.commands == ("authzviz reader --kubernetes-version 1.28 | kubectl apply -f -",)
    assert [step.title for step in others] == ["See the apiservers' flags"]


FIXES: dict[str, tuple[Snapshot, list[Fix | None]]] = {
    "an outage": (cluster(RBAC), [Fix.BIND_GROUP, Fix.TURN_ON_NODE]),
    "without the binding": (cluster(RBAC, bindings=()), [Fix.MAKE_BINDING, Fix.TURN_ON_NODE]),
    "a legacy binding": (
        cluster(RBAC, bindings=(LEGACY_BINDING,)),
        [Fix.TURN_ON_NODE, Fix.REMOVE_GRANTS],
    ),
    "no restriction": (
        cluster(server("--authorization-mode=Node,RBAC")),
        [Fix.TURN_ON_RESTRICTION],
    ),
    "apiservers that differ": (cluster(RBAC, replace(NODE_RBAC, name="cp2")), [Fix.TURN_ON_NODE]),
    "what was not read": (replace(TARGET, roles=unread(TARGET.roles)), [None]),
}


@pytest.mark.parametrize(("snapshot", "fixes"), FIXES.values(), ids=FIXES)
def test_a_step_says_what_it_changes(snapshot: Snapshot, fixes: list[Fix | None]) -> None:
    assert [step.fix for step in judge(snapshot).next_steps] == fixes
