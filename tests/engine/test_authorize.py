"""What chains of authorizers say to anybody, and where they can't be told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authzviz.engine.assessment import Decision
from authzviz.engine.authorize import Authorization, authorization_of
from authzviz.engine.identity import Identity, impersonated, kubelet_of
from authzviz.engine.model import ApiServer, Binding, Outcome, PolicyRule, Role, Snapshot, Subject
from authzviz.engine.rbac import covers, index
from authzviz.engine.request import Request
from authzviz.engine.rights import Rights
from tests.engine.build import NODE_RBAC, cluster, crb, ok, rb, rule, server, unread

if TYPE_CHECKING:
    from collections.abc import Callable

ALLOW, NO, CONDITIONAL, UNKNOWN = (
    Decision.ALLOW,
    Decision.NO,
    Decision.CONDITIONAL,
    Decision.UNKNOWN,
)
ANN, KUBELET = Identity("ann"), kubelet_of("node1")
PODS, SERVICES = Request("list", "pods", namespace="team"), Request("list", "services")
SECRET = Request("get", "secrets", namespace="team", name="s")
READS_PODS = crb("pods", "pods", Subject("User", "ann"))
READS_MAPS = crb("maps", "maps", Subject("User", "ann"))
ROLES = (
    Role("pods", rules=(rule("list", "pods"),)),
    Role(
        "maps", rules=(rule("get", "configmaps", names="a"), rule("get", "configmaps", names="b"))
    ),
)


def asked(modes: str) -> Authorization:
    """The authorization of a cluster with these modes, where ann holds ROLES."""
    flags = f"--authorization-mode={modes}"
    return authorization_of(
        cluster(server(flags), bindings=(READS_PODS, READS_MAPS), cluster_roles=ROLES)
    )


# Modes, who asks for what, the decision, by whom, and words of the reason.
CHAINS: dict[str, tuple[str, Identity, Request, Decision, str, str]] = {
    "RBAC allows": ("RBAC", ANN, PODS, ALLOW, "RBAC", "ClusterRoleBinding pods"),
    "an object that the second rule names": (
        "RBAC",
        ANN,
        Request("get", "configmaps", namespace="team", name="b"),
        ALLOW,
        "RBAC",
        "ClusterRoleBinding maps",
    ),
    "an object that no rule names": (
        "RBAC",
        ANN,
        Request("get", "configmaps", namespace="team", name="c"),
        NO,
        "",
        "nobody",
    ),
    "nobody allows": ("Node,RBAC", ANN, SERVICES, NO, "", "nobody in Node,RBAC allows it"),
    "Node allows": ("Node,RBAC", KUBELET, SERVICES, ALLOW, "Node", "Node: "),
    "Node is asked first": ("Node,RBAC", KUBELET, SERVICES, ALLOW, "Node", ""),
    "Node says why not": ("Node", KUBELET, Request("list", "namespaces"), NO, "", "no rule"),
    "Node asks for a relation": ("Node,RBAC", KUBELET, SECRET, CONDITIONAL, "Node", "pod"),
    "without RBAC bindings grant nothing": ("Node", ANN, PODS, NO, "", "nobody in Node"),
    "AlwaysAllow allows": ("AlwaysAllow", ANN, SECRET, ALLOW, "AlwaysAllow", "everyone"),
    "AlwaysAllow as the last": ("RBAC,AlwaysAllow", ANN, SECRET, ALLOW, "AlwaysAllow", ""),
    "AlwaysAllow over a relation": (
        "Node,AlwaysAllow",
        KUBELET,
        SECRET,
        ALLOW,
        "AlwaysAllow",
        "everyone",
    ),
    "AlwaysDeny denies nothing": ("AlwaysDeny,RBAC", ANN, PODS, ALLOW, "RBAC", ""),
    "AlwaysDeny alone": ("AlwaysDeny", ANN, PODS, NO, "", "nobody in AlwaysDeny"),
    "a webhook behind an allowance": ("RBAC,Webhook", ANN, PODS, ALLOW, "RBAC", ""),
    "a webhook behind no opinion": ("RBAC,Webhook", ANN, SECRET, UNKNOWN, "", "Webhook"),
    "a webhook before an allowance": (
        "Webhook,RBAC",
        ANN,
        PODS,
        UNKNOWN,
        "",
        "Webhook is asked before, and may deny: that was not asked; then ClusterRoleBinding pods",
    ),
    "a webhook behind a relation": (
        "Node,Webhook",
        KUBELET,
        SECRET,
        UNKNOWN,
        "",
        "pod on the node uses this secret; what Webhook answers was not asked",
    ),
    "ABAC denies nothing": ("ABAC,RBAC", ANN, PODS, ALLOW, "RBAC", ""),
    "ABAC may allow": ("ABAC,RBAC", ANN, SECRET, UNKNOWN, "", "ABAC"),
    "system:masters before AlwaysDeny": (
        "AlwaysDeny",
        Identity("ann", ("system:masters",)),
        SECRET,
        ALLOW,
        "system:masters",
        "no authorizer is asked",
    ),
    "a webhook is not asked about system:masters": (
        "Webhook",
        Identity("ann", ("system:masters",)),
        SECRET,
        ALLOW,
        "system:masters",
        "",
    ),
    "a node outside its group": (
        "Node",
        Identity("system:node:node1"),
        SERVICES,
        NO,
        "",
        "outside Group system:nodes",
    ),
    "a name with a bidi mark": (
        "Node",
        Identity("system:node:node1", ("\u202esystem:nodes",)),
        SERVICES,
        NO,
        "",
        "",
    ),
    "a name with a look-alike letter": (
        "Node",
        Identity("\u0455ystem:node:node1", ("system:nodes",)),
        SERVICES,
        NO,
        "",
        "",
    ),
    "a look-alike of system:masters": (
        "RBAC",
        Identity("ann", ("system:m\u0430sters",)),
        SECRET,
        NO,
        "",
        "",
    ),
    "a resource in the singular": (
        "RBAC",
        ANN,
        Request("list", "pod"),
        NO,
        "",
        'no rule names resource "pod"',
    ),
    "an unknown verb": ("RBAC", ANN, Request("read", "pods"), NO, "", 'no rule names verb "read"'),
}


@pytest.mark.parametrize(
    ("modes", "identity", "request_", "decision", "by", "words"), CHAINS.values(), ids=CHAINS
)
def test_a_chain(
    modes: str, identity: Identity, request_: Request, decision: Decision, by: str, words: str
) -> None:
    said = asked(modes).decide(identity, request_)

    assert (said.decision, said.by if decision is not UNKNOWN else "") == (decision, by)
    assert words in said.because


WHOLE = cluster(
    NODE_RBAC,
    bindings=(READS_PODS, crb("gone", "gone", Subject("User", "bob"))),
    cluster_roles=ROLES,
    role_bindings=(rb("secrets", "team", "own", Subject("User", "ann")),),
    roles=(Role("own", "team", (rule("get", "secrets"),)),),
)

# What is not read, and what then is said of a request that is refused where all is read.
UNREAD: dict[str, tuple[Callable[[Snapshot], Snapshot], Identity, Request, Decision, str]] = {
    "ClusterRoleBindings": (
        lambda whole: replace(whole, cluster_role_bindings=unread(whole.cluster_role_bindings)),
        ANN,
        SERVICES,
        UNKNOWN,
        "ClusterRoleBindings were not read",
    ),
    "one ClusterRoleBinding": (
        lambda whole: replace(whole, cluster_role_bindings=ok((), "odd")),
        ANN,
        SERVICES,
        UNKNOWN,
        "ClusterRoleBindings were not read as a whole",
    ),
    "RoleBindings, in a namespace": (
        lambda whole: replace(whole, role_bindings=unread(whole.role_bindings)),
        ANN,
        replace(SERVICES, namespace="team"),
        UNKNOWN,
        "RoleBindings were not read",
    ),
    "RoleBindings, in the whole cluster": (
        lambda whole: replace(whole, role_bindings=unread(whole.role_bindings)),
        ANN,
        SERVICES,
        NO,
        "nobody",
    ),
    "ClusterRoles, bound": (
        lambda whole: replace(whole, cluster_roles=unread(whole.cluster_roles)),
        ANN,
        SERVICES,
        UNKNOWN,
        "ClusterRole pods, to which ClusterRoleBinding pods refers, was not read",
    ),
    "ClusterRoles, not bound": (
        lambda whole: replace(whole, cluster_roles=unread(whole.cluster_roles)),
        Identity("carl"),
        SERVICES,
        NO,
        "nobody",
    ),
    "Roles, bound there": (
        lambda whole: replace(whole, roles=unread(whole.roles)),
        ANN,
        SECRET,
        UNKNOWN,
        "Role team/own, to which RoleBinding team/secrets refers, was not read",
    ),
    "Roles, bound elsewhere": (
        lambda whole: replace(whole, roles=unread(whole.roles)),
        ANN,
        replace(SECRET, namespace="other"),
        NO,
        "nobody",
    ),
    "a role that does not exist": (lambda whole: whole, Identity("bob"), PODS, NO, "nobody"),
    "the flags": (
        lambda whole: replace(whole, apiservers=unread(whole.apiservers)),
        ANN,
        PODS,
        UNKNOWN,
        "the authorizers can't be told: refused",
    ),
    "every apiserver": (
        lambda whole: replace(whole, apiservers=ok(())),
        ANN,
        PODS,
        UNKNOWN,
        "no apiserver's flags were seen",
    ),
    "the flags, for system:masters": (
        lambda whole: replace(whole, apiservers=unread(whole.apiservers)),
        Identity("ann", ("system:masters",)),
        PODS,
        ALLOW,
        "system:masters",
    ),
    "the flags of one apiserver": (
        lambda whole: replace(
            whole, apiservers=ok((NODE_RBAC, ApiServer("cp2", None, "", "not shown")))
        ),
        ANN,
        PODS,
        UNKNOWN,
        "to User ann); cp2 says unknown (the authorizers of cp2 can't be told: not shown)",
    ),
    "one apiserver": (
        lambda whole: replace(whole, endpoints=ok(("203.0.113.1", "203.0.113.2"))),
        ANN,
        PODS,
        UNKNOWN,
        "an apiserver that was not seen says unknown",
    ),
    "one apiserver, for system:masters": (
        lambda whole: replace(whole, endpoints=ok(("203.0.113.1", "203.0.113.2"))),
        Identity("ann", ("system:masters",)),
        PODS,
        ALLOW,
        "system:masters",
    ),
    "the version, where it decides": (
        lambda whole: replace(whole, version=unread(whole.version)),
        KUBELET,
        Request("list", "nodes"),
        UNKNOWN,
        "cp1 as 1.32 says no",
    ),
    "the version, where it decides nothing": (
        lambda whole: replace(whole, version=unread(whole.version)),
        KUBELET,
        SERVICES,
        ALLOW,
        "every node",
    ),
}


@pytest.mark.parametrize(
    ("change", "identity", "request_", "decision", "words"), UNREAD.values(), ids=UNREAD
)
def test_what_was_not_read_is_unknown_where_it_decides(
    change: Callable[[Snapshot], Snapshot],
    identity: Identity,
    request_: Request,
    decision: Decision,
    words: str,
) -> None:
    said = authorization_of(change(WHOLE)).decide(identity, request_)

    assert said.decision is decision
    assert words in said.because


def test_apiservers_that_differ_are_unknown_only_where_they_answer_differently() -> None:
    rbac_only = server("--authorization-mode=RBAC", name="cp2")
    authorization = authorization_of(
        cluster(NODE_RBAC, rbac_only, bindings=(READS_PODS,), cluster_roles=ROLES)
    )

    assert authorization.decide(ANN, PODS).decision is ALLOW
    said = authorization.decide(KUBELET, SERVICES)
    assert said.decision is UNKNOWN
    assert "cp1 says allow" in said.because
    assert "cp2 says no" in said.because


def test_apiservers_that_are_alike_are_asked_once() -> None:
    servers = tuple(replace(NODE_RBAC, name=f"cp{number}") for number in range(3))

    assert len(authorization_of(cluster(*servers)).chains) == 1


# What no apiserver stores; a bundle may hold it all the same.
IMPOSSIBLE = {
    "a service account of no namespace": (
        crb("odd", "cluster-admin", Subject("ServiceAccount", "robot")),
        "system:serviceaccount::robot",
    ),
    "a Role bound to the whole cluster": (
        replace(
            crb("odd", "own", Subject("User", "eve")),
            role_ref=rb("odd", "", "own", kind="Role").role_ref,
        ),
        "eve",
    ),
    "a role of another kind": (
        rb("odd", "team", "own", Subject("User", "eve"), kind="Rule"),
        "eve",
    ),
    "a subject of another kind": (crb("odd", "cluster-admin", Subject("Human", "eve")), "eve"),
}


@pytest.mark.parametrize("is_read", [True, False], ids=["roles read", "roles not read"])
@pytest.mark.parametrize(("binding", "user"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_what_no_apiserver_stores_grants_nothing(
    binding: Binding, user: str, is_read: bool
) -> None:
    snapshot = cluster(
        NODE_RBAC,
        bindings=(binding,),
        role_bindings=(binding,),
        roles=(Role("own", "team", (rule("*", "*", "*"),)),),
    )
    if not is_read:
        snapshot = replace(snapshot, roles=unread(snapshot.roles, Outcome.FAILED))

    assert authorization_of(snapshot).decide(Identity(user), SECRET).decision is NO


IMPERSONATED: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "a user": ("ann", (), ("system:authenticated",)),
    "a user with a group": ("ann", ("team",), ("team", "system:authenticated")),
    "a user with that group": ("ann", ("system:authenticated",), ("system:authenticated",)),
    "a user without authentication": (
        "ann",
        ("system:unauthenticated",),
        ("system:unauthenticated",),
    ),
    "anonymous": ("system:anonymous", (), ("system:unauthenticated",)),
    "anonymous, named so": (
        "system:anonymous",
        ("system:unauthenticated",),
        ("system:unauthenticated",),
    ),
    "a service account": (
        "system:serviceaccount:team:robot",
        (),
        ("system:serviceaccounts", "system:serviceaccounts:team", "system:authenticated"),
    ),
    "a service account with a group": (
        "system:serviceaccount:team:robot",
        ("team",),
        ("team", "system:authenticated"),
    ),
}


@pytest.mark.parametrize(("user", "groups", "all_groups"), IMPERSONATED.values(), ids=IMPERSONATED)
def test_whom_an_impersonation_makes(
    user: str, groups: tuple[str, ...], all_groups: tuple[str, ...]
) -> None:
    assert impersonated(user, groups) == Identity(user, all_groups)


VERBS, GROUPS = ("get", "list", "*"), ("", "apps", "*")
RESOURCES = ("pods", "pods/log", "*/log", "*", "secrets", "*odd")
URLS = ("/version", "/api/*", "/api*", "*", "/healthz")
NAMES = ("", "a", "b")


def some(values: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), max_size=3).map(tuple)


RULE = st.builds(PolicyRule, some(VERBS), some(GROUPS), some(RESOURCES), some(NAMES), some(URLS))
ASKED = st.builds(
    Request,
    verb=st.sampled_from(VERBS),
    resource=st.sampled_from(("pods", "secrets", "*", "*odd")),
    group=st.sampled_from(GROUPS),
    subresource=st.sampled_from(("", "log")),
    namespace=st.sampled_from(("", "team", "other")),
    name=st.sampled_from(NAMES),
) | st.builds(
    Request,
    verb=st.sampled_from(VERBS),
    path=st.sampled_from(("/version", "/api", "/api/v1", "/metrics", "/apis")),
)


@given(st.lists(RULE, max_size=4), st.lists(RULE, max_size=4), ASKED)
def test_rules_found_by_key_are_those_that_cover_the_request(
    everywhere: list[PolicyRule], there: list[PolicyRule], request_: Request
) -> None:
    snapshot = cluster(
        bindings=(crb("a", "everywhere", Subject("User", "ann")),),
        cluster_roles=(Role("everywhere", rules=tuple(everywhere)),),
        role_bindings=(rb("b", "team", "there", Subject("Group", "all")),),
        roles=(Role("there", "team", tuple(there)),),
    )
    rules = everywhere + (there if request_.namespace == "team" else [])

    said = Rights(index(snapshot)).decide(Identity("ann", ("all",)), request_)

    is_covered = any(covers(each, request_) for each in rules)
    assert said.decision is (ALLOW if is_covered else NO)
