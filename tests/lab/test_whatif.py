"""What-if against reality: the change is made on a real apiserver, and predicted is what it then
says to SubjectAccessReviews, and what it is then judged.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from authzviz.engine import judge
from authzviz.engine.applying import applied
from authzviz.engine.assessment import Decision
from authzviz.engine.authorize import authorization_of
from authzviz.engine.change import Change
from authzviz.engine.identity import KUBELET_GROUPS, kubelet_of, named_node
from authzviz.engine.model import Binding, RoleRef, Subject
from authzviz.engine.needs import ANY_NAME, ANY_NAMESPACE, needs_of
from authzviz.engine.request import Request
from authzviz.engine.whatif import whatif
from authzviz.kube.collect import collect
from authzviz.kube.kubeconfig import parse_upload
from authzviz.net import COMMAND_LINE
from tests.lab.cluster import cluster_role_binding, group, user
from tests.lab.reviews import ask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from authzviz.engine.model import Snapshot
    from tests.lab.cluster import Cluster
    from tests.lab.plugin import ClusterFactory

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab_ground")]

BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
NODES = ("node1", "node2", "never-heard-of")
LEAKS = (
    Request("list", "secrets"),
    Request("get", "secrets", namespace="kube-system", name="elsewhere"),
    Request("list", "pods"),
    Request("get", "pods", namespace="default", name="elsewhere"),
    Request("list", "nodes"),
    Request("get", "nodes", name="node9"),
    Request("patch", "nodes", name="node9"),
    Request("delete", "nodes", name="node9"),
    Request("delete", "pods", namespace="default", name="elsewhere"),
    Request("create", "serviceaccounts", subresource="token", namespace="default", name="default"),
    Request("update", "leases", "coordination.k8s.io", namespace="kube-node-lease", name="node9"),
    Request("create", "clusterrolebindings", "rbac.authorization.k8s.io"),
    Request("deletecollection", "resourceslices", "resource.k8s.io"),
    Request("get", path="/metrics"),
    Request("get", path="/version"),
)


@dataclass(frozen=True, slots=True)
class Story:
    """Flags and objects of a cluster, the change as thought of, and as made."""

    mode: str | None
    plugins: str | None
    change: Change
    make: Callable[[Cluster], None]
    verdict: str
    objects: Sequence[Mapping[str, Any]] = field(default=())


def restart(**flags: str | None) -> Callable[[Cluster], None]:
    return lambda live: live.restart(**flags)


def delete_and_restart(**flags: str | None) -> Callable[[Cluster], None]:
    def make(live: Cluster) -> None:
        live.admin.delete(f"{BINDINGS}/system:node")
        live.restart(**flags)

    return make


def take_and_restart(binding: str) -> Callable[[Cluster], None]:
    def make(live: Cluster) -> None:
        live.remove_subjects(binding)
        live.restart()

    return make


LEGACY = (cluster_role_binding("system:node", "system:node", [group("system:nodes")]),)
BOTH = (
    cluster_role_binding(
        "system:node", "system:node", [user("system:node:node1"), group("system:nodes")]
    ),
)
ADMIN = (cluster_role_binding("agents", "cluster-admin", [user("system:node:node1")]),)
RESTRICTION = "NodeRestriction"
NODES_GROUP, AUTHENTICATED = (Subject("Group", f"system:{n}") for n in ("nodes", "authenticated"))
STORIES = {
    "Node is turned on": Story(
        "RBAC",
        RESTRICTION,
        Change(("Node", "RBAC")),
        restart(authorization_mode="Node,RBAC"),
        "node-authorizer",
    ),
    "Node is turned on, and the binding stays": Story(
        "RBAC",
        RESTRICTION,
        Change(("Node", "RBAC")),
        restart(authorization_mode="Node,RBAC"),
        "over-granted",
        LEGACY,
    ),
    "the subject is removed": Story(
        "Node,RBAC",
        RESTRICTION,
        Change(dropped_subjects=(("system:node", NODES_GROUP),)),
        lambda live: live.remove_subjects("system:node"),
        "node-authorizer",
        LEGACY,
    ),
    "the subject is removed too early": Story(
        "RBAC",
        RESTRICTION,
        Change(dropped_subjects=(("system:node", NODES_GROUP),)),
        lambda live: live.remove_subjects("system:node"),
        "refused",
        LEGACY,
    ),
    "the subject is set": Story(
        "RBAC",
        None,
        Change(added_subjects=(("system:node", NODES_GROUP),)),
        lambda live: live.set_subject("system:node", group("system:nodes")),
        "legacy-binding",
    ),
    "NodeRestriction is dropped": Story(
        "Node,RBAC",
        RESTRICTION,
        Change(admission_plugins=()),
        restart(admission_plugins=None),
        "unrestricted",
    ),
    "AlwaysAllow ends": Story(
        None,
        None,
        Change(("Node", "RBAC"), (RESTRICTION,)),
        restart(authorization_mode="Node,RBAC", admission_plugins=RESTRICTION),
        "node-authorizer",
    ),
    "the binding is deleted, and comes back empty": Story(
        "RBAC",
        RESTRICTION,
        Change(dropped=("system:node",)),
        delete_and_restart(),
        "refused",
        LEGACY,
    ),
    "the binding is deleted while Node is turned on": Story(
        "RBAC",
        RESTRICTION,
        Change(("Node", "RBAC"), dropped=("system:node",)),
        delete_and_restart(authorization_mode="Node,RBAC"),
        "node-authorizer",
        LEGACY,
    ),
    "one subject is taken, another stays": Story(
        "RBAC",
        RESTRICTION,
        Change(dropped_subjects=(("system:node", NODES_GROUP),)),
        lambda live: live.set_subject("system:node", user("system:node:node1")),
        "mixed",
        BOTH,
    ),
    "a default subject is taken, and comes back": Story(
        "Node,RBAC",
        RESTRICTION,
        Change(dropped_subjects=(("system:discovery", AUTHENTICATED),)),
        take_and_restart("system:discovery"),
        "node-authorizer",
    ),
    "a new binding lets kubelets in": Story(
        "RBAC",
        RESTRICTION,
        Change(
            added=(Binding("kubelets", RoleRef("ClusterRole", "system:node")),),
            added_subjects=(("kubelets", NODES_GROUP),),
        ),
        lambda live: live.apply(
            [cluster_role_binding("kubelets", "system:node", [group("system:nodes")])]
        ),
        "legacy-binding",
    ),
    "one node keeps what is its own": Story(
        "Node,RBAC",
        RESTRICTION,
        Change(("RBAC",)),
        restart(authorization_mode="RBAC"),
        "mixed",
        ADMIN,
    ),
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_what_is_predicted_is_what_comes(story: Story, cluster: ClusterFactory) -> None:
    live = cluster(
        authorization_mode=story.mode, admission_plugins=story.plugins, objects=story.objects
    )
    before = read(live)
    predicted = applied(before, story.change).snapshot
    answer = whatif(before, story.change)

    story.make(live)
    wait_until_bindings_hold(live, predicted)
    after = read(live)

    assert answer.after.verdict == story.verdict
    assert judge(after).verdict == story.verdict
    expected, found = bindings_of(predicted), bindings_of(after)
    assert {name: found.get(name) for name in expected} == expected
    wrong = [difference for node in NODES for difference in differences(live, predicted, node)]
    assert wrong == []
    assert {finding.id for finding in answer.findings_new} <= ids(after)
    assert not {finding.id for finding in answer.findings_gone} & (ids(after) - ids(before))


def read(live: Cluster) -> Snapshot:
    """The cluster as the product reads it; a lab's own addresses are no apiservers of it."""
    (context,) = parse_upload(live.kubeconfig(), policy=COMMAND_LINE)
    assert context.credentials
    return collect(context.credentials, name="lab", policy=COMMAND_LINE)


def ids(snapshot: Snapshot) -> set[str]:
    return {finding.id for finding in judge(snapshot).findings}


def bindings_of(snapshot: Snapshot) -> dict[str, tuple[RoleRef, tuple[Subject, ...]]]:
    """The ClusterRoleBindings, with those of their subjects that kubelets are."""
    bindings = snapshot.cluster_role_bindings.value or ()
    return {
        binding.name: (binding.role_ref, tuple(filter(is_kubelet, binding.subjects)))
        for binding in bindings
    }


def is_kubelet(subject: Subject) -> bool:
    return subject.name in KUBELET_GROUPS or named_node(subject) is not None


def differences(live: Cluster, predicted: Snapshot, node: str) -> list[str]:
    """The requests of a node to which the apiserver says something else than was predicted.

    No pod runs here, so what hangs on a relation is refused.
    """
    identity = kubelet_of(node)
    authorization = authorization_of(predicted)
    needs = [request for need in needs_of(node, 37) for request in need.requests]
    found = []
    with closing(live.admin.connection()) as connection:
        for request in [*map(concrete, needs), *LEAKS]:
            said = authorization.decide(identity, request)
            assert said.decision is not Decision.UNKNOWN
            is_allowed = ask(connection, identity, request).is_allowed
            if is_allowed is not (said.decision is Decision.ALLOW):
                found.append(f"{identity.user} {request}: predicted {said.decision}, {is_allowed=}")
    return found


def concrete(request: Request) -> Request:
    """The request of a need, about objects that have names."""
    namespace = "default" if request.namespace == ANY_NAMESPACE else request.namespace
    return replace(
        request, namespace=namespace, name="some" if request.name == ANY_NAME else request.name
    )


def wait_until_bindings_hold(live: Cluster, predicted: Snapshot) -> None:
    """Return when the apiserver's caches have the binding: it answers by them, a moment behind."""
    identity, request = kubelet_of(NODES[2]), Request("list", "secrets")
    wanted = authorization_of(predicted).decide(identity, request).decision is Decision.ALLOW
    with closing(live.admin.connection()) as connection:
        live.process.wait_until(
            lambda: ask(connection, identity, request).is_allowed is wanted,
            "the predicted answer to a list of Secrets",
            seconds=30,
        )
