"""Why the Node authorizer has no opinion, in its own words of each version.

Source: kubernetes v1.37.2, v1.34.9, v1.31.14, v1.30.14, v1.28.15, v1.13.12 and v1.9.11,
plugin/pkg/auth/authorizer/node/node_authorizer.go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from authzviz.engine import gates
from authzviz.engine.gates import Settings
from authzviz.engine.request import LEASE_NAMESPACE, Request

NO_RULE = "no rule of the Node authorizer covers this request"
"""Our words, where an apiserver gives none."""


@dataclass(frozen=True, slots=True)
class _Asked:
    node: str
    request: Request
    minor: int
    settings: Settings

    def is_on(self, gate: str) -> bool:
        return gates.is_on(gate, self.minor, self.settings)

    @property
    def verb(self) -> str:
        return self.request.verb

    @property
    def subresource(self) -> str:
        return self.request.subresource


def why_no_opinion(node: str, request: Request, minor: int, settings: Settings) -> str:
    """What is said to a request that no rule allows; never empty."""
    if not node:
        return 'unknown node for user "system:node:"'
    words = _WORDS.get((request.group, request.resource))
    if request.path or words is None:
        return NO_RULE
    return words(_Asked(node, request, minor, settings)) or NO_RULE


def no_relation(node: str, minor: int) -> str:
    """What is said where the graph has no path from the object to the node."""
    if minor <= 13:
        return "no path found to object"
    quoted = f'"{node}"' if minor <= 18 else f"'{node}'"
    return f"no relationship found between node {quoted} and this object"


def _path(asked: _Asked) -> str:
    return no_relation(asked.node, asked.minor) if asked.request.name else "No Object name found"


def _get(asked: _Asked) -> str:
    if asked.verb != "get":
        return "can only get individual resources of this type"
    return "cannot get subresource" if asked.subresource else _path(asked)


def _read(asked: _Asked) -> str:
    if asked.minor < 11:
        return _get(asked)
    if asked.verb not in ("get", "list", "watch"):
        return "can only read resources of this type"
    if asked.subresource:
        return "cannot read subresource"
    if not asked.request.namespace:
        return "can only read namespaced object of this type"
    return _path(asked)


def _claim(asked: _Asked) -> str:
    if asked.subresource != "status" or not asked.is_on(gates.EXPAND_VOLUMES):
        return _get(asked)
    if asked.verb not in ("update", "patch"):
        return "can only get/update/patch this type"
    return _path(asked)


def _attachment(asked: _Asked) -> str:
    if asked.minor < 10:
        return ""
    return _disabled(asked, gates.CSI_VOLUME) or _get(asked)


def _resource_claim(asked: _Asked) -> str:
    return _get(asked) if asked.minor >= 28 else ""


def _service_account(asked: _Asked) -> str:
    if asked.minor < 10:
        return ""
    if asked.verb == "get" and not asked.subresource and asked.minor >= 33:
        is_on = asked.is_on(gates.CREDENTIAL_PROVIDERS) or asked.is_on(gates.POD_CERTIFICATE)
        return _read(asked) if is_on else "not allowed to get service accounts"
    return _disabled(asked, gates.TOKEN_REQUEST) or _token(asked)


def _token(asked: _Asked) -> str:
    if asked.verb != "create" or not asked.request.name:
        return "can only create tokens for individual service accounts"
    # A token of a named account hangs on the relation, which is not told here.
    return "can only create token subresource of serviceaccount"


def _lease(asked: _Asked) -> str:
    if asked.minor < 12:
        return ""
    if not asked.is_on(gates.NODE_LEASE):
        return _disabled(asked, gates.NODE_LEASE)
    if asked.verb not in _KEPT_VERBS:
        return "can only get, create, update, patch, or delete a node lease"
    if asked.request.namespace != LEASE_NAMESPACE:
        return f'can only access leases in the "{LEASE_NAMESPACE}" system namespace'
    return "can only access node lease with the same name as the requesting node"


def _csi_node_info(asked: _Asked) -> str:
    return _csi(asked, "CSINodeInfo") if asked.minor in (12, 13) else ""


def _csi_node(asked: _Asked) -> str:
    if asked.minor < 14:
        return ""
    if asked.subresource == "status" and asked.minor >= 37:
        return _csi_status(asked)
    return _csi(asked, "CSINode")


def _csi(asked: _Asked, kind: str) -> str:
    if not asked.is_on(gates.CSI_NODE_INFO):
        return _disabled(asked, gates.CSI_NODE_INFO)
    if asked.subresource and (asked.minor >= 37 or asked.verb in _KEPT_VERBS):
        return f"cannot authorize {kind} subresources"
    if asked.verb not in _KEPT_VERBS:
        return f"can only get, create, update, patch, or delete a {kind}"
    return f"can only access {kind} with the same name as the requesting node"


def _csi_status(asked: _Asked) -> str:
    if not asked.is_on(gates.CSI_VOLUME_HEALTH):
        return "CSINode status access requires CSIVolumeHealth feature"
    if asked.verb not in ("get", "update", "patch"):
        return "can only get, update, or patch CSINode status"
    return "can only access CSINode with the same name as the requesting node"


def _slice(asked: _Asked) -> str:
    if asked.minor < 30:
        return ""
    if asked.subresource:
        return "cannot authorize ResourceSlice subresources"
    if asked.verb in _KEPT_VERBS:
        return _path(asked)
    if asked.minor == 30:
        return "can only get, create, update, patch, or delete a ResourceSlice"
    if asked.verb in ("list", "watch", "deletecollection"):
        return "can only list/watch/deletecollection resourceslices with nodeName field selector"
    return (
        "only the following verbs are allowed for a ResourceSlice: get, watch, list, create,"
        " update, patch, delete, deletecollection"
    )


def _node(asked: _Asked) -> str:
    is_read = asked.verb in ("get", "list", "watch") and not asked.subresource
    if not is_read or not asked.is_on(gates.NODE_SELECTORS):
        return ""
    what = f"'{asked.request.name}'" if asked.request.name else "all nodes"
    return f"node '{asked.node}' cannot read {what}, only its own Node object"


def _pod(asked: _Asked) -> str:
    if asked.subresource or not asked.is_on(gates.NODE_SELECTORS):
        return ""
    if asked.verb == "get":
        return _path(asked)
    if asked.verb in ("list", "watch"):
        return "can only list/watch pods with spec.nodeName field selector"
    return ""


def _pod_certificate(asked: _Asked) -> str:
    if not asked.is_on(gates.POD_CERTIFICATE):
        return ""
    if asked.subresource:
        return "nodes may not access the status subresource of PodCertificateRequests"
    if asked.verb == "get":
        return _path(asked)
    if asked.verb in ("list", "watch"):
        return "can only list/watch podcertificaterequests with nodeName field selector"
    return f"nodes may not {asked.verb} podcertificaterequests"


def _disabled(asked: _Asked, gate: str) -> str:
    return "" if asked.is_on(gate) else f"disabled by feature gate {gate}"


_KEPT_VERBS = ("get", "create", "update", "patch", "delete")
_CERTS, _STORAGE, _DRA = "certificates.k8s.io", "storage.k8s.io", "resource.k8s.io"

_WORDS: dict[tuple[str, str], Callable[[_Asked], str]] = {
    ("", "secrets"): _read,
    ("", "configmaps"): _read,
    ("", "persistentvolumeclaims"): _claim,
    ("", "persistentvolumes"): _get,
    ("", "serviceaccounts"): _service_account,
    ("", "nodes"): _node,
    ("", "pods"): _pod,
    ("coordination.k8s.io", "leases"): _lease,
    ("csi.storage.k8s.io", "csinodeinfos"): _csi_node_info,
    (_STORAGE, "csinodes"): _csi_node,
    (_STORAGE, "volumeattachments"): _attachment,
    (_DRA, "resourceclaims"): _resource_claim,
    (_DRA, "resourceslices"): _slice,
    (_CERTS, "podcertificaterequests"): _pod_certificate,
}
