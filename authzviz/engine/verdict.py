"""From chains, grants and needs to the verdicts that remain possible.

Everything is judged twice: by what is surely granted and by what may be. Where both say the same,
that is the verdict; otherwise the verdicts between remain possible.

What extra authorizers (Webhook, ABAC) in the chain do to a verdict hangs on what they were seen to
answer; where that is not known, they may allow more, and a webhook that is asked first may also
deny.
- `always-allow`, `mixed` and `over-granted` stand: they say what is configured and granted. That a
  webhook's denial keeps somebody from using a grant is not something safety may rest on.
- `legacy-binding` stands: RBAC serves every need, more grants change nothing about that, and a
  denial of what kubelets need would be an outage of its own, which takes evidence to claim.
- `refused` and `incomplete` may be healed by them, for all nodes or for some, unless a kubelet that
  nobody has was refused what none can do without, or a Secret.
- `unrestricted` and `node-authorizer` may be undone by them, unless such a kubelet was refused all
  that none should get.
Flags that can't be read are not taken for such an authorizer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from authzviz.engine.assessment import ApiServerState, Switch, Verdict
from authzviz.engine.classes import NodeClass
from authzviz.engine.decide import may_be_granted, sure_reach
from authzviz.engine.gates import BY_DEFAULT, Settings
from authzviz.engine.grants import Excesses, is_beyond
from authzviz.engine.needs import needs_of
from authzviz.engine.rbac import Rbac

ORDER = tuple(Verdict)


@dataclass(frozen=True, slots=True)
class Profile:
    """What one apiserver does for kubelets; the order of its authorizers makes no difference."""

    always_allow: bool
    node: bool
    rbac: bool
    opaque: bool
    restriction: bool


@dataclass(frozen=True, slots=True)
class Granted:
    """What RBAC grants one class of nodes: ids of needs served for sure and at most, and whether
    it gives more than the Node authorizer, for sure and at most.
    """

    core: frozenset[str]
    needs: frozenset[str]
    sure: frozenset[str]
    at_most: frozenset[str]
    is_beyond: bool
    may_be_beyond: bool


def granted_to(
    rbac: Rbac, classes: tuple[NodeClass, ...], minor: int, settings: Settings = BY_DEFAULT
) -> tuple[Granted, ...]:
    """What RBAC grants each class of nodes in that version with these gates, in their order."""
    seen: Excesses = {}
    return tuple(_granted_to(rbac, nodes, minor, settings, seen) for nodes in classes)


def _granted_to(
    rbac: Rbac, nodes: NodeClass, minor: int, settings: Settings, seen: Excesses
) -> Granted:
    needs = needs_of(nodes.example, minor)
    sure, at_most = set(), set()
    for need in needs:
        missed = [request for request in need.requests if sure_reach(nodes, request) is None]
        if not missed:
            sure.add(need.id)
        if all(may_be_granted(rbac, nodes, request) for request in missed):
            at_most.add(need.id)
    may_be_beyond = (
        rbac.is_open
        or rbac.is_open_in_namespaces
        or any(reach.is_unread for reach in nodes.reaches)
    )
    beyond = any(is_beyond(reach, minor, seen, settings) for reach in nodes.reaches)
    return Granted(
        core=frozenset(need.id for need in needs if need.is_core),
        needs=frozenset(need.id for need in needs),
        sure=frozenset(sure),
        at_most=frozenset(at_most),
        is_beyond=beyond,
        may_be_beyond=beyond or may_be_beyond,
    )


_NOTHING_SURE = frozenset[str]()


def of_profile(
    profile: Profile, certain: tuple[Granted, ...], perhaps: tuple[Granted, ...] = ()
) -> frozenset[Verdict]:
    """The verdicts that remain possible where every apiserver does the same.

    `certain` holds a class for the next node to join at least; `perhaps` nodes that may exist.
    """
    if profile.always_allow:
        return frozenset((Verdict.ALWAYS_ALLOW,))
    if not profile.rbac:
        certain = tuple(_nothing(granted) for granted in certain)
        perhaps = ()
    if profile.node:
        return _with_node(profile, (*certain, *perhaps))
    return _without_node(certain, perhaps)


def _nothing(granted: Granted) -> Granted:
    return Granted(granted.core, granted.needs, _NOTHING_SURE, _NOTHING_SURE, False, False)


def _with_node(profile: Profile, classes: tuple[Granted, ...]) -> frozenset[Verdict]:
    if any(granted.is_beyond for granted in classes):
        return frozenset((Verdict.OVER_GRANTED,))
    clean = Verdict.NODE_AUTHORIZER if profile.restriction else Verdict.UNRESTRICTED
    if any(granted.may_be_beyond for granted in classes):
        return frozenset((Verdict.OVER_GRANTED, clean))
    return frozenset((clean,))


def _without_node(certain: tuple[Granted, ...], perhaps: tuple[Granted, ...]) -> frozenset[Verdict]:
    if _differ(certain):
        return frozenset((Verdict.MIXED,))
    classes = (*certain, *perhaps)
    sure = frozenset.intersection(*(granted.sure for granted in classes))
    at_most = frozenset.union(*(granted.at_most for granted in classes))
    core, needs = certain[0].core, certain[0].needs
    possible = set()
    if at_most - sure:
        possible.add(Verdict.MIXED)
    if not core <= sure:
        possible.add(Verdict.REFUSED)
    if core <= at_most and not needs <= sure:
        possible.add(Verdict.INCOMPLETE)
    if needs <= at_most:
        possible.add(Verdict.LEGACY_BINDING)
    return frozenset(possible)


def _differ(certain: tuple[Granted, ...]) -> bool:
    """True where some node surely gets what another surely doesn't."""
    surely_somewhere = frozenset.union(*(granted.sure for granted in certain))
    perhaps_everywhere = frozenset.intersection(*(granted.at_most for granted in certain))
    return not surely_somewhere <= perhaps_everywhere


@dataclass(frozen=True, slots=True)
class Opaque:
    """What authorizers that no API shows do, if there are any, all apiservers together: give
    kubelets what none should get, and all that none can do without.
    """

    is_there: bool = False
    leaks: Switch = Switch.OFF
    heals: Switch = Switch.OFF

    def opened(self, verdicts: frozenset[Verdict]) -> frozenset[Verdict]:
        """The verdicts that remain possible with them."""
        if not self.is_there:
            return verdicts
        if self.heals is Switch.OFF:
            # Seen to be refused what none can do without, whoever it is that refuses.
            return frozenset(v if v in _BEFORE_REFUSED else Verdict.REFUSED for v in verdicts)
        opened = set(verdicts)
        if opened & _CLEAN and self.leaks is not Switch.OFF:
            opened.add(Verdict.OVER_GRANTED)
            opened -= _CLEAN if self.leaks is Switch.ON else frozenset()
        if Verdict.REFUSED in opened:
            opened |= {Verdict.MIXED} if self.heals is Switch.MIXED else self._healed()
            opened -= {Verdict.REFUSED} if self.heals is not Switch.UNKNOWN else frozenset()
        if Verdict.INCOMPLETE in verdicts and self.leaks is not Switch.OFF:
            opened |= self._healed()
        return frozenset(opened)

    def _healed(self) -> frozenset[Verdict]:
        """Where a Secret was refused, not every need is answered."""
        whole = {Verdict.LEGACY_BINDING} if self.leaks is not Switch.OFF else set()
        return frozenset((Verdict.MIXED, Verdict.INCOMPLETE, *whole))


_BEFORE_REFUSED = frozenset((Verdict.ALWAYS_ALLOW, Verdict.MIXED))
_CLEAN = frozenset((Verdict.UNRESTRICTED, Verdict.NODE_AUTHORIZER))
NO_OPAQUE = Opaque()


def opaque_of(states: Sequence[ApiServerState]) -> Opaque:
    """What was seen of such authorizers, where they are or can't be excluded.

    Refused by one apiserver is not refused by all.
    """
    doubtful = [
        state
        for state in states
        if state.opaque or (state.may_hide and state.node_authorizer is not Switch.UNKNOWN)
    ]
    if not doubtful:
        return NO_OPAQUE
    leaks = {state.leaks for state in doubtful}
    heals = {state.serves_core for state in doubtful}
    if len(doubtful) < len(states):
        heals.add(Switch.UNKNOWN)
    return Opaque(
        True,
        Switch.ON if Switch.ON in leaks else _one_of(leaks),
        Switch.MIXED if {Switch.ON, Switch.OFF} <= heals else _one_of(heals),
    )


def _one_of(switches: set[Switch]) -> Switch:
    return next(iter(switches)) if len(switches) == 1 else Switch.UNKNOWN


def profiles_of(state: ApiServerState, *, is_rbac_sure: bool) -> tuple[Profile, ...]:
    """What an apiserver may do for kubelets; just one where its flags or answers tell."""
    restrictions = _either(state.node_restriction)
    modes, opaque = state.authorization_modes, bool(state.opaque)
    if modes is not None:
        kinds = [("AlwaysAllow" in modes, "Node" in modes, "RBAC" in modes, opaque)]
    else:
        rbac = (True,) if is_rbac_sure else _either(state.rbac)
        kinds = [
            *((True, False, False, False) for always in _either(state.always_allow) if always),
            *((False, *each, opaque) for each in product(_either(state.node_authorizer), rbac)),
        ]
    return tuple(Profile(*kind, restriction) for kind, restriction in product(kinds, restrictions))


def _either(switch: Switch) -> tuple[bool, ...]:
    return {Switch.ON: (True,), Switch.OFF: (False,)}.get(switch, (True, False))


@dataclass(frozen=True, slots=True)
class Control:
    """What is known of the control plane: the profiles that each apiserver may have, whether more
    of them run than were seen, and what authorizers do that no API shows: on all of them, and on
    those that have one profile.
    """

    servers: tuple[tuple[Profile, ...], ...]
    has_unseen: bool = False
    opaque: Opaque = NO_OPAQUE
    surely_opaque: Opaque = NO_OPAQUE


def of_cluster(
    control: Control, certain: tuple[Granted, ...], perhaps: tuple[Granted, ...] = ()
) -> frozenset[Verdict]:
    """The verdicts that remain possible for the cluster.

    What is certain and bad on the apiservers whose flags were read is said even where others could
    not be read or seen: only what they can still spoil, `node-authorizer`, becomes unknown.
    """
    known = [server for server in control.servers if len(server) == 1]
    surely = frozenset[Verdict]()
    if known:
        surely = control.surely_opaque.opened(_of_servers(known, certain, perhaps))
    if len(surely) == 1 and Verdict.NODE_AUTHORIZER not in surely:
        return surely
    verdicts = control.opaque.opened(_of_servers(_distinct(control.servers), certain, perhaps))
    if control.has_unseen and verdicts != {Verdict.ALWAYS_ALLOW}:
        return verdicts | {Verdict.MIXED}
    return verdicts


def _distinct(servers: Iterable[tuple[Profile, ...]]) -> list[tuple[Profile, ...]]:
    """At most two of each kind: two are enough to disagree."""
    kept: list[tuple[Profile, ...]] = []
    for server in servers:
        if kept.count(server) < 2:
            kept.append(server)
    return kept


def _of_servers(
    servers: Iterable[tuple[Profile, ...]],
    certain: tuple[Granted, ...],
    perhaps: tuple[Granted, ...],
) -> frozenset[Verdict]:
    verdicts: set[Verdict] = set()
    for world in set(map(frozenset, product(*servers))):
        if any(profile.always_allow for profile in world):
            verdicts.add(Verdict.ALWAYS_ALLOW)
        elif len(world) > 1:
            verdicts.add(Verdict.MIXED)
        else:
            verdicts |= of_profile(next(iter(world)), certain, perhaps)
    return frozenset(verdicts)


def in_order(verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """The verdicts, worst first."""
    return tuple(sorted(verdicts, key=ORDER.index))
