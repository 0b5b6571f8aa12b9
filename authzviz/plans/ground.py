"""What a plan is made from: the facts of a cluster, what the engine makes of them, evidence."""

from __future__ import annotations

from dataclasses import dataclass, field

from authzviz.engine.assessment import ApiServerState, Assessment, Grant, Verdict
from authzviz.engine.grants import describe_binding, describe_subject
from authzviz.engine.model import ApiServer, Binding, Snapshot, Subject
from authzviz.evidence.audit import AuditEvidence
from authzviz.plans.servers import Server

Excess = tuple[Grant, Binding, Subject]


@dataclass(frozen=True, slots=True)
class Ground:
    """One cluster as it was read and judged; `audit` is None where nobody gave an audit log."""

    snapshot: Snapshot
    assessment: Assessment
    audit: AuditEvidence | None = None
    _excess: list[tuple[Excess, ...]] = field(default_factory=list, repr=False, compare=False)

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
    def servers(self) -> tuple[Server, ...]:
        """The same, as the machines that steps are done on."""
        return tuple(Server(state, read) for state, read in self.apiservers)

    @property
    def excess(self) -> tuple[Excess, ...]:
        """Each grant beyond the Node authorizer, with its binding and its subject there."""
        if not self._excess:
            self._excess.append(self._found_excess())
        return self._excess[0]

    def _found_excess(self) -> tuple[Excess, ...]:
        beyond = [grant for grant in self.assessment.grants if grant.beyond_node_authorizer]
        named = {grant.binding for grant in beyond}
        found = {
            (name, describe_subject(subject)): (binding, subject)
            for binding in self.bindings
            if (name := describe_binding(binding)) in named
            for subject in binding.subjects
        }
        # A subject may stand in a binding twice.
        once = {(grant.binding, grant.subject): grant for grant in reversed(beyond)}
        return tuple((once[key], *found[key]) for key in reversed(once) if key in found)

    @property
    def bindings(self) -> tuple[Binding, ...]:
        """Every binding that was read, those of the whole cluster first."""
        lists = (self.snapshot.cluster_role_bindings.value, self.snapshot.role_bindings.value)
        return tuple(binding for bindings in lists for binding in bindings or ())


def wanted_modes(state: ApiServerState) -> tuple[str, ...]:
    """The authorization modes that the apiserver is to have."""
    return modes_from(state.authorization_modes or ())


def wanted_plugins(state: ApiServerState) -> tuple[str, ...]:
    """What --enable-admission-plugins is to say: what it says now, and NodeRestriction."""
    return plugins_from(state.admission_plugins or ())


def modes_from(modes: tuple[str, ...]) -> tuple[str, ...]:
    """The modes as they are to be: Node first, then what is there now without AlwaysAllow, and
    RBAC in any case.
    """
    kept = [mode for mode in modes if mode not in ("Node", "AlwaysAllow")]
    return ("Node", *kept, *(() if "RBAC" in kept else ("RBAC",)))


def plugins_from(plugins: tuple[str, ...]) -> tuple[str, ...]:
    """The plugins as they are to be: as they are, with NodeRestriction."""
    return plugins if "NodeRestriction" in plugins else (*plugins, "NodeRestriction")
