"""A cluster far larger than most: 15,000 nodes and 50,000 bindings, from the wire to the page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django import Settings

from dashboard.models import Cluster
from dashboard.services import clock, clusters, polling, reading, uploads
from tests.dashboard.showing import OF_THE_LAST_READ, opened
from tests.memory import MIB, growth
from tests.replay import Answerer, Replay, Reply, json_reply, replay

pytestmark = pytest.mark.django_db

NODES, BINDINGS = 15_000, 50_000
RBAC = "/apis/rbac.authorization.k8s.io/v1"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
# A worker may hold 1,024 MiB, and reads sixteen clusters: one of them may be as large as this.
MOST_BYTES = 256 * MIB


def nodes() -> Reply:
    """The Table of all nodes; one in a thousand is NotReady."""
    columns = [{"name": name} for name in ("Name", "Status", "Roles", "Age", "Version")]
    rows = [
        {"cells": [f"node{n}", "Ready" if n % 1000 else "NotReady", "", "9d", "v1.37.2"]}
        for n in range(NODES)
    ]
    return json_reply({"kind": "Table", "columnDefinitions": columns, "rows": rows})


def leases() -> Reply:
    now = clock.now().isoformat().replace("+00:00", "Z")
    items = [
        {
            "metadata": {"name": f"node{n}", "namespace": "kube-node-lease"},
            "spec": {"holderIdentity": f"node{n}", "leaseDurationSeconds": 40, "renewTime": now},
        }
        for n in range(NODES)
    ]
    return json_reply({"kind": "LeaseList", "items": items})


def pages(kind: str, number: int, item: Callable[[int], dict[str, object]]) -> Answerer:
    """A list of that many items, in pages as they are asked for."""

    def answer(_path: str, query: dict[str, str], _accept: str) -> Reply:
        start = int(query.get("continue", "0"))
        end = min(start + int(query["limit"]), number)
        metadata = {"continue": str(end)} if end < number else {}
        items = [item(n) for n in range(start, end)]
        return json_reply({"kind": kind, "metadata": metadata, "items": items})

    return answer


def binding(number: int) -> dict[str, object]:
    """Every node has one to its own user; the others are of service accounts."""
    group = "rbac.authorization.k8s.io"
    if number < NODES:
        subject = {"kind": "User", "apiGroup": group, "name": f"system:node:node{number}"}
    else:
        subject = {"kind": "ServiceAccount", "namespace": f"team{number}", "name": "default"}
    return {
        "metadata": {"name": f"binding{number}"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "system:node"},
        "subjects": [subject],
    }


def test_b25_a_very_large_cluster_is_read_judged_and_shown_in_bounds(
    as_viewer: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "read", reading.over_the_network)
    settings.AUTHZVIZ_LOCAL = True
    settings.POLL_DEADLINE_SECONDS = 300
    large: dict[str, Reply | Answerer] = {
        "/api/v1/nodes": nodes(),
        LEASES: leases(),
        f"{RBAC}/clusterrolebindings": pages("ClusterRoleBindingList", BINDINGS, binding),
    }

    with replay("v1.37.2-node-authorizer", replace=large) as server:
        cluster = add_replayed(server)
        with growth() as measured:
            polling.poll(cluster.pk)

    cluster = Cluster.objects.get()
    tabs = {name: opened(as_viewer, name, cluster) for name in OF_THE_LAST_READ}
    assert cluster.last_error == ""
    assert (cluster.current.verdict, cluster.current.nodes_total) == ("over-granted", NODES)
    assert measured.most_bytes < MOST_BYTES
    assert max(len(found.html) for found in tabs.values()) < 200_000
    assert f"1 to 50 of {NODES:,}" in tabs["cluster_nodes"].text
    assert f"1 to 50 of {NODES // 1000}," in tabs["cluster_grants"].text


def add_replayed(server: Replay) -> Cluster:
    """The replayed server as a cluster that is due."""
    context = uploads.parse(server.kubeconfig)[0]
    assert context.credentials
    return clusters.add(
        name="large", credentials=context.credentials, interval_seconds=60, actor=None
    )
