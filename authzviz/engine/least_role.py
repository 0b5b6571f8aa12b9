"""The least role that reads what a verdict rests on: each permission, and which answers hang on it.

By version, distribution and depth: nothing is in it that is not read.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from authzviz.engine import permissions
from authzviz.engine.permissions import Permission
from authzviz.engine.versions import NEWEST_MINOR

FIRST_CONSTRAINED_MINOR = 36
"""From here on impersonation can be limited to one node and one request (ConstrainedImpersonation,
on by default: kubernetes v1.36.0 staging k8s.io/apiserver pkg/features/kube_features.go)."""

DISTRIBUTIONS = (
    "kubeadm",
    "kind",
    "kubespray",
    "k3s",
    "rke2",
    "kops",
    "talos",
    "openshift",
    "microk8s",
    "k0s",
    "eks",
    "aks",
    "gke",
    "unknown",
)
"""What `least_role` and `engine.distribution` tell apart."""

_KUBEADM = frozenset(("kubeadm", "kind", "kubespray", "unknown"))
_STATIC_PODS = _KUBEADM | {"kops", "rke2", "talos"}
_OPENSHIFT = frozenset(("openshift",))


@dataclass(frozen=True, slots=True)
class _Row:
    """A permission, and where it is needed: from one minor version on, before another, in some
    distributions.
    """

    permission: Permission
    since: int = 0
    before: int = NEWEST_MINOR + 1_000
    distributions: frozenset[str] | None = None

    def is_for(self, minor: int, distribution: str) -> bool:
        is_there = self.distributions is None or distribution in self.distributions
        return is_there and self.since <= minor < self.before


_POLL = (
    *map(_Row, permissions.LIST_RBAC.values()),
    _Row(permissions.GET_NODES),
    _Row(permissions.LIST_NODES),
    _Row(permissions.REVIEW_ACCESS),
    _Row(permissions.REVIEW_OWN_RULES),
    _Row(permissions.GET_VERSION),
    # Kubernetes 1.32 has it behind a feature gate, 1.36 by default.
    _Row(permissions.GET_FLAGZ, since=32),
    _Row(permissions.GET_METRICS),
    _Row(permissions.LIST_SIGNING_REQUESTS),
    _Row(permissions.LIST_STATIC_PODS, distributions=_STATIC_PODS),
    _Row(permissions.GET_KUBEADM_CONFIG, distributions=_KUBEADM),
    _Row(permissions.LIST_OPENSHIFT_PODS, distributions=_OPENSHIFT),
    _Row(permissions.GET_OPENSHIFT_CONFIG, distributions=_OPENSHIFT),
    # kube-node-lease is there from 1.14 on.
    _Row(permissions.LIST_LEASES, since=14),
    # EndpointSlices are asked first: older apiservers refuse before they say "no such thing".
    _Row(permissions.GET_ENDPOINT_SLICE),
    _Row(permissions.GET_ENDPOINTS, before=17),
)
_PODS = (
    _Row(permissions.LIST_PODS),
    _Row(permissions.LIST_CLAIMS),
    _Row(permissions.LIST_VOLUMES),
    _Row(permissions.LIST_ATTACHMENTS),
)
_PROBE = (
    _Row(permissions.BE_ANY_NODE, since=FIRST_CONSTRAINED_MINOR),
    _Row(permissions.CREATE_LEASES_AS_ANY_NODE, since=FIRST_CONSTRAINED_MINOR),
    _Row(permissions.BE_THE_PROBE_NODE, before=FIRST_CONSTRAINED_MINOR),
    _Row(permissions.BE_OF_ALL_NODES, before=FIRST_CONSTRAINED_MINOR),
)

EVER_READ = tuple(row.permission for row in (*_POLL, *_PODS))
"""What some version or distribution needs at some depth."""
EVER_PROBED = tuple(row.permission for row in _PROBE)
"""What NodeRestriction's dry-run probe needs in some version."""


@cache
def least_role(
    minor: int, distribution: str, *, with_pods: bool = False, with_probe: bool = False
) -> tuple[Permission, ...]:
    """The permissions that this version and distribution needs, those of every poll first.

    `with_pods` for what pods use, `with_probe` for NodeRestriction's dry-run probe. "unknown" is
    served as kubeadm is. Namespaces are only those that such a cluster has.
    """
    rows = (*_POLL, *(_PODS if with_pods else ()), *(_PROBE if with_probe else ()))
    found = [row.permission for row in rows if row.is_for(minor, distribution)]
    # Who may list pods everywhere needs no right to those of a namespace.
    return tuple(
        each for each in found if not (with_pods and each.resource == "pods" and each.namespace)
    )
