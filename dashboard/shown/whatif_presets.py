"""Changes that suggest themselves by what a cluster is, each one click."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from authzviz.engine.assessment import Switch, Verdict
from authzviz.engine.chain import NODE_RESTRICTION
from authzviz.engine.change import Words, plain_name, subject_words
from authzviz.engine.model import Subject
from authzviz.engine.phrases import counted
from authzviz.engine.versions import NEWEST_MINOR, minor_of
from dashboard.services.thinking import Today
from dashboard.shown.whatif_form import query_of, quick_way_out

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
    turned_on, title, how = _turned_on(today)
    leftover = tuple(_leftover(today))[:_MOST_GRANTS]
    if title:
        yield title, how, turned_on
    if leftover:
        what = "the leftover grant" if len(leftover) == 1 else counted(len(leftover), "grant")
        yield (
            f"…and drop {what}" if title else f"Drop {what}",
            "takes kubelets off the bindings that give them more than Node would",
            replace(turned_on, drop_subject=leftover),
        )


def _turned_on(today: Today) -> tuple[Words, str, str]:
    """The flags of the target, and in words what they turn on; empty where all is on."""
    told = today.assessment
    is_node_on = told.node_authorizer is Switch.ON
    is_restricted = told.node_restriction is Switch.ON
    if is_node_on and is_restricted:
        return Words(), "", ""
    # One half of flags that nobody read can't be changed alone.
    is_told = today.modes is not None and today.plugins is not None
    modes = None if is_node_on and is_told else ",".join(_with_node(today.modes or ()))
    plugins = None if is_restricted and is_told else ",".join(_with_restriction(today.plugins))
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


def _leftover(today: Today) -> Iterator[str]:
    """The subjects by which bindings give kubelets more than the Node authorizer would."""
    for grant in today.assessment.grants:
        kind, _, name = grant.subject.partition(" ")
        if grant.beyond_node_authorizer:
            yield subject_words(plain_name(grant.binding), Subject(kind, name))


def _quick(today: Today) -> _Found:
    told = today.assessment
    is_outage = bool(set(told.possible) & {Verdict.REFUSED}) and set(told.possible) <= _OUTAGE
    is_asked = any("RBAC" in (state.authorization_modes or ()) for state in told.apiservers)
    can_be_told = today.node_binding is not None or today.are_bindings_whole
    if is_outage and is_asked and can_be_told and told.node_authorizer is not Switch.ON:
        yield (
            "Quick way out: bind system:nodes",
            "gives ClusterRoleBinding system:node its old subject back",
            quick_way_out(today),
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
