"""What the page of a cluster says, polled and judged, where reads are refused or names deceive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from authzviz.engine.assessment import Verdict
from authzviz.engine.model import Binding, Outcome, PolicyRule, Read, Role, RoleRef, Subject
from authzviz.kube.errors import NotAnApiserver
from dashboard.models import Cluster
from dashboard.services import polling, reading
from dashboard.words import READS, VERDICTS
from tests.dashboard.conftest import FakeSource
from tests.dashboard.showing import Page, opened_all
from tests.dashboard.snapshots import legacy_bindings, snapshot
from tests.engine.build import ok

pytestmark = pytest.mark.django_db

RBAC = ("cluster_roles", "cluster_role_bindings", "roles", "role_bindings")
DECISIVE = ("apiservers", *RBAC)
ASIDE = ("nodes", "leases")
HOW = {
    "forbidden": Outcome.FORBIDDEN,
    "failed": Outcome.FAILED,
}


def refused(name: str, outcome: Outcome) -> Read[Any]:
    """A read that gave nothing, with words of its own."""
    return Read(outcome, f"GET /{name}", f"list {name}", why=f"no {name} for you")


def polled(client: Client, cluster: Cluster, source: FakeSource, **changes: Any) -> Page:
    """All tabs after a poll that read the target with these changes."""
    source.snapshot = snapshot(**{"read_at": timezone.now(), **changes})
    Cluster.objects.filter(pk=cluster.pk).update(next_poll_at=timezone.now())
    polling.poll(cluster.pk)
    return opened_all(client, cluster)


def verdict_shown(found: Page) -> str:
    """The label of the chip beside the cluster's name."""
    labels = {word.label for word in VERDICTS.values()}
    return next(word.strip() for word in found.words if word.strip() in labels)


def subsets() -> Iterator[tuple[str, ...]]:
    names = (*DECISIVE, *ASIDE)
    yield from ((name,) for name in names)
    yield from combinations(DECISIVE, 2)
    yield RBAC
    yield ASIDE
    yield (*names, "endpoints", "version")


@pytest.mark.parametrize("outcome", HOW.values(), ids=HOW)
@pytest.mark.parametrize("names", list(subsets()), ids=",".join)
def test_f10_the_page_names_what_was_not_read_and_is_never_safe_for_it(
    as_viewer: Client,
    cluster: Cluster,
    source: FakeSource,
    names: tuple[str, ...],
    outcome: Outcome,
) -> None:
    found = polled(as_viewer, cluster, source, **{name: refused(name, outcome) for name in names})

    is_decided = not set(names) & set(DECISIVE)
    wanted = Verdict.NODE_AUTHORIZER if is_decided else Verdict.UNKNOWN
    assert verdict_shown(found) == VERDICTS[wanted].label
    assert len([row for row in found.all("tr") if row.get("class") == "missing"]) == len(names)
    for name in names:
        assert READS[name][0] in found.text
        assert f"no {name} for you" in found.text
        assert f"list {name}" in found.text
    if "nodes" in names:
        assert "Nodes were not read no nodes for you. Whether there are any isn't known." in (
            found.text
        )
    elif "leases" in names:
        assert "not read" in [word.strip() for word in found.words]
    if set(names) & set(RBAC):
        assert "Not all of RBAC was read, so there may be grants" in found.text
    if not is_decided:
        assert "Still possible:" in found.text


def test_what_is_certain_is_said_though_bindings_in_namespaces_are_refused(
    as_viewer: Client, cluster: Cluster, source: FakeSource
) -> None:
    found = polled(
        as_viewer,
        cluster,
        source,
        cluster_role_bindings=legacy_bindings(),
        role_bindings=refused("role_bindings", Outcome.FORBIDDEN),
    )

    assert verdict_shown(found) == "Over-granted"
    assert len([row for row in found.all("tr") if row.get("class") == "missing"]) == 1


def test_what_was_known_before_reads_were_refused_is_shown_as_old(
    as_viewer: Client, cluster: Cluster, source: FakeSource
) -> None:
    polled(as_viewer, cluster, source)

    found = polled(as_viewer, cluster, source, apiservers=refused("apiservers", Outcome.FORBIDDEN))

    assert verdict_shown(found) == "Unknown"
    assert "and old now: Node authorizer (old)" in found.text
    chips = [one["class"] for one in found.all("span") if "chip" in one.get("class", "").split()]
    assert chips.count("chip tone-stale") == 1


def test_what_never_was_known_is_not_made_up(
    as_viewer: Client, cluster: Cluster, source: FakeSource
) -> None:
    found = polled(as_viewer, cluster, source, apiservers=refused("apiservers", Outcome.FORBIDDEN))

    assert "Known until" not in found.text


def test_f11_a_read_that_fails_makes_all_it_shows_old(
    as_viewer: Client, cluster: Cluster, source: FakeSource
) -> None:
    polled(as_viewer, cluster, source)
    source.error = reading.ReadError("10.0.0.1 did not answer in time")

    found = polled(as_viewer, cluster, source)

    chips = [one["class"] for one in found.all("span") if "chip" in one.get("class", "").split()]
    assert "10.0.0.1 did not answer in time" in found.text
    assert "As of" in found.text
    assert "chip tone-stale" in chips
    assert "chip tone-good" not in chips[:1]


EVERYTHING = PolicyRule(("*",), ("*",), ("*",))
NODE_RULES = PolicyRule(("get", "list", "watch"), ("",), ("secrets",))


def bound(name: str, role: str, kind: str, subject: str) -> Binding:
    return Binding(name, RoleRef("ClusterRole", role), "", (Subject(kind, subject),))


UNSAFE = {
    "B31 the same role under another name": bound("x", "kubespray:node", "Group", "system:nodes"),
    "B31 a node's user": bound("one-node", "system:node", "User", "system:node:node1"),
    "B31 a node that is gone": bound("gone-node", "system:node", "User", "system:node:elder"),
    "B31 everyone": bound("everyone", "system:node", "Group", "system:authenticated"),
    "B31 cluster-admin": bound("admins", "cluster-admin", "Group", "system:nodes"),
}
ROLES = ok(
    (
        Role("system:node", rules=(NODE_RULES,)),
        Role("kubespray:node", rules=(NODE_RULES,)),
        Role("cluster-admin", rules=(EVERYTHING,)),
    )
)


@pytest.mark.parametrize("binding", UNSAFE.values(), ids=UNSAFE)
def test_b31_an_unsafe_binding_is_named_on_the_page(
    as_viewer: Client, cluster: Cluster, source: FakeSource, binding: Binding
) -> None:
    found = polled(
        as_viewer, cluster, source, cluster_roles=ROLES, cluster_role_bindings=ok((binding,))
    )

    assert verdict_shown(found) == "Over-granted"
    assert f"ClusterRoleBinding {binding.name} gives kubelets more" in found.text
    assert f"{binding.subjects[0].kind} {binding.subjects[0].name}" in found.text


HARMLESS = {
    "B30 no subjects": Binding("system:node", RoleRef("ClusterRole", "system:node")),
    "B29 Cyrillic": bound("look", "cluster-admin", "Group", "\u0455ystem:nodes"),
    "B29 zero-width": bound("look", "cluster-admin", "Group", "system:\u200bnodes"),
    "B29 bidi": bound("look", "cluster-admin", "Group", "\u202esystem:nodes"),
    "a ServiceAccount of the name": bound("sa", "cluster-admin", "ServiceAccount", "system:nodes"),
}


@pytest.mark.parametrize("binding", HARMLESS.values(), ids=HARMLESS)
def test_b29_b30_what_reaches_no_kubelet_changes_nothing(
    as_viewer: Client, cluster: Cluster, source: FakeSource, binding: Binding
) -> None:
    changes: dict[str, Any] = {"cluster_roles": ROLES, "cluster_role_bindings": ok((binding,))}
    target = polled(as_viewer, cluster, source, **changes)
    outage = polled(as_viewer, cluster, source, apiservers=snapshot("RBAC").apiservers, **changes)

    assert (verdict_shown(target), verdict_shown(outage)) == ("Node authorizer", "Refused")
    assert "No binding grants anything to a kubelet." in target.text
    if not binding.subjects or binding.subjects[0].name.isascii():
        return
    assert "A subject looks like a system name and is none" in target.text
    assert all(letter not in target.text for letter in "\u200b\u202e")


HOSTILE = {
    "B28 markup": "<img src=x onerror=alert(1)>",
    "B28 template": "{{7*7}}{% now 'Y' %}",
    "B28 link": "javascript:alert(1)",
    "B28 end of a script": "</script><svg onload=alert(1)>",
}


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_b28_names_of_a_polled_cluster_are_text(
    as_viewer: Client, cluster: Cluster, source: FakeSource, name: str
) -> None:
    found = polled(
        as_viewer,
        cluster,
        source,
        cluster_roles=ok((Role(name, rules=(EVERYTHING,)),)),
        cluster_role_bindings=ok((bound(name, name, "Group", "system:nodes"),)),
        leases=replace(refused("leases", Outcome.FAILED), why=name),
    )

    assert verdict_shown(found) == "Over-granted"
    assert found.text.count(name) > 2
    assert found.faults() == []
    assert "49" not in found.text.replace(name, "").partition("Findings")[0]


def test_b35_the_error_of_a_poll_is_text_without_the_token(
    as_viewer: Client, cluster: Cluster, source: FakeSource
) -> None:
    credentials = reading.open_credentials(cluster)
    assert credentials.token
    token = credentials.token.reveal()
    echoed = NotAnApiserver(f"<b>token {token} is not valid</b>")
    source.error = reading.ReadError(reading.without_secrets(str(echoed), credentials))

    found = polled(as_viewer, cluster, source)

    cluster.refresh_from_db()
    assert "<b>token *** is not valid</b>" in found.text
    assert token not in found.html
    assert token not in cluster.last_error
    assert not found.all("b")
