"""Every wording of a refusal, old and new, in whatever a log wraps around it."""

from __future__ import annotations

import json

import pytest

from authzviz.engine.request import Request
from authzviz.evidence.lines import LogTooLarge, split_log
from authzviz.evidence.refusals import RefusedBy, refusal_of

USER = "system:node:node1"
LEASE = Request("get", "leases", "coordination.k8s.io", "", "kube-node-lease", "node1")
LEASE_TEXT = (
    'leases.coordination.k8s.io "node1" is forbidden: User "system:node:node1" cannot get resource'
    ' "leases" in API group "coordination.k8s.io" in the namespace "kube-node-lease"'
)


def escaped(text: str, times: int = 1) -> str:
    for _ in range(times):
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return text


WRAPPED = {
    "bare": LEASE_TEXT,
    "kubectl": f"Error from server (Forbidden): {LEASE_TEXT}",
    "klog of old": f"E1124 06:10:05.1 12 controller.go:178] failed to get node lease: {LEASE_TEXT}",
    "klog, structured": (
        'E1124 06:10:05.123456    1234 controller.go:145] "Failed to ensure lease exists, will'
        f' retry" err="{escaped(LEASE_TEXT)}" interval="7s"'
    ),
    "journald before it": (
        "Nov 24 06:10:05 node1 kubelet[1234]: E1124 06:10:05.1    1 controller.go:145]"
        f' "Failed" err="{escaped(LEASE_TEXT)}"'
    ),
    "container runtime before it": (
        f'2026-11-24T06:10:05.1Z stderr F E1124 06:10 1 x.go:1] "a" err="{escaped(LEASE_TEXT)}"'
    ),
    "quoted twice": f'level=error msg="err=\\"{escaped(LEASE_TEXT, 2)}\\" interval=7s"',
    "JSON log": json.dumps({"ts": 1.5, "msg": "Failed to ensure lease", "err": LEASE_TEXT}),
    "JSON log in a JSON log": json.dumps({"log": json.dumps({"err": LEASE_TEXT})}),
    "klog in a JSON log": json.dumps(
        {"log": f'E1124 1 x.go:1] "a" err="{escaped(LEASE_TEXT)}" interval="7s"\n'}
    ),
    "Status": json.dumps({"kind": "Status", "message": LEASE_TEXT, "code": 403}),
    "Status, indented": f'  "message": "{escaped(LEASE_TEXT)}",',
    "kubectl -v8": f"I1124 1 request.go:1] Response Body: {json.dumps({'message': LEASE_TEXT})}",
    "CRLF": f"{LEASE_TEXT}\r",
}


@pytest.mark.parametrize("line", WRAPPED.values(), ids=WRAPPED)
def test_reads_the_same_refusal_whatever_wraps_it(line: str) -> None:
    (found,) = split_log(line).candidates
    refusal = refusal_of(found.texts)

    assert refusal is not None
    assert refusal.user == USER
    assert refusal.request == LEASE
    assert refusal.reason == ""


AUTHORIZERS = {
    "1.12 and later": (
        (f'nodes "node1" is forbidden: User "{USER}" cannot list resource "nodes" in API group ""'
        " at the cluster scope"),
        Request("list", "nodes", name="node1"), "",
    ),
    "a subresource": (
        (f'nodes "node1" is forbidden: User "{USER}" cannot patch resource "nodes/status" in API'
        ' group "" at the cluster scope'),
        Request("patch", "nodes", "", "status", name="node1"), "",
    ),
    "no name": (
        (f'nodes is forbidden: User "{USER}" cannot create resource "nodes" in API group "" at the'
        " cluster scope"),
        Request("create", "nodes"), "",
    ),
    "up to 1.11": (
        f'nodes is forbidden: User "{USER}" cannot list nodes at the cluster scope',
        Request("list", "nodes"), "",
    ),
    "up to 1.11, in a namespace, with a reason": (
        (f'secrets "db" is forbidden: User "{USER}" cannot get secrets in the namespace "default":'
        " no path found to object"),
        Request("get", "secrets", "", "", "default", "db"), "no path found to object",
    ),
    "up to 1.11, with a group": (
        (f'csinodes.storage.k8s.io is forbidden: User "{USER}" cannot get csinodes.storage.k8s.io'
        " at the cluster scope"),
        Request("get", "csinodes", "storage.k8s.io"), "",
    ),
    "up to 1.11, with a group in front only": (
        (f'leases.coordination.k8s.io "node1" is forbidden: User "{USER}" cannot get leases in the'
        ' namespace "kube-node-lease"'),
        LEASE, "",
    ),
    "1.7": (
        f'User "{USER}" cannot list all nodes in the cluster',
        Request("list", "nodes"), "",
    ),
    "a path": (
        'forbidden: User "system:anonymous" cannot get path "/metrics"',
        Request("get", path="/metrics"), "",
    ),
    "a reason": (
        (f'pods is forbidden: User "{USER}" cannot list resource "pods" in API group "" at the'
        " cluster scope: can only list/watch pods with spec.nodeName field selector"),
        Request("list", "pods"), "can only list/watch pods with spec.nodeName field selector",
    ),
    "reasons of 1.37, a line each": (
        (f'secrets "db" is forbidden: User "{USER}" cannot get resource "secrets" in API group ""'
        " in the namespace \"default\": node: no relationship found between node 'node1' and this"
        " object\nhook: not today"),
        Request("get", "secrets", "", "", "default", "db"),
        "node: no relationship found between node 'node1' and this object\nhook: not today",
    ),
    "text after it": (
        (f"Server rejected event: 'events is forbidden: User \"{USER}\" cannot create resource"
        ' "events" in API group "" in the namespace "default"\' (will not retry!)'),
        Request("create", "events", namespace="default"), "",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "request_", "reason"), AUTHORIZERS.values(), ids=AUTHORIZERS)
def test_reads_refusals_of_authorizers(text: str, request_: Request, reason: str) -> None:
    refusal = refusal_of([text])

    assert refusal is not None
    assert (refusal.by, refusal.request) == (RefusedBy.AUTHORIZERS, request_)
    assert refusal.reason == reason
    assert refusal.groups is None


RESTRICTION = {
    'node "node1" is not allowed to modify node "node2"': "other-node",
    'node "node1" cannot modify node "node2"': "other-node",
    'node "node1" is not allowed to set the following labels: a.kubernetes.io/b': "labels",
    "is not allowed to modify labels: node-restriction.kubernetes.io/x": "labels",
    'node "node1" is not allowed to modify labels: x.k8s.io/y': "labels",
    'node "node1" is not allowed to modify taints': "taints",
    'node "node1" cannot modify taints': "taints",
    'node "node1" is not allowed to modify ownerReferences': "owner",
    'node "node1" is not allowed to update configSource to a new non-nil configSource': (
        "config-source"
    ),
    "can only access node lease with the same name as the requesting node": "lease",
    'can only access leases in the "kube-node-lease" system namespace': "lease",
    "can only access CSINode with the same name as the requesting node": "csinode",
    'node "node1" is not allowed to modify CSINode spec via status': "csinode",
    "can only create ResourceSlice with the same NodeName as the requesting node": "resource-slice",
    "node requested token not bound to a pod": "token",
    "node requested token bound to a pod scheduled on a different node": "token",
    'system:node:node1 is not authorized to request tokens for audience "vault"': "token",
    "node may only request 0 or 1 audiences": "token",
    "can only create a node CSR with CN=system:node:node1": "csr",
    "may only update PVC status": "volume-claim",
    'node "node1" is not allowed to update fields other than status.quantity': "volume-claim",
    'could not determine node from user "kubelet"': "identity",
    'PodCertificateRequest.Spec.NodeName="a", which is not the requesting node "b"': (
        "certificate-request"
    ),
    'pod does not have "kubernetes.io/config.mirror" annotation, node "node1" can only create'
    " mirror pods": "pod",
    'node "node1" can only create pods with spec.nodeName set to itself': "pod",
    'node "node1" can only delete pods with spec.nodeName set to itself': "pod",
    "node node1 can only evict pods with spec.nodeName set to itself": "pod",
    'node "node1" can only update pod status for pods with spec.nodeName set to itself': "pod",
    'node "node1" cannot update labels through pod status': "pod",
    'node "node1" can not create pods that reference a service account': "pod",
    'unexpected operation "UPDATE", node "node1" can only create and delete mirror pods': "pod",
}


@pytest.mark.parametrize(("said", "rule"), RESTRICTION.items())
def test_reads_refusals_of_node_restriction(said: str, rule: str) -> None:
    refusal = refusal_of([f'leases.coordination.k8s.io "node2" is forbidden: {said}'])

    assert refusal is not None
    assert (refusal.by, refusal.rule) == (RefusedBy.NODE_RESTRICTION, rule)
    assert refusal.request == Request("", "leases", "coordination.k8s.io", name="node2")
    assert refusal.reason == said
    users = {"system:node:node1", "kubelet", ""}
    assert refusal.user in users
    assert ("node1" in refusal.user) or '"node1"' not in said or rule in ("csinode", "pod")


def test_reads_the_groups_that_rbac_logs() -> None:
    refusal = refusal_of(
        [
            (
                'I1124 1 rbac.go:1] RBAC: no rules authorize user "system:node:node1" with'
                ' groups ["system:nodes" "system:authenticated"] to "patch" resource "nodes/status"'
                ' named "node1" cluster-wide'
            )
        ]
    )

    assert refusal is not None
    assert refusal.by is RefusedBy.RBAC
    assert refusal.groups == ("system:nodes", "system:authenticated")
    assert refusal.request == Request("patch", "nodes", "", "status", name="node1")


def test_reads_rbacs_log_of_a_group_a_namespace_and_a_path() -> None:
    grouped = refusal_of(
        [
            (
                'RBAC: no rules authorize user "u" with groups [] to "get" resource'
                ' "leases.coordination.k8s.io/x" in namespace "kube-node-lease"'
            )
        ]
    )
    path = refusal_of(
        ['RBAC: no rules authorize user "u" with groups ["g"] to "get" nonResourceURL "/m" c']
    )

    assert grouped is not None
    assert grouped.request == Request(
        "get", "leases", "coordination.k8s.io", "x", "kube-node-lease"
    )
    assert grouped.groups == ()
    assert path is not None
    assert path.request == Request("get", path="/m")


def test_a_line_of_groups_without_an_end_takes_no_hours() -> None:
    begun = 'RBAC: no rules authorize user "a" with groups ['

    assert refusal_of([begun * 20_000, f'{begun}"b" "c"' * 20_000]) is None
    assert refusal_of([f'{begun * 20_000}"b]c"] to "get" nonResourceURL "/m" d']) is not None


@pytest.mark.parametrize("quote", ["'", ""])
def test_reads_the_node_authorizers_own_log(quote: str) -> None:
    refusal = refusal_of(
        [
            (
                f"I1124 node_authorizer.go:242] NODE DENY: {quote}node1{quote} &authorizer."
                'AttributesRecord{User:(*user.DefaultInfo)(0xc0), Verb:"get", Namespace:"prod",'
                ' APIGroup:"", APIVersion:"v1", Resource:"secrets", Subresource:"", Name:"db",'
                ' ResourceRequest:true, Path:"/api/v1/namespaces/prod/secrets/db"}'
            )
        ]
    )

    assert refusal is not None
    assert refusal.by is RefusedBy.NODE_AUTHORIZER
    assert (refusal.user, refusal.groups) == ("system:node:node1", ("system:nodes",))
    assert refusal.request == Request("get", "secrets", "", "", "prod", "db")


GRAPH = {
    "unknown node 'node1' cannot get secret prod/db": "secrets",
    "node 'node1' cannot get unknown configmap prod/db": "configmaps",
    "node 'node1' cannot get pvc prod/db, no relationship to this object was found in the node"
    " authorizer graph": "persistentvolumeclaims",
}


@pytest.mark.parametrize(("said", "resource"), GRAPH.items())
def test_reads_what_the_graph_of_the_node_authorizer_lacks(said: str, resource: str) -> None:
    (line,) = split_log(f'I1 1 node_authorizer.go:238] "NODE DENY" err="{said}"').candidates
    refusal = refusal_of(line.texts)

    assert refusal is not None
    assert (refusal.by, refusal.user) == (RefusedBy.NODE_AUTHORIZER, "system:node:node1")
    assert refusal.request == Request("get", resource, "", "", "prod", "db")
    assert refusal.reason == said


@pytest.mark.parametrize(
    "text",
    [
        'Unable to register node "node1" with API server: Unauthorized',
        "x509: certificate has expired or is not yet valid: current time 2026-11-24",
    ],
)
def test_reads_that_credentials_are_not_accepted(text: str) -> None:
    refusal = refusal_of([text])

    assert refusal is not None
    assert refusal.by is RefusedBy.AUTHENTICATION


@pytest.mark.parametrize(
    "text",
    [
        "we cannot list nodes today",
        "x is forbidden: quota exceeded",
        'pods "a" is forbidden: violates PodSecurity "restricted:latest"',
        "Unauthorizedly",
        "is forbidden: ",
        'User "a" cannot',
        'nodes "n" is forbidden: User "a" cannot get resource "nodes"',  # cut: of which API group?
    ],
)
def test_reads_nothing_into_other_texts(text: str) -> None:
    assert refusal_of([text]) is None


def test_a_user_is_read_with_its_quotes_and_entities() -> None:
    refusal = refusal_of(['User "a\\"b&lt;c" cannot get path "/x"'])

    assert refusal is not None
    assert refusal.user == 'a"b<c'


HOSTILE = {
    "escaped quotes": ' cannot "' + '\\"' * 400_000,
    "quotes": ' cannot "' * 100_000,
    "backslashes": " cannot " + "\\" * 900_000,
    "names": 'User "' + "a" * 900_000 + '" cannot get x',
    "nested": "is forbidden: " * 60_000,
    "nodes": 'is forbidden: node "' * 40_000,
    "deny": "NODE DENY: a b{" + 'Verb:"' * 100_000,
}


@pytest.mark.parametrize("line", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.timeout(20)
def test_a_hostile_line_costs_no_more_than_its_length(line: str) -> None:
    for candidate in split_log(line).candidates:
        refusal_of(candidate.texts)

    assert split_log(line).total == 1


def test_of_a_line_with_fifty_thousand_texts_a_few_are_looked_at() -> None:
    (line,) = split_log('"is forbidden: " ' * 50_000).candidates

    assert len(list(line.texts)) == 200


def test_long_lines_are_counted_and_a_long_log_refused() -> None:
    log = split_log("x" * 1_000_001 + " is forbidden\n\n  \nplain")

    assert (log.total, log.too_long, log.candidates) == (2, 1, ())
    with pytest.raises(LogTooLarge, match="10 MB"):
        split_log("x\n" * 5_000_001)
