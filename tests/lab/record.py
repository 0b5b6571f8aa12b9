"""Records live clusters: `python -m tests.lab.record RECORDINGS SAMPLE [SCENARIO]...`.

Into SAMPLE goes what the product itself reads, as bundles: the dashboard's sample fleet. Into
RECORDINGS goes what the apiserver served to it, for replaying.

One gzipped JSON a scenario: `recorded_at` (the apiserver's Date), and `responses`: for each path
status, content type, `json` (the body as served) and, where a Table was asked for too, `table`.
"""

from __future__ import annotations

import email.utils
import gzip
import json
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from authzviz.kube import bundle
from authzviz.kube.collect import collect
from authzviz.kube.kubeconfig import parse_upload
from authzviz.net import COMMAND_LINE
from tests.lab.build import KUBERNETES
from tests.lab.cluster import NODE_LEASES, Cluster, cluster_role_binding, group, user
from tests.lab.rig import Lab, open_lab

if TYPE_CHECKING:
    from collections.abc import Iterable

    from authzviz.engine.model import Snapshot
    from tests.lab.api import Answer
    from tests.lab.components import Kubelet

_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_FLAGZ = "application/json;as=Flagz;v=v1beta1;g=config.k8s.io"
_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
_NODES = "/api/v1/nodes"
_SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
_PLAIN = ("/version", "/readyz", "/api", "/apis", f"{_SLICES}/kubernetes")
_LISTS = (
    _NODES,
    "/api/v1/namespaces/kube-system/pods",
    f"{_RBAC}/clusterroles",
    f"{_RBAC}/clusterrolebindings",
    f"{_RBAC}/roles",
    f"{_RBAC}/rolebindings",
    NODE_LEASES,
    _SLICES,
)
_SECRET = re.compile(r"PRIVATE KEY|\beyJ[\w-]{10,}\.")
_REFUSED = 'cannot get resource "leases"'


@dataclass(frozen=True, slots=True)
class Scenario:
    """A cluster of the sample fleet.

    `bound`: ClusterRole system:node is bound to Group system:nodes. `left`: afterwards that ends,
    and only the first of the nodes is bound, as a user.
    """

    team: str
    nodes: int
    authorization_mode: str
    admission_plugins: str | None = "NodeRestriction"
    bound: bool = False
    left: bool = False


# In the sample fleet each cluster has the name of its team.
SCENARIOS = {
    "outage": Scenario("eu-5", 4, "RBAC"),
    "legacy": Scenario("eu-1", 5, "RBAC", bound=True),
    "leftover": Scenario("eu-2", 4, "Node,RBAC", bound=True),
    "unrestricted": Scenario("eu-3", 3, "Node,RBAC", admission_plugins=None),
    "node-authorizer": Scenario("eu-4", 6, "Node,RBAC"),
    "mixed": Scenario("us-1", 3, "RBAC", bound=True, left=True),
}


def settled(scenario: Scenario, name: str, lab: Lab) -> Cluster:
    """Return a fresh cluster that has become what the scenario makes of it."""
    cluster = lab.cluster(
        name,
        authorization_mode=scenario.authorization_mode,
        admission_plugins=scenario.admission_plugins,
    )
    lab.controller_manager(cluster)
    if scenario.bound:
        cluster.set_subject("system:node", group("system:nodes"))
    names = [f"{scenario.team}-worker-{number + 1}" for number in range(scenario.nodes)]
    kubelets = [lab.kubelet(cluster, node) for node in names]
    _settle(scenario, cluster, kubelets)
    return cluster


def _settle(scenario: Scenario, cluster: Cluster, kubelets: list[Kubelet]) -> None:
    """Return when the nodes are what the scenario makes of them."""
    if not scenario.bound and scenario.authorization_mode == "RBAC":
        for kubelet in kubelets:
            kubelet.wait_for_log(_REFUSED)
        return
    for kubelet in kubelets:
        kubelet.wait_until_ready()
        kubelet.wait_until_leased()
    if scenario.left:
        first, *others = kubelets
        subject = user(f"system:node:{first.name}")
        cluster.apply([cluster_role_binding("canary-node", "system:node", [subject])])
        cluster.remove_subjects("system:node")
        for kubelet in others:
            kubelet.wait_until_not_ready()


def sample(scenario: Scenario, cluster: Cluster) -> Snapshot:
    """Return what the product reads; the server's name is made up, as the lab's says nothing."""
    (context,) = parse_upload(cluster.kubeconfig(), policy=COMMAND_LINE)
    if context.credentials is None:
        raise ValueError(context.problem)
    snapshot = collect(context.credentials, name=scenario.team, policy=COMMAND_LINE)
    return replace(snapshot, server=f"https://{scenario.team}.example:6443")


def responses(cluster: Cluster) -> dict[str, Any]:
    """Return what the apiserver serves to the product."""
    api = cluster.admin
    served = {path: _entry(api.request("GET", path)) for path in _PLAIN}
    served["/flagz"] = _entry(api.request("GET", "/flagz", accept=_FLAGZ))
    for path in _LISTS:
        served[path] = _entry(api.request("GET", path))
        served[path]["table"] = api.request("GET", path, accept=_TABLE).body
    last = api.request("GET", _NODES)
    for node in last.json()["items"]:
        path = f"{_NODES}/{node['metadata']['name']}"
        served[path] = _entry(api.request("GET", path))
    recorded_at = email.utils.parsedate_to_datetime(last.date).isoformat()
    return {"recorded_at": recorded_at, "responses": served}


def _entry(answer: Answer) -> dict[str, Any]:
    return {"status": answer.status, "type": answer.type, "json": answer.body}


def save(recording: dict[str, Any], path: Path) -> None:
    """Write the recording; the same recording gives the same bytes. Refuses secrets."""
    text = json.dumps(recording, sort_keys=True)
    if found := _SECRET.search(text):
        raise ValueError(f"{path.name} would hold a secret: {found[0]}")
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


def main(arguments: Iterable[str]) -> None:
    recordings, samples, *names = arguments
    for directory in (recordings, samples):
        Path(directory).mkdir(parents=True, exist_ok=True)
    for name in names or SCENARIOS:
        scenario = SCENARIOS[name]
        with open_lab() as lab:
            cluster = settled(scenario, name, lab)
            served = responses(cluster)
            snapshot = sample(scenario, cluster)
        save(served, Path(recordings) / f"v{KUBERNETES}-{name}.json.gz")
        bundle.dump(snapshot, Path(samples) / f"{scenario.team}.json.gz")
        print(f"recorded {name}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
