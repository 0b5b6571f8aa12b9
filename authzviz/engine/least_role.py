"""The least role that reads what a verdict rests on: each permission, and which answers hang on it.

By version, distribution and depth: nothing is in it that is not read.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from authzviz.engine.request import LEASE_NAMESPACE, Request
from authzviz.engine.rules import PolicyRule
from authzviz.engine.versions import NEWEST_MINOR

PROBE_NODE = "authzviz-probe"
"""The node that NodeRestriction is probed as, where that is turned on: no Node is called so."""
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

_RBAC, _AUTHORIZATION = "rbac.authorization.k8s.io", "authorization.k8s.io"
_OPENSHIFT = "openshift-kube-apiserver"
_KUBEADM = frozenset(("kubeadm", "kind", "kubespray", "unknown"))
_STATIC_PODS = _KUBEADM | {"kops", "rke2", "talos"}

_GRANTS = "which roles reach the kubelets, and what they grant them"
_FLAGS = "the flags of apiservers that run as static pods"
_NODES = "which nodes exist, how they are, and what installed them"
_GRAPH = "which node uses which secrets, config maps, claims and volumes"
_RESTRICTION = "whether NodeRestriction is on, by a Lease that is never stored (dry run)"


@dataclass(frozen=True, slots=True)
class Permission:
    """One right: a verb on a resource or a path, everywhere or in one namespace.

    `answers` says in words what hangs on it. Without what `is_optional` a verdict is as certain.
    """

    verb: str
    resource: str = ""
    group: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""
    answers: str = ""
    is_optional: bool = False

    @property
    def words(self) -> str:
        """As reads say which permission they need: "get configmaps kubeadm-config in kube-system".

        The name is in it, where the right is to one object alone.
        """
        if self.path:
            return f"{self.verb} {self.path}"
        kind = f"{self.resource}.{self.group}" if self.group else self.resource
        words = f"{self.verb} {kind} {self.name}".rstrip()
        return f"{words} in {self.namespace}" if self.namespace else words

    @property
    def request(self) -> Request:
        """A request that needs just this."""
        resource, _, subresource = self.resource.partition("/")
        return Request(
            self.verb,
            resource,
            self.group,
            subresource,
            self.namespace,
            self.name,
            path=self.path,
        )

    @property
    def rule(self) -> PolicyRule:
        """The rule that grants just this, in its namespace."""
        if self.path:
            return PolicyRule((self.verb,), non_resource_urls=(self.path,))
        names = (self.name,) if self.name else ()
        return PolicyRule((self.verb,), (self.group,), (self.resource,), names)


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
    *(
        _Row(Permission("list", resource, _RBAC, answers=_GRANTS))
        for resource in ("clusterroles", "clusterrolebindings", "roles", "rolebindings")
    ),
    _Row(Permission("get", "nodes", answers=_NODES)),
    _Row(Permission("list", "nodes", answers=_NODES)),
    _Row(
        Permission(
            "create",
            "subjectaccessreviews",
            _AUTHORIZATION,
            answers="what the apiservers answer to kubelets, whatever their flags say",
        )
    ),
    _Row(
        Permission(
            "create",
            "selfsubjectrulesreviews",
            _AUTHORIZATION,
            answers="whether a webhook is in the chain, and what these credentials may do",
        )
    ),
    _Row(
        Permission("get", path="/version", answers="which rules this version's Node authorizer has")
    ),
    _Row(
        # Kubernetes 1.32 has it behind a feature gate, 1.36 by default.
        Permission(
            "get", path="/flagz", answers="the flags of the apiserver that answers, as it runs"
        ),
        since=32,
    ),
    _Row(
        Permission(
            "get",
            path="/metrics",
            answers="which authorizers and admission plugins work, where no flags can be read",
        )
    ),
    _Row(
        Permission(
            "list",
            "certificatesigningrequests",
            "certificates.k8s.io",
            answers="which kubelet certificates were asked for lately",
            is_optional=True,
        )
    ),
    _Row(
        Permission("list", "pods", namespace="kube-system", answers=_FLAGS),
        distributions=_STATIC_PODS,
    ),
    _Row(
        Permission(
            "get",
            "configmaps",
            namespace="kube-system",
            name="kubeadm-config",
            answers="what kubeadm would set the flags to at the next upgrade",
        ),
        distributions=_KUBEADM,
    ),
    _Row(
        Permission("list", "pods", namespace=_OPENSHIFT, answers=_FLAGS),
        distributions=frozenset(("openshift",)),
    ),
    _Row(
        Permission(
            "get",
            "configmaps",
            namespace=_OPENSHIFT,
            name="config",
            answers="the apiservers' flags, which OpenShift keeps there",
        ),
        distributions=frozenset(("openshift",)),
    ),
    _Row(
        Permission(
            "list",
            "leases",
            "coordination.k8s.io",
            LEASE_NAMESPACE,
            answers="which nodes are heard of right now",
        ),
        # kube-node-lease is there from 1.14 on.
        since=14,
    ),
    _Row(
        Permission(
            "get",
            "endpointslices",
            "discovery.k8s.io",
            "default",
            "kubernetes",
            answers="how many apiservers there are, and where",
        )
    ),
    _Row(
        # EndpointSlices are asked first: older apiservers refuse before they say "no such thing".
        Permission(
            "get",
            "endpoints",
            namespace="default",
            name="kubernetes",
            answers="the same, before Kubernetes 1.17",
        ),
        before=17,
    ),
)
_PODS = tuple(
    _Row(Permission("list", resource, group, answers=_GRAPH, is_optional=True))
    for resource, group in (
        ("pods", ""),
        ("persistentvolumeclaims", ""),
        ("persistentvolumes", ""),
        ("volumeattachments", "storage.k8s.io"),
    )
)
_PROBE = (
    _Row(
        Permission(
            "impersonate:arbitrary-node",
            "nodes",
            "authentication.k8s.io",
            name=PROBE_NODE,
            answers=_RESTRICTION,
            is_optional=True,
        ),
        since=FIRST_CONSTRAINED_MINOR,
    ),
    _Row(
        Permission(
            "impersonate-on:arbitrary-node:create",
            "leases",
            "coordination.k8s.io",
            LEASE_NAMESPACE,
            answers=_RESTRICTION,
            is_optional=True,
        ),
        since=FIRST_CONSTRAINED_MINOR,
    ),
    _Row(
        Permission(
            "impersonate",
            "users",
            name=f"system:node:{PROBE_NODE}",
            answers=_RESTRICTION,
            is_optional=True,
        ),
        before=FIRST_CONSTRAINED_MINOR,
    ),
    _Row(
        Permission(
            "impersonate", "groups", name="system:nodes", answers=_RESTRICTION, is_optional=True
        ),
        before=FIRST_CONSTRAINED_MINOR,
    ),
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
