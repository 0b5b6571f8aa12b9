"""NodeRestriction, rule by rule, either side of the version that brought it."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from authzviz.engine.admission import refusal_of
from authzviz.engine.gates import BY_DEFAULT, Settings
from authzviz.engine.request import Request
from authzviz.engine.restriction import RESTRICTIONS, restrictions_on
from authzviz.engine.writes import (
    OfClaim,
    OfName,
    OfNode,
    OfPod,
    OfPodCertificate,
    OfSigning,
    OfSlice,
    OfToken,
    Owner,
    Write,
)

LEASES, CSI = "coordination.k8s.io", "storage.k8s.io"
EARLY, DRA = "csi.storage.k8s.io", "resource.k8s.io"
CERTS = "certificates.k8s.io"
SERVING = "kubernetes.io/kubelet-serving"


def to(verb: str, full: str, group: str = "", namespace: str = "") -> Request:
    resource, _, subresource = full.partition("/")
    return Request(verb, resource, group, subresource, namespace, "" if verb == "create" else "x")


OWNER = Owner("Node", "n1", "uid-1")
MIRROR = OfPod("n1", is_mirror=True, owners=(OWNER,), node_uid="uid-1")
TOKEN = OfToken("Pod", "web", "u", "u", "n1", pod_audiences=("",))
CERTIFICATE = OfPodCertificate("n1", "web", "n1", signer="example.com/s")
MAKE_POD, MAKE_TOKEN = to("create", "pods"), to("create", "serviceaccounts/token")
PATCH_NODE, MAKE_NODE = to("patch", "nodes"), to("create", "nodes")
MAKE_CERTIFICATE = to("create", "podcertificaterequests", CERTS, "team")
CLAIM = to("patch", "persistentvolumeclaims/status")
ZONE, TIER = "topology.kubernetes.io/zone", "example.com/tier"
GUARDED, UNKNOWN = "node-restriction.kubernetes.io/a", "node-role.kubernetes.io/master"

# A write, and what is said of it in some versions; nothing where it is admitted.
CASES: dict[str, tuple[Request, Write, dict[int, str]]] = {
    "its own Node": (PATCH_NODE, OfNode("n1", (ZONE, TIER)), {7: "", 37: ""}),
    "another Node": (
        PATCH_NODE,
        OfNode("n2"),
        {
            7: 'node "n1" cannot modify node "n2"',
            13: 'node "n1" cannot modify node "n2"',
            14: 'node "n1" is not allowed to modify node "n2"',
            37: 'node "n1" is not allowed to modify node "n2"',
        },
    ),
    "another Node's status": (
        to("patch", "nodes/status"),
        OfNode("n2"),
        {37: 'node "n1" is not allowed to modify node "n2"'},
    ),
    "a configSource": (
        PATCH_NODE,
        OfNode("n1", has_new_config_source=True),
        {
            7: "",
            8: 'node "n1" cannot update configSource to a new non-nil configSource',
            14: 'node "n1" is not allowed to update configSource to a new non-nil configSource',
        },
    ),
    "a configSource at first": (
        MAKE_NODE,
        OfNode("n1", has_new_config_source=True),
        {
            7: "",
            8: "cannot create with non-nil configSource",
            14: 'node "n1" is not allowed to create pods with a non-nil configSource',
        },
    ),
    "taints": (
        PATCH_NODE,
        OfNode("n1", are_taints_changed=True),
        {
            10: "",
            11: 'node "n1" cannot modify taints',
            14: 'node "n1" is not allowed to modify taints',
        },
    ),
    "taints at first": (MAKE_NODE, OfNode("n1", are_taints_changed=True), {37: ""}),
    "owners": (
        PATCH_NODE,
        OfNode("n1", are_owners_changed=True),
        {30: "", 31: 'node "n1" is not allowed to modify ownerReferences'},
    ),
    "a guarded label": (
        PATCH_NODE,
        OfNode("n1", (TIER, GUARDED)),
        {
            12: "",
            13: f"cannot modify labels: {GUARDED}",
            14: f"is not allowed to modify labels: {GUARDED}",
        },
    ),
    "a guarded label at first": (
        MAKE_NODE,
        OfNode("n1", (f"team.{GUARDED}",)),
        {
            12: "",
            13: f"cannot set labels: team.{GUARDED}",
            14: f'node "n1" is not allowed to set the following labels: team.{GUARDED}',
        },
    ),
    "unknown labels": (
        PATCH_NODE,
        OfNode("n1", (UNKNOWN, "a.k8s.io/b")),
        {12: "", 13: f"cannot modify labels: a.k8s.io/b, {UNKNOWN}"},
    ),
    "unknown labels at first": (
        MAKE_NODE,
        OfNode("n1", (UNKNOWN,)),
        {16: "", 17: f'node "n1" is not allowed to set the following labels: {UNKNOWN}'},
    ),
    "a kubelet's labels": (
        PATCH_NODE,
        OfNode("n1", ("kubelet.kubernetes.io/a", "x.node.kubernetes.io/b", "plain", "k8s.io")),
        {37: ""},
    ),
    "a mirror pod": (MAKE_POD, MIRROR, {7: "", 37: ""}),
    "a pod": (
        MAKE_POD,
        replace(MIRROR, is_mirror=False),
        {
            7: 'pod does not have "kubernetes.io/config.mirror" annotation, node "n1" can only'
            " create mirror pods"
        },
    ),
    "a mirror pod elsewhere": (
        MAKE_POD,
        replace(MIRROR, node="n2"),
        {7: 'node "n1" can only create pods with spec.nodeName set to itself'},
    ),
    "a mirror pod without owner": (
        MAKE_POD,
        replace(MIRROR, owners=()),
        {16: "", 17: 'node "n1" can only create pods with an owner reference set to itself'},
    ),
    "a mirror pod of others": (
        MAKE_POD,
        replace(MIRROR, owners=(replace(OWNER, name="n2"),)),
        {17: 'node "n1" can only create pods with an owner reference set to itself'},
    ),
    "a mirror pod of two": (
        MAKE_POD,
        replace(MIRROR, owners=(OWNER, OWNER)),
        {17: 'node "n1" can only create pods with a single owner reference set to itself'},
    ),
    "a mirror pod not controlled": (
        MAKE_POD,
        replace(MIRROR, owners=(replace(OWNER, is_controller=False),)),
        {17: 'node "n1" can only create pods with a controller owner reference set to itself'},
    ),
    "a mirror pod that blocks": (
        MAKE_POD,
        replace(MIRROR, owners=(replace(OWNER, blocks_deletion=True),)),
        {17: 'node "n1" must not set blockOwnerDeletion on an owner reference'},
    ),
    "a mirror pod of an old Node": (
        MAKE_POD,
        replace(MIRROR, owners=(replace(OWNER, uid="old"),)),
        {17: "node n1 UID mismatch: expected old got uid-1"},
    ),
    "a mirror pod with secrets": (
        MAKE_POD,
        replace(MIRROR, references="secrets"),
        {7: 'node "n1" can not create pods that reference secrets'},
    ),
    "a mirror pod with an account": (
        MAKE_POD,
        replace(MIRROR, references="serviceaccounts"),
        {
            30: 'node "n1" can not create pods that reference a service account',
            37: 'node "n1" can not create pods that reference serviceaccounts',
        },
    ),
    "delete its pod": (to("delete", "pods"), OfPod("n1"), {7: ""}),
    "delete another's pod": (
        to("delete", "pods"),
        OfPod("n2"),
        {7: 'node "n1" can only delete pods with spec.nodeName set to itself'},
    ),
    "change a pod": (to("patch", "pods"), OfPod("n1"), {7: 'unexpected operation "UPDATE"'}),
    "bind a pod": (
        to("create", "pods/binding"),
        OfPod("n1"),
        {7: 'unexpected pod subresource "binding"'},
    ),
    "its pod's status": (to("patch", "pods/status"), OfPod("n1"), {37: ""}),
    "another's pod's status": (
        to("patch", "pods/status"),
        OfPod("n2"),
        {7: 'node "n1" can only update pod status for pods with spec.nodeName set to itself'},
    ),
    "labels through status": (
        to("patch", "pods/status"),
        OfPod("n1", are_labels_changed=True),
        {16: "", 17: 'node "n1" cannot update labels through pod status'},
    ),
    "claim statuses": (
        to("patch", "pods/status"),
        OfPod("n1", are_claim_statuses_changed=True),
        {27: "", 28: 'node "n1" cannot update resource claim statues'},
    ),
    "evict its pod": (to("create", "pods/eviction"), OfPod("n1"), {8: ""}),
    "evict another's pod": (
        to("create", "pods/eviction"),
        OfPod("n2"),
        {7: "", 8: "node n1 can only evict pods with spec.nodeName set to itself"},
    ),
    "a claim": (
        to("patch", "persistentvolumeclaims"),
        OfClaim(),
        {9: "may only update PVC status"},
    ),
    "a claim's capacity": (CLAIM, OfClaim(("status.capacity", "status.conditions")), {11: ""}),
    "a claim's status before its time": (
        CLAIM,
        OfClaim(("status.capacity",)),
        {10: 'node "n1" may not update persistentvolumeclaim metadata', 11: ""},
    ),
    "a claim's labels": (
        CLAIM,
        OfClaim(("metadata.labels",)),
        {
            13: 'node "n1" may not update fields other than status.capacity and'
            " status.conditions: metadata.labels",
            28: 'node "n1" is not allowed to update fields other than status.capacity and'
            " status.conditions: metadata.labels",
            37: 'node "n1" is not allowed to update fields other than status.quantity and'
            " status.conditions: metadata.labels",
        },
    ),
    "a claim's allocation": (
        CLAIM,
        OfClaim(("status.allocatedResources",)),
        {
            31: 'node "n1" is not allowed to update fields other than status.capacity and'
            " status.conditions: status.allocatedResources",
            32: "",
        },
    ),
    "a token of its pod": (MAKE_TOKEN, TOKEN, {12: "", 37: ""}),
    "a token of nothing": (
        MAKE_TOKEN,
        OfToken(),
        {11: "", 12: "node requested token not bound to a pod"},
    ),
    "a token of a secret": (
        MAKE_TOKEN,
        replace(TOKEN, bound_kind="Secret"),
        {12: "node requested token not bound to a pod"},
    ),
    "a token without UID": (
        MAKE_TOKEN,
        replace(TOKEN, bound_uid=""),
        {12: "node requested token with a pod binding without a uid"},
    ),
    "a token of a pod that is gone": (
        MAKE_TOKEN,
        replace(TOKEN, bound_uid="old"),
        {
            12: "the UID in the bound object reference (old) does not match the UID in record."
            " The object might have been deleted and then recreated"
        },
    ),
    "a token of another's pod": (
        MAKE_TOKEN,
        replace(TOKEN, pod_node="n2"),
        {12: "node requested token bound to a pod scheduled on a different node"},
    ),
    "a token for its pod's audience": (
        MAKE_TOKEN,
        replace(TOKEN, audiences=("vault",), pod_audiences=("vault",)),
        {37: ""},
    ),
    "a token for an audience": (
        MAKE_TOKEN,
        replace(TOKEN, audiences=("vault",)),
        {
            32: "",
            33: 'audience "vault" not found in pod spec volume, system:node:n1 is not authorized'
            " to request tokens for this audience",
            37: 'system:node:n1 is not authorized to request tokens for audience "vault"',
        },
    ),
    "a token for a granted audience": (
        MAKE_TOKEN,
        replace(TOKEN, audiences=("vault",), is_audience_granted=True),
        {37: ""},
    ),
    "a token for two audiences": (
        MAKE_TOKEN,
        replace(TOKEN, audiences=("a", "b")),
        {32: "", 33: "node may only request 0 or 1 audiences"},
    ),
    "its Lease": (to("update", "leases", LEASES, "kube-node-lease"), OfName("n1"), {14: ""}),
    "another's Lease": (
        to("create", "leases", LEASES, "kube-node-lease"),
        OfName("n2"),
        {13: "", 14: "can only access node lease with the same name as the requesting node"},
    ),
    "a Lease elsewhere": (
        to("update", "leases", LEASES, "team"),
        OfName("n1"),
        {14: 'can only access leases in the "kube-node-lease" system namespace'},
    ),
    "its CSINode": (to("create", "csinodes", CSI), OfName("n1"), {37: ""}),
    "another's CSINode": (
        to("create", "csinodes", CSI),
        OfName("n2"),
        {13: "", 14: "can only access CSINode with the same name as the requesting node"},
    ),
    "its slice": (to("create", "resourceslices", DRA), OfSlice("n1"), {37: ""}),
    "another's slice": (
        to("create", "resourceslices", DRA),
        OfSlice("n2"),
        {29: "", 30: "can only create ResourceSlice with the same NodeName as the requesting node"},
    ),
    "delete another's slice": (
        to("deletecollection", "resourceslices", DRA),
        OfSlice(""),
        {30: "", 31: "can only delete ResourceSlice with the same NodeName as the requesting node"},
    ),
    "its certificate": (
        to("create", "certificatesigningrequests", CERTS),
        OfSigning(SERVING, "system:node:n1"),
        {37: ""},
    ),
    "another's certificate": (
        to("create", "certificatesigningrequests", CERTS),
        OfSigning(SERVING, "system:node:n2"),
        {30: "", 31: "can only create a node CSR with CN=system:node:n1"},
    ),
    "a certificate of another signer": (
        to("create", "certificatesigningrequests", CERTS),
        OfSigning("example.com/s", "anything"),
        {37: ""},
    ),
    "a pod certificate": (
        MAKE_CERTIFICATE,
        CERTIFICATE,
        {36: "PodCertificateRequest feature gate is disabled", 37: ""},
    ),
    "a pod certificate for another node": (
        MAKE_CERTIFICATE,
        replace(CERTIFICATE, node="n2"),
        {37: 'PodCertificateRequest.Spec.NodeName="n2", which is not the requesting node "n1"'},
    ),
    "a pod certificate for a pod elsewhere": (
        MAKE_CERTIFICATE,
        replace(CERTIFICATE, pod_node="n2"),
        {37: 'pod "team/web" is not running on node "n1" named in the PodCertificateRequest'},
    ),
    "a pod certificate for a mirror pod": (
        MAKE_CERTIFICATE,
        replace(CERTIFICATE, is_mirror=True),
        {37: 'pod "team/web" is a mirror pod'},
    ),
    "a pod certificate for another account": (
        MAKE_CERTIFICATE,
        replace(CERTIFICATE, account="a", pod_account="b"),
        {
            37: 'PodCertificateRequest for pod "team/web" contains serviceAccountName ("a") that'
            ' differs from running pod ("b")'
        },
    ),
    "a pod certificate nobody mounts": (
        MAKE_CERTIFICATE,
        replace(CERTIFICATE, is_signer_mounted=False),
        {
            37: 'pod "team/web" does not mount a podCertificate projected volume for signer'
            ' "example.com/s"'
        },
    ),
    "a read": (to("get", "nodes"), OfNode("n2"), {37: ""}),
}


@pytest.mark.parametrize(("request_", "write", "by_version"), CASES.values(), ids=CASES)
def test_what_is_refused(request_: Request, write: Write, by_version: dict[int, str]) -> None:
    said = {minor: refusal_of("n1", request_, write, minor) for minor in by_version}

    assert said == by_version


GATED: dict[str, tuple[Request, Write, int, Settings, str]] = {
    "early CSI": (
        to("create", "csinodeinfos", EARLY),
        OfName("n2"),
        13,
        (("CSINodeInfo", True),),
        "can only access CSINodeInfo with the same name as the requesting node",
    ),
    "early Lease": (
        to("create", "leases", LEASES, "kube-node-lease"),
        OfName("n2"),
        12,
        (("NodeLease", True),),
        "can only access node lease with the same name as the requesting node",
    ),
    "CSINode's spec by its status": (
        to("patch", "csinodes/status", CSI),
        OfName("n1", is_spec_changed=True),
        37,
        (("CSIVolumeHealth", True),),
        'node "n1" is not allowed to modify CSINode spec via status',
    ),
    "CSINode's status": (
        to("patch", "csinodes/status", CSI),
        OfName("n1"),
        37,
        (("CSIVolumeHealth", True),),
        "",
    ),
    "CSINode's spec": (
        to("patch", "csinodes", CSI),
        OfName("n1", is_spec_changed=True),
        37,
        BY_DEFAULT,
        "",
    ),
    "a signing request, unchecked": (
        to("create", "certificatesigningrequests", CERTS),
        OfSigning(SERVING, "system:node:n2"),
        37,
        (("AllowInsecureKubeletCertificateSigningRequests", True),),
        "",
    ),
    "an audience, unchecked": (
        MAKE_TOKEN,
        replace(TOKEN, audiences=("vault",)),
        37,
        (("ServiceAccountNodeAudienceRestriction", False),),
        "",
    ),
    "a signer, before it was checked": (
        MAKE_CERTIFICATE,
        replace(CERTIFICATE, is_signer_mounted=False),
        36,
        (("PodCertificateRequest", True),),
        "",
    ),
}


@pytest.mark.parametrize(
    ("request_", "write", "minor", "settings", "words"), GATED.values(), ids=GATED
)
def test_what_gates_change(
    request_: Request, write: Write, minor: int, settings: Settings, words: str
) -> None:
    assert refusal_of("n1", request_, write, minor, settings) == words


def test_a_nameless_node_writes_nothing() -> None:
    words = refusal_of("", PATCH_NODE, OfNode("n1"), 37)

    assert words == 'could not determine node from user "system:node:"'


def test_what_is_no_write_is_an_error() -> None:
    with pytest.raises(TypeError, match="no write"):
        refusal_of("n1", PATCH_NODE, cast("Write", "text"), 37)


def ids(request: Request, minor: int, settings: Settings = BY_DEFAULT) -> set[str]:
    return {each.id for each in restrictions_on(request, minor, settings)}


def test_what_is_seen_to_by_version() -> None:
    assert ids(PATCH_NODE, 7) == {"own-node"}
    assert ids(PATCH_NODE, 37) == {
        "own-node",
        "config-source",
        "taints",
        "restricted-labels",
        "kubernetes-labels",
        "owners",
    }
    assert ids(to("get", "nodes"), 37) == set()
    assert ids(MAKE_TOKEN, 32) == {"bound-tokens"}
    assert ids(MAKE_TOKEN, 33) == {"bound-tokens", "audience"}
    assert ids(MAKE_TOKEN, 32, (("AllBeta", True),)) == {"bound-tokens", "audience"}
    assert all(each.words for each in RESTRICTIONS)
