"""What a plan is made from: the facts of a cluster, what the engine makes of them, evidence."""

from __future__ import annotations

from dataclasses import dataclass

from authzviz.engine.assessment import ApiServerState, Assessment, Grant, Verdict
from authzviz.engine.grants import describe_binding, describe_subject
from authzviz.engine.model import ApiServer, Binding, Snapshot, Subject
from authzviz.evidence.audit import AuditEvidence


@dataclass(frozen=True, slots=True)
class Ground:
    """One cluster as it was read and judged; `audit` is None where nobody gave an audit log."""

    snapshot: Snapshot
    assessment: Assessment
    audit: AuditEvidence | None = None

    @property
    def verdict(self) -> Verdict:
        """Where the way starts."""
        return self.assessment.verdict

    @property
    def distribution(self) -> str:
        """What installed the cluster, as `check` names it."""
        return self.assessment.distribution

    @property
    def apiservers(self) -> tuple[tuple[ApiServerState, ApiServer | None], ...]:
        """Each apiserver as judged and, where one of that name was read, as read."""
        read = {server.name: server for server in self.snapshot.apiservers.value or ()}
        return tuple((state, read.get(state.name)) for state in self.assessment.apiservers)

    @property
    def excess(self) -> tuple[tuple[Grant, Binding, Subject], ...]:
        """Each grant beyond the Node authorizer, with its binding and its subject there."""
        return tuple(
            (grant, binding, subject)
            for grant in self.assessment.grants
            if grant.beyond_node_authorizer
            for binding in self._bindings
            if describe_binding(binding) == grant.binding
            for subject in dict.fromkeys(binding.subjects)
            if describe_subject(subject) == grant.subject
        )

    @property
    def _bindings(self) -> tuple[Binding, ...]:
        lists = (self.snapshot.cluster_role_bindings.value, self.snapshot.role_bindings.value)
        return tuple(binding for bindings in lists for binding in bindings or ())


def wanted_modes(state: ApiServerState) -> tuple[str, ...]:
    """The authorization modes that the apiserver is to have: Node first, then what it has now
    without AlwaysAllow, and RBAC in any case.
    """
    kept = [m for m in state.authorization_modes or () if m not in ("Node", "AlwaysAllow")]
    return ("Node", *kept, *(() if "RBAC" in kept else ("RBAC",)))


def wanted_plugins(state: ApiServerState) -> tuple[str, ...]:
    """What --enable-admission-plugins is to say: what it says now, and NodeRestriction."""
    kept = [plugin for plugin in state.admission_plugins or () if plugin != "NodeRestriction"]
    return (*kept, "NodeRestriction")
