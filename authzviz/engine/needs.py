"""What a working kubelet asks of the apiserver, by version, and what fails without it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from authzviz.engine.request import LEASE_NAMESPACE, Request
from authzviz.engine.versions import NEWEST_MINOR, clamp

ANY_NAMESPACE = "<any namespace>"
"""Stands for the namespace of whatever pod runs on the node; no rule can name it by accident."""
ANY_NAME = "<any name>"

_SELF = "<self>"


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that a kubelet does, as the requests it makes for it.

    Only where all are answered is the need. `is_core` where without it the node is lost: it never
    registers, or goes NotReady. `why` says what a kubelet does it for, `without` what fails
    without it.
    """

    id: str
    title: str
    why: str
    without: str
    requests: tuple[Request, ...]
    is_core: bool = False


@dataclass(frozen=True, slots=True)
class _Ask:
    """Requests on one resource, from one version on; `name` may be _SELF."""

    verbs: tuple[str, ...]
    resource: str
    group: str = ""
    namespace: str = ""
    name: str = ANY_NAME
    selector: str = ""
    since: int = 7
    until: int = NEWEST_MINOR


@dataclass(frozen=True, slots=True)
class _Need:
    id: str
    title: str
    why: str
    without: str
    asks: tuple[_Ask, ...]
    is_core: bool = False


_CERTS, _COORD, _STORAGE = "certificates.k8s.io", "coordination.k8s.io", "storage.k8s.io"
_DRA = "resource.k8s.io"

_CORE = (
    _Need(
        "register-node",
        "Register itself as a Node",
        "when it starts, a kubelet makes the Node that pods are scheduled to",
        "a new node never appears in the cluster",
        (_Ask(("create",), "nodes"),),
        is_core=True,
    ),
    _Need(
        "read-node",
        "Read its own Node",
        "it compares its Node with what it is about to write: at its start, before every status",
        "the kubelet can't register, and never reports status",
        (_Ask(("get",), "nodes", name=_SELF),),
        is_core=True,
    ),
    _Need(
        "report-status",
        "Report its status",
        "conditions, capacity, addresses and images are written by patch alone, never by update",
        "the node stays or goes NotReady",
        (_Ask(("patch",), "nodes/status", name=_SELF),),
        is_core=True,
    ),
    _Need(
        "renew-lease",
        "Renew its Lease",
        "its heartbeat since 1.14: every 10 s, in kube-node-lease",
        "NotReady after 40 s",
        (_Ask(("get", "create", "update"), "leases", _COORD, LEASE_NAMESPACE, _SELF, since=14),),
        is_core=True,
    ),
)

_BESIDE = (
    _Need(
        "watch-node",
        "Watch its own Node",
        "it follows its own Node by the field selector metadata.name",
        "labels, taints and addresses of the node are not noticed; pods may not start",
        (_Ask(("list", "watch"), "nodes", name=_SELF, selector="metadata.name=<self>"),),
    ),
    _Need(
        "watch-pods",
        "Learn which pods to run",
        "the scheduler writes the node's name into a pod; the kubelet looks for its own name there",
        "scheduled pods never start",
        (_Ask(("list", "watch"), "pods", name="", selector="spec.nodeName=<self>"),),
    ),
    _Need(
        "report-pods",
        "Report pods, mirror static ones, remove ended ones",
        "what users see of a pod, its end included, is what the kubelet writes",
        "pods stay Pending or Terminating, static pods are invisible",
        (
            _Ask(("update",), "pods/status", namespace=ANY_NAMESPACE, until=10),
            _Ask(("patch",), "pods/status", namespace=ANY_NAMESPACE, since=11),
            _Ask(("create", "delete"), "pods", namespace=ANY_NAMESPACE),
        ),
    ),
    _Need(
        "read-secrets",
        "Read Secrets and ConfigMaps of its pods",
        "volumes, environments and image pull secrets are fetched before a container starts",
        "pods that use a Secret or ConfigMap can't start",
        (
            _Ask(("get",), "secrets", namespace=ANY_NAMESPACE),
            _Ask(("get",), "configmaps", namespace=ANY_NAMESPACE),
        ),
    ),
    _Need(
        "request-tokens",
        "Request tokens for its pods' service accounts",
        "each pod's token is made for it, and renewed while it runs",
        "new pods can't start: their service account token can't be mounted",
        (_Ask(("create",), "serviceaccounts/token", namespace=ANY_NAMESPACE, since=12),),
    ),
    _Need(
        "read-services",
        "List Services and RuntimeClasses",
        "services become environment variables of every container; a runtime class names a handler",
        "pods wait to start; those with a runtime class fail",
        (
            _Ask(("list", "watch"), "services", name=""),
            _Ask(("list", "watch"), "runtimeclasses", "node.k8s.io", name="", since=14),
        ),
    ),
    _Need(
        "mount-volumes",
        "Read what its pods' volumes need",
        "a claim leads to its volume, and an attachment says when the volume is there",
        "pods with persistent volumes can't start",
        (
            _Ask(("get",), "persistentvolumeclaims", namespace=ANY_NAMESPACE),
            _Ask(("get",), "persistentvolumes"),
            _Ask(("get",), "volumeattachments", _STORAGE, since=10),
        ),
    ),
    _Need(
        "register-csi",
        "Register CSI drivers on its CSINode",
        "a driver that comes up on the node is written into its CSINode, for the scheduler to see",
        "CSI volumes can't be attached to the node",
        (
            _Ask(("get", "create", "update"), "csinodes", _STORAGE, name=_SELF, since=14),
            _Ask(("list", "watch"), "csidrivers", _STORAGE, name="", since=14),
        ),
    ),
    _Need(
        "record-events",
        "Record events",
        "what happens to a pod on the node is told by events only",
        "events of the node and its pods are lost",
        (_Ask(("create", "patch"), "events", namespace=ANY_NAMESPACE),),
    ),
    _Need(
        "check-callers",
        "Check who calls the kubelet",
        "whoever calls the kubelet is checked by the apiserver, unless by a client certificate",
        "kubectl logs and exec, and metrics of the node, fail",
        (
            _Ask(("create",), "tokenreviews", "authentication.k8s.io"),
            _Ask(("create",), "subjectaccessreviews", "authorization.k8s.io"),
        ),
    ),
    _Need(
        "renew-certificate",
        "Renew its certificate",
        "a kubelet that rotates its certificate asks for the next one with the present one",
        "NotReady when its client certificate expires, where rotation is on",
        (
            _Ask(("create", "get"), "certificatesigningrequests", _CERTS),
            _Ask(("list", "watch"), "certificatesigningrequests", _CERTS, name=""),
        ),
    ),
)


# What some kubelets need, or all of them for a while: no verdict hangs on it.
_FURTHER = (
    _Need(
        "read-pods",
        "Read a pod before it writes its status",
        "a status is written on what the pod is now, not on what the kubelet remembers",
        "the status of pods on the node is no longer written",
        (_Ask(("get",), "pods", namespace=ANY_NAMESPACE),),
    ),
    _Need(
        "watch-secrets",
        "Watch the Secrets and ConfigMaps of its pods",
        "since 1.12 it follows each by its name rather than asking again and again",
        "pods that use a Secret or ConfigMap start late or not at all, and miss its changes",
        (
            _Ask(("list", "watch"), "secrets", namespace=ANY_NAMESPACE, since=12),
            _Ask(("list", "watch"), "configmaps", namespace=ANY_NAMESPACE, since=12),
        ),
    ),
    _Need(
        "resize-volumes",
        "Report that a volume was resized",
        "where a file system grows on the node, the kubelet writes the new size into the claim",
        "claims stay in FileSystemResizePending",
        (_Ask(("patch",), "persistentvolumeclaims/status", namespace=ANY_NAMESPACE, since=11),),
    ),
    _Need(
        "find-glusterfs",
        "Read endpoints of GlusterFS volumes",
        "the volume names an Endpoints object instead of addresses; gone with 1.26",
        "pods with GlusterFS volumes can't start",
        (_Ask(("get",), "endpoints", namespace=ANY_NAMESPACE, until=25),),
    ),
    _Need(
        "allocate-devices",
        "Prepare devices that its pods claim",
        "a resource claim says which devices a pod gets; slices of drivers that are gone go, too",
        "pods with resource claims can't start",
        (
            _Ask(("get",), "resourceclaims", _DRA, ANY_NAMESPACE, since=34),
            _Ask(
                ("deletecollection",),
                "resourceslices",
                _DRA,
                name="",
                selector="spec.nodeName=<self>",
                since=34,
            ),
        ),
    ),
    _Need(
        "read-accounts",
        "Read service accounts for image credential providers",
        "a provider may ask for annotations of the pod's service account",
        "images behind such a provider can't be pulled",
        (_Ask(("get",), "serviceaccounts", namespace=ANY_NAMESPACE, since=34),),
    ),
    _Need(
        "certify-pods",
        "Request certificates for its pods",
        "a podCertificate volume is filled by what the kubelet asks for, for that pod",
        "pods with podCertificate volumes can't start",
        (
            _Ask(("create",), "podcertificaterequests", _CERTS, ANY_NAMESPACE, since=37),
            _Ask(
                ("list", "watch"),
                "podcertificaterequests",
                _CERTS,
                name="",
                selector="spec.nodeName=<self>",
                since=37,
            ),
        ),
    ),
    _Need(
        "read-trust",
        "Read trust bundles",
        "a clusterTrustBundle volume holds certificates that the cluster hands out",
        "pods with clusterTrustBundle volumes can't start",
        (_Ask(("list", "watch"), "clustertrustbundles", _CERTS, name="", since=37),),
    ),
)


@cache
def _asked(needs: tuple[_Need, ...], minor: int) -> tuple[tuple[_Need, tuple[_Ask, ...]], ...]:
    found = []
    for need in needs:
        asks = tuple(ask for ask in need.asks if ask.since <= minor <= ask.until)
        if asks:
            found.append((need, asks))
    return tuple(found)


def needs_of(node: str, minor: int) -> tuple[Need, ...]:
    """What the kubelet of that node asks of an apiserver 1.`minor`, the core first.

    Complete for a verdict: a node with all of it works.
    """
    return _needs(_ALL, node, minor)


def further_needs_of(node: str, minor: int) -> tuple[Need, ...]:
    """What it asks for beside, for what not every node or pod uses; no verdict hangs on it."""
    return _needs(_FURTHER, node, minor)


_ALL = (*_CORE, *_BESIDE)


def _needs(needs: tuple[_Need, ...], node: str, minor: int) -> tuple[Need, ...]:
    return tuple(
        Need(
            need.id,
            need.title,
            need.why,
            need.without,
            tuple(request for ask in asks for request in _requests(ask, node)),
            need.is_core,
        )
        for need, asks in _asked(needs, clamp(minor))
    )


def _requests(ask: _Ask, node: str) -> list[Request]:
    resource, _, subresource = ask.resource.partition("/")
    name = node if ask.name == _SELF else ask.name
    return [
        Request(
            verb,
            resource,
            ask.group,
            subresource,
            ask.namespace,
            # On create the apiserver doesn't know the name, only that of a parent.
            "" if verb == "create" and not subresource else name,
            ask.selector.replace(_SELF, node),
        )
        for verb in ask.verbs
    ]
