"""The engine's decisions held against a real apiserver's: random RBAC, and every chain of modes."""

from __future__ import annotations

import os
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from authzviz.engine.assessment import Decision
from authzviz.engine.authorize import Authorization, authorization_of
from authzviz.engine.identity import Identity, kubelet_of
from authzviz.engine.request import Request
from authzviz.kube.collect import collect
from authzviz.kube.kubeconfig import parse_upload
from authzviz.net import COMMAND_LINE
from tests.engine.agreement import agrees, hangs_on_a_relation
from tests.lab.cluster import cluster_role_binding, group
from tests.lab.reviews import review_all
from tests.lab.webhook import webhook

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.lab.cluster import Cluster
    from tests.lab.plugin import ClusterFactory

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab_ground")]

# A failing run is repeated with AUTHZVIZ_SEED.
SEED = int(os.environ.get("AUTHZVIZ_SEED") or random.SystemRandom().randrange(1 << 32))
WORLDS, ASKED_EACH = 8, 600
SHOWN = 20

RBAC = "rbac.authorization.k8s.io"
OURS = {"random": "yes"}
NAMESPACES = ("default", "kube-system")
USERS = ("ann", "bob", "system:node:node1", "system:serviceaccount:default:robot", "\u202eann")
GROUPS = ("team", "system:nodes", "system:authenticated", "\u0455ystem:nodes")
VERBS = ("get", "list", "create", "delete", "*", "read")
API_GROUPS = ("", "apps", "*", "coordination.k8s.io")
RESOURCES = ("pods", "pods/log", "secrets", "*", "*/log", "deployments", "pods/*", "widgets")
NAMES = ("a", "b", "node1")
URLS = ("/version", "/metrics", "/api/*", "/api*", "*", "/healthz/etcd", "/logs/*")


def some(values: tuple[str, ...], least: int = 1) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=least, max_size=2, unique=True)


RESOURCE_RULE = st.fixed_dictionaries(
    {"verbs": some(VERBS), "apiGroups": some(API_GROUPS), "resources": some(RESOURCES)},
    optional={"resourceNames": some(NAMES)},
)
PATH_RULE = st.fixed_dictionaries({"verbs": some(VERBS), "nonResourceURLs": some(URLS)})
SUBJECT = st.one_of(
    st.builds(
        lambda name: {"apiGroup": RBAC, "kind": "User", "name": name}, st.sampled_from(USERS)
    ),
    st.builds(group, st.sampled_from(GROUPS)),
    st.just({"kind": "ServiceAccount", "namespace": "default", "name": "robot"}),
)
ROLE_REF = st.sampled_from(["ClusterRole/0", "ClusterRole/1", "Role/0", "ClusterRole/gone"])
BINDING = st.tuples(
    st.sampled_from(["", *NAMESPACES]), ROLE_REF, st.lists(SUBJECT, min_size=1, max_size=2)
)
WORLD = st.fixed_dictionaries(
    {
        "cluster_roles": st.lists(
            st.lists(RESOURCE_RULE | PATH_RULE, min_size=1, max_size=3), min_size=2, max_size=2
        ),
        "role": st.lists(RESOURCE_RULE, max_size=3),
        "bindings": st.lists(BINDING, min_size=3, max_size=8),
        "random": st.integers(0, 1 << 32),
    }
)


def test_random_rbac_is_decided_as_the_apiserver_decides(
    cluster: ClusterFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    live = cluster(authorization_mode="RBAC")
    numbers = iter(range(1_000))
    compared = Counter[str]()

    @seed(SEED)
    @settings(
        max_examples=WORLDS,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(WORLD)
    def decisions_agree(world: dict[str, Any]) -> None:
        build(live, world, next(numbers))
        asked = questions(world, ASKED_EACH)
        compared.update(compare(live, authorization_of_live(live), asked))

    with capsys.disabled():
        print(f"\nrandom RBAC, AUTHZVIZ_SEED={SEED}")
    decisions_agree()
    with capsys.disabled():
        print(f"{compared.total()} decisions equal the apiserver's, {dict(compared)}")
    assert compared.total() >= 2_000
    assert compared[Decision.ALLOW]
    assert compared[Decision.NO]


def questions(world: dict[str, Any], count: int) -> list[tuple[Identity, Request]]:
    """So many random questions, most of them near to what some rule allows somebody."""
    chance = random.Random(world["random"])  # noqa: S311
    rules = [rule for role in (*world["cluster_roles"], world["role"]) for rule in role]
    subjects = [subject for *_, bound in world["bindings"] for subject in bound]
    return [
        (_identity(chance, subjects), _request(chance, chance.choice(rules) if rules else {}))
        for _ in range(count)
    ]


def _identity(chance: random.Random, subjects: list[dict[str, str]]) -> Identity:
    subject = chance.choice(subjects)
    groups = tuple(chance.sample(GROUPS, chance.randrange(3)))
    if subject["kind"] == "Group":
        return Identity(chance.choice(USERS), (*groups, subject["name"]))
    name = subject["name"] if subject["kind"] == "User" else USERS[-2]
    return Identity(name, groups)


def _request(chance: random.Random, rule: dict[str, list[str]]) -> Request:
    def near(field: str, others: tuple[str, ...]) -> str:
        """Mostly what the rule says, and now and then something else."""
        return chance.choice(rule[field] if field in rule and chance.random() < 0.9 else others)

    if "nonResourceURLs" in rule:
        path = near("nonResourceURLs", URLS)
        return Request(
            near("verbs", VERBS), path=path.replace("*", chance.choice(("", "v1", "*"))) or "/"
        )
    resource, _, subresource = near("resources", RESOURCES).partition("/")
    return Request(
        near("verbs", VERBS),
        chance.choice(("pods", "widgets")) if resource == "*" else resource,
        near("apiGroups", API_GROUPS),
        chance.choice(("log", "")) if chance.random() < 0.1 else subresource,
        chance.choice(("", *NAMESPACES)),
        near("resourceNames", ("", *NAMES)),
    )


def build(live: Cluster, world: dict[str, Any], number: int) -> None:
    """Make this the only RBAC beside the default; return when the apiserver goes by it."""
    kinds = [f"clusterrole{suffix}" for suffix in ("bindings", "s")]
    kinds += [
        f"namespaces/{each}/role{suffix}" for suffix in ("bindings", "s") for each in NAMESPACES
    ]
    for path in kinds:
        live.admin.delete(f"/apis/{RBAC}/v1/{path}?labelSelector=random%3Dyes")
    objects = [
        _role("", index, rules, number) for index, rules in enumerate(world["cluster_roles"])
    ]
    objects += [_role(namespace, 0, world["role"], number) for namespace in NAMESPACES]
    objects += [
        _binding(namespace, f"{number}-{index}", _ref(ref, number), subjects)
        for index, (namespace, ref, subjects) in enumerate(world["bindings"])
        if namespace or not ref.startswith("Role/")
    ]
    # One mark of each kind comes last: each kind's watch keeps the order of what was written.
    marks = [{"verbs": ["mark"], "apiGroups": [""], "resources": ["marks"]}]
    subjects = [{"apiGroup": RBAC, "kind": "User", "name": f"mark-{number}"}]
    for namespace in ("", *NAMESPACES):
        objects.append(_role(namespace, 9, marks, number))
        kind = "Role" if namespace else "ClusterRole"
        objects.append(_binding(namespace, f"{number}-mark", _ref(f"{kind}/9", number), subjects))
    live.apply(objects)
    _wait_for_marks(live, number)


def _wait_for_marks(live: Cluster, number: int) -> None:
    everywhere = Request("mark", "marks")
    there = [Request("mark", "marks", namespace=namespace) for namespace in NAMESPACES]
    asked = [(Identity(f"mark-{number}"), request) for request in (everywhere, *there)]

    def is_known() -> bool:
        return all(review.is_allowed for review in review_all(live.admin, asked, workers=1))

    live.process.wait_until(is_known, f"RBAC of world {number}", seconds=30)


def _role(namespace: str, index: int, rules: list[Any], number: int) -> dict[str, Any]:
    metadata = {"name": f"{number}-{index}", "labels": OURS}
    kind = "Role" if namespace else "ClusterRole"
    scope = {"namespace": namespace} if namespace else {}
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": kind,
        "metadata": metadata | scope,
        "rules": rules,
    }


def _ref(ref: str, number: int) -> dict[str, str]:
    kind, _, name = ref.partition("/")
    return {"apiGroup": RBAC, "kind": kind, "name": f"{number}-{name}"}


def _binding(
    namespace: str, name: str, ref: dict[str, str], subjects: list[dict[str, str]]
) -> dict[str, Any]:
    scope = {"namespace": namespace} if namespace else {}
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": {"name": name, "labels": OURS} | scope,
        "roleRef": ref,
        "subjects": subjects,
    }


def authorization_of_live(live: Cluster) -> Authorization:
    """The engine's view of the cluster, read as `authzviz collect` reads it."""
    credentials = parse_upload(live.kubeconfig(), policy=COMMAND_LINE)[0].credentials
    assert credentials
    return authorization_of(collect(credentials, name=live.name, policy=COMMAND_LINE))


def compare(
    live: Cluster, authorization: Authorization, asked: Sequence[tuple[Identity, Request]]
) -> Counter[str]:
    """How often the engine says what; fails where the apiserver decides otherwise.

    What the engine can't tell is compared with nothing.
    """
    minor = authorization.chains[0].minor
    given, differences = Counter[str](), []
    for (who, what), review in zip(asked, review_all(live.admin, asked), strict=True):
        said = authorization.decide(who, what)
        given[said.decision] += 1
        hangs = hangs_on_a_relation(who, what, minor)
        if said.decision is not Decision.UNKNOWN and not agrees(
            said, review.is_allowed, review.reason, hangs=hangs
        ):
            differences.append(f"{who} {what}: apiserver {review}, engine {said}")
    assert not differences, "\n".join(differences[:SHOWN])
    return given


GHOST = "ghost-7f3a"
NODES = ("system:nodes", "system:authenticated")
PROBES = (
    (kubelet_of(GHOST), Request("delete", "persistentvolumes", name=GHOST)),
    (kubelet_of(GHOST), Request("get", "secrets", namespace="kube-system", name=GHOST)),
    (Identity(GHOST, NODES), Request("get", "services", namespace="default", name=GHOST)),
    (kubelet_of(GHOST), Request("get", "services", namespace="default", name=GHOST)),
    (Identity(GHOST, NODES[1:]), Request("probe", "nosuch", group="probe.invalid")),
)
MORE = tuple(
    (who, Request(verb, resource, group, namespace=namespace, name=name))
    for who in (kubelet_of("node1"), Identity("system:node:node1"), Identity("ann", ("team",)))
    for verb in ("get", "list", "update")
    for group, resource, namespace, name in (
        ("", "nodes", "", "node1"),
        ("", "nodes", "", "node2"),
        ("", "pods", "default", ""),
        ("", "configmaps", "default", "unused"),
        ("coordination.k8s.io", "leases", "kube-node-lease", "node1"),
        ("coordination.k8s.io", "leases", "kube-node-lease", "node2"),
        ("storage.k8s.io", "csinodes", "", "node1"),
    )
)
# Modes, whether system:node is bound to system:nodes, what the webhook does to nodes, and what the
# engine says to the probes: a letter each, by (n)obody, (N)ode, (c)onditional, (R)BAC,
# (A)lwaysAllow, (?) unknown.
MODES: dict[str, tuple[str | None, bool, str, str]] = {
    "no mode": (None, False, "", "AAAAA"),
    "AlwaysAllow": ("AlwaysAllow", False, "", "AAAAA"),
    "AlwaysAllow behind RBAC": ("RBAC,AlwaysAllow", False, "", "AAAAA"),
    "RBAC": ("RBAC", False, "", "nnnnn"),
    "RBAC, bound": ("RBAC", True, "", "nRRRn"),
    "Node,RBAC": ("Node,RBAC", False, "", "ncnNn"),
    "Node,RBAC, bound": ("Node,RBAC", True, "", "nRRNn"),
    "RBAC,Node": ("RBAC,Node", False, "", "ncnNn"),
    "RBAC,Node, bound": ("RBAC,Node", True, "", "nRRRn"),
    "AlwaysDeny last": ("Node,RBAC,AlwaysDeny", False, "", "ncnNn"),
    "a webhook without opinion": ("Node,RBAC,Webhook", False, "nothing", "???N?"),
    "a webhook that denies": ("Webhook,Node,RBAC", True, "deny", "?????"),
    "a webhook that allows": ("Node,RBAC,Webhook", True, "allow", "?RRN?"),
}
LETTERS = {
    (Decision.NO, ""): "n",
    (Decision.ALLOW, "Node"): "N",
    (Decision.CONDITIONAL, "Node"): "c",
    (Decision.ALLOW, "RBAC"): "R",
    (Decision.ALLOW, "AlwaysAllow"): "A",
}


@pytest.mark.timeout(600)  # an apiserver's start for each
def test_every_chain_of_modes_is_decided_as_the_apiserver_decides(
    cluster: ClusterFactory, tmp_path: Path
) -> None:
    live = cluster(authorization_mode="RBAC")
    found = {}
    for name, (modes, is_bound, behaviour, _) in MODES.items():
        subjects = [group("system:nodes")] if is_bound else []
        with webhook(behaviour, tmp_path) as flags:
            # Before the restart: a ready apiserver goes by all that was there when it started.
            live.apply([cluster_role_binding("bound", "system:node", subjects)])
            live.restart(authorization_mode=modes, others=flags)
            authorization = authorization_of_live(live)
            compare(live, authorization, (*PROBES, *MORE))
        found[name] = "".join(_letter(authorization, *probe) for probe in PROBES)

    assert found == {name: letters for name, (*_, letters) in MODES.items()}


def _letter(authorization: Authorization, identity: Identity, request: Request) -> str:
    said = authorization.decide(identity, request)
    return LETTERS.get((said.decision, said.by), "?")
