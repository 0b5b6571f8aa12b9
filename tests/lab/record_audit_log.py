"""Records audit logs of live clusters: `python -m tests.lab.record_audit_log tests/data/audit`.

Two kubelets run on each of two clusters: one that asks Node before RBAC, with the old binding left
(`node-first`), and one without Node (`rbac-only`). An agent with the credentials of node1's kubelet
lists all nodes, watches all pods and labels node2. Then it gets a user of its own and does the same
as that one (`node-first-later` is the log from there on). Written are the log, gzipped, and the
cluster as a bundle.
"""

from __future__ import annotations

import gzip
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from authzviz.kube import bundle
from authzviz.kube.collect import collect
from authzviz.kube.kubeconfig import parse_upload
from authzviz.net import COMMAND_LINE
from tests.lab.audit import METADATA
from tests.lab.cluster import Cluster, group, user
from tests.lab.rig import Lab, open_lab

if TYPE_CHECKING:
    from authzviz.engine.model import Snapshot
    from tests.lab.pki import Credential

AGENT = "node-agent/1.4"
NODES = ("node1", "node2")
_CLUSTERS = {"node-first": "Node,RBAC", "rbac-only": "RBAC"}
_READ_NODES = {"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["list", "watch"]}
_SECONDS = 3


def main(directory: Path) -> None:
    """Record both clusters."""
    directory.mkdir(parents=True, exist_ok=True)
    with open_lab() as lab:
        for name, modes in _CLUSTERS.items():
            print(name, file=sys.stderr)
            _record(lab, name, modes, directory)


def _record(lab: Lab, name: str, modes: str, directory: Path) -> None:
    live = audited(lab, name, modes)
    bundle.dump(snapshot_of(live), directory / f"{name}.bundle.json.gz")
    as_agent(live, live.node_certificate(NODES[0]))
    mark = settled(live)
    live.grant(user("node-agent"), [_READ_NODES])
    as_agent(live, live.certificate("node-agent"))
    log = settled(live, more_than=len(mark))
    _write(directory / f"{name}.jsonl.gz", log)
    if name == "node-first":
        _write(directory / f"{name}-later.jsonl.gz", log[len(mark) :])


def audited(lab: Lab, name: str, modes: str) -> Cluster:
    """Return a cluster with an audit log, the old binding, two kubelets that run, and a pod on
    node1 that uses a Secret and a ConfigMap.
    """
    live = lab.cluster(
        name,
        authorization_mode=modes,
        admission_plugins="NodeRestriction",
        audit_policy=METADATA,
        objects=_objects(),
    )
    live.set_subject("system:node", group("system:nodes"))
    for kubelet in [lab.kubelet(live, node) for node in NODES]:
        kubelet.wait_until_ready()
        kubelet.wait_until_leased()
    live.apply([_pod()])
    time.sleep(_SECONDS)
    return live


def as_agent(live: Cluster, credential: Credential) -> None:
    """Do what the agent does: list nodes, watch pods, label another node."""
    connection = live.api(credential).connection()
    merge = {"Content-Type": "application/merge-patch+json"}
    label = json.dumps({"metadata": {"labels": {"example.com/rack": "r1"}}})
    for method, path, body, headers in (
        ("GET", "/api/v1/nodes", None, {}),
        ("GET", "/api/v1/pods?watch=true&timeoutSeconds=1", None, {}),
        ("PATCH", f"/api/v1/nodes/{NODES[1]}", label, merge),
    ):
        connection.request(method, path, body, {"User-Agent": AGENT, **headers})
        with connection.getresponse() as answer:
            answer.read()
    connection.close()


def snapshot_of(live: Cluster) -> Snapshot:
    """What the product reads of the cluster, under a made-up address."""
    (context,) = parse_upload(live.kubeconfig(), policy=COMMAND_LINE)
    if context.credentials is None:
        raise ValueError(context.problem)
    snapshot = collect(context.credentials, name=live.name, policy=COMMAND_LINE)
    return replace(snapshot, server=f"https://{live.name}.example:6443")


def settled(live: Cluster, *, more_than: int = 0) -> bytes:
    """The log so far, once what was done is in it; the apiserver writes at once, but not before it
    has answered.
    """
    time.sleep(_SECONDS)
    log = live.audit_log.read_bytes()
    if len(log) <= more_than:
        raise SystemExit(f"the audit log of {live.name} has ended")
    return log[: log.rindex(b"\n") + 1]


def _write(path: Path, log: bytes) -> None:
    # What the apiserver itself does is most of a young cluster's log, and nothing hangs on it.
    lines = log.splitlines(keepends=True)
    kept = [line for line in lines if b'"system:apiserver"' not in line]
    path.write_bytes(gzip.compress(b"".join(kept), mtime=0))


def _objects() -> list[dict[str, Any]]:
    meta = {"namespace": "default"}
    return [
        {"apiVersion": "v1", "kind": "Secret", "metadata": {**meta, "name": "key"}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {**meta, "name": "settings"}},
    ]


def _pod() -> dict[str, Any]:
    volumes = [
        {"name": "key", "secret": {"secretName": "key"}},
        {"name": "settings", "configMap": {"name": "settings"}},
    ]
    container = {
        "name": "web",
        "image": "images.example.com/web:1",
        "volumeMounts": [{"name": v["name"], "mountPath": f"/{v['name']}"} for v in volumes],
    }
    spec = {
        "nodeName": NODES[0],
        "containers": [container],
        "volumes": volumes,
        "automountServiceAccountToken": False,
    }
    metadata = {"namespace": "default", "name": "web"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
