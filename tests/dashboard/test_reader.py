"""The role and recipe pages, and the cluster page's word on its credentials."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import yaml
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from authzviz import engine
from authzviz.engine.least_role import least_role
from authzviz.engine.model import ApiServer, Flag, Observed, OwnRules, PolicyRule, Snapshot
from authzviz.reports.reader_role import Reader, reader_role
from dashboard.models import Cluster, Source
from tests.dashboard.conftest import add_cluster
from tests.dashboard.showing import RECORDED, Page, page, show
from tests.dashboard.snapshots import forbidden, snapshot
from tests.engine.build import ok

pytestmark = pytest.mark.django_db

LEAST = tuple(
    each.rule for each in least_role(37, "unknown") if each.namespace in ("", "kube-system")
)
FLAGS = (
    Flag("authorization-mode", "Node,RBAC"),
    Flag("enable-admission-plugins", "NodeRestriction"),
)


def read_with(*rules: PolicyRule, error: str = "", **changes: Any) -> Snapshot:
    """A snapshot whose apiserver listed these rules as ours."""
    own = OwnRules(rules, bool(error), error)
    server = ApiServer("cp1", FLAGS, "/flagz", observed=Observed(ok(()), ok(own)))
    return snapshot(apiservers=ok((server,)), **changes)


def read(client: Client, found: Snapshot, **fields: Any) -> Page:
    cluster = show(engine.judge(found), read=found, **fields)
    response = client.get(reverse("cluster_evidence", args=(cluster.slug,)))
    assert response.status_code == 200
    return page(response)


def opened(client: Client, name: str, *args: str, **query: str) -> Page:
    response = client.get(reverse(name, args=args), query)
    assert response.status_code == 200
    found = page(response)
    assert found.faults() == []
    return found


def commands(found: Page) -> list[str]:
    """What the copy buttons copy."""
    blocks = found.html.split('aria-label="Command"><code>')[1:]
    return [unescape(_without_tags(block.split("</code>")[0])) for block in blocks]


def _without_tags(html: str) -> str:
    return html.replace("<span>", "").replace("</span>", "")


def test_a_cluster_has_the_role_of_its_version_and_distribution(as_viewer: Client) -> None:
    found = snapshot(version=ok("v1.31.4+k3s1"))
    cluster = show(engine.judge(found), name="it's", read=found)

    role, pods, probe, recipe = commands(opened(as_viewer, "cluster_reader", cluster.slug))

    assert reader_role(Reader(31, "k3s")) in role
    assert reader_role(Reader(31, "k3s", with_pods=True)) in pods
    assert reader_role(Reader(31, "k3s", with_probe=True)) in probe
    assert "SERVER=https://10.0.0.1:6443" in recipe
    assert """-- 'it'"'"'s'""" in recipe
    assert role.startswith("kubectl apply -f - <<'END'\n")
    assert role.endswith("\nEND")


def test_a_cluster_that_was_never_read_has_the_newest_role(
    as_viewer: Client, cluster: Cluster
) -> None:
    found = opened(as_viewer, "cluster_reader", cluster.slug)

    assert "No version is known, so this is the newest." in found.text
    assert reader_role(Reader(37)) in commands(found)[0]


def test_the_pods_own_account_needs_no_kubeconfig(as_editor: Client) -> None:
    own: dict[str, Any] = {"source": Source.IN_CLUSTER.value, "credentials": None}
    cluster = show(engine.judge(snapshot()), **own)

    found = opened(as_editor, "cluster_reader", cluster.slug)

    assert "authzviz reader --namespace NS --name NAME" in found.text
    replacing = reverse("cluster_credentials", args=(cluster.slug,))
    assert replacing not in [link["href"] for link in found.all("a")]


def test_for_a_cluster_to_come_version_and_distribution_are_chosen(as_editor: Client) -> None:
    found = opened(as_editor, "reader", version="1.22", distribution="openshift")

    assert reader_role(Reader(22, "openshift")) in commands(found)[0]
    assert "does not expire" in found.text
    chosen = [option["value"] for option in found.all("option") if "selected" in option]
    assert chosen == ["1.22", "openshift"]


@pytest.mark.parametrize("nonsense", ["", "9", "<script>"])
def test_what_is_no_version_or_distribution_is_the_newest_of_any(
    as_viewer: Client, nonsense: str
) -> None:
    found = opened(as_viewer, "reader", version=nonsense, distribution=nonsense)

    assert reader_role(Reader(37)) in commands(found)[0]
    assert "<script>" not in found.html


def test_the_role_on_the_page_can_be_applied(as_viewer: Client) -> None:
    role = commands(opened(as_viewer, "reader"))[0]

    objects = list(yaml.safe_load_all(role.partition("\n")[2].removesuffix("END")))
    assert {one["kind"] for one in objects} >= {"ServiceAccount", "ClusterRole", "Role"}


@pytest.mark.parametrize("name", ["cluster_evidence", "cluster_settings", "cluster_credentials"])
def test_a_clusters_pages_lead_to_its_role(as_editor: Client, name: str) -> None:
    cluster = show(engine.judge(snapshot()))

    links = [link["href"] for link in opened(as_editor, name, cluster.slug).all("a")]

    assert reverse("cluster_reader", args=(cluster.slug,)) in links


def test_adding_leads_to_the_role(as_editor: Client) -> None:
    links = [link["href"] for link in opened(as_editor, "cluster_add").all("a")]

    assert reverse("reader") in links


CARDS: dict[str, tuple[Snapshot, list[str], list[str]]] = {
    "just enough": (
        read_with(*LEAST),
        ["Nothing is known to be lacking.", "They hold nothing beyond what is needed"],
        ["Lacking", "What else they may do"],
    ),
    "not enough": (
        read_with(*LEAST[1:]),
        [
            "1 permission of the least role is lacking.",
            "list clusterroles.rbac.authorization.k8s.io",
            "which roles reach the kubelets",
        ],
        [],
    ),
    "what was refused": (
        read_with(*LEAST, nodes=replace(forbidden(), permission="list nodes")),
        ["1 permission of the least role is lacking.", "list nodes"],
        [],
    ),
    "too much": (
        read_with(PolicyRule(("*",), ("*",), ("*",))),
        ["They may do more than is needed.", "do anything with every resource", "High"],
        ["They hold nothing beyond what is needed"],
    ),
    "a webhook": (
        read_with(*LEAST, error="webhook authorizer does not support user rule resolution"),
        ["What else they may do can't be told: webhook authorizer does not support"],
        ["They hold nothing beyond what is needed"],
    ),
    "nobody asked": (
        snapshot(),
        ["What else they may do can't be told: nobody asked"],
        ["They hold nothing beyond what is needed"],
    ),
}


@pytest.mark.parametrize(("found", "said", "unsaid"), CARDS.values(), ids=CARDS)
def test_the_page_says_what_the_credentials_may(
    as_viewer: Client, found: Snapshot, said: list[str], unsaid: list[str]
) -> None:
    text = read(as_viewer, found).html.split('id="credentials"')[1]
    words = page_text(text)

    assert [each for each in said if each not in words] == []
    assert [each for each in unsaid if each in words] == []


def page_text(html: str) -> str:
    return Page(html).text


def test_names_that_an_apiserver_lists_are_text(as_viewer: Client) -> None:
    hostile = PolicyRule(("create",), ("x",), ("<img src=x>\u202e",))

    found = read(as_viewer, read_with(hostile))

    assert found.faults() == []
    assert "<img src=x>" not in found.html
    assert "\u202e" not in found.html


def test_the_end_of_the_credentials_is_beside_them(as_viewer: Client) -> None:
    end = timezone.now() + timedelta(days=3)

    found = read(as_viewer, read_with(*LEAST), credentials_expire_at=end)

    assert "They expire in 2 days, at" in found.text


def test_credentials_that_are_over_are_said_to_be(as_viewer: Client) -> None:
    end = timezone.now() - timedelta(days=3)

    found = read(as_viewer, read_with(*LEAST), credentials_expire_at=end)

    assert "They expired 3 days ago, at" in found.text


def test_a_recording_has_no_credentials(as_viewer: Client) -> None:
    found = read(as_viewer, read_with(*LEAST), **RECORDED)

    assert "credentials" not in found.ids


def test_a_cluster_that_was_never_read_says_nothing_of_them(as_viewer: Client) -> None:
    response = as_viewer.get(reverse("cluster_evidence", args=(add_cluster("fresh").slug,)))

    assert "credentials" not in page(response).ids
