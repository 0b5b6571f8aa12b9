"""What credentials that only have to read may do beyond that, in words, worst first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from authzviz.engine.assessment import Severity
from authzviz.engine.identity import AUTHENTICATED_GROUP
from authzviz.engine.least_role import EVER_READ
from authzviz.engine.permissions import Permission
from authzviz.engine.phrases import listed
from authzviz.engine.rbac import Rbac, covers
from authzviz.engine.request import Request
from authzviz.engine.rules import PolicyRule

_SHOWN_KINDS = 5
_READ = ("get", "list", "watch")
_RBAC = "rbac.authorization.k8s.io"
_SEVERITIES = tuple(Severity)

_EVERYBODY = (
    PolicyRule(
        ("get", "head"),
        non_resource_urls=(
            "/api",
            "/api/*",
            "/apis",
            "/apis/*",
            "/healthz",
            "/healthz/*",
            "/livez",
            "/livez/*",
            "/readyz",
            "/readyz/*",
            "/openapi",
            "/openapi/*",
            "/swagger*",
            "/version",
            "/version/",
            "/.well-known/openid-configuration",
            "/.well-known/openid-configuration/",
            "/openid/v1/jwks",
            "/openid/v1/jwks/",
        ),
    ),
    PolicyRule(
        ("create",),
        ("authorization.k8s.io", "authentication.k8s.io"),
        ("selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews"),
    ),
    PolicyRule(_READ, ("certificates.k8s.io",), ("clustertrustbundles",)),
)
"""What every authenticated user, or every ServiceAccount, has by default.

Source: kubernetes v1.37.2 plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go
(system:discovery, system:basic-user, system:public-info-viewer,
system:service-account-issuer-discovery, system:cluster-trust-bundle-discovery).
"""

ANYTHING = "do anything with every resource"
_TAKES_OVER_VERBS = frozenset(("escalate", "bind", "impersonate", "approve", "sign"))
_ANY_VERB_TAKES_OVER = frozenset(
    ("secrets", "nodes/proxy", "pods/exec", "pods/attach", "pods/portforward", "pods/proxy")
)
"""Reading a Secret may be an administrator's token; `get` on nodes/proxy runs commands in pods
(kubernetes.io, "RBAC good practices")."""
_WRITES_TAKE_OVER = frozenset(
    (
        "certificatesigningrequests/approval",
        "clusterrolebindings",
        "clusterroles",
        "cronjobs",
        "daemonsets",
        "deployments",
        "jobs",
        "mutatingwebhookconfigurations",
        "nodes",
        "pods",
        "pods/ephemeralcontainers",
        "replicasets",
        "replicationcontrollers",
        "rolebindings",
        "roles",
        "serviceaccounts/token",
        "statefulsets",
        "validatingwebhookconfigurations",
    )
)


@dataclass(frozen=True, slots=True)
class Excess:
    """Verbs beyond the least role on one resource or path, in words.

    `severity` is high where it hands over the cluster, medium where it changes something, low where
    it only reads.
    """

    words: str
    severity: Severity


def excess_of(
    rules: tuple[PolicyRule, ...], rbac: Rbac, probed: tuple[Permission, ...] = ()
) -> tuple[Excess, ...]:
    """What the rules hold beyond the least role of any version with pods, worst first; what only
    reads is one line, since a role such as view has dozens.

    What every authenticated user may is no excess, nor is reading a kind in other ways that may be
    listed anyway. `probed` are permissions that are needed, too.
    """
    usual = _Usual((*_of_everybody(rbac), *(each.rule for each in probed)))
    found = dict.fromkeys(each for rule in rules for each in _beyond(rule, usual))
    worse = [Excess(words, severity) for severity, words, _ in found if severity != Severity.LOW]
    worse.sort(key=lambda each: (_SEVERITIES.index(each.severity), each.words != ANYTHING))
    kinds = [kind for severity, _, kind in found if severity is Severity.LOW]
    only_read = (Excess(_reads(kinds), Severity.LOW),) if kinds else ()
    return (*worse, *only_read)


def _reads(kinds: list[str]) -> str:
    kinds = list(dict.fromkeys(kinds))
    more = len(kinds) - _SHOWN_KINDS
    if more > 0:
        return f"read {', '.join(kinds[:_SHOWN_KINDS])} and {more} others"
    return f"read {listed(kinds)}"


def _of_everybody(rbac: Rbac) -> Iterator[PolicyRule]:
    """What this cluster lets every authenticated user do, where own rules are listed."""
    for reach in rbac.of_group(AUTHENTICATED_GROUP):
        if reach.binding.namespace in ("", "kube-system"):
            yield from reach.rules


def _least() -> Iterator[PolicyRule]:
    for permission in EVER_READ:
        yield permission.rule
        if permission.verb == "list":
            # Who may list a kind has all of it: getting or watching it tells no more.
            yield PolicyRule(_READ, (permission.group,), (permission.resource,))


_ByResource = dict[str, list[PolicyRule]]


def _by_resource(rules: Iterable[PolicyRule]) -> _ByResource:
    found: _ByResource = {}
    for rule in rules:
        for resource in rule.resources or ("",):
            found.setdefault(resource.partition("/")[0], []).append(rule)
    return found


_ALWAYS = _by_resource((*_EVERYBODY, *_least()))


class _Usual:
    """Rules that are no excess: those of every cluster, and some more."""

    __slots__ = ("_more",)

    def __init__(self, more: Iterable[PolicyRule]) -> None:
        self._more = _by_resource(more)

    def cover(self, request: Request) -> bool:
        """True where one of them allows the request; a star in it stands for itself."""
        kind = request.resource
        return any(
            covers(rule, request)
            for rules in (_ALWAYS, self._more)
            for candidates in (rules.get(kind, ()), rules.get("*", ()))
            for rule in candidates
        )


_Found = tuple[Severity, str, str]
"""Severity, words, and what it is about."""


def _beyond(rule: PolicyRule, usual: _Usual) -> Iterator[_Found]:
    for url in rule.non_resource_urls:
        verbs = [verb for verb in rule.verbs if not usual.cover(Request(verb, path=url))]
        if verbs:
            is_read = set(verbs) <= {"get", "head"}
            severity = Severity.LOW if is_read else Severity.MEDIUM
            yield severity, f"{_doing(verbs)} {_path(url)}", _path(url)
    names = rule.resource_names
    for resource in rule.resources:
        for group in rule.api_groups:
            verbs = [
                verb
                for verb in rule.verbs
                if not all(usual.cover(each) for each in _requests(verb, group, resource, names))
            ]
            if verbs:
                what = _what(group, resource, names)
                yield _severity(verbs, group, resource), f"{_doing(verbs)} {what}", what


def _requests(verb: str, group: str, resource: str, names: tuple[str, ...]) -> tuple[Request, ...]:
    kind, _, subresource = resource.partition("/")
    return tuple(Request(verb, kind, group, subresource, name=name) for name in names or ("",))


def _severity(verbs: list[str], group: str, resource: str) -> Severity:
    is_any = resource == "*"
    is_write = not set(verbs) <= set(_READ)
    if _TAKES_OVER_VERBS & {verb.partition(":")[0] for verb in verbs}:
        return Severity.HIGH
    if resource in _ANY_VERB_TAKES_OVER or (is_any and group in ("", "*")):
        return Severity.HIGH
    if is_write and (resource in _WRITES_TAKE_OVER or (is_any and group in (_RBAC, "apps"))):
        return Severity.HIGH
    return Severity.MEDIUM if is_write else Severity.LOW


def _doing(verbs: list[str]) -> str:
    return "do anything with" if "*" in verbs else ", ".join(verbs)


def _path(url: str) -> str:
    return "every path" if url in ("*", "/*") else url


def _what(group: str, resource: str, names: tuple[str, ...]) -> str:
    if resource == "*":
        return {"*": "every resource", "": "every core resource"}.get(
            group, f"every resource of {group}"
        )
    kind = f"{resource}.{group}" if group not in ("", "*") else resource
    return f"{kind} named {listed(list(names))}" if names else kind
