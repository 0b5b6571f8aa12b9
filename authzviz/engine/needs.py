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
    registers, or goes NotReady.
    """

    id: str
    title: str
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
    without: str
    asks: tuple[_Ask, ...]
    is_core: bool = False


_CERTS, _COORD, _STORAGE = "certificates.k8s.io", "coordination.k8s.io", "storage.k8s.io"

_CORE = (
    _Need(
        "register-node",
        "Register itself as a Node",
        "a new node never appears in the cluster",
        (_Ask(("create",), "nodes"),),
        is_core=True,
    ),
    _Need(
        "read-node",
        "Read its own Node",
        "the kubelet can't register, and never reports status",
        (_Ask(("get",), "nodes", name=_SELF),),
        is_core=True,
    ),
    _Need(
        "report-status",
        "Report its status",
        "the node stays or goes NotReady",
        (_Ask(("patch",), "nodes/status", name=_SELF),),
        is_core=True,
    ),
    _Need(
        "renew-lease",
        "Renew its Lease",
        "NotReady after 40 s",
        (_Ask(("get", "create", "update"), "leases", _COORD, LEASE_NAMESPACE, _SELF, since=14),),
        is_core=True,
    ),
)

_BESIDE = (
    _Need(
        "watch-node",
        "Watch its own Node",
        "labels, taints and addresses of the node are not noticed; pods may not start",
        (_Ask(("list", "watch"), "nodes", name=_SELF, selector="metadata.name=<self>"),),
    ),
    _Need(
        "watch-pods",
        "Learn which pods to run",
        "scheduled pods never start",
        (_Ask(("list", "watch"), "pods", name="", selector="spec.nodeName=<self>"),),
    ),
    _Need(
        "report-pods",
        "Report pods, mirror static ones, remove ended ones",
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
        "pods that use a Secret or ConfigMap can't start",
        (
            _Ask(("get",), "secrets", namespace=ANY_NAMESPACE),
            _Ask(("get",), "configmaps", namespace=ANY_NAMESPACE),
        ),
    ),
    _Need(
        "request-tokens",
        "Request tokens for its pods' service accounts",
        "new pods can't start: their service account token can't be mounted",
        (_Ask(("create",), "serviceaccounts/token", namespace=ANY_NAMESPACE, since=12),),
    ),
    _Need(
        "read-services",
        "List Services and RuntimeClasses",
        "pods wait to start; those with a runtime class fail",
        (
            _Ask(("list", "watch"), "services", name=""),
            _Ask(("list", "watch"), "runtimeclasses", "node.k8s.io", name="", since=14),
        ),
    ),
    _Need(
        "mount-volumes",
        "Read what its pods' volumes need",
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
        "CSI volumes can't be attached to the node",
        (
            _Ask(("get", "create", "update"), "csinodes", _STORAGE, name=_SELF, since=14),
            _Ask(("list", "watch"), "csidrivers", _STORAGE, name="", since=14),
        ),
    ),
    _Need(
        "record-events",
        "Record events",
        "events of the node and its pods are lost",
        (_Ask(("create", "patch"), "events", namespace=ANY_NAMESPACE),),
    ),
    _Need(
        "check-callers",
        "Check who calls the kubelet",
        "kubectl logs and exec, and metrics of the node, fail",
        (
            _Ask(("create",), "tokenreviews", "authentication.k8s.io"),
            _Ask(("create",), "subjectaccessreviews", "authorization.k8s.io"),
        ),
    ),
    _Need(
        "renew-certificate",
        "Renew its certificate",
        "NotReady when its client certificate expires, where rotation is on",
        (
            _Ask(("create", "get"), "certificatesigningrequests", _CERTS),
            _Ask(("list", "watch"), "certificatesigningrequests", _CERTS, name=""),
        ),
    ),
)


@cache
def _asked(minor: int) -> tuple[tuple[_Need, tuple[_Ask, ...]], ...]:
    needs = []
    for need in (*_CORE, *_BESIDE):
        asks = tuple(ask for ask in need.asks if ask.since <= minor <= ask.until)
        if asks:
            needs.append((need, asks))
    return tuple(needs)


def needs_of(node: str, minor: int) -> tuple[Need, ...]:
    """What the kubelet of that node asks of an apiserver 1.`minor`, the core first."""
    return tuple(
        Need(
            need.id,
            need.title,
            need.without,
            tuple(request for ask in asks for request in _requests(ask, node)),
            need.is_core,
        )
        for need, asks in _asked(clamp(minor))
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
