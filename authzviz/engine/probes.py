"""What an apiserver is asked about kubelets, as SubjectAccessReviews.

The questions are chosen so that the answers tell the authorizers apart, with no right of our own
but to ask: no rule of the Node authorizer allows the first, and it says so in its own words.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from authzviz.engine.identity import AUTHENTICATED_GROUP, NODE_USER_PREFIX, NODES_GROUP, Identity
from authzviz.engine.request import LEASE_NAMESPACE, Request

_NODE, _NOTHING = "<node>", "<nothing>"
_KUBELET = Identity(NODE_USER_PREFIX + _NODE, (NODES_GROUP, AUTHENTICATED_GROUP))


@dataclass(frozen=True, slots=True)
class Probe:
    """One question: who asks for what, both for a node whose name is still open."""

    id: str
    identity: Identity
    request: Request

    def about(self, node: str, nothing: str) -> tuple[Identity, Request]:
        """The question about this node; `nothing` is a name that no object has."""
        name = {_NODE: node, _NOTHING: nothing}.get(self.request.name, self.request.name)
        user = self.identity.user.replace(_NODE, node)
        return replace(self.identity, user=user), replace(self.request, name=name)


_GET_A_SERVICE = Request("get", "services", namespace="default", name=_NOTHING)

DELETE_VOLUME = Probe(
    "delete-volume", _KUBELET, Request("delete", "persistentvolumes", name=_NOTHING)
)
GET_SECRET = Probe(
    "get-secret", _KUBELET, Request("get", "secrets", namespace="kube-system", name=_NOTHING)
)
GROUP_ONLY = Probe("group-only", replace(_KUBELET, user=_NODE), _GET_A_SERVICE)
GET_SERVICE = Probe("get-service", _KUBELET, _GET_A_SERVICE)
NONSENSE = Probe(
    "nonsense",
    Identity(_NODE, (AUTHENTICATED_GROUP,)),
    Request("probe", "nosuch", "probe.invalid"),
)
UPDATE_LEASE = Probe(
    "update-lease",
    _KUBELET,
    Request("update", "leases", "coordination.k8s.io", namespace=LEASE_NAMESPACE, name=_NODE),
)

FIRST = (DELETE_VOLUME, GET_SECRET, GROUP_ONLY, GET_SERVICE, NONSENSE)
"""Asked of every apiserver, for a node that nobody has."""
OF_NODES = (UPDATE_LEASE, GET_SECRET)
"""Asked for single nodes, and for one that nobody has to compare with."""
