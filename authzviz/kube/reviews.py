"""What an apiserver answers about kubelets, and about ourselves; nothing is stored by asking."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING

import msgspec

from authzviz.engine.apiserver import OwnRules, Review
from authzviz.engine.permissions import REVIEW_ACCESS, REVIEW_OWN_RULES
from authzviz.engine.probes import FIRST, OF_NODES, Probe, follow_up
from authzviz.engine.read import Read
from authzviz.engine.rules import PolicyRule
from authzviz.kube.connection import Question
from authzviz.kube.errors import KubeError, ReadFailed
from authzviz.kube.lists import attempt, expect, with_gaps
from authzviz.kube.objects import UNDECODABLE, RuleJson

if TYPE_CHECKING:
    from authzviz.engine.identity import Identity
    from authzviz.engine.request import Request
    from authzviz.kube.connection import Connection

_NAMESPACE = "kube-system"
# Our own role has a dozen; who holds more than this is told so.
_MAX_RULES = 5000
_MAX_LINES = 10
# It names every role that a binding misses, and what it does not name is concluded from.
_MAX_ERROR = 3000
_IDS_OF_NODES = frozenset(probe.id for probe in OF_NODES)


class _Struct(msgspec.Struct, gc=False, rename="camel"):
    """Unknown fields are skipped unread."""


class _Selector(_Struct):
    raw_selector: str


class _ResourceAttributes(_Struct, omit_defaults=True):
    verb: str
    resource: str
    group: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    field_selector: _Selector | None = None


class _PathAttributes(_Struct):
    verb: str
    path: str


class _Spec(_Struct, omit_defaults=True):
    user: str
    groups: tuple[str, ...]
    resource_attributes: _ResourceAttributes | None = None
    non_resource_attributes: _PathAttributes | None = None


class _Asked(_Struct):
    spec: _Spec
    kind: str = "SubjectAccessReview"
    api_version: str = "authorization.k8s.io/v1"


class _Status(_Struct):
    allowed: bool
    denied: bool = False
    reason: str = ""
    evaluation_error: str = ""


class _Answered(_Struct):
    kind: str
    status: _Status


class _RulesStatus(_Struct):
    resource_rules: tuple[RuleJson, ...] | None = None
    non_resource_rules: tuple[RuleJson, ...] | None = None
    incomplete: bool = False
    evaluation_error: str = ""


class _Rules(_Struct):
    kind: str
    status: _RulesStatus


_encode = msgspec.json.Encoder().encode
_answered = msgspec.json.Decoder(_Answered)
_rules = msgspec.json.Decoder(_Rules)
_OWN_RULES = _encode(
    {
        "kind": "SelfSubjectRulesReview",
        "apiVersion": "authorization.k8s.io/v1",
        "spec": {"namespace": _NAMESPACE},
    }
)


def read_reviews(
    connection: Connection, nobody: str
) -> tuple[Read[tuple[Review, ...]], Read[OwnRules]]:
    """What the apiserver answers for a kubelet that nobody has, and what it says of ourselves.

    `nobody` is a name that no node and no object has. The first questions are all answered or none
    counts; one of those that follow from their answers may be missing, as a gap.
    """
    reviews = attempt(
        "SubjectAccessReviews", REVIEW_ACCESS.words, lambda: _ask(connection, FIRST, "", nobody)
    )
    rules = attempt(
        f"SelfSubjectRulesReview for {_NAMESPACE}",
        REVIEW_OWN_RULES.words,
        lambda: _read_rules(connection),
    )
    if reviews.value is None:
        return reviews, rules
    gaps: list[str] = []
    found = list(reviews.value)
    for probe in follow_up(reviews.value, rules.value):
        try:
            found += _ask(connection, (probe,), "", nobody)
        except KubeError as error:
            gaps.append(f"{probe.id}: {error.message}")
            break
    whole = Read(reviews.outcome, reviews.source, reviews.permission, tuple(found))
    return with_gaps(whole, gaps), rules


def read_node_reviews(
    connection: Connection,
    nodes: Iterable[str],
    nobody: str,
    known: Read[tuple[Review, ...]],
) -> Read[tuple[Review, ...]]:
    """What the apiserver answers for single nodes, and for one that nobody has to compare with.

    `known` are its reviews so far: none are asked for where those may not be.
    """
    source = "SubjectAccessReviews of nodes"
    if known.value is None:
        return Read(known.outcome, source, known.permission, why=known.why)
    asked = {review.probe for review in known.value}
    before = tuple(one for one in known.value if one.probe in _IDS_OF_NODES)
    rest = tuple(probe for probe in OF_NODES if probe.id not in asked)

    def work() -> tuple[Review, ...]:
        of_nodes = (_ask(connection, OF_NODES, node, nobody) for node in nodes)
        return (*before, *_ask(connection, rest, "", nobody), *chain.from_iterable(of_nodes))

    return attempt(source, REVIEW_ACCESS.words, work)


def _ask(
    connection: Connection, probes: Sequence[Probe], node: str, nobody: str
) -> tuple[Review, ...]:
    return tuple(_answer(connection, probe, node, nobody) for probe in probes)


def _answer(connection: Connection, probe: Probe, node: str, nobody: str) -> Review:
    status = _status(connection, *probe.about(node or nobody, nobody))
    lines = status.reason.count("\n") + 1
    # What is cut off may be the words that tell.
    error = f"a reason of {lines} lines, of which {_MAX_LINES} were read"
    return Review(
        probe=probe.id,
        allowed=status.allowed,
        denied=status.denied,
        reason=_said(connection, status.reason, nobody),
        node=node,
        error=_said(connection, status.evaluation_error, nobody)
        or (error if lines > _MAX_LINES else ""),
    )


def is_allowed(connection: Connection, identity: Identity, request: Request) -> bool:
    """What the apiserver answers to any one question. Raises KubeError."""
    return _status(connection, identity, request).allowed


def _status(connection: Connection, identity: Identity, request: Request) -> _Status:
    body = _encode(_Asked(_spec(identity, request)))
    answer = expect(connection, connection.post(Question.ACCESS_REVIEW, body))
    try:
        found = _answered.decode(answer)
    except UNDECODABLE:
        raise ReadFailed("unexpected answer: no SubjectAccessReview") from None
    if found.kind != "SubjectAccessReview":
        raise ReadFailed("unexpected answer: no SubjectAccessReview")
    return found.status


def _said(connection: Connection, text: str, nobody: str) -> str:
    """The words, each authorizer's on a line of its own as it gave them."""
    lines = text.replace(nobody, "<node>").split("\n", _MAX_LINES)[:_MAX_LINES] if text else ()
    return "\n".join(line for line in map(connection.clean, lines) if line)


def _spec(identity: Identity, request: Request) -> _Spec:
    if request.path:
        path = _PathAttributes(request.verb, request.path)
        return _Spec(identity.user, identity.groups, non_resource_attributes=path)
    selector = _Selector(request.field_selector) if request.field_selector else None
    resource = _ResourceAttributes(
        request.verb,
        request.resource,
        request.group,
        request.subresource,
        request.namespace,
        request.name,
        selector,
    )
    return _Spec(identity.user, identity.groups, resource)


def _read_rules(connection: Connection) -> OwnRules:
    answer = expect(connection, connection.post(Question.OWN_RULES_REVIEW, _OWN_RULES))
    try:
        found = _rules.decode(answer)
    except UNDECODABLE:
        raise ReadFailed("unexpected answer: no SelfSubjectRulesReview") from None
    if found.kind != "SelfSubjectRulesReview":
        raise ReadFailed("unexpected answer: no SelfSubjectRulesReview")
    status = found.status
    rules = (*(status.resource_rules or ()), *(status.non_resource_rules or ()))
    # Several bindings may grant the same, and come in any order.
    each = dict.fromkeys(_rule(rule) for rule in rules[:_MAX_RULES])
    return OwnRules(
        rules=tuple(each),
        is_incomplete=status.incomplete or len(rules) > _MAX_RULES,
        error=connection.clean(status.evaluation_error, most=_MAX_ERROR),
    )


def _rule(rule: RuleJson) -> PolicyRule:
    return PolicyRule(
        rule.verbs or (),
        rule.api_groups or (),
        rule.resources or (),
        rule.resource_names or (),
        rule.non_resource_urls or (),
    )
