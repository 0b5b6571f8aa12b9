"""The quick way out of an outage: to bind the group, at its cost."""

from __future__ import annotations

import json
from dataclasses import replace
from shlex import quote

from authzviz.engine.assessment import Fix, NextStep
from authzviz.engine.identity import NODES_GROUP
from authzviz.engine.model import Binding, RoleRef, Subject
from authzviz.plans.ground import Ground
from authzviz.plans.looking import certificate_shown
from authzviz.plans.plan import Observation, Phase, PhaseId, Sees, Step, Trouble

GROUP = Subject("Group", NODES_GROUP)
_NAME = "system:node"


def phase(ground: Ground) -> Phase | None:
    """The quick way; None where the engine knows of none, or kubelets are not refused."""
    advised = _advised(ground)
    if advised is None:
        return None
    step = Step(
        id="bind-group",
        title="Bind Group system:nodes to system:node",
        why=advised.detail,
        where="kubectl",
        commands=advised.commands,
        verify=(
            "kubectl get clusterrolebinding system:node -o yaml | grep 'name: system:nodes'",
            "kubectl get nodes",
        ),
        rollback=(_rollback(bound(ground)),),
        observation=Observation(Sees.SUBJECT_BOUND, _NAME, GROUP),
        takes="Seconds: kubelets try again by themselves.",
        troubles=_troubles(ground.distribution),
        caution=advised.caution,
        watches_leases=True,
    )
    return Phase(
        PhaseId.QUICK_WAY,
        "Quick way out",
        "Only while nodes are down; the real way takes it back.",
        (step,),
        is_optional=True,
    )


def bound(ground: Ground) -> Binding | None:
    """The binding as the quick way leaves it, None where none is offered or it binds already."""
    if _advised(ground) is None:
        return None
    read = ground.snapshot.cluster_role_bindings.value or ()
    none = Binding(_NAME, RoleRef("ClusterRole", _NAME))
    found = next((binding for binding in read if binding.name == _NAME), none)
    if GROUP in found.subjects:
        return None
    return replace(found, subjects=(*found.subjects, GROUP))


def _advised(ground: Ground) -> NextStep | None:
    """What the engine advises as the quick way: it decides whether there is one, and which."""
    quick = (Fix.BIND_GROUP, Fix.MAKE_BINDING)
    return next((step for step in ground.assessment.next_steps if step.fix in quick), None)


def _rollback(left: Binding | None) -> str:
    """Takes the group off again; the binding stays, which apiservers make anew anyhow."""
    place = f"/subjects/{len(left.subjects) - 1}" if left else "/subjects/0"
    patch = [
        {"op": "test", "path": f"{place}/name", "value": NODES_GROUP},
        {"op": "remove", "path": place},
    ]
    return f"kubectl patch clusterrolebinding {_NAME} --type=json -p {quote(json.dumps(patch))}"


def _troubles(distribution: str) -> tuple[Trouble, ...]:
    return (
        Trouble(
            "The binding is there already",
            'error: failed to create clusterrolebinding: clusterrolebindings "system:node" already'
            " exists",
            "kubectl set subject clusterrolebinding system:node --group=system:nodes",
        ),
        Trouble(
            "Nodes stay NotReady",
            'forbidden: User "system:node:NAME" although the group is bound',
            "Kubelets sign in without the group system:nodes. This shows it:"
            f" {certificate_shown(distribution)[0]}",
        ),
    )
