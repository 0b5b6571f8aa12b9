"""The grants of a cluster, resolved: whom, by which rules, and what each adds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from authzviz import engine
from authzviz.engine.model import Binding, Role, Snapshot, Subject
from tests.dashboard.assessments import TARGET, hostile
from tests.dashboard.showing import Page, opened, show
from tests.dashboard.snapshots import forbidden, snapshot
from tests.engine.build import (
    ADMIN_ROLE,
    AUTHENTICATED,
    DEFAULT_BINDINGS,
    DEFAULT_ROLES,
    EMPTY_BINDING,
    LEGACY_BINDING,
    NODE1,
    NODES,
    crb,
    ok,
    rb,
    rule,
)

if TYPE_CHECKING:
    from django.test import Client

    from dashboard.models import Cluster

pytestmark = pytest.mark.django_db


def read(*bindings: Binding, roles: tuple[Role, ...] = (), **changes: Any) -> Snapshot:
    fields: dict[str, Any] = {
        "cluster_roles": ok((*DEFAULT_ROLES, *roles)),
        "cluster_role_bindings": ok((*DEFAULT_BINDINGS, *bindings)),
        **changes,
    }
    return snapshot(**fields)


def judged(what: Snapshot, name: str = "alpha") -> Cluster:
    return show(engine.judge(what), name, read=what)


def grants(client: Client, cluster: Cluster, asked: str = "") -> Page:
    return opened(client, "cluster_grants", cluster, asked)


def test_each_rule_says_what_it_adds(as_viewer: Client) -> None:
    found = grants(as_viewer, judged(read(LEGACY_BINDING)))

    assert "every Secret of the cluster get, list, watch secrets in every namespace" in found.text
    assert "create of tokenreviews" not in found.text
    assert "tokenreviews of authentication.k8s.io benign" in found.text
    assert "Reaches Group system:nodes every kubelet" in found.text
    assert "22 rules" in found.text
    assert found.faults() == []
    assert max(found.ids.values()) == 1


def test_binding_role_and_node_are_a_click_away(as_viewer: Client) -> None:
    own = crb("own", "system:node", NODE1)
    cluster = judged(read(own, LEGACY_BINDING))
    found = grants(as_viewer, cluster)

    links = {link["href"] for link in found.all("a") if "/objects/" in link["href"]}
    for kind, name in (
        ("clusterrolebindings", "own"),
        ("clusterrolebindings", "system:node"),
        ("clusterroles", "system:node"),
        ("nodes", "node1"),
    ):
        assert f"{cluster.get_absolute_url()}objects/{kind}/{name}/" in links
    assert all(as_viewer.get(link).status_code == 200 for link in links)


def test_a_binding_without_subjects_is_shown_as_reaching_nobody(as_viewer: Client) -> None:
    found = grants(as_viewer, judged(read(EMPTY_BINDING)))

    assert "ClusterRoleBinding system:node → ClusterRole system:node" in found.text
    assert "It has no subjects: it reaches nobody" in found.text
    assert "reaches nobody" not in grants(as_viewer, judged(read(LEGACY_BINDING), "beta")).text


def test_an_aggregated_role_is_told(as_viewer: Client) -> None:
    role = Role("grown", rules=(rule("get", "secrets"),), is_aggregated=True)

    found = grants(as_viewer, judged(read(crb("grown", "grown", NODES), roles=(role,))))

    assert "Aggregated: its rules are those of every ClusterRole" in found.text


def test_a_role_that_is_missing_or_unread_grants_nothing_known(as_viewer: Client) -> None:
    dangling = judged(read(crb("x", "nowhere", NODES)))
    unread = judged(read(crb("x", "nowhere", NODES), cluster_roles=forbidden()), "beta")

    assert "doesn't exist: grants nothing" in grants(as_viewer, dangling).text
    assert "not read: what it grants isn't known" in grants(as_viewer, unread).text
    assert "Not all of RBAC was read" in grants(as_viewer, unread).text


def several() -> Cluster:
    own = crb("own", "system:node", NODE1)
    team = rb("team", "team", "cluster-admin", NODES, kind="ClusterRole")
    return judged(read(own, crb("all", "system:node", NODES), role_bindings=ok((team,))))


FOUND = {
    "all": ("", {"own", "all", "team/team", "system:discovery"}),
    "beyond": ("?show=beyond", {"own", "all", "team/team"}),
    "benign": ("?show=benign", {"system:discovery", "system:basic-user"}),
    "to a node": ("?subject=users", {"own"}),
    "to the group": ("?subject=nodes", {"all", "team/team"}),
    "to whoever is signed in": ("?subject=signed-in&show=benign", {"system:discovery"}),
    "by name": ("?search=RoleBinding+TEAM", {"team/team"}),
    "by role": ("?search=cluster-admin", {"team/team"}),
    "nothing": ("?search=nowhere", set()),
    "nonsense counts for nothing": ("?show=x&subject=y", {"own", "all", "team/team"}),
}


@pytest.mark.parametrize(("asked", "bindings"), FOUND.values(), ids=FOUND)
def test_grants_are_found(as_viewer: Client, asked: str, bindings: set[str]) -> None:
    found = grants(as_viewer, several(), asked)

    shown = {word.split(" ", 1)[1].strip() for word in found.words if "Binding " in word.strip()}
    assert bindings <= shown
    if "show=beyond" in asked:
        assert "system:discovery" not in shown
    if not bindings:
        assert "No grant is so" in found.text


def test_unread_bindings_are_not_called_none(as_viewer: Client) -> None:
    unread = show(replace(TARGET, grants=()), read=snapshot(role_bindings=forbidden()))
    whole = show(replace(TARGET, grants=()), "beta")

    assert "Not all of RBAC was read" in grants(as_viewer, unread).text
    assert "No binding grants anything" not in grants(as_viewer, unread).text
    assert "No binding grants anything" in grants(as_viewer, whole).text


def test_a_look_alike_subject_is_flagged(as_viewer: Client) -> None:
    found = grants(as_viewer, show(hostile("\u0455ystem:nodes")))

    assert "CYRILLIC SMALL LETTER DZE" in found.text


def test_many_grants_with_many_rules_stay_in_bounds(as_viewer: Client) -> None:
    long = tuple(
        rule("get list watch", f"things{n} secrets", names=" ".join(f"name{i}" for i in range(40)))
        for n in range(100)
    )
    bindings = tuple(
        crb(f"b{n:03}", "long", Subject("User", f"system:node:n{n}")) for n in range(90)
    )
    cluster = judged(read(*bindings, roles=(Role("long", rules=long),)))

    first, second = grants(as_viewer, cluster), grants(as_viewer, cluster, "?page=2")

    assert len(first.html) < 200_000
    assert "1 to 50 of 93" in first.text
    assert "rules not listed here" in first.text
    assert "51 to 93 of 93" in second.text
    alone = grants(as_viewer, cluster, "?search=b007")
    assert len(alone.all("tr")) > 90


def test_cluster_admin_is_said_plainly(as_viewer: Client) -> None:
    found = grants(as_viewer, judged(read(crb("x", ADMIN_ROLE.name, AUTHENTICATED))))

    assert "full control of everything in the cluster" in found.text
    assert "every path of the apiserver" in found.text


def test_what_could_not_be_resolved_is_shown_as_judged(as_viewer: Client) -> None:
    found = grants(as_viewer, show(hostile("nowhere")))

    assert "nowhere" in found.text
