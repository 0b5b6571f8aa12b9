"""What a plan is made from: the facts of a cluster, what the engine makes of them, evidence."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from authzviz.engine.assessment import ApiServerState, Assessment, Verdict
from authzviz.engine.model import ApiServer, Snapshot
from authzviz.evidence.audit import AuditEvidence
from authzviz.evidence.removals import Removal, removals_of
from authzviz.plans.servers import Server

_PLAIN = re.compile("[A-Za-z0-9][A-Za-z0-9._/-]*")


@dataclass(frozen=True, slots=True)
class Ground:
    """One cluster as it was read and judged; `audit` is None where nobody gave an audit log."""

    snapshot: Snapshot
    assessment: Assessment
    audit: AuditEvidence | None = None
    _excess: list[tuple[Removal, ...]] = field(default_factory=list, repr=False, compare=False)

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
    def excess(self) -> tuple[Removal, ...]:
        """Each grant beyond the Node authorizer, with its binding and its subject there."""
        if not self._excess:
            self._excess.append(removals_of(self.snapshot, self.assessment))
        return self._excess[0]


def wanted_modes(state: ApiServerState) -> tuple[str, ...]:
    """The authorization modes that the apiserver is to have."""
    return modes_from(state.authorization_modes or ())


def wanted_plugins(state: ApiServerState) -> tuple[str, ...]:
    """What --enable-admission-plugins is to say: what it says now, and NodeRestriction."""
    return plugins_from(state.admission_plugins or ())


def modes_from(modes: tuple[str, ...]) -> tuple[str, ...]:
    """The modes as they are to be: Node first, then what is there now without AlwaysAllow, and
    RBAC in any case. What is no word is no mode: with it no apiserver starts.
    """
    kept = [mode for mode in _plain(modes) if mode not in ("Node", "AlwaysAllow")]
    return ("Node", *kept, *(() if "RBAC" in kept else ("RBAC",)))


def plugins_from(plugins: tuple[str, ...]) -> tuple[str, ...]:
    """The plugins as they are to be: as they are, with NodeRestriction; what is no word is none."""
    plugins = _plain(plugins)
    return plugins if "NodeRestriction" in plugins else (*plugins, "NodeRestriction")


def _plain(names: tuple[str, ...]) -> tuple[str, ...]:
    """Those that say nothing but themselves, wherever they go: into a shell, a pattern, a play."""
    return tuple(name for name in names if _PLAIN.fullmatch(name))
