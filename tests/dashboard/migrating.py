"""A cluster on its way: polls of it, and a plan that holds one step of each kind."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from authzviz.engine.assessment import Verdict
from authzviz.engine.model import Subject
from authzviz.plans.plan import BY_HAND, Observation, Phase, PhaseId, Plan, Sees, State, Step
from dashboard.models import Cluster
from dashboard.services import clock, pages, plans, polling
from dashboard.services.plans import PlanNow
from tests.dashboard.conftest import FakeSource
from tests.dashboard.snapshots import legacy_bindings, snapshot
from tests.engine.build import EMPTY_BINDING, ok

NODES = Subject("Group", "system:nodes")
FLAGS, LOOK, REMOVE, TARGET = "flags:cp1", "look", "remove:system:node", "verdict"


def step(id_: str, observation: Observation, *, watches_leases: bool = False) -> Step:
    return Step(
        id=id_,
        title=f"Do {id_}",
        why="It is so.",
        where="cp1",
        verify=("look",),
        observation=observation,
        watches_leases=watches_leases,
    )


def plan_of_steps(*steps: Step) -> Plan:
    """A plan with these steps, all in one phase."""
    phase = Phase(PhaseId.NODE_AUTHORIZER, "All", "All of it.", steps)
    return Plan("alpha", Verdict.LEGACY_BINDING, "kubeadm", (phase,))


HAND_MADE = plan_of_steps(
    step(LOOK, BY_HAND),
    step(FLAGS, Observation(Sees.FLAGS, "cp1"), watches_leases=True),
    step(REMOVE, Observation(Sees.SUBJECT_GONE, "system:node", NODES), watches_leases=True),
    step(TARGET, Observation(Sees.VERDICT)),
)


def poll(cluster: Cluster, source: FakeSource, modes: str = "RBAC", **changes: Any) -> None:
    """Read the cluster once: by the old binding, unless `changes` say otherwise."""
    changes.setdefault("read_at", clock.now())
    changes.setdefault("cluster_role_bindings", legacy_bindings())
    source.snapshot = snapshot(modes, **changes)
    Cluster.objects.filter(pk=cluster.pk).update(next_poll_at=clock.now() - timedelta(seconds=1))
    polling.poll(cluster.pk)
    cluster.refresh_from_db()
    assert not cluster.last_error, cluster.last_error


def poll_removed(cluster: Cluster, source: FakeSource, modes: str = "Node,RBAC") -> None:
    """Read the cluster once the binding is empty."""
    poll(cluster, source, modes, cluster_role_bindings=ok((EMPTY_BINDING,)))


def now_of(cluster: Cluster) -> PlanNow:
    """The plan as the page shows it."""
    fresh = Cluster.objects.select_related("current").get(pk=cluster.pk)
    found = plans.plan_now(pages.row_of(fresh))
    assert found is not None
    return found


def states(cluster: Cluster) -> dict[str, State]:
    """The state of each step as the page shows it."""
    return {one.step.id: one.step.state for phase in now_of(cluster).phases for one in phase.steps}
