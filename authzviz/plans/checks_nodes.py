"""Checks of nodes: how they are, and whether kubelets are called as the Node authorizer wants."""

from __future__ import annotations

from collections.abc import Iterator

from authzviz.engine.assessment import Assessment, Verdict
from authzviz.engine.health import health_of
from authzviz.engine.identity import MASTERS_GROUP, NODE_USER_PREFIX, NODES_GROUP, named_node
from authzviz.engine.model import Pod, Read, SigningRequest, Snapshot
from authzviz.engine.phrases import counted, listed
from authzviz.plans.plan import State
from authzviz.plans.sentences import first_of, why_unread

Stand = tuple[State, str]
# Signers of kubelets' client certificates; before 1.18 requests name none, and v1beta1 gives them
# the last one. Source: kubernetes.io, certificate-signing-requests, "Kubernetes signers".
_SIGNERS = frozenset(
    ("kubernetes.io/kube-apiserver-client-kubelet", "kubernetes.io/legacy-unknown", "")
)


def nodes(snapshot: Snapshot, assessment: Assessment) -> Stand:
    """Every node is Ready and renews its Lease, before anything is changed."""
    for read, what in ((snapshot.nodes, "Nodes"), (snapshot.leases, "Leases of kube-node-lease")):
        if not read.is_whole:
            return State.UNKNOWN, why_unread(read, what)
    health = health_of(snapshot)
    total, ready = health.counts.total or 0, health.counts.ready or 0
    if not total:
        return State.TODO, f"there is no node to see anything on{_in_outage(assessment)}"
    fresh = frozenset(health.fresh)
    silent = [node.name for node in snapshot.nodes.value or () if node.name not in fresh]
    if ready == total and not silent:
        return State.DONE, f"{counted(total, 'node')}, all Ready, all Leases fresh"
    said = f"{ready} of {counted(total, 'node')} Ready"
    said += f"; no fresh Lease of {first_of(silent)}" if silent else ""
    return State.TODO, said + (
        _in_outage(assessment) or ". Mend them first, or what the plan does can't be told from it"
    )


def _in_outage(assessment: Assessment) -> str:
    if assessment.verdict is not Verdict.REFUSED:
        return ""
    return (
        ". Kubelets are refused: if a step of this plan did it, roll that back; if it was so"
        " before, it is the outage that this plan ends: note which nodes should be there, and go on"
    )


def names(snapshot: Snapshot, _: Assessment) -> Stand:
    """What asks as a node is called as its Node object, letter by letter."""
    if not snapshot.nodes.is_whole:
        return State.UNKNOWN, why_unread(snapshot.nodes, "Nodes")
    there = [node.name for node in snapshot.nodes.value or ()]
    wrong = _misnamed(snapshot, there)
    if wrong:
        return State.TODO, (
            f"{first_of(wrong)}. Node authorizer and NodeRestriction know a kubelet only by CN"
            " system:node:<exact Node name>: renew such certificates, or bring --hostname-override"
            " in line"
        )
    proven = {
        name
        for each in _of_kubelets(snapshot)
        if each.state == "approved" and NODES_GROUP in each.organizations
        if (name := _node_of(each.common_name))
    }
    unread = _unread(snapshot)
    rest = [name for name in there if name not in proven]
    if there and not rest and not unread:
        return State.DONE, f"all {counted(len(there), 'node')} got a certificate of their own name"
    if not there:
        return State.MANUAL, "there is no node yet: look at a certificate that is to be used"
    return State.MANUAL, (
        f"nothing that was read shows how the certificates of {first_of(rest or there)} are named,"
        f" and nothing shows a wrong name{unread}: look at one of each kind of node, and tick this"
    )


def _unread(snapshot: Snapshot) -> str:
    """What was not read that might show a wrong name, in brackets; "" for nothing."""
    reads: dict[str, Read[object] | None] = {
        "CertificateSigningRequests": snapshot.signing_requests,
        "ClusterRoleBindings": snapshot.cluster_role_bindings,
        "RoleBindings": snapshot.role_bindings,
        "Leases": snapshot.leases,
    }
    unread = [what for what, read in reads.items() if read is None or not read.is_whole]
    return f" (not read whole: {listed(unread)})" if unread else ""


def _misnamed(snapshot: Snapshot, there: list[str]) -> list[str]:
    """Names that are nearly those of nodes, each with where it stands."""
    known = frozenset(there)
    whole = {name.lower(): name for name in there}
    hosts = {name.lower().partition(".")[0]: name for name in there}
    found = [f"Node {name} is named in upper case" for name in there if name != name.lower()]
    for name, where in dict.fromkeys(_strangers(snapshot, known)):
        lower = name.lower()
        # One of two names of a machine has the domain, and the other lacks it.
        node = whole.get(lower) or whole.get(lower.partition(".")[0]) or hosts.get(lower)
        if node is not None:
            found.append(f"{where} says {name}, the Node is called {node}")
        elif name != lower:
            found.append(f"{where} says {name} in upper case")
    found += [
        f"the signing request of {each.common_name} lacks O = {NODES_GROUP}"
        for each in _of_kubelets(snapshot)
        if _node_of(each.common_name) and NODES_GROUP not in each.organizations
    ]
    return list(dict.fromkeys(found))


def _strangers(snapshot: Snapshot, known: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Every name that something uses for a node, but no Node has, and where it stands."""
    if any(lease.node not in known for lease in snapshot.leases.value or ()):
        fresh = health_of(snapshot).fresh
        yield from ((name, "a fresh Lease") for name in fresh if name not in known)
    for request in _of_kubelets(snapshot):
        name = _node_of(request.common_name)
        if name and name not in known:
            yield name, "a signing request"
    for read in (snapshot.cluster_role_bindings, snapshot.role_bindings):
        for binding in read.value or ():
            for subject in binding.subjects:
                name = named_node(subject) or ""
                if name and name not in known:
                    yield name, f"binding {binding.name}"


def _of_kubelets(snapshot: Snapshot) -> list[SigningRequest]:
    read = snapshot.signing_requests
    return [each for each in (read.value if read else None) or () if each.signer in _SIGNERS]


def _node_of(common_name: str) -> str:
    if not common_name.startswith(NODE_USER_PREFIX):
        return ""
    return common_name.removeprefix(NODE_USER_PREFIX)


def identity(snapshot: Snapshot, assessment: Assessment) -> Stand:
    """No kubelet uses what passes every authorizer by: system:masters, an admin's kubeconfig."""
    found = next((each for each in assessment.findings if each.id == "other-identity"), None)
    if found is not None:
        return State.TODO, f"{found.title}. {found.detail}"
    admins = [
        each.common_name or each.name
        for each in _of_kubelets(snapshot)
        if MASTERS_GROUP in each.organizations
    ]
    if admins:
        return State.TODO, (
            f"a signing request for {first_of(list(dict.fromkeys(admins)))} asks for O ="
            f" {MASTERS_GROUP}: whoever has such a certificate passes every authorizer by, and"
            " NodeRestriction too. Give the kubelet one of its own"
        )
    return State.MANUAL, (
        "which certificate a kubelet uses stands on its machine alone: look at one of each kind of"
        " node, and tick this"
    )


def static_pods(snapshot: Snapshot, _: Assessment) -> Stand:
    """No static pod refers to what NodeRestriction lets none refer to."""
    mirrors = [pod for pod in _pods(snapshot) if _refers(pod)]
    if mirrors:
        return State.TODO, (
            f"static pods that refer to Secrets, ConfigMaps, claims or a ServiceAccount:"
            f" {first_of([f'{pod.namespace}/{pod.name}' for pod in mirrors])}. With NodeRestriction"
            " no kubelet may show such a pod to the API: make them Deployments or DaemonSets"
        )
    if snapshot.pods is None or not snapshot.pods.is_whole:
        why = why_unread(snapshot.pods, "Pods (authzviz collect --with-pods reads them)")
        return State.MANUAL, f"{why}: look at the manifests of static pods, and tick this"
    return State.DONE, "no static pod refers to a Secret, ConfigMap, claim or ServiceAccount"


def _pods(snapshot: Snapshot) -> tuple[Pod, ...]:
    return (snapshot.pods.value if snapshot.pods else None) or ()


def _refers(pod: Pod) -> bool:
    if not pod.is_mirror:
        return False
    used = (pod.secrets, pod.config_maps, pod.claims, pod.resource_claims, pod.service_account)
    return any(used)
