"""From a judged snapshot to its plan."""

from __future__ import annotations

from authzviz.engine.assessment import Assessment, Verdict
from authzviz.engine.model import Snapshot
from authzviz.evidence.audit import AuditEvidence
from authzviz.plans import (
    evidence_phase,
    find_out,
    node_phase,
    preflight,
    quick_way,
    removing,
    verifying,
)
from authzviz.plans.following import Seen, followed
from authzviz.plans.ground import Ground
from authzviz.plans.host_flags import host_flags
from authzviz.plans.plan import Phase, Plan

_PHASES = (
    quick_way.phase,  # nodes are down: nothing is to be read or checked before
    find_out.phase,
    preflight.phase,
    node_phase.phase,
    evidence_phase.phase,
    removing.phase,
    verifying.phase,
)


def plan_of(snapshot: Snapshot, assessment: Assessment, audit: AuditEvidence | None = None) -> Plan:
    """The plan of the cluster, each step with its state as of this snapshot. Never raises for what
    a cluster says.
    """
    ground = Ground(snapshot, assessment, audit)
    phases: tuple[Phase, ...] = ()
    if assessment.verdict is not Verdict.NODE_AUTHORIZER:
        made = (make(ground) for make in _PHASES)
        phases = tuple(phase for phase in made if phase is not None and phase.steps)
    plan = Plan(
        cluster=snapshot.name,
        start=assessment.verdict,
        distribution=assessment.distribution,
        phases=phases,
        notes=node_phase.notes(ground) if phases else (),
        version=assessment.version,
        flags=host_flags(ground) if phases else (),
    )
    return followed(plan, Seen(snapshot, assessment, audit))
