"""What is known of one apiserver's chain of authorizers, and of NodeRestriction: from its flags,
from every other place that shows them, and from what it answers itself.

What it answers outranks flags: flags may be of another process, or not yet be in force. Of the
places that show flags, the first that tells counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from authzviz.engine import leaks
from authzviz.engine.apiserver import ApiServer, Metrics, Observed
from authzviz.engine.assessment import ApiServerState, Switch
from authzviz.engine.flagged import (
    MODES,
    NODE_RESTRICTION,
    OPAQUE_MODES,
    Flagged,
    sources_of,
)
from authzviz.engine.told import Told, told_by

__all__ = ["MODES", "NODE_RESTRICTION", "OPAQUE_MODES", "over_all", "state_of"]


def state_of(
    server: ApiServer, *, minor: int | None = None, read_at: datetime | None = None
) -> ApiServerState:
    """What is known of the apiserver; None for modes or plugins where they can't be told, with
    `why`.

    `minor` is its version, None where that is not known; what was observed before `read_at` is
    remembered only, and can't contradict flags.
    """
    return _case(server, minor, read_at).state()


def over_all(switches: tuple[Switch, ...]) -> Switch:
    """One switch for all apiservers: mixed where it is on here and off there, unknown where one
    can't be told.
    """
    seen = set(switches)
    if {Switch.ON, Switch.OFF} <= seen:
        return Switch.MIXED
    return seen.pop() if len(seen) == 1 else Switch.UNKNOWN


@dataclass(frozen=True, slots=True)
class _Plugins:
    """NodeRestriction as the apiserver itself shows it, and how."""

    restriction: Switch = Switch.UNKNOWN
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class _Case:
    """One apiserver, what its flags say and what it answered.

    `chain` and `admission` are of the first place that tells authorizers, and NodeRestriction;
    `plugins` is what was observed with this poll, `remembered` what was with an earlier one.
    """

    server: ApiServer
    sources: list[tuple[str, Flagged]]
    minor: int | None
    chain: Flagged
    admission: Flagged
    told: Told
    plugins: _Plugins
    remembered: _Plugins
    contradictions: tuple[str, ...]
    remembered_at: str

    def state(self) -> ApiServerState:
        modes = self._modes()
        restriction = self._restriction()
        told, observed = self.told, self.server.observed
        reviews = observed.reviews.value if observed else None
        return ApiServerState(
            name=self.server.name,
            authorization_modes=modes,
            admission_plugins=None if self.contradictions else self.admission.plugins,
            node_authorizer=self._switch("Node", told.node),
            node_restriction=restriction,
            evidence=self._evidence(),
            why=self._why(modes, restriction),
            feature_gates=self.sources[0][1].settings,
            always_allow=self._switch("AlwaysAllow", told.always_allow),
            rbac=self._switch("RBAC", told.rbac),
            opaque=tuple(dict.fromkeys((*self._flagged_opaque(), *told.opaque))),
            webhooks=told.webhooks,
            may_hide=modes is None,
            leaks=leaks.leaked(reviews or (), self.minor, self.sources[0][1].settings),
            serves_core=leaks.served(reviews or (), self.minor),
            conflicts=tuple(self._conflicts()),
            contradictions=self.contradictions,
        )

    def _modes(self) -> tuple[str, ...] | None:
        if self.contradictions or self.chain.modes is None:
            return self.told.modes
        return self.chain.modes

    def _switch(self, mode: str, told: Switch) -> Switch:
        if told is not Switch.UNKNOWN:
            return told
        if self.contradictions or self.chain.modes is None:
            # A chain that is told completely has nothing but what is told.
            return Switch.UNKNOWN
        return Switch.ON if mode in self.chain.modes else Switch.OFF

    def _flagged_opaque(self) -> tuple[str, ...]:
        modes = () if self.contradictions else self.chain.modes or ()
        return tuple(mode for mode in OPAQUE_MODES if mode in modes)

    def _restriction(self) -> Switch:
        if self.plugins.restriction is not Switch.UNKNOWN:
            return self.plugins.restriction
        is_shown = self.admission.restriction is not Switch.UNKNOWN and not self._is_circular()
        if is_shown and not self.contradictions:
            return self.admission.restriction
        return self.remembered.restriction

    def _is_circular(self) -> bool:
        """True where only what any kubelet may write unless it is on says that it is on."""
        is_on = self.admission.restriction is Switch.ON
        return is_on and _where(self.sources, self.admission).startswith("annotation ")

    def _conflicts(self) -> list[str]:
        """Where places that show flags say different things."""
        found = []
        for evidence, each in self.sources:
            if each.modes and self.chain.modes and each.modes != self.chain.modes:
                found.append(
                    f"{_where(self.sources, self.chain)} says {','.join(self.chain.modes)},"
                    f" {evidence} says {','.join(each.modes)}"
                )
            pair = (self.admission.restriction, each.restriction)
            if Switch.UNKNOWN not in pair and pair[0] is not pair[1]:
                found.append(
                    f"{_where(self.sources, self.admission)} has NodeRestriction {pair[0]},"
                    f" {evidence} has it {pair[1]}"
                )
        return found

    def _evidence(self) -> str:
        """Every place that agrees with what is said, and what was answered."""
        agreeing = [
            evidence for evidence, each in self.sources if each is self.chain or self._agrees(each)
        ]
        said = [" and ".join(each for each in agreeing if each)]
        if self.told.evidence:
            said.append(f"its own answers ({'; '.join(self.told.evidence)})")
        if self.plugins.evidence:
            said.append(self.plugins.evidence)
        elif self.remembered.evidence:
            said.append(f"{self.remembered.evidence}, as read at {self.remembered_at}")
        return "; ".join(each for each in said if each)

    def _agrees(self, each: Flagged) -> bool:
        same_modes = each.modes is not None and each.modes == self.chain.modes
        is_known = each.restriction is not Switch.UNKNOWN
        return same_modes and not (is_known and each.restriction is not self.admission.restriction)

    def _why(self, modes: tuple[str, ...] | None, restriction: Switch) -> str:
        """Why modes or NodeRestriction can't be told, "" where they are."""
        if modes is None:
            return "; ".join((*self._why_no_modes(), *self._why_not_told()))
        if restriction is not Switch.UNKNOWN:
            return ""
        if self._is_circular():
            where = _where(self.sources, self.admission)
            return f"{where} shows NodeRestriction, and without it any kubelet may write that"
        return self.sources[0][1].why or "nothing that it answers tells its admission plugins"

    def _why_no_modes(self) -> list[str]:
        if self.contradictions:
            return ["its answers contradict its flags"]
        whys = [each.why for _, each in self.sources if each.modes is None and each.why]
        return list(dict.fromkeys(whys))

    def _why_not_told(self) -> list[str]:
        observed, unasked = self.server.observed, self.server.unasked
        if observed is None:
            if unasked is None or unasked.why in self.server.why:
                return []
            return [f"it was not asked by itself: {unasked.why}"]
        if observed.reviews.value is None:
            return [f"it was not asked what it answers: {observed.reviews.why or 'refused'}"]
        return list(self.told.gaps)


def _case(server: ApiServer, minor: int | None, read_at: datetime | None) -> _Case:
    sources = sources_of(server)
    chain = next((each for _, each in sources if each.modes is not None), sources[0][1])
    tells = (each for _, each in sources if each.restriction is not Switch.UNKNOWN)
    admission = next(tells, sources[0][1])
    observed = server.observed
    metrics = observed.metrics.value if observed and observed.metrics else None
    is_fresh = metrics is not None and (read_at is None or metrics.read_at >= read_at)
    told = _told(observed, metrics if is_fresh or chain.modes is None else None)
    plugins = _plugins(observed, metrics if is_fresh else None)
    against = (
        *_against(sources, chain, told),
        *_against_restriction(sources, admission, plugins),
    )
    return _Case(
        server=server,
        sources=sources,
        minor=minor,
        chain=chain,
        admission=admission,
        told=told,
        plugins=plugins,
        remembered=_plugins(None, metrics),
        contradictions=against,
        remembered_at=f"{metrics.read_at:%Y-%m-%d %H:%M} UTC" if metrics else "",
    )


def _told(observed: Observed | None, metrics: Metrics | None) -> Told:
    if observed is None:
        return Told(gaps=("it was not asked by itself",))
    return told_by(observed.reviews.value or (), observed.rules.value, metrics)


def _plugins(observed: Observed | None, metrics: Metrics | None) -> _Plugins:
    """NodeRestriction as the dry-run probe and the metrics show it.

    Absence among the plugins that have admitted something proves that it is off, since every write
    goes through all; Kubernetes' own Leases are written all the time.
    """
    probe = observed.restriction.value if observed and observed.restriction else None
    if probe is not None:
        did = "was refused" if probe else "was let through"
        return _Plugins(
            _switch(probe), f"a kubelet's Lease of another name {did} (dry run of its creation)"
        )
    if metrics is None or not metrics.admission_plugins:
        return _Plugins()
    is_on = NODE_RESTRICTION in metrics.admission_plugins
    does = "shows" if is_on else "shows other admission plugins at work, but not"
    return _Plugins(_switch(is_on), f"its /metrics {does} {NODE_RESTRICTION}")


def _switch(is_on: bool) -> Switch:
    return Switch.ON if is_on else Switch.OFF


def _against(sources: list[tuple[str, Flagged]], chain: Flagged, told: Told) -> Iterator[str]:
    """Where what it answers is not what its flags say of authorizers."""
    modes = chain.modes
    if modes is None:
        return
    says = f"its flags ({_where(sources, chain)}) say {','.join(modes)}"
    for mode, switch in (("AlwaysAllow", told.always_allow), ("Node", told.node)):
        if switch is not Switch.UNKNOWN and switch is not _switch(mode in modes):
            yield f"{says}, but {mode} is {switch}"
    seen = (*told.opaque, *(("RBAC",) if told.rbac is Switch.ON else ()))
    for mode in seen:
        if mode not in modes:
            yield f"{says}, but {mode} answers"
    if told.is_rbac_first is None or not {"Node", "RBAC"} <= set(modes):
        return
    if told.is_rbac_first is not (modes.index("RBAC") < modes.index("Node")):
        yield f"{says}, but {'RBAC' if told.is_rbac_first else 'Node'} answers first"


def _against_restriction(
    sources: list[tuple[str, Flagged]], admission: Flagged, plugins: _Plugins
) -> Iterator[str]:
    pair = (admission.restriction, plugins.restriction)
    if Switch.UNKNOWN not in pair and pair[0] is not pair[1]:
        yield (
            f"its flags ({_where(sources, admission)}) say that {NODE_RESTRICTION} is {pair[0]},"
            f" but it is {pair[1]}: {plugins.evidence}"
        )


def _where(sources: list[tuple[str, Flagged]], flagged: Flagged) -> str:
    return next(evidence for evidence, each in sources if each is flagged)
