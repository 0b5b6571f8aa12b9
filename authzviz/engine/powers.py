"""What whoever holds one kubelet's certificate may do, beyond what that kubelet needs, in words.

Every authorizer of every apiserver counts, since a thief may choose among them; NodeRestriction
takes away again what it refuses after the decision.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from authzviz.engine.assessment import ApiServerState
from authzviz.engine.beyond import Excess, excess_of, rank_of
from authzviz.engine.classes import NodeClass
from authzviz.engine.graph import OwnObjects
from authzviz.engine.model import PolicyRule
from authzviz.engine.node import Limit, rules_in_force
from authzviz.engine.phrases import counted
from authzviz.engine.rbac import covers
from authzviz.engine.request import Request
from authzviz.engine.versions import NEWEST_MINOR

_READ = frozenset(("get", "list", "watch"))
_ALL = (
    PolicyRule(("*",), ("*",), ("*",)),
    PolicyRule(("*",), non_resource_urls=("*",)),
)


@dataclass(frozen=True, slots=True)
class Power:
    """One verb on one resource or path, everywhere or in one namespace."""

    verb: str
    group: str = ""
    resource: str = ""
    names: tuple[str, ...] = ()
    path: str = ""
    namespace: str = ""

    @property
    def requests(self) -> tuple[Request, ...]:
        """Requests that only a rule as wide as this one covers; a star stands for itself."""
        resource, _, subresource = self.resource.partition("/")
        return tuple(
            Request(
                self.verb, resource, self.group, subresource, self.namespace, name, path=self.path
            )
            for name in self.names or ("",)
        )


@dataclass(frozen=True, slots=True)
class Powers:
    """All that one kubelet's identity may do on one side of a change.

    `rules` are those that a binding or an authorizer gives, by namespace ("" everywhere).
    `is_restricted` where NodeRestriction is on at every apiserver.
    """

    rules: dict[str, tuple[PolicyRule, ...]]
    singles: frozenset[Power]
    is_node_on: bool
    is_restricted: bool

    def has(self, power: Power) -> bool:
        """True where this side allows it too."""
        if power in self.singles:
            return True
        if self.is_restricted and _refused_by_restriction(power):
            return False
        rules = self.rules.get("", ())
        if power.namespace:
            rules = (*rules, *self.rules.get(power.namespace, ()))
        return all(any(covers(rule, request) for rule in rules) for request in power.requests)


def powers_of(
    nodes: NodeClass, states: tuple[ApiServerState, ...], minor: int, *, is_restricted: bool
) -> Powers:
    """What a node of the class may do. Where the modes of an apiserver can't be told, bindings
    count, and the Node authorizer does not.
    """
    modes: set[str] = set()
    for state in states:
        modes.update(("RBAC",) if state.authorization_modes is None else state.authorization_modes)
    rules: dict[str, tuple[PolicyRule, ...]] = {"": ()}
    if "RBAC" in modes or not states:
        for reach in nodes.reaches:
            namespace = reach.binding.namespace
            rules[namespace] = (*rules.get(namespace, ()), *reach.rules)
    for namespace, rule in _free_rules(states, minor):
        rules[namespace] = (*rules.get(namespace, ()), rule)
    if "AlwaysAllow" in modes:
        rules = {"": _ALL}
    singles = frozenset(
        power
        for namespace, given in rules.items()
        for power in _singles(given, namespace)
        if not (is_restricted and _refused_by_restriction(power))
    )
    return Powers(rules, singles, "Node" in modes, is_restricted)


def lacking(these: Powers, others: Powers) -> tuple[Power, ...]:
    """What these powers hold and the others don't."""
    if these.singles == others.singles:
        return ()
    return tuple(power for power in these.singles if not others.has(power))


def in_words(powers: Iterable[Power], owner: str, minor: int) -> tuple[str, ...]:
    """The powers in words, worst first, without what the kubelet of `owner` needs in 1.`minor`."""
    plain: dict[tuple[str, PolicyRule], set[str]] = {}
    found: set[Excess] = set()
    for power in powers:
        phrase = _phrase(power)
        if phrase:
            where = f" in namespace {power.namespace}" if power.namespace else ""
            found.add(Excess(rank_of(phrase.resource), phrase.words + where))
            continue
        key = (power.namespace, _rule(power, ()))
        plain.setdefault(key, set()).add(power.verb)
    for (namespace, rule), verbs in plain.items():
        whole = PolicyRule(
            tuple(sorted(verbs, key=_verb_order)),
            rule.api_groups,
            rule.resources,
            rule.resource_names,
            rule.non_resource_urls,
        )
        found.update(excess_of((whole,), namespace=namespace, owner=owner, minor=minor))
    return tuple(excess.words for excess in sorted(found))


@dataclass(frozen=True, slots=True)
class Radius:
    """What a thief of one kubelet certificate reads and changes, in words, worst first.

    `is_every_secret` where it reads any Secret of any namespace without starting a pod for it. Not
    `is_whole` where what was not read, or no API shows, may let it do more.
    """

    reads: tuple[str, ...]
    changes: tuple[str, ...]
    is_every_secret: bool = False
    is_whole: bool = True


_OWN_READS = "the Secrets, ConfigMaps and volumes of the pods on its own node"
_OWN_CHANGES = "its own Node and Lease, and the pods on it"
_ANY_SECRET = Request("get", "secrets")
_REPORT_STATUS = Request("patch", "nodes", subresource="status")


def radius_of(
    powers: Powers, owner: str, own: OwnObjects | None = None, *, is_whole: bool = True
) -> Radius:
    """The blast radius of one certificate: nothing at all where no authorizer lets it in.

    `own` counts what the pods on the kubelet's node name, None where pods were not read;
    `is_whole` is as in Radius. Said is whatever the newest Node authorizer would not give it, even
    where an older one does.
    """
    reading = (power for power in powers.singles if power.verb in _READ or power.verb == "*")
    changing = (power for power in powers.singles if power.verb not in _READ)
    reads = in_words(reading, owner, NEWEST_MINOR)
    changes = in_words(changing, owner, NEWEST_MINOR)
    if powers.is_node_on:
        reads = (*reads, _own_reads(own) if own else _OWN_READS)
    if any(covers(rule, _REPORT_STATUS) for rule in powers.rules[""]):
        changes = (*changes, _OWN_CHANGES)
    is_every_secret = any(covers(rule, _ANY_SECRET) for rule in powers.rules[""])
    return Radius(reads, changes, is_every_secret, is_whole)


def _own_reads(own: OwnObjects) -> str:
    least = "" if own.is_whole else "at least "
    return (
        f"{least}{counted(own.secrets, 'Secret')} and {counted(own.config_maps, 'ConfigMap')}"
        f" of the {counted(own.pods, 'pod')} on {own.node}, and the volumes of these"
    )


def _free_rules(states: tuple[ApiServerState, ...], minor: int) -> Iterator[tuple[str, PolicyRule]]:
    """What the Node authorizer gives every node for all objects; the rest is about its own."""
    settings = {s.feature_gates for s in states if "Node" in (s.authorization_modes or ())}
    for rule in {rule: None for each in settings for rule in rules_in_force(minor, each)}:
        if rule.limit is Limit.FREE:
            yield rule.namespace, PolicyRule(rule.verbs, (rule.group,), (rule.resource,))


def _singles(rules: Iterable[PolicyRule], namespace: str) -> Iterator[Power]:
    for rule in rules:
        for verb in rule.verbs:
            for resource in rule.resources:
                for group in rule.api_groups:
                    yield Power(verb, group, resource, rule.resource_names, "", namespace)
            if not namespace:
                for url in rule.non_resource_urls:
                    yield Power(verb, path=url)


def _rule(power: Power, verbs: tuple[str, ...]) -> PolicyRule:
    if power.path:
        return PolicyRule(verbs, non_resource_urls=(power.path,))
    return PolicyRule(verbs, (power.group,), (power.resource,), power.names)


_VERBS = (
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
)


def _verb_order(verb: str) -> tuple[int, str]:
    return (_VERBS.index(verb) if verb in _VERBS else len(_VERBS)), verb


@dataclass(frozen=True, slots=True)
class _Phrase:
    """In words what a node may do to others without NodeRestriction; "" where the verbs say it."""

    resource: str
    words: str = ""


_OTHER_NODES = _Phrase("nodes", "change other nodes: their status, labels and taints")
_OTHER_PODS = _Phrase("pods", "delete, evict and misreport pods of other nodes")
_OWN_PODS = _Phrase("secrets", "start pods on its node that use, and so read, any Secret")
_TOKENS = _Phrase("serviceaccounts/token", "request tokens of any service account")
_OTHER_OBJECTS = _Phrase("leases")
_UPDATES, _LEASE = ("update", "patch"), "coordination.k8s.io"
_ANY_WRITE = ("create", *_UPDATES, "delete")
_RESTRICTED: dict[tuple[str, str, str], _Phrase] = {
    **{(verb, "", "nodes"): _OTHER_NODES for verb in (*_UPDATES, "delete")},
    **{(verb, "", "nodes/status"): _OTHER_NODES for verb in _UPDATES},
    ("create", "", "pods"): _OWN_PODS,
    ("delete", "", "pods"): _OTHER_PODS,
    ("create", "", "pods/eviction"): _OTHER_PODS,
    **{(verb, "", "pods/status"): _OTHER_PODS for verb in _UPDATES},
    ("create", "", "serviceaccounts/token"): _TOKENS,
    **{(verb, _LEASE, "leases"): _OTHER_OBJECTS for verb in _ANY_WRITE},
    **{(verb, "storage.k8s.io", "csinodes"): _OTHER_OBJECTS for verb in _ANY_WRITE},
}
"""Writes that NodeRestriction narrows to the node's own objects.

Source: kubernetes v1.37.2 plugin/pkg/admission/noderestriction/admission.go, Admit.
"""


def _refused_by_restriction(power: Power) -> bool:
    return (power.verb, power.group, power.resource) in _RESTRICTED


def _phrase(power: Power) -> _Phrase | None:
    phrase = _RESTRICTED.get((power.verb, power.group, power.resource))
    return phrase if phrase and phrase.words and not power.names else None
