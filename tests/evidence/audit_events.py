"""Audit events as an apiserver writes them, for tests."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from authzviz.evidence.audit import AuditEvidence
from authzviz.evidence.audit_reading import AuditReader, reader_for
from tests.plans.clusters import judged, read

START = datetime(2026, 11, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 10, tzinfo=UTC)
KUBELET = "kubelet/v1.37.2 (linux/amd64) kubernetes/abcdef0"
AGENT = "node-agent/1.4"
LEGACY = (
    'RBAC: allowed by ClusterRoleBinding "system:node" of ClusterRole "system:node" to Group'
    ' "system:nodes"'
)
DISCOVERY = (
    'RBAC: allowed by ClusterRoleBinding "system:discovery" of ClusterRole "system:discovery" to'
    ' Group "system:authenticated"'
)
NODE_FIRST = "v1.37.2-leftover"
"""A recording where Node is asked first and the old binding is left."""

RBAC_ONLY = "v1.37.2-legacy"
"""A recording without the Node authorizer."""

_ids = count(1)


def event(
    verb: str = "list",
    resource: str = "nodes",
    *,
    node: str = "eu-2-worker-1",
    agent: str = AGENT,
    reason: str = LEGACY,
    at: datetime = START,
    **fields: Any,
) -> dict[str, Any]:
    """One event at the level Metadata; `fields` are those of the event itself, by their names."""
    ref = {"resource": resource.partition("/")[0], "apiVersion": "v1"}
    ref["subresource"] = resource.partition("/")[2]
    stamp = f"{at:%Y-%m-%dT%H:%M:%S.%fZ}"
    made = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "auditID": f"id-{next(_ids)}",
        "stage": "ResponseComplete",
        "requestURI": f"/api/v1/{resource}",
        "verb": verb,
        "user": {
            "username": f"system:node:{node}",
            "groups": ["system:nodes", "system:authenticated"],
        },
        "sourceIPs": ["192.0.2.11"],
        "userAgent": agent,
        "objectRef": {**ref, **fields.pop("ref", {})},
        "responseStatus": {"metadata": {}, "code": 200},
        "requestReceivedTimestamp": stamp,
        "stageTimestamp": stamp,
        "annotations": {
            "authorization.k8s.io/decision": "allow",
            "authorization.k8s.io/reason": reason,
        },
    }
    return {**made, **fields}


def log(*events: dict[str, Any]) -> bytes:
    """The lines of a log file."""
    return b"".join(json.dumps(each, separators=(",", ":")).encode() + b"\n" for each in events)


def a_week(cluster: str = NODE_FIRST) -> list[dict[str, Any]]:
    """What the kubelets of the cluster's nodes do in eight days, all of it allowed by Node: with
    it a log reaches far enough.
    """
    nodes = [node.name for node in read(cluster).nodes.value or ()]
    own = [
        ("get", "nodes", {}),
        ("watch", "pods", {}),
        ("watch", "secrets", {"namespace": "default", "name": "token"}),
        ("update", "leases", {"apiGroup": "coordination.k8s.io", "namespace": "kube-node-lease"}),
    ]
    return [
        event(verb, resource, node=node, agent=KUBELET, reason="", at=at, ref=ref)
        for minute in range(0, 8 * 24 * 60, 10)
        for at in [START + timedelta(minutes=minute)]
        for number, node in enumerate(nodes)
        for verb, resource, ref in own
        if minute == 0 or (number == 0 and verb == "watch")
    ]


def reader(cluster: str = NODE_FIRST, **choices: Any) -> AuditReader:
    """A reader for a recorded cluster, at NOW."""
    snapshot = replace(read(cluster), read_at=NOW, server_time=NOW)
    return reader_for(snapshot, judged(cluster), **{"now": NOW, **choices})


def evidence(*files: bytes, cluster: str = NODE_FIRST, **choices: Any) -> AuditEvidence:
    """What these files prove about the recorded cluster."""
    reading = reader(cluster, **choices)
    for each in files:
        reading.feed(each)
        reading.end_file()
    return reading.result()
