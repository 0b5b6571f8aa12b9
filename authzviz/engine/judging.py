"""One snapshot, judged: the facts that verdict, findings, words and next steps share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

from authzviz.engine import chain, verdict
from authzviz.engine.assessment import (
    ApiServerState,
    Assessment,
    Grant,
    Missing,
    Path,
    Switch,
    Verdict,
)
from authzviz.engine.bootstrap import has_bootstrapped_rbac
from authzviz.engine.classes import NodeClass, classes_of
from authzviz.engine.control_plane import has_unseen, states_of, told_of
from authzviz.engine.defaults import assumed_of, narrowed
from authzviz.engine.distribution import Distribution, distribution_of
from authzviz.engine.gates import BY_DEFAULT, Settings
from authzviz.engine.grants import grants_of
from authzviz.engine.health import Health, health_of
from authzviz.engine.missing import missing_of, unexplained
from authzviz.engine.model import Snapshot
from authzviz.engine.node import changing_minors
from authzviz.engine.observed_nodes import (
    Compared,
    Surprise,
    compared,
    held_against,
    is_over_granted,
    surprises,
)
from authzviz.engine.paths import paths_of
from authzviz.engine.rbac import Rbac, index, is_decisive_whole
from authzviz.engine.verdict import Control, Granted
from authzviz.engine.versions import NEWEST_MINOR, clamp, minor_of


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found out about one snapshot.

    `minor` is the version whose rules the paths and grants are shown by; `is_version_known` is
    False where it had to be guessed, and the verdict then holds for every version or is unknown.
    `nodes` are those that were asked about, `surprises` the answers that are not as expected;
    `assumed` is what `possible` takes for granted, in sentences.
    """

    snapshot: Snapshot
    minor: int
    is_version_known: bool
    states: tuple[ApiServerState, ...]
    node_authorizer: Switch
    node_restriction: Switch
    rbac: Rbac
    grants: tuple[Grant, ...]
    paths: tuple[Path, ...]
    health: Health
    distribution: Distribution
    possible: tuple[Verdict, ...]
    has_unseen: bool
    missing: tuple[Missing, ...]
    nodes: Compared
    surprises: tuple[Surprise, ...]
    assumed: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        """The verdict, unknown where more than one remains possible."""
        return self.possible[0] if len(self.possible) == 1 else Verdict.UNKNOWN

    @property
    def do_servers_differ(self) -> bool:
        """True where apiservers of which enough is known don't do the same for kubelets."""
        known = [state for state in self.states if state.authorization_modes is not None]
        chains = {(frozenset(s.authorization_modes or ()), s.node_restriction) for s in known}
        return len(chains) > 1 or Switch.MIXED in (self.node_authorizer, self.node_restriction)


def judge(snapshot: Snapshot) -> Assessment:
    """The engine's answer for one snapshot. Never raises for what a cluster says."""
    from authzviz.engine.wording import assessment_of

    return assessment_of(examine(snapshot))


def examine(snapshot: Snapshot) -> Judged:
    """Everything that the answer for one snapshot rests on."""
    rbac = index(snapshot)
    classes = classes_of(snapshot, rbac)
    return examine_indexed(snapshot, rbac, classes, distribution_of(snapshot), health_of(snapshot))


def examine_indexed(
    snapshot: Snapshot,
    rbac: Rbac,
    classes: tuple[NodeClass, ...],
    distribution: Distribution,
    health: Health,
) -> Judged:
    """The same where index, classes and the rest are there already, or are thought of."""
    minor, is_version_known = judged_minor(snapshot)
    states = states_of(snapshot, distribution.name, minor if is_version_known else None)
    is_more_unseen = has_unseen(snapshot, distribution.name)
    control = _control(snapshot, states, has_unseen=is_more_unseen)
    minors = (minor,) if is_version_known else changing_minors()
    settings = tuple(dict.fromkeys(state.feature_gates for state in states)) or (BY_DEFAULT,)
    granted = tuple(
        _granted(snapshot, rbac, classes, each, gates) for each, gates in product(minors, settings)
    )

    def possible_with(those: tuple[ApiServerState, ...]) -> set[Verdict]:
        plane = _control(snapshot, those, has_unseen=is_more_unseen)
        return {found for each in granted for found in verdict.of_cluster(plane, *each)}

    nodes = compared(snapshot, states)
    unexpected = surprises(snapshot, states, rbac, minor) if is_version_known else ()
    possible = _guarded(possible_with(states), snapshot, states)
    possible = held_against(possible, snapshot, states, nodes, unexpected)
    assumption = assumed_of(snapshot, distribution.name, minor)
    possible, assumed = narrowed(possible, states, assumption, possible_with)
    nowhere = (Switch.UNKNOWN,)
    return Judged(
        snapshot=snapshot,
        minor=minor,
        is_version_known=is_version_known,
        states=states,
        node_authorizer=chain.over_all(tuple(s.node_authorizer for s in states) or nowhere),
        node_restriction=chain.over_all(tuple(s.node_restriction for s in states) or nowhere),
        rbac=rbac,
        grants=grants_of(rbac, minor, settings[0]),
        paths=paths_of(states, rbac, classes, minor, control),
        health=health,
        distribution=distribution,
        possible=verdict.in_order(possible),
        has_unseen=is_more_unseen,
        missing=(
            *missing_of(snapshot, states, has_unseen=is_more_unseen),
            *unexplained(unexpected),
        ),
        nodes=nodes,
        surprises=unexpected,
        assumed=assumed,
    )


def _granted(
    snapshot: Snapshot, rbac: Rbac, classes: tuple[NodeClass, ...], minor: int, settings: Settings
) -> tuple[tuple[Granted, ...], tuple[Granted, ...]]:
    """What RBAC grants the classes that are certain, and those that may exist; what it was seen to
    give counts, too, where its lists don't show it.
    """
    granted = verdict.granted_to(rbac, classes, minor, settings)
    if is_over_granted(snapshot):
        granted = tuple(replace(each, is_beyond=True) for each in granted)
    pairs = list(zip(classes, granted, strict=True))
    certain = tuple(each for nodes, each in pairs if nodes.is_certain)
    return certain, tuple(each for nodes, each in pairs if not nodes.is_certain)


def judged_minor(snapshot: Snapshot) -> tuple[int, bool]:
    """The minor version to judge by, and whether it was told: kubelets are never newer."""
    told = minor_of(snapshot.version.value or "")
    if told is not None:
        return clamp(told), True
    kubelets = [minor_of(node.kubelet_version) for node in snapshot.nodes.value or ()]
    known = [minor for minor in kubelets if minor is not None]
    return clamp(max(known, default=NEWEST_MINOR)), False


def _control(
    snapshot: Snapshot, states: tuple[ApiServerState, ...], *, has_unseen: bool
) -> Control:
    is_rbac_sure = has_bootstrapped_rbac(snapshot)
    if not states:
        # How many there are is as unknown as what they do: two suffice to disagree.
        nowhere = ApiServerState("", None, None, Switch.UNKNOWN, Switch.UNKNOWN, "")
        states = (nowhere, nowhere)
    told = told_of(states, snapshot)
    servers = tuple(verdict.profiles_of(state, is_rbac_sure=is_rbac_sure) for state in told)
    sure = [state for state, each in zip(told, servers, strict=True) if len(each) == 1]
    return Control(servers, has_unseen, verdict.opaque_of(told), verdict.opaque_of(sure))


def _guarded(
    possible: set[Verdict], snapshot: Snapshot, states: tuple[ApiServerState, ...]
) -> set[Verdict]:
    """The same, and never safe without all that safety rests on, whatever the model says."""
    is_seen = states and all(state.authorization_modes is not None for state in states)
    if possible == {Verdict.NODE_AUTHORIZER} and not (is_seen and is_decisive_whole(snapshot)):
        return {*possible, Verdict.OVER_GRANTED}
    return possible
