"""What apiservers of each kind answer to the first questions, as live ones did."""

from __future__ import annotations

from dataclasses import replace

from authzviz.engine.apiserver import ApiServer, Metrics, Observed, OwnRules, Review
from authzviz.engine.read import Outcome, Read
from tests.engine.build import NOW, ok, rule

FIRST = ("delete-volume", "get-secret", "group-only", "get-service", "nonsense")
NODE_ROLE = 'RBAC: allowed by ClusterRoleBinding "system:node" of ClusterRole "system:node" to'
BY_RBAC = f'{NODE_ROLE} Group "system:nodes"'
INDIVIDUAL = "can only get individual resources of this type"
NO_RELATION = "no relationship found between node '<node>' and this object"
SILENT_WEBHOOK = "webhook authorizer does not support user rule resolution"
YES, NO = "+", "-"
"""How an answer is written: allowed or not, "!" for denied, then the reason."""
OWN = (
    rule("create", "selfsubjectrulesreviews", "authorization.k8s.io"),
    rule("get", urls="/version"),
)
EVERYTHING = (rule("*", "*", "*"), rule("*", urls="*"))
RULES = OwnRules(OWN)
WEBHOOK_RULES = OwnRules(OWN, is_incomplete=True, error=SILENT_WEBHOOK)


def reviews(*answers: str, probes: tuple[str, ...] = FIRST) -> tuple[Review, ...]:
    """Answers to the questions, as "+reason" (allowed), "-reason" (refused), "!reason" (denied)."""
    return tuple(
        Review(probe, said[0] == "+", said[0] == "!", said[1:])
        for probe, said in zip(probes, answers, strict=True)
    )


ALWAYS_ALLOW = reviews(YES, YES, YES, YES, YES)
RBAC = reviews(NO, NO, NO, NO, NO)
RBAC_BOUND = reviews(NO, YES + BY_RBAC, YES + BY_RBAC, YES + BY_RBAC, NO)
NODE_RBAC = reviews(NO + INDIVIDUAL, NO + NO_RELATION, NO, YES, NO)
NODE_RBAC_BOUND = reviews(NO + INDIVIDUAL, YES + BY_RBAC, YES + BY_RBAC, YES, NO)
RBAC_NODE_BOUND = reviews(NO + INDIVIDUAL, YES + BY_RBAC, YES + BY_RBAC, YES + BY_RBAC, NO)


def with_more(answers: tuple[Review, ...], **more: str) -> tuple[Review, ...]:
    """The answers and those to further questions, such as list_pods="-"."""
    ids = tuple(name.replace("_", "-") for name in more)
    return (*answers, *reviews(*more.values(), probes=ids))


def of_node(node: str, *, lease: str, secret: str) -> tuple[Review, ...]:
    """The answers about one node; "" is the one that nobody has."""
    said = reviews(lease, secret, probes=("update-lease", "get-secret"))
    return tuple(replace(review, node=node) for review in said)


def asked(
    answers: tuple[Review, ...],
    rules: OwnRules | None = RULES,
    *plugins: str,
    name: str = "cp1",
    restriction: bool | None = None,
) -> ApiServer:
    """An apiserver without flags that gave these answers; `plugins` are those in its metrics."""
    own = ok(rules) if rules else FORBIDDEN_RULES
    metrics = ok(Metrics(NOW, admission_plugins=plugins)) if plugins else None
    probe = None if restriction is None else ok(restriction)
    told = Observed(ok(answers), own, metrics, probe)
    return ApiServer(name, None, "", "no mirror pod", observed=told)


def restricted(answers: tuple[Review, ...], rules: OwnRules | None = RULES) -> ApiServer:
    """The same, whose metrics show NodeRestriction."""
    return asked(answers, rules, "NodeRestriction", "ServiceAccount")


def open_to_nodes(answers: tuple[Review, ...], rules: OwnRules | None = RULES) -> ApiServer:
    """The same, whose metrics show other plugins only."""
    return asked(answers, rules, "ServiceAccount")


FORBIDDEN_RULES: Read[OwnRules] = Read(
    Outcome.FORBIDDEN, "", "create selfsubjectrulesreviews.authorization.k8s.io", why="refused"
)
FORBIDDEN_REVIEWS: Read[tuple[Review, ...]] = Read(
    Outcome.FORBIDDEN, "", "create subjectaccessreviews.authorization.k8s.io", why="refused"
)
REFUSED_LEAKS = {"list_secrets": NO, "list_pods": NO, "delete_node": NO}
REFUSED_CORE = {"get_node": NO, "create_node": NO, "patch_status": NO, "update_lease": NO}
ALLOWED_CORE = dict.fromkeys(REFUSED_CORE, YES)
