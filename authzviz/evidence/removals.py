"""What a plan takes away: every grant beyond the Node authorizer."""

from __future__ import annotations

from authzviz.engine.assessment import Assessment, Grant
from authzviz.engine.grants import describe_binding, describe_subject
from authzviz.engine.model import Binding, Snapshot, Subject

Removal = tuple[Grant, Binding, Subject]


def removals_of(snapshot: Snapshot, assessment: Assessment) -> tuple[Removal, ...]:
    """Each grant beyond the Node authorizer, with its binding and its subject there: what a plan
    removes.
    """
    beyond = [grant for grant in assessment.grants if grant.beyond_node_authorizer]
    named = {grant.binding for grant in beyond}
    found = {
        (name, describe_subject(subject)): (binding, subject)
        for read in (snapshot.cluster_role_bindings, snapshot.role_bindings)
        for binding in read.value or ()
        if (name := describe_binding(binding)) in named
        for subject in binding.subjects
    }
    # A subject may stand in a binding twice.
    once = {(grant.binding, grant.subject): grant for grant in reversed(beyond)}
    return tuple((once[key], *found[key]) for key in reversed(once) if key in found)
