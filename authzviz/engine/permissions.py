"""Every permission that a read needs: what it is called, and which answers hang on it.

Reads in `kube` name theirs from here, and the least role is made of them: neither can know one that
the other does not.
"""

from __future__ import annotations

from dataclasses import dataclass

from authzviz.engine.identity import NODE_USER_PREFIX, NODES_GROUP
from authzviz.engine.request import LEASE_NAMESPACE, Request
from authzviz.engine.rules import PolicyRule

PROBE_NODE = "authzviz-probe"
"""The node that NodeRestriction is probed as, where that is turned on: no Node is called so."""

_RBAC, _AUTHORIZATION = "rbac.authorization.k8s.io", "authorization.k8s.io"
_OPENSHIFT = "openshift-kube-apiserver"

_FLAGS = "the flags of apiservers that run as static pods"
_NODES = "which nodes exist, how they are, and what installed them"
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


LIST_RBAC = {
    resource: Permission(
        "list",
        resource,
        _RBAC,
        answers="which roles reach the kubelets, and what they grant them",
    )
    for resource in ("clusterroles", "clusterrolebindings", "roles", "rolebindings")
}
GET_NODES = Permission("get", "nodes", answers=_NODES)
LIST_NODES = Permission("list", "nodes", answers=_NODES)
REVIEW_ACCESS = Permission(
    "create",
    "subjectaccessreviews",
    _AUTHORIZATION,
    answers="what the apiservers answer to kubelets, whatever their flags say",
)
REVIEW_OWN_RULES = Permission(
    "create",
    "selfsubjectrulesreviews",
    _AUTHORIZATION,
    answers="whether a webhook is in the chain, and what these credentials may do",
)
GET_VERSION = Permission(
    "get", path="/version", answers="which rules this version's Node authorizer has"
)
GET_FLAGZ = Permission(
    "get", path="/flagz", answers="the flags of the apiserver that answers, as it runs"
)
GET_METRICS = Permission(
    "get",
    path="/metrics",
    answers="which authorizers and admission plugins work, where no flags can be read",
)
LIST_SIGNING_REQUESTS = Permission(
    "list",
    "certificatesigningrequests",
    "certificates.k8s.io",
    answers="which kubelet certificates were asked for lately",
    is_optional=True,
)
LIST_STATIC_PODS = Permission("list", "pods", namespace="kube-system", answers=_FLAGS)
GET_KUBEADM_CONFIG = Permission(
    "get",
    "configmaps",
    namespace="kube-system",
    name="kubeadm-config",
    answers="what kubeadm would set the flags to at the next upgrade",
)
LIST_OPENSHIFT_PODS = Permission("list", "pods", namespace=_OPENSHIFT, answers=_FLAGS)
GET_OPENSHIFT_CONFIG = Permission(
    "get",
    "configmaps",
    namespace=_OPENSHIFT,
    name="config",
    answers="the apiservers' flags, which OpenShift keeps there",
)
LIST_LEASES = Permission(
    "list",
    "leases",
    "coordination.k8s.io",
    LEASE_NAMESPACE,
    answers="which nodes are heard of right now",
)
GET_ENDPOINT_SLICE = Permission(
    "get",
    "endpointslices",
    "discovery.k8s.io",
    "default",
    "kubernetes",
    answers="how many apiservers there are, and where",
)
GET_ENDPOINTS = Permission(
    "get",
    "endpoints",
    namespace="default",
    name="kubernetes",
    answers="the same, before Kubernetes 1.17",
)


def _of_pods(resource: str, group: str = "") -> Permission:
    answers = "which node uses which secrets, config maps, claims and volumes"
    return Permission("list", resource, group, answers=answers, is_optional=True)


LIST_PODS = _of_pods("pods")
LIST_CLAIMS = _of_pods("persistentvolumeclaims")
LIST_VOLUMES = _of_pods("persistentvolumes")
LIST_ATTACHMENTS = _of_pods("volumeattachments", "storage.k8s.io")


def _of_probe(verb: str, resource: str, group: str = "", *, name: str = "") -> Permission:
    namespace = LEASE_NAMESPACE if resource == "leases" else ""
    return Permission(
        verb, resource, group, namespace, name, answers=_RESTRICTION, is_optional=True
    )


BE_ANY_NODE = _of_probe(
    "impersonate:arbitrary-node", "nodes", "authentication.k8s.io", name=PROBE_NODE
)
CREATE_LEASES_AS_ANY_NODE = _of_probe(
    "impersonate-on:arbitrary-node:create", "leases", "coordination.k8s.io"
)
BE_THE_PROBE_NODE = _of_probe("impersonate", "users", name=NODE_USER_PREFIX + PROBE_NODE)
BE_OF_ALL_NODES = _of_probe("impersonate", "groups", name=NODES_GROUP)
