"""What apiservers put back when they start, against the roles and bindings in the recordings."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from authzviz.engine.bootstrap import started
from authzviz.engine.fresh import fresh_bindings, fresh_roles
from authzviz.engine.model import Binding, PolicyRule, Role, Snapshot, Subject
from tests.engine.build import (
    AUTHENTICATED,
    EMPTY_BINDING,
    LEGACY_BINDING,
    NODE_RBAC,
    NODE_ROLE,
    NODES,
    RBAC,
    cluster,
    crb,
    ok,
    rule,
    server,
    unread,
)
from tests.replay import responses

ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
RECORDED = {
    "1.19": ("v1.19.16-seed-outage", 19),
    "1.28": ("v1.28.15-seed-outage", 28),
    "1.37": ("v1.37.2-outage", 37),
}


def singles(rules: list[dict[str, list[str]]]) -> set[tuple[str, str, str]]:
    found = set()
    for each in rules:
        for verb in each["verbs"]:
            pairs = [(g, r) for g in each.get("apiGroups", ()) for r in each.get("resources", ())]
            found |= {(verb, group, resource) for group, resource in pairs}
            found |= {(verb, "", url) for url in each.get("nonResourceURLs", ())}
    return found


def as_json(rules: tuple[PolicyRule, ...]) -> list[dict[str, list[str]]]:
    return [
        {
            "verbs": list(each.verbs),
            "apiGroups": list(each.api_groups),
            "resources": list(each.resources),
            "nonResourceURLs": list(each.non_resource_urls),
        }
        for each in rules
    ]


@pytest.mark.parametrize(("recording", "minor"), RECORDED.values(), ids=RECORDED)
def test_roles_are_those_that_a_real_apiserver_created(recording: str, minor: int) -> None:
    items = json.loads(responses(recording)[ROLES]["json"])["items"]
    recorded = {item["metadata"]["name"]: item["rules"] for item in items}

    for role in fresh_roles(minor):
        assert singles(as_json(role.rules)) == singles(recorded[role.name]), role.name


SUBJECTS = {
    "1.7 without Node": (7, False, (NODES,)),
    "1.7 with Node": (7, True, ()),
    "1.8": (8, False, ()),
    "1.37": (37, False, ()),
}


@pytest.mark.parametrize(("minor", "is_node_on", "subjects"), SUBJECTS.values(), ids=SUBJECTS)
def test_the_binding_is_born_with_its_subject_only_up_to_1_7(
    minor: int, is_node_on: bool, subjects: tuple[Subject, ...]
) -> None:
    fresh = {binding.name: binding for binding in fresh_bindings(minor, is_node_on=is_node_on)}

    assert fresh["system:node"].subjects == subjects
    assert fresh["system:discovery"].subjects == (AUTHENTICATED,)


def node_binding(snapshot: Snapshot) -> Binding | None:
    bindings = snapshot.cluster_role_bindings.value or ()
    return next((binding for binding in bindings if binding.name == "system:node"), None)


FOREIGN = crb("system:node", "cluster-admin", NODES)
PROTECTED = replace(FOREIGN, is_reconciled=False)
AFTER_START: dict[str, tuple[Snapshot, Binding | None, str]] = {
    "a subject added by hand stays": (
        cluster(RBAC, bindings=(LEGACY_BINDING,)),
        LEGACY_BINDING,
        "",
    ),
    "a deleted one comes back empty": (
        cluster(RBAC, bindings=()),
        EMPTY_BINDING,
        "ClusterRoleBinding system:node is created, without subjects",
    ),
    "a deleted one of 1.7 comes back with its subject": (
        cluster(RBAC, bindings=(), version="v1.7.16"),
        LEGACY_BINDING,
        "ClusterRoleBinding system:node is created, with Group system:nodes",
    ),
    "an empty one of 1.7 gets its subject back": (
        cluster(RBAC, version="v1.7.16"),
        LEGACY_BINDING,
        "ClusterRoleBinding system:node gets back Group system:nodes",
    ),
    "one of another role is made anew": (
        cluster(RBAC, bindings=(FOREIGN,)),
        EMPTY_BINDING,
        "refers to ClusterRole cluster-admin: it is deleted and created anew, without subjects",
    ),
    "one that is protected stays as it is": (
        cluster(RBAC, bindings=(PROTECTED,)),
        PROTECTED,
        "",
    ),
    "without RBAC nothing is created": (
        cluster(server("--authorization-mode=AlwaysAllow"), bindings=()),
        None,
        "",
    ),
    "without a version nothing is": (cluster(RBAC, bindings=(), version="unknown"), None, ""),
    "without flags, role and binding nothing is": (
        replace(cluster(bindings=()), cluster_roles=ok(())),
        None,
        "",
    ),
    "without flags the role tells that RBAC is asked": (
        cluster(bindings=()),
        EMPTY_BINDING,
        "ClusterRoleBinding system:node is created, without subjects",
    ),
    "without flags the binding tells that RBAC is asked": (
        cluster(bindings=(FOREIGN,)),
        EMPTY_BINDING,
        "it is deleted and created anew",
    ),
    "into a list with gaps nothing is created": (
        replace(cluster(RBAC), cluster_role_bindings=ok((), "unreadable")),
        None,
        "",
    ),
}


@pytest.mark.parametrize(("snapshot", "binding", "effect"), AFTER_START.values(), ids=AFTER_START)
def test_the_binding_after_the_next_start(
    snapshot: Snapshot, binding: Binding | None, effect: str
) -> None:
    start = started(snapshot)

    assert node_binding(start.snapshot) == binding
    said = [words for words in start.effects if "ClusterRoleBinding system:node" in words]
    assert (effect in " ".join(said)) if effect else not said


def test_missing_rules_come_back_as_single_verbs_and_extra_ones_stay() -> None:
    extra = rule("delete", "nodes")
    poor = Role("system:node", rules=(rule("get list watch", "services"), extra))
    before = cluster(RBAC, version="v1.28.15")
    before = replace(before, cluster_roles=ok((poor,)))

    start = started(before)

    roles = {role.name: role for role in start.snapshot.cluster_roles.value or ()}
    rules = roles["system:node"].rules
    assert rules[:2] == poor.rules
    assert all(len(each.verbs) == 1 for each in rules[2:])
    assert singles(as_json(rules)) == singles(as_json(NODE_ROLE.rules)) | {("delete", "", "nodes")}
    assert "ClusterRole system:node gets what it lacks of the rules of 1.28" in start.effects
    assert {"system:basic-user", "system:discovery"} <= roles.keys()


def test_lists_that_were_not_read_stay_unread() -> None:
    before = cluster(NODE_RBAC)
    before = replace(
        before,
        cluster_roles=unread(before.cluster_roles),
        cluster_role_bindings=unread(before.cluster_role_bindings),
    )

    start = started(before)

    assert start.snapshot == before
    assert not start.effects


def test_what_lacks_nothing_is_left_alone() -> None:
    bare = cluster(NODE_RBAC)
    once = started(bare).snapshot

    twice = started(once)

    assert twice.snapshot.cluster_roles is once.cluster_roles
    assert twice.snapshot.cluster_role_bindings is once.cluster_role_bindings
