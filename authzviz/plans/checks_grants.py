"""Checks of the bindings: who else lives by them, and what hides that something breaks."""

from __future__ import annotations

from collections.abc import Iterator

from authzviz.engine.assessment import Assessment, Switch
from authzviz.engine.grants import describe_binding, describe_subject
from authzviz.engine.identity import AUTHENTICATED_GROUP, NODES_GROUP, named_node
from authzviz.engine.model import Binding, Read, Snapshot, Subject
from authzviz.engine.phrases import listed
from authzviz.plans.plan import State
from authzviz.plans.sentences import first_of, why_unread

Stand = tuple[State, str]
_NODE_ROLE = "system:node"


def other_users(snapshot: Snapshot, _: Assessment) -> Stand:
    """Nobody but nodes holds ClusterRole system:node."""
    found = [f"{describe_subject(who)} by {describe_binding(by)}" for by, who in _others(snapshot)]
    if found:
        return State.TODO, (
            f"not only nodes hold ClusterRole system:node: {first_of(found)}. Node authorizer and"
            " NodeRestriction ignore them: a kubelet that signs in so lives by that binding alone."
            " Give each kubelet its own certificate, and every agent a ServiceAccount with what it"
            " needs"
        )
    unread = _first_unread(snapshot)
    if unread:
        return State.UNKNOWN, unread
    return State.DONE, "nobody but nodes holds ClusterRole system:node"


def extra_grants(snapshot: Snapshot, assessment: Assessment) -> Stand:
    """All that gives kubelets more than Node is known, and is for kubelets alone."""
    beyond = [grant for grant in assessment.grants if grant.beyond_node_authorizer]
    wide = [g.binding for g in beyond if g.subject == f"Group {AUTHENTICATED_GROUP}"]
    if wide:
        return State.TODO, (
            f"{first_of(list(dict.fromkeys(wide)))} grants it to everyone who is signed in,"
            " kubelets among them: find out who uses it (audit log) and grant it to those by name,"
            " before the subject goes"
        )
    unread = _first_unread(snapshot)
    if unread:
        return State.UNKNOWN, unread
    hiding = [s.name for s in assessment.apiservers if s.opaque and s.leaks is not Switch.OFF]
    if hiding:
        return State.UNKNOWN, (
            f"what a webhook or ABAC file on {listed(hiding)} allows kubelets is not known, and may"
            " hide what the plan breaks"
        )
    bindings = list(dict.fromkeys(grant.binding for grant in beyond))
    if len(bindings) > 1:
        return State.DONE, (
            f"the plan takes kubelets off all of {first_of(bindings)}. While one stays it hides"
            " what another's end breaks: ask the audit log about all of them first"
        )
    only = f" but {bindings[0]}" if bindings else ""
    return State.DONE, f"nothing{only} gives kubelets more than the Node authorizer"


def _others(snapshot: Snapshot) -> Iterator[tuple[Binding, Subject]]:
    for read in (snapshot.cluster_role_bindings, snapshot.role_bindings):
        for binding in read.value or ():
            if (binding.role_ref.kind, binding.role_ref.name) == ("ClusterRole", _NODE_ROLE):
                for subject in dict.fromkeys(binding.subjects):
                    if not _is_of_nodes(subject):
                        yield binding, subject


def _is_of_nodes(subject: Subject) -> bool:
    groups = (NODES_GROUP, AUTHENTICATED_GROUP)
    is_group = subject.kind == "Group" and subject.name in groups
    return is_group or named_node(subject) is not None


def _first_unread(snapshot: Snapshot) -> str:
    """Why not all is known that RBAC grants, "" where it is."""
    reads: dict[str, Read[object]] = {
        "ClusterRoleBindings": snapshot.cluster_role_bindings,
        "RoleBindings": snapshot.role_bindings,
        "ClusterRoles": snapshot.cluster_roles,
        "Roles": snapshot.roles,
    }
    return next((why for what, read in reads.items() if (why := why_unread(read, what))), "")
