"""What a grant gives a kubelet beyond the Node authorizer, in words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from authzviz.engine.exposed import exposed, exposed_path
from authzviz.engine.gates import BY_DEFAULT, Settings
from authzviz.engine.model import PolicyRule
from authzviz.engine.node import NODE_RULES, Limit, NodeRule, rules_for

_READ = frozenset(("get", "list", "watch"))
_BENIGN_URLS = frozenset(
    (
        "/api",
        "/apis",
        "/healthz",
        "/livez",
        "/readyz",
        "/openapi",
        "/version",
        "/version/",
        "/swaggerapi",
        "/swagger.json",
        "/swagger-2.0.0.pb-v1",
        "/swagger-2.0.0.json",
        "/.well-known/openid-configuration",
        "/.well-known/openid-configuration/",
        "/openid/v1/jwks",
        "/openid/v1/jwks/",
    )
)
_BENIGN_URL_TREES = (
    "/api/",
    "/apis/",
    "/healthz/",
    "/livez/",
    "/readyz/",
    "/openapi/",
    "/version/",
    "/swaggerapi/",
)
_BENIGN_VERBS: dict[tuple[str, str], frozenset[str]] = {
    ("authorization.k8s.io", "selfsubjectaccessreviews"): frozenset(("create",)),
    ("authorization.k8s.io", "selfsubjectrulesreviews"): frozenset(("create",)),
    ("authentication.k8s.io", "selfsubjectreviews"): frozenset(("create",)),
    ("certificates.k8s.io", "certificatesigningrequests/selfnodeclient"): frozenset(("create",)),
    ("certificates.k8s.io", "certificatesigningrequests/selfnodeserver"): frozenset(("create",)),
    ("", "services"): _READ,
    ("", "endpoints"): _READ,
    ("discovery.k8s.io", "endpointslices"): _READ,
    ("policy", "podsecuritypolicies"): frozenset(("use",)),
    ("extensions", "podsecuritypolicies"): frozenset(("use",)),
}
_BENIGN_CONFIGMAPS = ("kubelet-config", "worker-config")

_CLUSTER_SCOPED = frozenset(
    (
        "nodes",
        "persistentvolumes",
        "volumeattachments",
        "csinodes",
        "csinodeinfos",
        "csidrivers",
        "runtimeclasses",
        "storageclasses",
        "certificatesigningrequests",
        "clustertrustbundles",
        "tokenreviews",
        "subjectaccessreviews",
        "selfsubjectaccessreviews",
        "selfsubjectrulesreviews",
        "selfsubjectreviews",
        "clusterroles",
        "clusterrolebindings",
        "resourceslices",
        "componentstatuses",
        "customresourcedefinitions",
        "priorityclasses",
        "mutatingwebhookconfigurations",
        "validatingwebhookconfigurations",
        "apiservices",
        "podsecuritypolicies",
        "ingressclasses",
    )
)
"""Resources that no RoleBinding can grant."""

_BUILT_IN_GROUPS = frozenset(
    {group for group, _ in _BENIGN_VERBS}
    | {rule.group for rule in NODE_RULES}
    | {"apps", "batch", "autoscaling", "networking.k8s.io", "rbac.authorization.k8s.io"}
)

# Worst first: what hands over the cluster, then secrets, then control of other nodes' pods.
_WORST = (
    "secrets",
    "serviceaccounts/token",
    "clusterrolebindings",
    "clusterroles",
    "rolebindings",
    "roles",
    "certificatesigningrequests/approval",
    "nodes/proxy",
    "pods/exec",
    "pods/attach",
    "configmaps",
    "pods",
    "nodes",
    "leases",
    "persistentvolumes",
    "persistentvolumeclaims",
)
_WORST_VERBS = frozenset(("*", "impersonate", "escalate", "bind", "approve", "sign"))


@dataclass(frozen=True, slots=True, order=True)
class Excess:
    """Verbs beyond the Node authorizer on one resource, in words; sorts worst first.

    `exposes` is what they lay open: "every Secret of the cluster".
    """

    rank: int
    words: str
    exposes: str = ""


@dataclass(frozen=True, slots=True)
class _Scope:
    """Where a grant reaches whom, and by which rules of the Node authorizer it is measured."""

    namespace: str
    owner: str | None
    minor: int
    settings: Settings


def excess_of(
    rules: tuple[PolicyRule, ...],
    *,
    namespace: str,
    owner: str | None,
    minor: int,
    settings: Settings = BY_DEFAULT,
) -> tuple[Excess, ...]:
    """What the rules give beyond Node authorizer and benign rules, worst first.

    `namespace` is that of a RoleBinding, empty for a ClusterRoleBinding; `owner` the one node that
    the grant reaches, None where it reaches them all. A relation counts as absent: get on secrets
    by name is beyond even while a pod of the node uses it. Wildcards are always beyond.
    """
    found: set[Excess] = set()
    scope = _Scope(namespace, owner, minor, settings)
    for rule in rules:
        found.update(_paths(rule, namespace))
        found.update(_resources(rule, scope))
    return tuple(sorted(found))


def _paths(rule: PolicyRule, namespace: str) -> list[Excess]:
    if namespace or not rule.non_resource_urls:
        return []
    urls = [url for url in rule.non_resource_urls if not _is_benign_url(url)]
    if set(rule.verbs) - {"get", "head"}:
        urls = list(rule.non_resource_urls)
    verbs = "use every verb on" if "*" in rule.verbs else ", ".join(rule.verbs)
    return [Excess(len(_WORST) + 2, f"{verbs} {url}", exposed_path(url)) for url in urls]


def _is_benign_url(url: str) -> bool:
    plain = url.rstrip("*")
    return url in _BENIGN_URLS or plain.startswith(_BENIGN_URL_TREES)


def _resources(rule: PolicyRule, scope: _Scope) -> list[Excess]:
    found = []
    for resource in rule.resources:
        for group in rule.api_groups:
            if _grants_nothing(group, resource, scope.namespace):
                continue
            verbs = tuple(
                verb for verb in rule.verbs if not _is_allowed(verb, group, resource, rule, scope)
            )
            if verbs:
                found.append(_worded(verbs, group, resource, rule, scope.namespace))
    return found


def _grants_nothing(group: str, resource: str, namespace: str) -> bool:
    """True for what no request can match: such pairs come with lists of groups and resources."""
    if resource.endswith("/*"):
        return True
    if namespace and resource.split("/", maxsplit=1)[0] in _CLUSTER_SCOPED:
        return True
    homes = _homes().get(resource)
    return homes is not None and group in _BUILT_IN_GROUPS and group not in homes


@cache
def _homes() -> dict[str, frozenset[str]]:
    homes: dict[str, set[str]] = {}
    for group, resource in [*_BENIGN_VERBS, *((rule.group, rule.resource) for rule in NODE_RULES)]:
        homes.setdefault(resource, set()).add(group)
    homes["events"].add("events.k8s.io")
    return {resource: frozenset(groups) for resource, groups in homes.items()}


def _is_allowed(verb: str, group: str, resource: str, rule: PolicyRule, scope: _Scope) -> bool:
    if verb in _BENIGN_VERBS.get((group, resource), ()):
        return True
    names = rule.resource_names
    if (group, resource, verb, scope.namespace) == ("", "configmaps", "get", "kube-system"):
        return bool(names) and all(_is_benign_configmap(name) for name in names)
    return any(
        verb in node_rule.verbs and _is_within(node_rule, names, scope)
        for node_rule in rules_for(scope.minor, group, resource, scope.settings)
    )


def _is_benign_configmap(name: str) -> bool:
    return name == "kubeadm-config" or name.startswith(_BENIGN_CONFIGMAPS)


def _is_within(node_rule: NodeRule, names: tuple[str, ...], scope: _Scope) -> bool:
    if node_rule.namespace and node_rule.namespace != scope.namespace:
        return False
    if node_rule.limit is Limit.FREE:
        return True
    is_own = bool(names) and all(name == scope.owner for name in names)
    return node_rule.limit is Limit.OWN and is_own


def _worded(
    verbs: tuple[str, ...], group: str, resource: str, rule: PolicyRule, namespace: str
) -> Excess:
    doing = "do anything with" if "*" in verbs else ", ".join(verbs)
    everywhere, of_all = ("", "") if _is_cluster_scoped(resource) else _EVERYWHERE
    where = f"in namespace {namespace}" if namespace else everywhere
    named = f" named {', '.join(rule.resource_names)}" if rule.resource_names else ""
    words = f"{doing} {_what(group, resource)}{named} {where}".rstrip()
    whose = where if namespace else of_all
    exposes = exposed(verbs, group, resource, rule.resource_names, whose)
    return Excess(_rank(verbs, resource), words, exposes)


_EVERYWHERE = ("in every namespace", "of the cluster")


def _is_cluster_scoped(resource: str) -> bool:
    return resource.split("/", maxsplit=1)[0] in _CLUSTER_SCOPED


def _what(group: str, resource: str) -> str:
    if resource == "*":
        return {"*": "every resource", "": "every core resource"}.get(
            group, f"every resource of {group}"
        )
    known = {"", "*"} | _homes().get(resource, frozenset())
    return resource if group in known else f"{resource}.{group}"


def rank_of(resource: str) -> int:
    """How bad it is to reach that resource: smaller is worse."""
    return _WORST.index(resource) + 1 if resource in _WORST else len(_WORST) + 1


def _rank(verbs: tuple[str, ...], resource: str) -> int:
    if resource == "*" or (resource.startswith("*/") and "*" in verbs):
        return 0
    rank = rank_of(resource)
    return min(rank, 3) if _WORST_VERBS & set(verbs) - {"*"} else rank
