"""What an audit log proves, and what it does not."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from authzviz import engine
from authzviz.evidence.audit import AuditEvidence, Proof
from authzviz.evidence.audit_reading import reader_for
from authzviz.kube import bundle
from tests.evidence.audit_events import (
    AGENT,
    DISCOVERY,
    KUBELET,
    LEGACY,
    START,
    a_week,
    event,
    evidence,
    log,
)

RECORDED = Path(__file__).parents[1] / "data/audit"
Event = dict[str, Any]
SECRET = {"namespace": "a", "name": "key"}
LATER = START + timedelta(days=7, hours=12)


def recorded(name: str, of: str = "") -> AuditEvidence:
    snapshot = bundle.load(RECORDED / f"{of or name}.bundle.json.gz")
    reading = reader_for(snapshot, engine.judge(snapshot))
    reading.feed((RECORDED / f"{name}.jsonl.gz").read_bytes())
    reading.end_file()
    return reading.result()


def test_a_real_log_names_the_agent_and_what_it_asked_for() -> None:
    found = recorded("node-first")
    assert found.proof is Proof.BREAKS
    assert {
        (use.user_agent, use.user, use.verb, use.resource, use.count) for use in found.uses
    } == {
        ("node-agent/1.4", "system:node:node1", "list", "nodes", 1),
        ("node-agent/1.4", "system:node:node1", "watch", "pods", 1),
    }
    assert (found.reach.nodes_seen, found.reach.nodes_total) == (2, 2)
    assert found.notes == (
        (
            "1 request with kubelets' credentials allowed and then refused with 403, as"
            " NodeRestriction does: these fail already."
        ),
    )


def test_a_real_log_from_after_the_agent_has_its_own_user_shows_no_use() -> None:
    found = recorded("node-first-later", of="node-first")
    assert (found.proof, found.uses, found.strangers) == (Proof.TOO_LITTLE, (), ())


def test_a_real_log_of_a_cluster_without_node_proves_nothing_and_names_the_agent() -> None:
    found = recorded("rbac-only")
    assert found.proof is Proof.PROVES_NOTHING
    assert {(use.user_agent, use.resource) for use in found.uses} == {
        ("node-agent/1.4", "nodes"),
        ("node-agent/1.4", "pods"),
    }


def test_the_order_shows_in_the_log_itself() -> None:
    """The recording without Node, held against the flags of the one with it."""
    found = recorded("rbac-only", of="node-first")
    assert found.proof is Proof.PROVES_NOTHING
    assert "to the end of the log RBAC answers requests that Node allows" in found.because


def test_a_week_of_every_node_that_node_answers_breaks_nothing() -> None:
    found = evidence(log(*a_week()))
    assert (found.proof, found.uses, found.reach.gaps) == (Proof.NOTHING_BREAKS, (), ())
    assert found.because == "In 7 days no request of any of 4 nodes needed these grants."


def _user(name: str, *groups: str) -> dict[str, Any]:
    return {"username": name, "groups": [*groups, "system:authenticated"]}


NO_USE: dict[str, Event] = {
    "allowed by a binding that stays": event(
        "get", "version", reason=DISCOVERY, requestURI="/version", objectRef=None
    ),
    "allowed by Node": event("list", "nodes", reason=""),
    "refused by all": event(
        annotations={
            "authorization.k8s.io/decision": "forbid",
            "authorization.k8s.io/reason": LEGACY,
        }
    ),
    "by somebody whom the grant does not reach": event(user=_user("ann")),
    "only received so far": event(stage="RequestReceived", annotations=None),
    "a reason of somebody else": event(reason='webhook: "RBAC: allowed by" is not RBAC'),
    "a reason that is cut": event(reason='RBAC: allowed by ClusterRoleBinding "system:n'),
    "a reason without end": event(reason=LEGACY + "x" * 5_000),
    "allowed by a binding that is gone, and by none now": event(
        "delete",
        "persistentvolumes",
        reason=LEGACY.replace('Binding "system:node"', 'Binding "old"'),
    ),
    "what a version that Node may have allows": event(
        "patch", "nodes/status", ref={"name": "eu-2-worker-1"}, reason=LEGACY
    ),
}


@pytest.mark.parametrize("made", NO_USE.values(), ids=NO_USE)
def test_no_use(made: Event) -> None:
    assert evidence(log(*a_week(), made)).uses == ()


USES: dict[str, tuple[Event, tuple[str, str, str, bool]]] = {
    "an agent with a kubelet's credentials": (
        event("list", "nodes"),
        ("system:node:eu-2-worker-1", AGENT, "nodes", False),
    ),
    "a kubelet, by what hangs on a pod": (
        event("get", "secrets", agent=KUBELET, ref=SECRET),
        ("system:node:eu-2-worker-1", KUBELET, "secrets", True),
    ),
    "a name in the group that is no node's": (
        event("update", "leases", user=_user("kubelet", "system:nodes"), agent=KUBELET),
        ("kubelet", KUBELET, "leases", True),
    ),
    "an admin who acts as a kubelet": (
        event(
            "list",
            "secrets",
            user=_user("ann"),
            impersonatedUser=_user("system:node:n9", "system:nodes"),
        ),
        ("system:node:n9", AGENT, "secrets", False),
    ),
    "a subresource in a group": (
        event("create", "pods/eviction", ref={"apiGroup": "policy", "name": "web"}),
        ("system:node:eu-2-worker-1", AGENT, "pods.policy/eviction", False),
    ),
    "a path": (
        event("get", requestURI="/metrics?x=1", objectRef=None),
        ("system:node:eu-2-worker-1", AGENT, "/metrics", False),
    ),
    "a binding that is gone, where the plan's allows the same now": (
        event("list", "nodes", reason=LEGACY.replace('Binding "system:node"', 'Binding "old"')),
        ("system:node:eu-2-worker-1", AGENT, "nodes", False),
    ),
}


@pytest.mark.parametrize(("made", "wanted"), USES.values(), ids=USES)
def test_uses(made: Event, wanted: tuple[str, str, str, bool]) -> None:
    found = evidence(log(*a_week(), made))
    (use,) = found.uses
    assert (use.user, use.user_agent, use.resource, use.is_kubelet) == wanted
    assert use.binding == "ClusterRoleBinding system:node"
    assert found.proof is Proof.BREAKS


def test_stages_of_one_request_count_once() -> None:
    started = event("watch", "pods", stage="ResponseStarted")
    ended = {**started, "stage": "ResponseComplete", "stageTimestamp": f"{LATER:%FT%TZ}"}
    (use,) = evidence(log(started, ended)).uses
    assert (use.count, use.first, use.last) == (1, START, LATER)


def test_what_node_answers_a_moment_later_is_no_use_of_a_kubelet() -> None:
    early = event("watch", "secrets", agent=KUBELET, ref=SECRET)
    late = event("watch", "secrets", agent=KUBELET, ref=SECRET, reason="")
    found = evidence(log(*a_week(), early, late))
    assert (found.proof, found.uses) == (Proof.NOTHING_BREAKS, ())
    assert found.notes[0].startswith("1 request of kubelets allowed by RBAC before Node knew")


def test_only_what_is_later_counts_where_node_came_first_in_between() -> None:
    before = [
        event("get", "secrets", agent=KUBELET, ref=SECRET),
        event(
            "update",
            "leases",
            agent=KUBELET,
            ref={
                "apiGroup": "coordination.k8s.io",
                "namespace": "kube-node-lease",
                "name": "eu-2-worker-1",
            },
        ),
    ]
    found = evidence(log(*before, *a_week()))
    assert (found.proof, found.uses, found.reach.proves_since) == (
        Proof.NOTHING_BREAKS,
        (),
        START,
    )
    assert found.reach.gaps == (
        "Until 2026-11-01 00:00 UTC RBAC was asked before Node: only what is later counts.",
    )
