"""NodeRestriction against a real kube-apiserver of 1.37: a node's own writes, and their answers."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

from authzviz.engine.admission import refusal_of
from authzviz.engine.gates import CSI_VOLUME_HEALTH
from authzviz.engine.request import Request
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
from tests.engine.live import Judge, eventually, objects, pod, restricted
from tests.engine.node_table import NODE, OTHER

if TYPE_CHECKING:
    from tests.lab.cluster import Cluster
    from tests.lab.plugin import ClusterFactory

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab_ground")]

MINOR = 37


@dataclass(frozen=True, slots=True)
class Attempt:
    """One write of the node, as the engine sees it and as it is sent."""

    request: Request
    write: Write
    method: str
    path: str
    body: dict[str, Any]


NODES, PODS = "/api/v1/nodes", "/api/v1/namespaces/default/pods"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
CSINODES = "/apis/storage.k8s.io/v1/csinodes"
SLICES = "/apis/resource.k8s.io/v1/resourceslices"
TOKENS = "/api/v1/namespaces/default/serviceaccounts/runner/token"
POD_CERTIFICATES = "/apis/certificates.k8s.io/v1/namespaces/default/podcertificaterequests"
SIGNER = "example.com/signer"
SIGNING = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
CLIENT = "kubernetes.io/kube-apiserver-client-kubelet"
TAINT = {"key": "a", "effect": "NoSchedule"}
GUARDED = "node-restriction.kubernetes.io/a"
ROLE = "node-role.kubernetes.io/master"
KUBERNETES_OWN = "kubelet.kubernetes.io/a"


def _patch(what: str, name: str, write: Write, path: str, body: dict[str, Any]) -> Attempt:
    resource, _, subresource = what.partition("/")
    request = Request("patch", resource, "", subresource, name=name)
    return Attempt(request, write, "PATCH", path, body)


def _labelled(*labels: str) -> dict[str, Any]:
    return {"metadata": {"labels": dict.fromkeys(labels, "x")}}


def _create(
    what: str, write: Write, path: str, body: dict[str, Any], group: str = "", namespace: str = ""
) -> Attempt:
    resource, _, subresource = what.partition("/")
    request = Request("create", resource, group, subresource, namespace)
    return Attempt(request, write, "POST", f"{path}?dryRun=All", body)


def _named(kind: str, version: str, name: str, **more: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **more}


def _node_attempts(uid: str) -> dict[str, Attempt]:
    own, status = f"{NODES}/{NODE}", f"{NODES}/{NODE}/status"
    owners = {"metadata": {"ownerReferences": [
        {"apiVersion": "v1", "kind": "Node", "name": NODE, "uid": uid}
    ]}}  # fmt: skip
    return {
        "its label": _patch("nodes", NODE, OfNode(NODE, ("x",)), own, _labelled("x")),
        "another Node": _patch("nodes", OTHER, OfNode(OTHER), f"{NODES}/{OTHER}", _labelled("x")),
        "another's status": _patch(
            "nodes/status", OTHER, OfNode(OTHER), f"{NODES}/{OTHER}/status", {"status": {}}
        ),
        "its status": _patch("nodes/status", NODE, OfNode(NODE), status, {"status": {}}),
        "guarded label": _patch("nodes", NODE, OfNode(NODE, (GUARDED,)), own, _labelled(GUARDED)),
        "unknown label": _patch("nodes", NODE, OfNode(NODE, (ROLE,)), own, _labelled(ROLE)),
        "known label": _patch(
            "nodes", NODE, OfNode(NODE, (KUBERNETES_OWN,)), own, _labelled(KUBERNETES_OWN)
        ),
        "taint": _patch(
            "nodes",
            NODE,
            OfNode(NODE, are_taints_changed=True),
            own,
            {"spec": {"taints": [TAINT]}},
        ),
        "owner": _patch("nodes", NODE, OfNode(NODE, are_owners_changed=True), own, owners),
        "label at first": _create(
            "nodes",
            OfNode(NODE, (ROLE, GUARDED)),
            NODES,
            {**_named("Node", "v1", NODE), **_labelled_node(ROLE, GUARDED)},
        ),
        "another Node at first": _create("nodes", OfNode("n3"), NODES, _named("Node", "v1", "n3")),
    }


def _labelled_node(*labels: str) -> dict[str, Any]:
    return {"metadata": {"name": NODE, "labels": dict.fromkeys(labels, "x")}}


def _mirror(on: str, owners: list[dict[str, Any]], **spec: Any) -> dict[str, Any]:
    made = pod("new-mirror", on, **spec)
    made["metadata"] |= {
        "annotations": {"kubernetes.io/config.mirror": "hash"},
        "ownerReferences": owners,
    }
    return made


def _pod_attempts(uid: str) -> dict[str, Attempt]:
    owner = {"apiVersion": "v1", "kind": "Node", "name": NODE, "uid": uid, "controller": True}
    me = Owner("Node", NODE, uid)
    mounts = [{"name": "a", "secret": {"secretName": "s"}}]
    eviction = _named("Eviction", "policy/v1", "other")

    def mirror(write: OfPod, body: dict[str, Any]) -> Attempt:
        return _create("pods", write, PODS, body, "", "default")

    def is_of(name: str, on: str, verb: str, sub: str = "") -> tuple[Request, OfPod]:
        return Request(verb, "pods", "", sub, "default", name), OfPod(on)

    labels = (OfPod(NODE, are_labels_changed=True), f"{PODS}/web/status", _labelled("x"))
    return {
        "mirror pod": mirror(OfPod(NODE, True, (me,), uid), _mirror(NODE, [owner])),
        "pod": mirror(OfPod(NODE), pod("new", NODE)),
        "mirror pod elsewhere": mirror(OfPod(OTHER, True, (me,), uid), _mirror(OTHER, [owner])),
        "mirror pod of nobody": mirror(OfPod(NODE, True, (), uid), _mirror(NODE, [])),
        "mirror pod not controlled": mirror(
            OfPod(NODE, True, (Owner("Node", NODE, uid, is_controller=False),), uid),
            _mirror(NODE, [{**owner, "controller": False}]),
        ),
        "mirror pod that blocks": mirror(
            OfPod(NODE, True, (Owner("Node", NODE, uid, blocks_deletion=True),), uid),
            _mirror(NODE, [{**owner, "blockOwnerDeletion": True}]),
        ),
        "mirror pod of an old Node": mirror(
            OfPod(NODE, True, (Owner("Node", NODE, "old"),), uid),
            _mirror(NODE, [{**owner, "uid": "old"}]),
        ),
        "mirror pod with an account": mirror(
            OfPod(NODE, True, (me,), uid, "serviceaccounts"),
            _mirror(NODE, [owner], serviceAccountName="runner"),
        ),
        "mirror pod with a secret": mirror(
            OfPod(NODE, True, (me,), uid, "secrets"), _mirror(NODE, [owner], volumes=mounts)
        ),
        "status": _patch("pods/status", "web", OfPod(NODE), f"{PODS}/web/status", {"status": {}}),
        "another's status": _patch(
            "pods/status", "other", OfPod(OTHER), f"{PODS}/other/status", {"status": {}}
        ),
        "labels by status": _patch("pods/status", "web", *labels),
        "evict another's": Attempt(
            *is_of("other", OTHER, "create", "eviction"), "POST", f"{PODS}/other/eviction", eviction
        ),
        "delete another's": Attempt(
            *is_of("other", OTHER, "delete"), "DELETE", f"{PODS}/other?dryRun=All", {}
        ),
        "delete its own": Attempt(
            *is_of("web", NODE, "delete"), "DELETE", f"{PODS}/web?dryRun=All", {}
        ),
    }


def _token_attempts(uids: dict[str, str]) -> dict[str, Attempt]:
    def token(write: OfToken, ref: dict[str, str] | None, *audiences: str) -> Attempt:
        spec: dict[str, Any] = {"audiences": list(audiences)}
        if ref:
            spec["boundObjectRef"] = {"apiVersion": "v1", "kind": "Pod", **ref}
        body = _named("TokenRequest", "authentication.k8s.io/v1", "runner", spec=spec)
        request = Request("create", "serviceaccounts", "", "token", "default", "runner")
        return Attempt(request, write, "POST", TOKENS, body)

    mine, other = uids["plain"], uids["other"]
    bound = {"name": "plain", "uid": mine}
    return {
        "token": token(OfToken("Pod", "plain", mine, mine, NODE, (), ("",)), bound),
        "token of nothing": token(OfToken(), None),
        "token without UID": token(OfToken("Pod", "plain", "", mine, NODE), {"name": "plain"}),
        "token of an old pod": token(
            OfToken("Pod", "plain", "old", mine, NODE), {"name": "plain", "uid": "old"}
        ),
        "token of another's pod": token(
            OfToken("Pod", "other", other, other, OTHER), {"name": "other", "uid": other}
        ),
        "token for an audience": token(
            OfToken("Pod", "plain", mine, mine, NODE, ("vault",), ("",)), bound, "vault"
        ),
        "token for two": token(
            OfToken("Pod", "plain", mine, mine, NODE, ("a", "b"), ("",)), bound, "a", "b"
        ),
    }


def _other_attempts() -> dict[str, Attempt]:
    lease, csi = ("coordination.k8s.io", "kube-node-lease"), "storage.k8s.io"
    claim = "/api/v1/namespaces/default/persistentvolumeclaims/data/status"

    def slice_of(on: str) -> dict[str, Any]:
        pool = {"name": on, "generation": 1, "resourceSliceCount": 1}
        spec = {"nodeName": on, "driver": "d.example.com", "pool": pool}
        return _named("ResourceSlice", "resource.k8s.io/v1", f"slice-{on}", spec=spec)

    found = {}
    for name in (NODE, OTHER):
        whose = "its" if name == NODE else "another's"
        found[f"{whose} Lease"] = _create(
            "leases", OfName(name), LEASES, _named("Lease", "coordination.k8s.io/v1", name), *lease
        )
        body = _named("CSINode", "storage.k8s.io/v1", name, spec={"drivers": []})
        found[f"{whose} CSINode"] = _create("csinodes", OfName(name), CSINODES, body, csi)
        found[f"{whose} slice"] = _create(
            "resourceslices", OfSlice(name), SLICES, slice_of(name), "resource.k8s.io"
        )
    for name in (NODE, OTHER):
        found[f"a certificate of {name}"] = _signing_attempt(name)
    found["a claim's capacity"] = _patch(
        "persistentvolumeclaims/status",
        "data",
        OfClaim(("status.capacity",)),
        claim,
        {"status": {"capacity": {"storage": "2Gi"}}},
    )
    return found


def _certified() -> dict[str, Any]:
    """A pod that mounts a certificate of the signer."""
    source = {
        "podCertificate": {
            "signerName": SIGNER,
            "keyType": "ED25519",
            "credentialBundlePath": "bundle",
        }
    }
    volumes = [{"name": "a", "projected": {"sources": [source]}}]
    return pod("certified", NODE, serviceAccountName="runner", volumes=volumes)


def _pod_certificate_attempts(live: Cluster) -> dict[str, Attempt]:
    uids = {
        name: _uid(live, f"{PODS}/{name}") for name in ("certified", "plain", "other", "mirror")
    }
    accounts = "/api/v1/namespaces/default/serviceaccounts"
    account_uids = {name: _uid(live, f"{accounts}/{name}") for name in ("runner", "guest")}
    nodes = {name: _uid(live, f"{NODES}/{name}") for name in (NODE, OTHER)}

    def of(write: OfPodCertificate) -> Attempt:
        asked = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
        signed = asked.sign(ed25519.Ed25519PrivateKey.generate(), None)
        stub = signed.public_bytes(serialization.Encoding.DER)
        spec = {
            "signerName": write.signer,
            "podName": write.pod,
            "podUID": uids[write.pod],
            "serviceAccountName": write.account,
            "serviceAccountUID": account_uids.get(write.account, "none"),
            "nodeName": write.node,
            "nodeUID": nodes[write.node],
            "maxExpirationSeconds": 86_400,
            "stubPKCS10Request": b64encode(stub).decode(),
        }
        body = _named("PodCertificateRequest", "certificates.k8s.io/v1", "asked", spec=spec)
        group = "certificates.k8s.io"
        return _create("podcertificaterequests", write, POD_CERTIFICATES, body, group, "default")

    mine = OfPodCertificate(NODE, "certified", NODE, False, "runner", "runner", signer=SIGNER)
    return {
        "a pod's certificate": of(mine),
        "for another node": of(replace(mine, node=OTHER)),
        "for another's pod": of(replace(mine, pod="other", pod_node=OTHER)),
        "for a mirror pod": of(
            replace(mine, pod="mirror", is_mirror=True, account="", pod_account="")
        ),
        "for another account": of(replace(mine, account="guest")),
        "for no volume": of(replace(mine, pod="plain", is_signer_mounted=False)),
    }


def _signing_attempt(name: str) -> Attempt:
    user = f"system:node:{name}"
    names = [x509.NameAttribute(NameOID.COMMON_NAME, user)]
    names.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, "system:nodes"))
    asked = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names))
    signed = asked.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    spec = {
        "signerName": CLIENT,
        "usages": ["digital signature", "client auth"],
        "request": b64encode(signed.public_bytes(serialization.Encoding.PEM)).decode(),
    }
    body = _named("CertificateSigningRequest", "certificates.k8s.io/v1", f"of-{name}", spec=spec)
    write = OfSigning(CLIENT, user)
    return _create("certificatesigningrequests", write, SIGNING, body, "certificates.k8s.io")


def test_what_admission_still_refuses(cluster: ClusterFactory) -> None:
    nodes = [_named("Node", "v1", name) for name in (NODE, OTHER)]
    accounts = [_named("ServiceAccount", "v1", name) for name in ("runner", "guest")]
    live = restricted(cluster, *nodes, *accounts, *objects(), _certified())
    uids = {name: _uid(live, f"{PODS}/{name}") for name in ("plain", "other")}
    uid = _uid(live, f"{NODES}/{NODE}")
    kubelet = live.api(live.node_certificate(NODE))
    claim = Request("get", "persistentvolumeclaims", "", "", "default", "data")
    with Judge(live) as judge:
        assert eventually(lambda: judge.decide(NODE, claim)[0])
    attempts = _node_attempts(uid) | _pod_attempts(uid) | _token_attempts(uids) | _other_attempts()
    attempts |= _pod_certificate_attempts(live)
    refused, different = 0, {}

    for name, attempt in attempts.items():
        patch = "application/strategic-merge-patch+json"
        kind = patch if attempt.method == "PATCH" else "application/json"
        answer = kubelet.request(attempt.method, attempt.path, attempt.body, content_type=kind)
        words = refusal_of(NODE, attempt.request, attempt.write, MINOR)
        is_alike = words in answer.body.replace('\\"', '"') if words else answer.status < 300
        refused += bool(words)
        if not is_alike:
            different[name] = (words, answer.status, answer.body[:300])

    assert different == {}
    assert refused > 20


def _uid(live: Cluster, path: str) -> str:
    uid: str = live.admin.get(path)["metadata"]["uid"]
    return uid


def test_the_status_of_a_csinode_is_for_its_own_node(cluster: ClusterFactory) -> None:
    named = [_named("Node", "v1", name) for name in (NODE, OTHER)]
    drivers = [
        _named("CSINode", "storage.k8s.io/v1", name, spec={"drivers": []}) for name in (NODE, OTHER)
    ]
    live = restricted(cluster, *named, *drivers, flags=["--feature-gates=CSIVolumeHealth=true"])
    kubelet = live.api(live.node_certificate(NODE))

    for name in (NODE, OTHER):
        request = Request("patch", "csinodes", "storage.k8s.io", "status", name=name)
        words = refusal_of(NODE, request, OfName(name), MINOR, ((CSI_VOLUME_HEALTH, True),))
        answer = kubelet.request(
            "PATCH",
            f"{CSINODES}/{name}/status",
            {"status": {}},
            content_type="application/merge-patch+json",
        )
        assert bool(words) is (name == OTHER)
        assert (answer.status == 200) if not words else (words in answer.body.replace('\\"', '"'))
