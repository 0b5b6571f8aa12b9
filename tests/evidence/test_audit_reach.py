"""How far an audit log reaches in which cluster, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from authzviz import engine
from authzviz.engine.model import Binding, Role, Snapshot, Subject
from authzviz.evidence.audit import AuditEvidence, Proof
from authzviz.evidence.audit_reading import reader_for
from tests.engine.build import (
    AUTHENTICATED,
    LEGACY_BINDING,
    NODE_RBAC,
    RBAC,
    cluster,
    crb,
    rb,
    rule,
    server,
    unread,
)
from tests.evidence.audit_events import (
    AGENT,
    KUBELET,
    LEGACY,
    NODE_FIRST,
    NOW,
    START,
    a_week,
    event,
    evidence,
    log,
)
from tests.plans.clusters import read

Event = dict[str, Any]
WEEK = a_week()
NODE_NAMES = tuple(node.name for node in read(NODE_FIRST).nodes.value or ())


def _is(verb: str, *resources: str) -> Callable[[Event], bool]:
    return lambda made: (
        made["verb"] == verb and (not resources or made["objectRef"]["resource"] in resources)
    )


def _without(*left_out: Callable[[Event], bool]) -> list[Event]:
    return [made for made in WEEK if not any(is_it(made) for is_it in left_out)]


def _days(made: Event) -> float:
    at = made["stageTimestamp"]
    return (int(at[8:10]) - START.day) + int(at[11:13]) / 24


def _stripped(made: Event) -> Event:
    return {**made, "annotations": {}}


TOO_LITTLE: dict[str, tuple[list[Event], str]] = {
    "no event": ([], "No audit event is in it."),
    "no event of a kubelet": (
        [event(user={"username": "ann", "groups": []}, reason="")],
        "No event of a kubelet is in it: the audit policy leaves out Group system:nodes",
    ),
    "only what was received": (
        [{**made, "stage": "RequestReceived", "annotations": None} for made in WEEK],
        "Only the stage RequestReceived is in it",
    ),
    "no annotations": (
        [_stripped(made) for made in WEEK],
        "carry no annotation authorization.k8s.io/decision",
    ),
    "no watch": (
        [
            *_without(_is("watch")),
            *(
                event("list", "secrets", agent=KUBELET, reason="", at=START + timedelta(minutes=m))
                for m in range(0, 8 * 24 * 60, 10)
            ),
        ],
        "No watch request of a kubelet is in it",
    ),
    "no reads of secrets": (_without(_is("watch", "secrets")), "No read of a Secret or ConfigMap"),
    "no get of nodes": (_without(_is("get", "nodes")), "No get of a Node by a kubelet is in it"),
    "a node that is not seen": (
        [made for made in WEEK if not made["user"]["username"].endswith(NODE_NAMES[-1])],
        f"1 of 4 nodes are not in it: {NODE_NAMES[-1]}.",
    ),
    "a node seen only by an agent": (
        [
            {**made, "userAgent": AGENT}
            if made["user"]["username"].endswith(NODE_NAMES[-1])
            else made
            for made in WEEK
        ],
        f"1 of 4 nodes are not in it: {NODE_NAMES[-1]}.",
    ),
    "two days": (
        [made for made in WEEK if _days(made) <= 2],
        "It spans 2 days, and 7 days are wanted.",
    ),
    "a file that is missing": (
        [made for made in WEEK if not 2 <= _days(made) < 3],
        (
            "Nothing of any kubelet for 1 day in all (once, the longest from 2026-11-02 23:50 UTC"
            " to 2026-11-04 00:00 UTC): a file is missing, or no apiserver ran."
        ),
    ),
}


@pytest.mark.parametrize(("made", "gap"), TOO_LITTLE.values(), ids=TOO_LITTLE)
def test_what_a_log_leaves_out_is_said_and_it_proves_too_little(
    made: list[Event], gap: str
) -> None:
    found = evidence(log(*made))
    assert found.proof is Proof.TOO_LITTLE
    assert [text for text in found.reach.gaps if gap in text]


HARMLESS: dict[str, tuple[bytes, str]] = {
    "no renewals of leases": (
        log(*_without(_is("update", "leases"))),
        "No renewal of a Lease is in it: the policy leaves it out, which hides nothing",
    ),
    "a restart of the apiserver": (
        log(
            *(
                made
                for made in WEEK
                if made["stageTimestamp"][:15] not in ("2026-11-03T12:1", "2026-11-03T12:2")
            )
        ),
        "Nothing of any kubelet for 30 minutes in all",
    ),
    "a line that is cut off": (log(*WEEK) + b'{"kind":"Ev', "Not all of it could be used: 1 cut"),
}


@pytest.mark.parametrize(("content", "gap"), HARMLESS.values(), ids=HARMLESS)
def test_what_can_hide_no_use_is_said_and_takes_nothing_away(content: bytes, gap: str) -> None:
    found = evidence(content)
    assert found.proof is Proof.NOTHING_BREAKS
    assert [text for text in found.reach.gaps if gap in text]


def test_a_damaged_file_takes_the_proof_away() -> None:
    found = evidence(log(*WEEK), b"\x1f\x8b" + bytes(600))
    assert found.proof is Proof.TOO_LITTLE


# --- clusters of other kinds ---

SECOND = server("--authorization-mode=RBAC,Node", name="cp2")
ALLOWING = server("--authorization-mode=Node,RBAC,AlwaysAllow", name="cp1")
UNTOLD = server(name="cp1")
READER = Role("reader", rules=(rule("list watch", "nodes"),))


def _snapshot(*servers: Any, bindings: tuple[Binding, ...] = (LEGACY_BINDING,)) -> Snapshot:
    made = cluster(*servers, bindings=bindings, cluster_roles=(READER,), version="v1.33.1")
    return replace(made, read_at=NOW, server_time=NOW)


def proof(snapshot: Snapshot, *events: Event) -> AuditEvidence:
    reading = reader_for(snapshot, engine.judge(snapshot), now=NOW)
    reading.feed(log(*events))
    reading.end_file()
    return reading.result()


BY_NODE = event("get", "nodes", node="node1", agent=KUBELET, reason="")
BY_RBAC = event("list", "nodes", node="node1")

PROOFS: dict[str, tuple[Snapshot, list[Event], Proof, str]] = {
    "Node first": (_snapshot(NODE_RBAC), [BY_RBAC], Proof.BREAKS, "1 request would have been"),
    "no Node": (_snapshot(RBAC), [BY_RBAC], Proof.PROVES_NOTHING, "the Node authorizer is off"),
    "RBAC first on one": (
        _snapshot(NODE_RBAC, SECOND),
        [BY_RBAC],
        Proof.PROVES_NOTHING,
        "cp2 asks RBAC before Node",
    ),
    "AlwaysAllow": (_snapshot(ALLOWING), [BY_NODE], Proof.PROVES_NOTHING, "cp1 has AlwaysAllow"),
    "an order that nobody read, and Node answers": (
        replace(_snapshot(), apiservers=unread(_snapshot().apiservers)),
        [BY_NODE, BY_RBAC],
        Proof.BREAKS,
        "1 request would have been refused",
    ),
    "an order that nobody read, and Node is silent": (
        replace(_snapshot(), apiservers=unread(_snapshot().apiservers)),
        [{**BY_RBAC, "userAgent": KUBELET}],
        Proof.PROVES_NOTHING,
        "the order of the authorizers of the apiserver can't be read, and nothing in the log",
    ),
    "nothing to remove": (
        _snapshot(NODE_RBAC, bindings=()),
        [],
        Proof.NOTHING_BREAKS,
        "There is no grant beyond the Node authorizer to remove.",
    ),
    "bindings that nobody read": (
        replace(
            _snapshot(NODE_RBAC),
            cluster_role_bindings=unread(_snapshot(NODE_RBAC).cluster_role_bindings),
        ),
        [BY_RBAC],
        Proof.TOO_LITTLE,
        "Not all bindings were read: what is to be removed is not known.",
    ),
    "nodes that nobody read": (
        replace(_snapshot(NODE_RBAC), nodes=unread(_snapshot(NODE_RBAC).nodes)),
        [BY_NODE],
        Proof.TOO_LITTLE,
        "the nodes were not read",
    ),
    "a log that ended long ago": (
        replace(_snapshot(NODE_RBAC), server_time=NOW + timedelta(days=30)),
        [BY_NODE],
        Proof.TOO_LITTLE,
        "it ends 39 days before the cluster was read",
    ),
}


@pytest.mark.parametrize(("snapshot", "made", "wanted", "why"), PROOFS.values(), ids=PROOFS)
def test_what_is_proven_follows_from_the_cluster(
    snapshot: Snapshot, made: list[Event], wanted: Proof, why: str
) -> None:
    found = proof(snapshot, *made)
    assert (found.proof, why in found.because) == (wanted, True), found.because


def test_what_another_binding_still_allows_does_not_break() -> None:
    account = Subject("User", "system:node:node1")
    other = crb("kept", "reader", Subject("Group", "system:monitors"))
    snapshot = _snapshot(NODE_RBAC, bindings=(LEGACY_BINDING, other))
    groups = ["system:nodes", "system:monitors", "system:authenticated"]
    user = {"username": account.name, "groups": groups}
    assert proof(snapshot, {**BY_RBAC, "user": user}).uses == ()
    assert len(proof(snapshot, BY_RBAC).uses) == 1


def test_everyone_counts_where_the_grant_is_to_everyone() -> None:
    snapshot = _snapshot(NODE_RBAC, bindings=(crb("open", "cluster-admin", AUTHENTICATED),))
    reason = LEGACY.replace("system:node", "open", 1).replace(
        "system:nodes", "system:authenticated"
    )
    user = {"username": "ann", "groups": ["system:authenticated"]}
    found = proof(snapshot, event("delete", "pods", user=user, reason=reason))
    assert [(use.user, use.binding) for use in found.uses] == [("ann", "ClusterRoleBinding open")]


def test_a_role_binding_is_named_by_its_namespace() -> None:
    nodes = Subject("Group", "system:nodes")
    bound = rb("secrets", "prod", "cluster-admin", nodes, kind="ClusterRole")
    snapshot = replace(
        _snapshot(NODE_RBAC, bindings=()),
        role_bindings=replace(_snapshot().role_bindings, value=(bound,)),
    )
    reason = (
        'RBAC: allowed by RoleBinding "secrets/prod" of ClusterRole "cluster-admin" to Group'
        ' "system:nodes"'
    )
    made = event("list", "secrets", node="node1", reason=reason, ref={"namespace": "prod"})
    (use,) = proof(snapshot, made).uses
    assert (use.binding, use.namespace) == ("RoleBinding prod/secrets", "prod")


def test_a_name_that_go_quotes_is_understood() -> None:
    name = 'old "nodes"\\\x07\u202e'
    snapshot = _snapshot(
        NODE_RBAC, bindings=(crb(name, "system:node", Subject("Group", "system:nodes")),)
    )
    quoted = '"old \\"nodes\\"\\\\\\a\\u202e"'
    made = event("list", "nodes", node="node1", reason=LEGACY.replace('"system:node"', quoted, 1))
    assert [use.binding for use in proof(snapshot, made).uses] == [f"ClusterRoleBinding {name}"]


def test_several_apiservers_are_said_with_how_many_files_there_were() -> None:
    second = server("--authorization-mode=Node,RBAC", name="cp2")
    gaps = proof(_snapshot(NODE_RBAC, second), BY_NODE).reach.gaps
    assert [gap for gap in gaps if "2 write logs" in gap and "1 file was given" in gap]


def test_identities_that_are_not_what_they_seem_are_said() -> None:
    elsewhere = {**BY_NODE, "sourceIPs": ["198.51.100.7"]}
    admin = event("list", agent=KUBELET, user={"username": "admin", "groups": []})
    far_agent = {**BY_RBAC, "sourceIPs": ["203.0.113.99"]}
    found = proof(_snapshot(NODE_RBAC), BY_NODE, elsewhere, admin, far_agent)
    assert [note.rsplit(": ", 1)[1] for note in found.notes] == ["admin.", "system:node:node1."]
    (stranger,) = found.strangers
    assert (stranger.user_agent, stranger.users, stranger.is_elsewhere) == (AGENT, 1, True)
