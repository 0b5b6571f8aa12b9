"""Why clusters of a comparison differ, in words, the most telling first.

Only what was read is a cause: what can't be told makes none, and is named as the last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from authzviz.engine.assessment import Assessment, Switch, Verdict
from authzviz.engine.compared import Cause, Side
from authzviz.engine.comparison_grants import beyond_of_all, is_to_node
from authzviz.engine.comparison_rows import node_binding_of, role_difference_of
from authzviz.engine.fresh import NODE_ROLE, SUBJECTLESS_SINCE
from authzviz.engine.identity import NODES_GROUP
from authzviz.engine.missing import decisive
from authzviz.engine.phrases import counted, listed, shown_modes
from authzviz.engine.versions import minor_of

_SHOWN_NAMES = 6


@dataclass(frozen=True)
class _Standing:
    """What of one cluster makes it a cause, or an example to hold others against."""

    side: Side

    @property
    def name(self) -> str:
        return self.side.name

    @property
    def told(self) -> Assessment:
        return self.side.assessment

    @cached_property
    def minor(self) -> int | None:
        return minor_of(self.side.snapshot.version.value or "")

    @property
    def is_node_on(self) -> bool:
        return self.told.node_authorizer is Switch.ON

    @property
    def is_node_off(self) -> bool:
        return self.told.node_authorizer is Switch.OFF

    @cached_property
    def is_unbound(self) -> bool:
        """True where it is known that the binding system:node gives nobody anything."""
        binding = node_binding_of(self.side.snapshot)
        if binding is None:
            return self.side.snapshot.cluster_role_bindings.is_whole
        return binding.role_ref.name == NODE_ROLE and not binding.subjects

    @cached_property
    def is_bound(self) -> bool:
        """True where the binding system:node still names Group system:nodes."""
        binding = node_binding_of(self.side.snapshot)
        return (
            binding is not None
            and binding.role_ref.name == NODE_ROLE
            and any((s.kind, s.name) == ("Group", NODES_GROUP) for s in binding.subjects)
        )

    @property
    def is_refused(self) -> bool:
        return self.told.verdict is Verdict.REFUSED

    @property
    def is_refused_in_part(self) -> bool:
        """True where some nodes get in and others, which are there, are refused."""
        refused = [path for path in self.told.paths if path.verdict is Verdict.REFUSED]
        return self.told.verdict is Verdict.MIXED and any(path.nodes for path in refused)

    @property
    def lives_on_rbac(self) -> bool:
        return self.told.verdict is Verdict.LEGACY_BINDING

    @cached_property
    def beyond(self) -> tuple[str, ...]:
        """The bindings that give every kubelet more than the Node authorizer would."""
        return tuple(dict.fromkeys(grant.binding for grant in beyond_of_all(self.side)))


_All = tuple[_Standing, ...]


def causes_of(sides: tuple[Side, ...]) -> tuple[Cause, ...]:
    """The likely causes, most telling first; none where nothing tells the clusters apart."""
    standings = tuple(_Standing(side) for side in sides)
    finders: tuple[Callable[[_All], Iterator[Cause]], ...] = (
        _unbound,
        _refused_otherwise,
        _bound_by_name,
        _disagreeing,
        _always_allow,
        _on_rbac_alone,
        _undone,
        _unrestricted,
        _opaque,
        _versions,
        _roles,
        _unread,
    )
    return tuple(cause for find in finders for cause in find(standings))


def _is_outage(one: _Standing) -> bool:
    """True where RBAC alone is asked, and grants nothing; without RBAC no binding matters."""
    asks_rbac = all(state.rbac is Switch.ON for state in one.told.apiservers)
    return one.is_refused and one.is_node_off and asks_rbac and one.is_unbound


def _unbound(every: _All) -> Iterator[Cause]:
    """The fresh cluster: its binding has no subjects, and nothing else lets kubelets in."""
    found = [one for one in every if _is_outage(one)]
    if not found:
        return
    names, verb, their = _names(found), *_number(found, ("refuses", "its"), ("refuse", "their"))
    is_fresh = all(one.minor is not None and one.minor >= SUBJECTLESS_SINCE for one in found)
    fresh = "That is how every fresh cluster since 1.8 is created." if is_fresh else ""
    others = [one for one in every if one not in found]
    yield Cause(
        "unbound",
        f"{names} {verb} {their} kubelets: the binding system:node has no subjects, and the Node"
        " authorizer is off.",
        " ".join(filter(None, (fresh, *_held_against(found, others)))),
        _of(found),
        "Set --authorization-mode=Node,RBAC: that lets the kubelets in and hands out no Secrets."
        " Giving the binding its subject back lets them in, too, but hands every kubelet all"
        " Secrets.",
    )


def _held_against(found: list[_Standing], others: list[_Standing]) -> Iterator[str]:
    """What the others have that those found lack, in sentences."""
    served = [one for one in others if one.is_node_on]
    on_rbac = [one for one in others if one.is_node_off and one.lives_on_rbac]
    bound = [one for one in on_rbac if one.is_bound]
    elsewhere = [one for one in on_rbac if not one.is_bound]
    if bound:
        modes = {one.told.authorization_modes for one in (*found, *bound)}
        same = f"asks the same authorizers ({shown_modes(modes.pop())})" if len(modes) == 1 else ""
        own = same or "has the Node authorizer off, too,"
        if len(bound) > 1:
            own = own.replace("asks", "ask").replace("has", "have")
        works, its = _number(bound, ("works", "its"), ("work", "their"))
        yield (
            f"{_names(bound)} {own} and {works} only because {its} binding system:node still names"
            f" Group {NODES_GROUP}: clusters upgraded from before 1.8 keep that subject."
        )
    if elsewhere:
        (works,) = _number(elsewhere, ("works",), ("work",))
        bindings = sorted({name for one in elsewhere for name in one.beyond})[:3]
        through = f", through {listed(bindings)}" if bindings else ""
        yield f"{_names(elsewhere)} {works} by RBAC, too{through}."
    if served:
        (has,) = _number(served, ("has",), ("have",))
        yield (
            f"{_names(served)} {has} the Node authorizer on, which serves kubelets without any"
            " binding."
        )


def _refused_otherwise(every: _All) -> Iterator[Cause]:
    for one in every:
        if one.is_refused and not _is_outage(one):
            yield Cause("refused", f"{one.name} refuses its kubelets.", one.told.cause, (one.name,))


def _bound_by_name(every: _All) -> Iterator[Cause]:
    found = [one for one in every if one.is_refused_in_part and one.is_node_off]
    if found:
        (lets,) = _number(found, ("lets",), ("let",))
        bindings = {
            grant.binding
            for one in found
            for grant in one.told.grants
            if is_to_node(grant) and grant.beyond_node_authorizer
        }
        through = f"Bound by name through {listed(sorted(bindings)[:3])}. " if bindings else ""
        yield Cause(
            "by-name",
            f"{_names(found)} {lets} in only some nodes: no binding reaches the others, and the"
            " Node authorizer is off.",
            f"{through}A node that nobody binds by name is refused, the next to join, too.",
            _of(found),
        )


def _disagreeing(every: _All) -> Iterator[Cause]:
    """Clusters whose own apiservers differ: which one is asked decides."""
    found = [
        one
        for one in every
        if Switch.MIXED in (one.told.node_authorizer, one.told.node_restriction)
    ]
    if found:
        yield Cause(
            "apiservers-differ",
            f"The apiservers of {_names(found)} don't agree with each other.",
            "The Node authorizer or NodeRestriction is on for some and off for others: what a"
            " kubelet may hangs on the one that it reaches.",
            _of(found),
        )


def _always_allow(every: _All) -> Iterator[Cause]:
    found = [one for one in every if one.told.verdict is Verdict.ALWAYS_ALLOW]
    if _is_difference(found, every):
        (allows,) = _number(found, ("allows",), ("allow",))
        yield Cause(
            "always-allow",
            f"{_names(found)} {allows} everything: AlwaysAllow is in the chain.",
            "Kubelets work there whatever RBAC and the Node authorizer say.",
            _of(found),
        )


def _on_rbac_alone(every: _All) -> Iterator[Cause]:
    found = [one for one in every if one.lives_on_rbac and one.is_node_off]
    if _is_difference(found, every):
        (lets,) = _number(found, ("lets",), ("let",))
        is_inherited = all(any(f.id == "inherited" for f in one.told.findings) for one in found)
        sibling = " A fresh cluster with the same flags would refuse its kubelets."
        yield Cause(
            "rbac-alone",
            f"{_names(found)} {lets} kubelets in by RBAC alone: the Node authorizer is off.",
            "Its bindings give every kubelet the same wide rights."
            f"{sibling if is_inherited else ''}",
            _of(found),
        )


def _undone(every: _All) -> Iterator[Cause]:
    found = [one for one in every if one.is_node_on and one.beyond]
    if _is_difference(found, every):
        (has,) = _number(found, ("has",), ("have",))
        bindings = listed(sorted({name for one in found for name in one.beyond})[:3])
        yield Cause(
            "undone",
            f"{_names(found)} {has} the Node authorizer on, and RBAC undoes it.",
            f"{bindings} still gives every kubelet more than the Node authorizer would: the first"
            " authorizer that allows wins.",
            _of(found),
        )


def _unrestricted(every: _All) -> Iterator[Cause]:
    off = [one for one in every if one.told.node_restriction is Switch.OFF]
    on = [one for one in every if one.told.node_restriction is Switch.ON]
    if off and on:
        yield Cause(
            "no-node-restriction",
            f"NodeRestriction is off in {_names(off)}.",
            f"Kubelets there may change other nodes and their pods. It is on in {_names(on)}.",
            _of(off),
        )


def _opaque(every: _All) -> Iterator[Cause]:
    found = [one for one in every if any(state.opaque for state in one.told.apiservers)]
    if _is_difference(found, every):
        modes = {mode for one in found for state in one.told.apiservers for mode in state.opaque}
        (asks,) = _number(found, ("asks",), ("ask",))
        yield Cause(
            "opaque",
            f"{_names(found)} {asks} {listed(sorted(modes))}, whose rules no API shows.",
            "It may allow kubelets there what others are refused, or refuse it first.",
            _of(found),
        )


def _versions(every: _All) -> Iterator[Cause]:
    by_minor: dict[int, list[_Standing]] = {}
    for one in every:
        if one.minor is not None:
            by_minor.setdefault(one.minor, []).append(one)
    if len(by_minor) > 1:
        low, high = min(by_minor), max(by_minor)
        steps = [f"{_names(each)} on 1.{minor}" for minor, each in sorted(by_minor.items())]
        yield Cause(
            "versions",
            f"They are up to {counted(high - low, 'minor version')} apart: {listed(steps)}.",
            "What kubelets need, and what the Node authorizer and default RBAC give them, changes"
            " between versions.",
            tuple(one.name for one in every if one.minor is not None),
        )


def _roles(every: _All) -> Iterator[Cause]:
    lacking = []
    for one in every:
        difference = role_difference_of(one.side.snapshot)
        if difference is not None and difference.missing:
            lacking.append(one)
    if _is_difference(lacking, every):
        (has,) = _number(lacking, ("has",), ("have",))
        yield Cause(
            "node-role",
            f"{_names(lacking)} {has} a ClusterRole system:node that lacks rules of its version.",
            "An apiserver puts them back when it starts, unless it is told not to. They matter"
            " only where kubelets live on that role.",
            _of(lacking),
        )


def _unread(every: _All) -> Iterator[Cause]:
    found = [one for one in every if one.told.missing]
    if found:
        whats = dict.fromkeys(each.what for one in found for each in decisive(one.told.missing))
        yield Cause(
            "unread",
            f"Not everything is known of {_names(found)}.",
            f"Not read, or only in part: {listed(list(whats))}. What hangs on that is no cause"
            " here, and equals nothing.",
            _of(found),
        )


def _is_difference(found: list[_Standing], every: _All) -> bool:
    return 0 < len(found) < len(every)


def _of(found: Iterable[_Standing]) -> tuple[str, ...]:
    return tuple(one.name for one in found)


def _names(found: list[_Standing]) -> str:
    """The names in a sentence; beyond a handful, how many more."""
    names = [one.name for one in found]
    more = len(names) - _SHOWN_NAMES
    return listed([*names[:_SHOWN_NAMES], f"{more} more"] if more > 0 else names)


def _number(
    found: list[_Standing], one: tuple[str, ...], several: tuple[str, ...]
) -> tuple[str, ...]:
    """The words for one cluster, or for several."""
    return one if len(found) == 1 else several
