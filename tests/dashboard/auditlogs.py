"""What audit logs prove, made by hand, for tests of what the pages make of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from authzviz.evidence.audit import AuditEvidence, LogReach, Occasion, Proof, Stranger, Use

BINDING = "ClusterRoleBinding system:node"
FIRST = datetime(2026, 11, 1, 8, tzinfo=UTC)
LAST = FIRST + timedelta(days=20)
REACH = LogReach(
    first=FIRST, last=LAST, events=120_000, of_kubelets=90_000, nodes_seen=3, nodes_total=3
)
AGENT = Use(
    user="system:node:node1",
    binding=BINDING,
    user_agent="agent/1.4 (linux/amd64)",
    verb="list",
    resource="nodes",
    namespace="",
    count=1_240,
    first=FIRST,
    last=LAST,
    is_kubelet=False,
)
NOTHING = AuditEvidence(
    proof=Proof.NOTHING_BREAKS,
    because="in 20 days no request of a kubelet needed these grants",
    bindings=(BINDING,),
    uses=(),
    reach=REACH,
)
BREAKS = AuditEvidence(
    proof=Proof.BREAKS,
    because="1,240 requests were allowed by these grants alone",
    bindings=(BINDING,),
    uses=(AGENT,),
    reach=REACH,
)


def named(name: str) -> AuditEvidence:
    """Evidence in which a log gave this name to everything that it names."""
    use = Use(name, name, name, name, name, name, 1, FIRST, LAST, is_kubelet=False)
    return AuditEvidence(
        proof=Proof.BREAKS,
        because=name,
        bindings=(name,),
        uses=(use,),
        reach=replace(
            REACH,
            nodes_unseen=(name,),
            gaps=(name,),
            rejected=((name, 1),),
            occasions=(Occasion(name, is_seen=True),),
        ),
        strangers=(Stranger(name, 1, name, 1, FIRST, LAST, is_elsewhere=True),),
        notes=(name,),
    )
