"""What an apiserver's own answers tell of its chain of authorizers.

The texts are those of kubernetes 1.7 to 1.37: plugin/pkg/auth/authorizer/node/node_authorizer.go,
plugin/pkg/auth/authorizer/rbac/rbac.go, pkg/auth/authorizer/abac/abac.go, and k8s.io/apiserver
pkg/authorization/union/union.go. They are joined by newlines, and since 1.37 each stands after the
name of its authorizer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from authzviz.engine.apiserver import Metrics, OwnRules, Review
from authzviz.engine.assessment import Switch
from authzviz.engine.rules import PolicyRule

DELETE_VOLUME, GET_SECRET, GROUP_ONLY = "delete-volume", "get-secret", "group-only"
GET_SERVICE, NONSENSE = "get-service", "nonsense"
UPDATE_LEASE = "update-lease"
"""Ids of the questions, as `engine.probes` asks them."""

_NODE_TEXTS = (
    "can only get individual resources of this type",
    "no relationship found between node ",
    "no path found to object",
    "can only read resources of this type",
    "can only read namespaced object of this type",
    "No Object name found",
    "can only list/watch pods with spec.nodeName field selector",
    "cannot read all nodes, only its own Node object",
    "can only access node lease with the same name as the requesting node",
)
_ABAC_TEXT = "No policy matched."
_DENY_TEXT = "Everything is forbidden."
# RBAC names the binding where it allows, and the roles that it misses where it has no opinion.
_RBAC_LINE = re.compile(r"(?:[^\s:]+: )?RBAC: ")
_PREFIXED = re.compile(r"(?:node|rbac|abac|alwaysdeny): ")
_WEBHOOK_RULES = "webhook authorizer does not support user rule resolution"
_KNOWN_RULE_ERRORS = re.compile(
    rf"{_WEBHOOK_RULES}|node authorizer does not support user rule resolution"
    r'|(?:cluster)?roles?\.rbac\.authorization\.k8s\.io "[^"]*" not found'
)
_MAX_TEXT = 200


@dataclass(frozen=True, slots=True)
class Told:
    """What one apiserver's answers tell of its authorizers.

    `opaque` are the modes seen whose answers no API shows (Webhook, ABAC), `webhooks` the names of
    the former where they are told. `is_denier_first` where a webhook denies kubelets something,
    and nothing shows that Node or RBAC is asked before it.
    `is_rbac_first` is None where the order of Node and RBAC can't be told, and then makes no
    difference. `gaps` says what keeps the chain from being told completely, empty where nothing
    does. `evidence` says in words what told.
    """

    always_allow: Switch = Switch.UNKNOWN
    node: Switch = Switch.UNKNOWN
    rbac: Switch = Switch.UNKNOWN
    opaque: tuple[str, ...] = ()
    webhooks: tuple[str, ...] = ()
    is_denier_first: bool = False
    has_always_deny: bool = False
    is_rbac_first: bool | None = None
    gaps: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """True where every authorizer of the chain is told."""
        return not self.gaps

    @property
    def modes(self) -> tuple[str, ...] | None:
        """The chain in its order, None where it isn't told completely; with AlwaysAllow in it,
        those that are told.
        """
        if not self.is_complete and self.always_allow is not Switch.ON:
            return None
        pair = ("RBAC", "Node") if self.is_rbac_first else ("Node", "RBAC")
        switches = {"Node": self.node, "RBAC": self.rbac}
        known = tuple(mode for mode in pair if switches[mode] is Switch.ON)
        ordered = (*self.opaque, *known) if self.is_denier_first else (*known, *self.opaque)
        denying = ("AlwaysDeny",) if self.has_always_deny else ()
        allowing = ("AlwaysAllow",) if self.always_allow is Switch.ON else ()
        return (*ordered, *denying, *allowing)


def told_by(
    reviews: tuple[Review, ...], rules: OwnRules | None, metrics: Metrics | None = None
) -> Told:
    """What the answers about a node that nobody has tell; `rules` and `metrics` are None where
    they could not be read.

    "Off" is never concluded from what was not answered, was masked or came with an error.
    """
    answers = _Answers(
        {review.probe: review for review in reviews if not review.node}, rules, metrics
    )
    always_allow, node = answers.always_allow(), answers.node()
    opaque, rbac = answers.opaque(node), answers.rbac()
    return Told(
        always_allow=always_allow,
        node=node,
        rbac=rbac,
        opaque=opaque,
        webhooks=answers.webhook_names(),
        is_denier_first=answers.is_denier_first(),
        has_always_deny=answers.says(_DENY_TEXT),
        is_rbac_first=answers.is_rbac_first(node),
        gaps=tuple(answers.gaps(always_allow, node, rbac)),
        evidence=tuple(answers.evidence(always_allow, node, rbac)),
    )


def is_by_rbac(review: Review) -> bool:
    """True where RBAC is what allows."""
    return review.allowed and _RBAC_LINE.match(review.reason) is not None


def is_silent(review: Review) -> bool:
    """True where something allows without a word, as Node and AlwaysAllow do."""
    return review.allowed and not review.reason


@dataclass(frozen=True, slots=True)
class _Answers:
    by_probe: dict[str, Review]
    rules: OwnRules | None
    metrics: Metrics | None

    def always_allow(self) -> Switch:
        """Whatever was refused without a denial has passed the whole chain."""
        if any(_is_through(review) for review in self.by_probe.values()):
            return Switch.OFF
        nonsense = self.by_probe.get(NONSENSE)
        is_allowed = nonsense is not None and is_silent(nonsense)
        return Switch.ON if is_allowed or self._has_decided("AlwaysAllow") else Switch.UNKNOWN

    def node(self) -> Switch:
        """No rule of the Node authorizer allows to delete a volume, and it says so.

        Where that is allowed by RBAC or denied by a webhook, a silent allowance may still tell.
        Who speaks Node's words and lets nobody have a Service is somebody else.
        """
        service = self.by_probe.get(GET_SERVICE)
        if service is not None and _is_through(service):
            return Switch.OFF
        if any(_has_node_text(review) for review in self.by_probe.values()):
            return Switch.ON
        oracle = self.by_probe.get(DELETE_VOLUME)
        if oracle is not None and _is_through(oracle):
            return Switch.OFF
        if self._has_decided("Node") or (self.metrics and self.metrics.has_node_graph):
            return Switch.ON
        if oracle is None or self.always_allow() is not Switch.OFF:
            return Switch.UNKNOWN
        is_masked = oracle.denied or is_by_rbac(oracle)
        return Switch.ON if is_masked and self._is_service_by_node() else Switch.UNKNOWN

    def is_denier_first(self) -> bool:
        """True where something is denied, not just allowed by nobody; unless a kubelet gets what
        the rest of its group is denied: then somebody was asked before.
        """
        service, group = self.by_probe.get(GET_SERVICE), self.by_probe.get(GROUP_ONLY)
        is_served_before = bool(service and service.allowed and group and group.denied)
        return not is_served_before and any(review.denied for review in self.by_probe.values())

    def _is_service_by_node(self) -> bool:
        service, group = self.by_probe.get(GET_SERVICE), self.by_probe.get(GROUP_ONLY)
        if service is None or group is None or not is_silent(service):
            return False
        if self.metrics and self.metrics.authorizers and not self._has_decided("Node"):
            return False  # this allowance would have been counted
        # ABAC allows in silence too, and so may a webhook: to the group, as far as can be seen.
        is_by_group = group.allowed and not is_by_rbac(group)
        return not is_by_group and not self.says(_ABAC_TEXT)

    def rbac(self) -> Switch:
        """Its own words tell, or rules of ours that only RBAC resolves: AlwaysAllow's are just
        everything, and ABAC's come with its words.
        """
        if any(_RBAC_LINE.match(line) for line in self._lines()) or self._has_decided("RBAC"):
            return Switch.ON
        is_abac_out = self.always_allow() is Switch.OFF and not self.says(_ABAC_TEXT)
        listed = self.rules.rules if self.rules else ()
        if is_abac_out and not all(_is_everything(rule) for rule in listed):
            return Switch.ON
        return Switch.UNKNOWN

    def opaque(self, node: Switch) -> tuple[str, ...]:
        is_webhook = bool(
            self._strange_lines()
            or any(review.denied or review.error for review in self.by_probe.values())
            or (self.rules and _WEBHOOK_RULES in self.rules.error)
            or self._has_decided("Webhook")
            or (node is Switch.OFF and any(map(_has_node_text, self.by_probe.values())))
        )
        is_abac = self.says(_ABAC_TEXT) or self._has_decided("ABAC")
        if not is_abac and self._is_allowed_by_nobody_known(node):
            is_webhook = True
        found = (("Webhook", is_webhook), ("ABAC", is_abac))
        return tuple(mode for mode, is_there in found if is_there)

    def _has_decided(self, mode: str) -> bool:
        """True where /metrics counts its decisions; that none are counted tells nothing."""
        return any(kind == mode for kind, _ in (self.metrics.authorizers if self.metrics else ()))

    def _is_allowed_by_nobody_known(self, node: Switch) -> bool:
        """True for a silent allowance that neither AlwaysAllow nor Node gives."""
        if self.always_allow() is not Switch.OFF:
            return False
        silent = {probe for probe, review in self.by_probe.items() if is_silent(review)}
        never_by_node = {DELETE_VOLUME, GET_SECRET, GROUP_ONLY, NONSENSE}
        return bool(silent & never_by_node) or (node is Switch.OFF and bool(silent))

    def is_rbac_first(self, node: Switch) -> bool | None:
        service, group = self.by_probe.get(GET_SERVICE), self.by_probe.get(GROUP_ONLY)
        if node is not Switch.ON or service is None:
            return None
        if is_by_rbac(service):
            return True
        return False if group and is_by_rbac(group) and is_silent(service) else None

    def says(self, text: str) -> bool:
        """True where that text is in what was answered to something that was not allowed."""
        return any(text in r.reason for r in self.by_probe.values() if not r.allowed)

    def webhook_names(self) -> tuple[str, ...]:
        """The names in /metrics, and those before the webhooks' texts, where other lines show that
        names stand there.
        """
        counted = self.metrics.authorizers if self.metrics else ()
        names = [name for kind, name in counted if kind == "Webhook"]
        if any(_PREFIXED.match(line) for line in self._lines()):
            spoken = (line.partition(": ")[0] for line in self._strange_lines() if ": " in line)
            names.extend(name for name in spoken if " " not in name)
        return tuple(dict.fromkeys(names))

    def _lines(self) -> list[str]:
        return [line for r in self.by_probe.values() for line in r.reason.split("\n") if line]

    def _strange_lines(self) -> list[str]:
        known = (*_NODE_TEXTS, _ABAC_TEXT, _DENY_TEXT)
        return [
            line
            for line in self._lines()
            if not _RBAC_LINE.match(line) and not any(text in line for text in known)
        ]

    def gaps(self, always_allow: Switch, node: Switch, rbac: Switch) -> Iterable[str]:
        if always_allow is Switch.UNKNOWN:
            yield "whether AlwaysAllow is in the chain can't be told"
        if node is Switch.UNKNOWN:
            yield "whether the Node authorizer is on can't be told"
        if rbac is Switch.UNKNOWN:
            yield "nothing shows whether RBAC is asked"
        yield from self._rule_gaps()

    def _rule_gaps(self) -> Iterable[str]:
        if self.rules is None:
            yield "a webhook that says nothing can't be excluded"
            return
        unknown = _KNOWN_RULE_ERRORS.sub("", self.rules.error).strip("[], \n")
        if unknown:
            yield f"an authorizer that can't be told doesn't list rules: {unknown[:_MAX_TEXT]}"
        elif self.rules.is_incomplete and not self.rules.error:
            yield "some authorizer doesn't list rules, and which is not said"

    def evidence(self, always_allow: Switch, node: Switch, rbac: Switch) -> Iterable[str]:
        if always_allow is Switch.ON:
            yield "it allows what does not exist, as AlwaysAllow does"
        if node is Switch.ON:
            yield f"the Node authorizer answers: {self._words_of_node()}"
        if node is Switch.OFF:
            yield "deleting a volume is refused to a node without a word of the Node authorizer"
        if rbac is Switch.ON:
            yield f"RBAC answers: {self._words_of_rbac()}"
        if self.rules and _WEBHOOK_RULES in self.rules.error:
            yield "a webhook is in the chain: it can't list our own rules"
        strange = self._strange_lines()
        if strange:
            yield f'a webhook says "{strange[0][:_MAX_TEXT]}"'
        if self.says(_ABAC_TEXT):
            yield f'ABAC says "{_ABAC_TEXT}"'

    def _words_of_node(self) -> str:
        spoken = (line for line in self._lines() if any(text in line for text in _NODE_TEXTS))
        first = next(spoken, "")
        if first:
            return f'"{first[:_MAX_TEXT]}"'
        is_counted = self.metrics and self.metrics.has_node_graph
        return (
            "its /metrics shows it at work"
            if is_counted or self._has_decided("Node")
            else "a Service is allowed in silence"
        )

    def _words_of_rbac(self) -> str:
        spoken = (line for line in self._lines() if _RBAC_LINE.match(line))
        first = next(spoken, "")
        if first:
            return f'"{first[:_MAX_TEXT]}"'
        is_counted = self._has_decided("RBAC")
        return "its /metrics shows it at work" if is_counted else "it lists our own rules"


def _is_through(review: Review) -> bool:
    """True where every authorizer of the chain was asked, and none allowed."""
    return not review.allowed and not review.denied and not review.error


def _has_node_text(review: Review) -> bool:
    return not review.allowed and any(text in review.reason for text in _NODE_TEXTS)


def _is_everything(rule: PolicyRule) -> bool:
    if "*" not in rule.verbs:
        return False
    return "*" in rule.non_resource_urls or ("*" in rule.api_groups and "*" in rule.resources)
