"""docs/reader.md holds what a poll needs, and nothing more: tried on a live cluster."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from authzviz.engine.model import Outcome
from authzviz.kube.collect import collect
from authzviz.kube.kubeconfig import parse_upload
from authzviz.net import COMMAND_LINE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authzviz.engine.model import Snapshot
    from tests.lab.cluster import Cluster
    from tests.lab.plugin import ClusterFactory, KubeletFactory

_PAGE = Path(__file__).parents[2] / "docs" / "reader.md"
# What has no read of its own: a closer look at some nodes, and where flags are looked for first.
_BESIDE = {"get nodes", "list pods in kube-system", "get /flagz"}
_PATIENCE_SECONDS = 30


def test_everything_needed_can_be_read_with_it(
    cluster: ClusterFactory, kubelet: KubeletFactory
) -> None:
    live = cluster("live", authorization_mode="Node,RBAC", admission_plugins="NodeRestriction")
    kubelet(live, "node1").wait_until_ready()
    live.apply(_objects())

    snapshot = _read(live)

    assert {name: read.why for name, read in snapshot.reads.items() if not read.is_whole} == {}
    assert {node.name for node in snapshot.nodes.value or ()} == {"node1"}
    assert _granted() == {read.permission for read in snapshot.reads.values()} | _BESIDE


def _objects() -> list[dict[str, Any]]:
    text = _PAGE.read_text().split("```yaml\n")[1].split("```")[0]
    return list(yaml.safe_load_all(text))


def _read(live: Cluster) -> Snapshot:
    """What the ServiceAccount reads, once the apiserver's caches know what it may."""
    kubeconfig = live.kubeconfig(live.service_account("reader", "authzviz"))
    (context,) = parse_upload(kubeconfig, policy=COMMAND_LINE)
    assert context.credentials is not None
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        snapshot = collect(context.credentials, name="live", policy=COMMAND_LINE)
        outcomes = {read.outcome for read in snapshot.reads.values()}
        if outcomes == {Outcome.OK} or time.monotonic() > until:
            return snapshot


def _granted() -> set[str]:
    """The page's rules as the reads name the permissions that they need."""
    return {
        permission
        for one in _objects()
        for rule in one.get("rules", ())
        for permission in _permissions(rule, one["metadata"].get("namespace", ""))
    }


def _permissions(rule: dict[str, Any], namespace: str) -> Iterator[str]:
    where = f" in {namespace}" if namespace else ""
    for verb in rule["verbs"]:
        for url in rule.get("nonResourceURLs", ()):
            yield f"{verb} {url}"
        for resource in rule.get("resources", ()):
            group = rule["apiGroups"][0]
            yield f"{verb} {resource}.{group}{where}" if group else f"{verb} {resource}{where}"
