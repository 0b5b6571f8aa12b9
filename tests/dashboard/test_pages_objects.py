"""Raw objects of a cluster, and its last read as a file."""

from __future__ import annotations

import gzip
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from django.urls import reverse

from authzviz import engine
from authzviz.engine.model import (
    Authorizer,
    Flag,
    FlagSource,
    Node,
    Ready,
    Role,
    Subject,
)
from authzviz.kube import bundle
from dashboard.models import AuditEvent, CurrentState
from dashboard.services import facts
from tests.dashboard.conftest import add_cluster
from tests.dashboard.showing import Page, opened, page, show
from tests.dashboard.snapshots import READ_AT, forbidden, snapshot
from tests.engine.build import LEGACY_BINDING, NODE_ROLE, NODES, crb, ok, rb, rule, server

if TYPE_CHECKING:
    from django.test import Client

    from dashboard.models import Cluster

pytestmark = pytest.mark.django_db

HOSTILE = "<img src=x>\u202e{{7*7}}"
OWN = crb("own", "system:node", Subject("User", "system:node:node1"))
TEAM_ROLE = Role("team-role", "team", (rule("get", "pods"),))


def made(**changes: Any) -> Cluster:
    what = snapshot(
        cluster_roles=ok((NODE_ROLE, Role(HOSTILE, is_aggregated=True))),
        cluster_role_bindings=ok(
            (LEGACY_BINDING, OWN, crb("hostile", HOSTILE, Subject("User", HOSTILE)))
        ),
        roles=ok((TEAM_ROLE, replace(TEAM_ROLE, namespace="other"))),
        role_bindings=ok((rb("team", "team", "team-role", NODES), rb("x", "other", "team-role"))),
        **changes,
    )
    return show(engine.judge(what), read=what)


def raw(
    client: Client, cluster: Cluster, kind: str, name: str, namespace: str = "", status: int = 200
) -> Page:
    url = reverse("cluster_object", args=(cluster.slug, kind, name))
    response = client.get(url, {"namespace": namespace} if namespace else {})
    assert response.status_code == status
    return page(response)


def text_of(found: Page) -> str:
    """What the page gives to copy."""
    return next(word for word in found.words if "apiVersion" in word or "command" in word)


OBJECTS: dict[str, tuple[str, str, str, dict[str, Any], str]] = {
    "a ClusterRole": (
        "clusterroles",
        "system:node",
        "",
        {"kind": "ClusterRole", "metadata": {"name": "system:node"}},
        "Bound by ClusterRoleBinding system:node to Group system:nodes",
    ),
    "a ClusterRoleBinding": (
        "clusterrolebindings",
        "system:node",
        "",
        {
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "system:node",
            },
            "subjects": [
                {"kind": "Group", "name": "system:nodes", "apiGroup": "rbac.authorization.k8s.io"}
            ],
        },
        "Binds the same role ClusterRoleBinding own to User system:node:node1",
    ),
    "a Role": (
        "roles",
        "team-role",
        "team",
        {"kind": "Role", "metadata": {"name": "team-role", "namespace": "team"}},
        "Bound by RoleBinding team/team to Group system:nodes",
    ),
    "a RoleBinding": (
        "rolebindings",
        "team",
        "team",
        {"kind": "RoleBinding", "metadata": {"name": "team", "namespace": "team"}},
        "Refers to Role team/team-role",
    ),
    "a Node": (
        "nodes",
        "node1",
        "",
        {"kind": "Node", "metadata": {"name": "node1"}},
        "Named by ClusterRoleBinding own to User system:node:node1",
    ),
    "an apiserver": (
        "apiservers",
        "cp1",
        "",
        {
            "command": [
                "kube-apiserver",
                "--authorization-mode=Node,RBAC",
                "--enable-admission-plugins=NodeRestriction",
            ]
        },
        "Told by mirror pod kube-system/kube-apiserver-cp1",
    ),
}


@pytest.mark.parametrize(
    ("kind", "name", "namespace", "fields", "says"), OBJECTS.values(), ids=OBJECTS
)
def test_an_object_is_shown_as_it_was_read(
    as_viewer: Client, kind: str, name: str, namespace: str, fields: dict[str, Any], says: str
) -> None:
    found = raw(as_viewer, made(), kind, name, namespace)

    given = yaml.safe_load(text_of(found))
    assert {key: given[key] for key in fields} == fields
    assert says in found.text
    assert "Not kept:" in found.text
    assert "other" not in [word for word in found.text.split() if "team-role" in word]
    assert found.faults() == []
    assert max(found.ids.values()) == 1
    base = reverse("cluster", args=("alpha",))
    links = [link["href"] for link in found.all("a") if link["href"].startswith(f"{base}objects/")]
    assert all(as_viewer.get(link).status_code == 200 for link in links)


ABSENT = {
    "a name that is none": ("clusterroles", "nowhere", ""),
    "a kind that is none": ("secrets", "system:node", ""),
    "a Role without a namespace": ("roles", "team-role", ""),
    "a RoleBinding without a namespace": ("rolebindings", "team", ""),
    "a Role of another namespace": ("roles", "team-role", "nowhere"),
    "a binding that is none": ("clusterrolebindings", "nowhere", ""),
    "a node that is none": ("nodes", "nowhere", ""),
    "an apiserver that is none": ("apiservers", "nowhere", ""),
    "a name with slashes": ("nodes", "a/b/c", ""),
}


@pytest.mark.parametrize(("kind", "name", "namespace"), ABSENT.values(), ids=ABSENT)
def test_there_is_no_page_of_what_is_not_there(
    as_viewer: Client, kind: str, name: str, namespace: str
) -> None:
    raw(as_viewer, made(), kind, name, namespace, status=404)


def test_nothing_is_there_where_nothing_was_read(as_viewer: Client) -> None:
    raw(as_viewer, add_cluster(), "nodes", "node1", status=404)
    raw(
        as_viewer,
        show(engine.judge(snapshot()), "b", read=snapshot(nodes=forbidden())),
        "nodes",
        "node1",
        status=404,
    )


def test_hostile_names_are_text_and_yaml_escapes_them(as_viewer: Client) -> None:
    cluster = made()
    role = raw(as_viewer, cluster, "clusterroles", HOSTILE)
    binding = raw(as_viewer, cluster, "clusterrolebindings", "hostile")

    for found in (role, binding):
        assert found.faults() == []
        assert "\u202e" not in found.html
        assert len(found.all("img")) == 1
        assert "49" not in text_of(found)
    assert yaml.safe_load(text_of(role))["metadata"]["name"] == HOSTILE
    assert "the selectors, though not its rules" in role.text


def test_a_node_whose_condition_was_not_read_has_none(as_viewer: Client) -> None:
    nodes = (
        Node("ill", Ready.NOT_READY, "v1.37.2"),
        Node(
            "known",
            Ready.FALSE,
            "v1.37.2",
            provider_id="aws:///x",
            reason="KubeletNotReady",
            message="no network",
            since=READ_AT,
            annotations=(("k3s.io/hostname", "known"),),
        ),
    )
    cluster = made(nodes=ok(nodes))

    ill, known = (raw(as_viewer, cluster, "nodes", name) for name in ("ill", "known"))

    assert "conditions" not in yaml.safe_load(text_of(ill))["status"]
    assert "kubectl shows NotReady" in ill.text
    given = yaml.safe_load(text_of(known))
    assert given["status"]["conditions"][0]["reason"] == "KubeletNotReady"
    assert given["spec"] == {"providerID": "aws:///x"}
    assert given["metadata"]["annotations"] == {"k3s.io/hostname": "known"}


def test_every_source_of_an_apiservers_flags_is_shown(as_viewer: Client) -> None:
    one = replace(
        server("--authorization-config=/etc/authz.yaml"),
        other_sources=(FlagSource("/flagz", (Flag("authorization-mode", "RBAC"),)),),
        authorizers=(Authorizer("Node", "node"),),
    )
    blind = replace(server(name="blind"), flags=None, why="no pod")

    cluster = made(apiservers=ok((one, blind)))
    found = raw(as_viewer, cluster, "apiservers", "cp1")

    assert "Told by /flagz" in found.text
    assert "AuthorizationConfiguration" in found.text
    assert (
        "Nothing that was read shows its flags"
        in raw(as_viewer, cluster, "apiservers", "blind").text
    )


def test_a_huge_object_is_cut_with_the_way_to_all_of_it(as_viewer: Client) -> None:
    rules = tuple(rule("get", f"things{n}", names="x" * 200) for n in range(3000))
    bindings = tuple(crb(f"b{n}", "huge", NODES) for n in range(300))
    what = snapshot(
        cluster_roles=ok((Role("huge", rules=rules),)), cluster_role_bindings=ok(bindings)
    )
    found = raw(as_viewer, show(engine.judge(snapshot()), read=what), "clusterroles", "huge")

    assert len(found.html) < 200_000
    assert "It goes on." in found.text
    assert "250 more are not listed." in found.text


def test_the_bundle_is_what_was_read(as_viewer: Client) -> None:
    cluster = made()

    response = as_viewer.get(reverse("cluster_download", args=(cluster.slug,)))

    assert response["Content-Disposition"] == 'attachment; filename="alpha.json.gz"'
    loaded = bundle.load(response.content)
    assert replace(loaded, is_live=True) == facts.current_snapshot(CurrentState.objects.get())
    assert b"authzviz-bundle/1" in gzip.decompress(response.content)
    event = AuditEvent.objects.latest("pk")
    assert (event.action, event.actor_name, event.cluster) == (
        "bundle downloaded",
        "viewer",
        cluster,
    )


def test_there_is_no_bundle_before_the_first_read_nor_for_strangers(
    as_viewer: Client, client: Client
) -> None:
    url = reverse("cluster_download", args=(add_cluster().slug,))

    assert as_viewer.get(url).status_code == 404
    assert as_viewer.post(url).status_code == 405
    assert client.get(url).status_code == 302
    assert not AuditEvent.objects.filter(action="bundle downloaded").exists()


def test_the_evidence_leads_to_flags_and_to_the_bundle(as_viewer: Client) -> None:
    cluster = made()
    found = opened(as_viewer, "cluster_evidence", cluster)

    links = [link["href"] for link in found.all("a")]
    assert f"{cluster.get_absolute_url()}objects/apiservers/cp1/" in links
    assert f"{cluster.get_absolute_url()}bundle.json.gz" in links
    assert {"apiservers", "evidence", "version", "distribution", "evidence-nodes"} <= set(found.ids)


def test_much_evidence_is_cut(as_viewer: Client) -> None:
    servers = tuple(server("--authorization-mode=Node,RBAC", name=f"cp{n}") for n in range(60))
    what = snapshot(apiservers=ok(servers), nodes=ok((), *(f"gap {n}" for n in range(500))))

    found = opened(as_viewer, "cluster_evidence", show(engine.judge(what), read=what))

    assert len(found.html) < 200_000
    assert "40 more are not listed." in found.text
    assert "and 480 more" in found.text
