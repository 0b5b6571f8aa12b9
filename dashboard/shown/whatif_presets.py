"""Changes that suggest themselves by what a cluster is, each one click."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from authzviz.engine.assessment import Assessment, Fix, Switch, Verdict
from authzviz.engine.chain import NODE_RESTRICTION
from authzviz.engine.change import Words, plain_name, subject_words
from authzviz.engine.model import Subject
from authzviz.engine.phrases import counted
from authzviz.engine.versions import NEWEST_MINOR, minor_of
from dashboard.services.whatif import Today, plugins_of
from dashboard.shown.whatif_form import bound_group, query_of

NODE_FIRST = Words(authorization_mode="Node,RBAC")
_MOST_GRANTS = 20
_OUTAGE = {Verdict.REFUSED, Verdict.MIXED}


@dataclass(frozen=True, slots=True)
class Preset:
    """A change with its link; `how` says what it sets."""

    title: str
    how: str
    link: str
    is_chosen: bool


def presets_of(today: Today, asked: Words) -> tuple[Preset, ...]:
    """The presets that fit the cluster, the target first."""
    return tuple(
        Preset(title, how, query_of(words), words == asked)
        for title, how, words in (*_target(today), *_quick(today), *_others(today))
    )


_Found = Iterator[tuple[str, str, Words]]


def _target(today: Today) -> _Found:
    """The Node authorizer with NodeRestriction, and the same without what is left over."""
    turned_on, title, how = _turned_on(today.assessment)
    leftover = _leftover(today.assessment)
    if title:
        yield title, how, turned_on
    if leftover:
        what = "the leftover grant" if len(leftover) == 1 else counted(len(leftover), "grant")
        yield (
            f"…and drop {what}" if title else f"Drop {what}",
            "takes kubelets off the bindings that give them more than Node would",
            replace(turned_on, drop_subject=leftover),
        )


def words_of(told: Assessment, fix: Fix) -> Words:
    """A step's change, which what-if thinks through."""
    if fix is Fix.MAKE_BINDING:
        return bound_group(None)
    if fix is Fix.BIND_GROUP:
        return Words(add_subject=bound_group(None).add_subject)
    turned_on = _turned_on(told)[0]
    if fix is Fix.REMOVE_GRANTS:
        return replace(turned_on, drop_subject=_leftover(told))
    return turned_on


def _turned_on(told: Assessment) -> tuple[Words, str, str]:
    """The flags of the target, and in words what they turn on; empty where all is on."""
    is_node_on = told.node_authorizer is Switch.ON
    is_restricted = told.node_restriction is Switch.ON
    if is_node_on and is_restricted:
        return Words(), "", ""
    # One half of flags that nobody read can't be changed alone.
    asked_today, on_today = told.authorization_modes, plugins_of(told)
    is_told = asked_today is not None and on_today is not None
    modes = None if is_node_on and is_told else ",".join(_with_node(asked_today or ()))
    plugins = None if is_restricted and is_told else ",".join(_with_restriction(on_today))
    words = Words(authorization_mode=modes, admission_plugins=plugins)
    if modes is None:
        return words, "Turn on NodeRestriction", f"--enable-admission-plugins={plugins}"
    return (
        words,
        "Turn on the Node authorizer",
        f"--authorization-mode={modes} with NodeRestriction",
    )


def _with_node(modes: tuple[str, ...]) -> tuple[str, ...]:
    """Node before all others, RBAC among them, and nothing that allows or denies everything."""
    kept = [mode for mode in modes if mode not in ("Node", "AlwaysAllow", "AlwaysDeny")]
    return ("Node", *kept) if "RBAC" in kept else ("Node", "RBAC", *kept)


def _with_restriction(plugins: tuple[str, ...] | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*(plugins or ()), NODE_RESTRICTION)))


def _leftover(told: Assessment) -> tuple[str, ...]:
    """The subjects by which bindings give kubelets more than the Node authorizer would."""
    beyond = (grant for grant in told.grants if grant.beyond_node_authorizer)
    return tuple(
        subject_words(plain_name(grant.binding), Subject(kind, name))
        for grant in islice(beyond, _MOST_GRANTS)
        for kind, _, name in (grant.subject.partition(" "),)
    )


def _quick(today: Today) -> _Found:
    told = today.assessment
    is_outage = bool(set(told.possible) & {Verdict.REFUSED}) and set(told.possible) <= _OUTAGE
    is_asked = any("RBAC" in (state.authorization_modes or ()) for state in told.apiservers)
    can_be_told = today.node_binding is not None or today.are_bindings_whole
    if is_outage and is_asked and can_be_told and told.node_authorizer is not Switch.ON:
        yield (
            "Quick way out: bind system:nodes",
            "gives ClusterRoleBinding system:node its old subject back",
            bound_group(today.node_binding),
        )


def _others(today: Today) -> _Found:
    """The next version; and at the target, what it is worth."""
    modes = today.modes or ()
    if today.assessment.verdict is Verdict.NODE_AUTHORIZER and len(modes) > 1:
        left = ",".join(mode for mode in modes if mode != "Node")
        yield (
            "Turn the Node authorizer off",
            f"--authorization-mode={left}",
            Words(authorization_mode=left),
        )
    minor = minor_of(today.version)
    if minor is not None and minor < NEWEST_MINOR:
        yield (
            f"Upgrade to 1.{minor + 1}",
            "needs and rights that come and go with it",
            Words(kubernetes_version=f"1.{minor + 1}"),
        )
