"""Nodes by Table and by JSON, the closer look at the telling ones, and Leases."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from authzviz.engine.model import Lease, Node, Outcome, Ready, Snapshot
from tests.kube.reading import RECORDING, collected, with_answers
from tests.replay import Answerer, Reply, json_reply, replay, status_reply

NODES = "/api/v1/nodes"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
SINCE = "2026-11-24T02:54:20Z"


def table(*rows: Any) -> Reply:
    """A Table of nodes with name, status and roles."""
    columns = [{"name": name} for name in ("Name", "Status", "Roles", "Age", "Version")]
    cells = [{"cells": [*row, "1d", "v1.37.2"]} if isinstance(row, tuple) else row for row in rows]
    return json_reply({"kind": "Table", "columnDefinitions": columns, "rows": cells})


def node(name: str, status: str = "True", **metadata: Any) -> dict[str, Any]:
    """A Node as JSON, with this Ready condition."""
    ready = {"type": "Ready", "status": status, "reason": "R", "message": "M"}
    return {
        "metadata": {"name": name, **metadata},
        "spec": {"providerID": f"kind://{name}"},
        "status": {
            "conditions": [
                {"type": "Other", "status": "False"},
                {**ready, "lastTransitionTime": SINCE},
            ],
            "nodeInfo": {"kubeletVersion": "v1.37.2"},
        },
    }


def nodes_of(answers: dict[str, Reply | Answerer]) -> dict[str, Node]:
    read = with_answers(answers).nodes
    assert read.is_whole, (read.why, read.gaps)
    return {one.name: one for one in read.value or ()}


def test_a_table_tells_readiness_version_and_role() -> None:
    found = nodes_of(
        {
            NODES: table(
                ("a", "Ready", "<none>"),
                ("b", "Ready,SchedulingDisabled", "control-plane,master"),
                ("c", "NotReady", ""),
                ("d", "Unknown", "worker"),
                ("e", "NotReady,SchedulingDisabled", None),
            )
        }
    )

    assert [one.ready for one in found.values()] == [
        Ready.TRUE,
        Ready.TRUE,
        Ready.NOT_READY,
        Ready.UNKNOWN,
        Ready.NOT_READY,
    ]
    assert [one.name for one in found.values() if one.is_control_plane] == ["b"]
    assert {one.kubelet_version for one in found.values()} == {"v1.37.2"}


def test_only_the_telling_nodes_are_read_one_by_one() -> None:
    rows = [(f"ill{n}", "NotReady", "") for n in range(30)]
    rows += [(f"cp{n}", "Ready", "control-plane") for n in range(30)]
    rows += [(f"fine{n}", "Ready", "") for n in range(30)]

    with replay(RECORDING, replace={NODES: table(*rows)}) as server:
        collected(server)
        looked = [one.removeprefix(f"{NODES}/") for one in server.requests if f"{NODES}/" in one]

    assert looked == [f"ill{n}" for n in range(20)] + [f"cp{n}" for n in range(20)]


def test_where_all_are_fine_one_still_tells_the_distribution() -> None:
    fine = [(f"fine{n}", "Ready", "") for n in range(3)]

    found = nodes_of({NODES: table(*fine), f"{NODES}/fine0": json_reply(node("fine0"))})

    assert [one.provider_id for one in found.values()] == ["kind://fine0", "", ""]


def test_a_closer_look_tells_condition_and_distribution() -> None:
    annotations = {
        "k3s.io/node-args": json.dumps(
            ["server", "--kube-apiserver-arg", "authorization-mode=RBAC", "--token", "canary"]
        ),
        "k3s.io/node-env": '{"PASSWORD": "canary"}',
        "kubectl.kubernetes.io/last-applied-configuration": "canary",
    }
    labels = {"microk8s.io/cluster": "true", "team": "canary"}
    seen = json_reply(node("a", "Unknown", annotations=annotations, labels=labels))

    found = nodes_of({NODES: table(("a", "NotReady", "")), f"{NODES}/a": seen})["a"]

    assert (found.ready, found.reason, found.message) == (Ready.UNKNOWN, "R", "M")
    assert found.since == datetime(2026, 11, 24, 2, 54, 20, tzinfo=UTC)
    assert [name for name, _ in found.annotations] == ["k3s.io/node-args", "microk8s.io/cluster"]
    assert "authorization-mode=RBAC" in found.annotations[0][1]
    assert "canary" not in repr(found)


CLOSER: dict[str, Reply] = {
    "gone": status_reply(404, "x"),
    "forbidden": status_reply(403, "x"),
    "B24 status null": json_reply({**node("a"), "status": None}),
}


@pytest.mark.parametrize("reply", CLOSER.values(), ids=CLOSER)
def test_without_a_closer_look_the_table_stands(reply: Reply) -> None:
    found = nodes_of({NODES: table(("a", "NotReady", "")), f"{NODES}/a": reply})

    assert found["a"].ready is Ready.NOT_READY


def test_who_may_list_but_not_get_is_not_asked_again_and_again() -> None:
    rows = [(f"ill{n}", "NotReady", "") for n in range(9)]
    refuse = {f"{NODES}/*": 403}

    with replay(RECORDING, replace={NODES: table(*rows)}, refuse=refuse) as server:
        snapshot = collected(server)
        looked = [one for one in server.requests if f"{NODES}/" in one]

    assert len(looked) == 1
    assert snapshot.nodes.is_whole


def test_a_node_whose_name_is_a_path_is_not_asked_for() -> None:
    with replay(RECORDING, replace={NODES: table(("../../x?", "NotReady", ""))}) as server:
        snapshot = collected(server)
        asked = [one for one in server.requests if "x?" in one or ".." in one]

    assert asked == []
    assert [one.name for one in snapshot.nodes.value or ()] == ["../../x?"]


def without_tables(path: str, query: dict[str, str], accept: str) -> Reply:
    """Two pages of Nodes for who asks for JSON, 406 for who wants a Table."""
    if "as=Table" in accept:
        return status_reply(406, path)
    if "continue" in query:
        return json_reply({"kind": "NodeList", "items": [node("b", "False")]})
    return json_reply({"kind": "NodeList", "metadata": {"continue": "2"}, "items": [node("a")]})


def ignoring_tables(*_: object) -> Reply:
    """All Nodes as JSON, whatever was asked for."""
    return json_reply({"kind": "NodeList", "items": [node("a"), node("b", "False")]})


@pytest.mark.parametrize("answer", [without_tables, ignoring_tables])
def test_without_a_table_the_nodes_are_read_as_json(answer: Answerer) -> None:
    found = nodes_of({NODES: answer})

    assert {name: one.ready for name, one in found.items()} == {"a": Ready.TRUE, "b": Ready.FALSE}
    assert found["b"].reason == "R"


@pytest.mark.parametrize("role", ["control-plane", "master", "controlplane"])
def test_a_role_label_tells_the_control_plane(role: str) -> None:
    labelled = node("a", labels={f"node-role.kubernetes.io/{role}": ""})

    found = nodes_of({NODES: json_reply({"kind": "NodeList", "items": [labelled]})})

    assert found["a"].is_control_plane


def read(reply: Reply, path: str = NODES) -> Snapshot:
    return with_answers({path: reply})


def test_b24_a_malformed_node_is_a_gap() -> None:
    items = [node("a"), {**node("b"), "status": None}]

    as_json = read(json_reply({"kind": "NodeList", "items": items})).nodes
    as_table = read(table(("a", "Ready", ""), (None, "Ready", ""), {"cells": ["short"]})).nodes

    assert [one.name for one in as_json.value or ()] == ["a"]
    assert as_json.gaps[0].startswith("b: Expected `object`, got `null`")
    assert [one.name for one in as_table.value or ()] == ["a"]
    assert len(as_table.gaps) == 2


ODD: dict[str, Reply] = {
    "B23 another kind": json_reply({"kind": "Pod"}),
    "B23 HTML": (200, {"Content-Type": "text/html"}, b"<html>"),
    "B23 rows null": json_reply({"kind": "Table", "columnDefinitions": [], "rows": None}),
    "a Table without our columns": json_reply(
        {"kind": "Table", "columnDefinitions": [{"name": "Name"}], "rows": []}
    ),
}


@pytest.mark.parametrize("reply", ODD.values(), ids=ODD)
def test_an_unexpected_answer_is_no_cluster_without_nodes(reply: Reply) -> None:
    found = read(reply).nodes

    assert (found.outcome, found.value) == (Outcome.FAILED, None)
    assert "unexpected answer" in found.why


def test_no_nodes_is_an_answer() -> None:
    found = read(table()).nodes

    assert (found.outcome, found.value) == (Outcome.OK, ())


def test_leases_tell_when_each_node_was_last_heard_of() -> None:
    renewed = {"renewTime": "2026-11-24T02:54:20.123456Z", "leaseDurationSeconds": 30}
    items = [
        {"metadata": {"name": "a"}, "spec": renewed},
        {"metadata": {"name": "b"}, "spec": {}},
        {"metadata": {"name": "c"}, "spec": {"renewTime": "yesterday"}},
        {"metadata": {"name": "d"}},
    ]

    found = read(json_reply({"kind": "LeaseList", "items": items}), LEASES).leases

    moment = datetime(2026, 11, 24, 2, 54, 20, 123456, tzinfo=UTC)
    assert found.value == (Lease("a", moment, 30), Lease("b", None, 40))
    assert [gap[:2] for gap in found.gaps] == ["c:", "d:"]


def test_the_cache_of_the_apiserver_is_enough_for_nodes_and_leases() -> None:
    with replay(RECORDING) as server:
        collected(server)

    cached = [one.split("?")[0] for one in server.requests if "resourceVersion=0" in one]
    assert cached == [LEASES, NODES]
