"""Whatever is taken away from a snapshot, no verdict gets better by it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from authzviz.engine.assessment import Verdict
from authzviz.engine.judging import examine
from authzviz.engine.model import (
    ApiServer,
    Metrics,
    Observed,
    Outcome,
    OwnRules,
    Read,
    Review,
    Snapshot,
    Unasked,
)
from tests.engine import answers
from tests.engine.answers import OWN, RULES, WEBHOOK_RULES, of_node
from tests.engine.build import (
    EMPTY_BINDING,
    LEGACY_BINDING,
    NODE1,
    NODE_RBAC,
    NOW,
    RBAC,
    cluster,
    crb,
    ok,
    server,
    unread,
)

NAMES = ("cp1", "cp2", "cp3")
CHAINS = (
    answers.ALWAYS_ALLOW,
    answers.RBAC,
    answers.RBAC_BOUND,
    answers.NODE_RBAC,
    answers.NODE_RBAC_BOUND,
    answers.RBAC_NODE_BOUND,
)
FURTHER = ("list-secrets", "list-pods", "delete-node", "get-node", "create-node", "update-lease")
TEXTS = ("", answers.BY_RBAC, answers.INDIVIDUAL, "node: " + answers.NO_RELATION, "wh says")

REVIEWS = st.one_of(
    st.sampled_from(CHAINS),
    st.lists(
        st.builds(
            Review,
            st.sampled_from((*answers.FIRST, *FURTHER)),
            st.booleans(),
            st.booleans(),
            st.sampled_from(TEXTS),
        ),
        max_size=8,
    ).map(tuple),
)
OWN_RULES = st.sampled_from(
    (RULES, WEBHOOK_RULES, OwnRules(()), OwnRules(OWN, is_incomplete=True, error="what?"))
)
PLUGINS = st.sampled_from(((), ("NodeRestriction", "ServiceAccount"), ("ServiceAccount",)))
AUTHORIZERS = st.sampled_from(((), (("Node", "node"),), (("Webhook", "wh"), ("RBAC", "rbac"))))
OBSERVED = st.builds(
    lambda said, rules, plugins, deciding, restriction: Observed(
        ok(said),
        ok(rules),
        ok(Metrics(NOW, deciding, plugins)),
        None if restriction is None else ok(restriction),
    ),
    REVIEWS,
    OWN_RULES,
    PLUGINS,
    AUTHORIZERS,
    st.sampled_from((None, True, False)),
)
FLAGS = st.sampled_from(
    (
        None,
        NODE_RBAC.flags,
        RBAC.flags,
        server("--authorization-mode=Node,RBAC").flags,
        server("--authorization-mode=Node,RBAC,Webhook").flags,
        server("--authorization-config=/a", "--enable-admission-plugins=NodeRestriction").flags,
        (),
    )
)
SERVERS = st.lists(
    st.builds(
        lambda flags, seen, alias: ApiServer("", flags, "", observed=seen, is_alias=alias),
        FLAGS,
        st.none() | OBSERVED,
        st.sampled_from((False, False, True)),
    ),
    min_size=1,
    max_size=3,
).map(lambda servers: tuple(replace(s, name=n) for n, s in zip(NAMES, servers, strict=False)))
NODE_REVIEWS = st.sampled_from(
    (
        None,
        (),
        (*of_node("", lease="+", secret="-"), *of_node("node1", lease="-", secret="-")),
        (*of_node("", lease="-", secret="-"), *of_node("node1", lease="-", secret="-")),
    )
)
BINDINGS = st.sampled_from(
    ((EMPTY_BINDING,), (LEGACY_BINDING,), (EMPTY_BINDING, crb("one", "system:node", NODE1)))
)
SNAPSHOTS = st.builds(
    lambda servers, bindings, version, said: replace(
        cluster(*servers, bindings=bindings, version=version),
        node_reviews=None if said is None else ok(said),
    ),
    SERVERS,
    BINDINGS,
    st.sampled_from(("v1.13.12", "v1.28.15", "v1.37.2", "v1.28.15-eks-abc")),
    NODE_REVIEWS,
)
READS = (*cluster().reads, "node_reviews")
OF_SERVER = ("flags", "reviews", "rules", "metrics", "restriction", "observed", "unasked")
LOSSES = st.sampled_from((*READS, *((i, what) for i in range(3) for what in OF_SERVER)))
OUTCOMES = st.sampled_from((Outcome.FORBIDDEN, Outcome.FAILED))
WORST_FIRST = tuple(Verdict)


def lose(snapshot: Snapshot, what: str | tuple[int, str], outcome: Outcome) -> Snapshot:
    """The snapshot with one read failed, or one of those of one apiserver."""
    if isinstance(what, str):
        read: Read[object] | None = getattr(snapshot, what)
        lost = read and {what: unread(read, outcome)}
        return replace(snapshot, **lost) if lost else snapshot  # type: ignore[arg-type]
    number, name = what
    servers = list(snapshot.apiservers.value or ())
    if number >= len(servers):
        return snapshot
    servers[number] = _lose_of(servers[number], name, outcome)
    return replace(snapshot, apiservers=replace(snapshot.apiservers, value=tuple(servers)))


def _lose_of(each: ApiServer, name: str, outcome: Outcome) -> ApiServer:
    if name == "flags":
        return replace(each, flags=None)
    if name == "unasked":
        return replace(each, flags=None, observed=None, unasked=Unasked("refused", NOW))
    if name == "observed" or each.observed is None:
        return replace(each, observed=None)
    read = getattr(each.observed, name)
    lost = unread(read, outcome) if read else None
    observed = replace(each.observed, **{name: lost})  # type: ignore[arg-type]
    return replace(each, observed=observed)


@settings(max_examples=150)
@given(SNAPSHOTS, LOSSES, OUTCOMES)
def test_no_read_that_fails_makes_a_cluster_safe(
    snapshot: Snapshot, what: str | tuple[int, str], outcome: Outcome
) -> None:
    before, after = examine(snapshot), examine(lose(snapshot, what, outcome))
    # Where two reads contradict each other, the one that is left is all that can be believed.
    assume(not before.surprises and not any(state.contradictions for state in before.states))
    # Without the list of endpoints nothing tells of an apiserver that only it names: that is said.
    assume(what != "endpoints" or not before.has_unseen)

    if after.verdict is Verdict.NODE_AUTHORIZER:
        assert before.verdict is Verdict.NODE_AUTHORIZER
    # Of several, one that is no longer seen can't be the worst: what the others do is still said.
    is_alone = isinstance(what, str) or len(before.states) == 1
    is_mixed = before.verdict is Verdict.MIXED
    if is_alone and not is_mixed and Verdict.UNKNOWN not in (before.verdict, after.verdict):
        assert WORST_FIRST.index(after.verdict) <= WORST_FIRST.index(before.verdict)
