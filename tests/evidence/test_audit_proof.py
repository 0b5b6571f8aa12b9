"""What an audit log proves, and what it does not."""

from __future__ import annotations

from authzviz.evidence.audit import Proof
from tests.evidence.audit_events import (
    AGENT,
    DISCOVERY,
    KUBELET,
    RBAC_ONLY,
    a_week,
    event,
    evidence,
    log,
)


def test_a_request_that_only_the_old_binding_allowed_would_break() -> None:
    found = evidence(log(*a_week(), event("list", "nodes"), event("list", "nodes")))
    assert found.proof is Proof.BREAKS
    (use,) = found.uses
    assert (use.user, use.user_agent, use.verb, use.resource, use.count, use.is_kubelet) == (
        "system:node:eu-2-worker-1",
        AGENT,
        "list",
        "nodes",
        2,
        False,
    )
    assert AGENT in found.because


def test_a_week_of_every_node_that_node_answers_breaks_nothing() -> None:
    found = evidence(log(*a_week()))
    assert (found.proof, found.uses) == (Proof.NOTHING_BREAKS, ())
    assert found.reach.gaps == ()


def test_with_rbac_before_node_the_log_proves_nothing_and_the_agent_is_still_named() -> None:
    own = event("get", "secrets", agent=KUBELET, ref={"namespace": "a", "name": "b"})
    found = evidence(log(own, event("list", "nodes")), cluster=RBAC_ONLY)
    assert found.proof is Proof.PROVES_NOTHING
    assert [use.user_agent for use in found.uses] == [AGENT]


def test_what_a_binding_that_stays_allows_is_no_use() -> None:
    path = event("get", "version", reason=DISCOVERY, requestURI="/version", objectRef=None)
    assert evidence(log(*a_week(), path)).uses == ()
