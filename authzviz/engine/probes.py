"""What an apiserver is asked about kubelets, as SubjectAccessReviews.

The questions are chosen so that the answers tell the authorizers apart, with no right of our own
but to ask: no rule of the Node authorizer allows the first, and it says so in its own words.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from authzviz.engine import told
from authzviz.engine.apiserver import OwnRules, Review
from authzviz.engine.assessment import Switch
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
    told.DELETE_VOLUME, _KUBELET, Request("delete", "persistentvolumes", name=_NOTHING)
)
GET_SECRET = Probe(
    told.GET_SECRET, _KUBELET, Request("get", "secrets", namespace="kube-system", name=_NOTHING)
)
GROUP_ONLY = Probe(told.GROUP_ONLY, replace(_KUBELET, user=_NODE), _GET_A_SERVICE)
GET_SERVICE = Probe(told.GET_SERVICE, _KUBELET, _GET_A_SERVICE)
NONSENSE = Probe(
    told.NONSENSE,
    Identity(_NODE, (AUTHENTICATED_GROUP,)),
    Request("probe", "nosuch", "probe.invalid"),
)
UPDATE_LEASE = Probe(
    told.UPDATE_LEASE,
    _KUBELET,
    Request("update", "leases", "coordination.k8s.io", namespace=LEASE_NAMESPACE, name=_NODE),
)

LIST_SECRETS = Probe("list-secrets", _KUBELET, Request("list", "secrets"))
LIST_PODS = Probe("list-pods", _KUBELET, Request("list", "pods"))
DELETE_NODE = Probe("delete-node", _KUBELET, Request("delete", "nodes", name=_NOTHING))
GET_NODE = Probe("get-node", _KUBELET, Request("get", "nodes", name=_NODE))
CREATE_NODE = Probe("create-node", _KUBELET, Request("create", "nodes"))
PATCH_STATUS = Probe(
    "patch-status", _KUBELET, Request("patch", "nodes", subresource="status", name=_NODE)
)

FIRST = (DELETE_VOLUME, GET_SECRET, GROUP_ONLY, GET_SERVICE, NONSENSE)
"""Asked of every apiserver, for a node that nobody has."""
OF_NODES = (UPDATE_LEASE, GET_SECRET)
"""Asked for single nodes, and for one that nobody has to compare with."""
LEAKS = (LIST_SECRETS, LIST_PODS, DELETE_NODE)
"""What, beside a Secret of nobody's pod, no kubelet should get: what a webhook may give it."""
CORE = (GET_NODE, CREATE_NODE, PATCH_STATUS, UPDATE_LEASE)
"""What no kubelet can do without."""
ALL = (*FIRST, *LEAKS, *CORE)
"""Every question there is."""


def follow_up(reviews: tuple[Review, ...], rules: OwnRules | None) -> tuple[Probe, ...]:
    """What else to ask an apiserver, after its answers to FIRST: only what decides.

    `rules` is None where they could not be read. Where the chain is told completely, and every
    authorizer in it shows what it allows, nothing more is needed.
    """
    chain = told.told_by(reviews, rules)
    if chain.always_allow is Switch.ON or (chain.is_complete and not chain.opaque):
        return ()
    if not reviews:
        return ()  # who may not ask, or gets no answer, won't get more
    # A webhook that is asked before Node may deny any single thing.
    return (*LEAKS, *CORE)
