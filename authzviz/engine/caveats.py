"""What the answer to a what-if does not cover, and what to mind when the change is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from authzviz.engine import gates
from authzviz.engine.assessment import Switch
from authzviz.engine.chain import OPAQUE_MODES
from authzviz.engine.change import Change
from authzviz.engine.fresh import NODE_ROLE
from authzviz.engine.judging import Judged
from authzviz.engine.missing import ASIDE
from authzviz.engine.phrases import listed
from authzviz.engine.versions import NEWEST_MINOR, minor_of


def caveats_of(before: Judged, after: Judged, change: Change) -> tuple[str, ...]:
    """The caveats in sentences, those on which the answer hangs first."""
    case = _Case(before, after, change)
    return tuple(said for say in _ALL for said in say(case))


@dataclass(frozen=True, slots=True)
class _Case:
    before: Judged
    after: Judged
    change: Change


def _unread(case: _Case) -> Iterator[str]:
    for each in case.after.missing:
        if each.what not in ASIDE and not each.what.startswith("what "):
            yield f"Not known: {each.what} ({each.why}). It would tell {each.would_tell}."


def is_half_given(after: Judged, change: Change) -> bool:
    """True where flags that nobody read stay as they are: one half of them can't be changed."""
    halves = (change.authorization_modes is None, change.admission_plugins is None)
    is_unread = any(state.authorization_modes is None for state in after.states)
    return halves[0] is not halves[1] and (is_unread or not after.states or after.has_unseen)


def _half_given(case: _Case) -> Iterator[str]:
    if is_half_given(case.after, case.change):
        yield (
            "Flags of some apiservers were not read, so one half of them can't be changed alone:"
            " give modes and plugins both."
        )


def _opaque(case: _Case) -> Iterator[str]:
    for judged, side in ((case.before, "now"), (case.after, "after the change")):
        modes = {mode for state in judged.states for mode in state.authorization_modes or ()}
        opaque = [mode for mode in OPAQUE_MODES if mode in modes]
        if opaque:
            yield (
                f"{listed(opaque)} is in the chain {side}, and what it answers is not known: it may"
                " allow more than is said here."
            )


def _needs_file(case: _Case) -> Iterator[str]:
    old = {mode for state in case.before.states for mode in state.authorization_modes or ()}
    for mode in case.change.authorization_modes or ():
        if mode in OPAQUE_MODES and mode not in old:
            flag = {"ABAC": "policy-file", "Webhook": "webhook-config-file"}[mode]
            yield f"An apiserver with mode {mode} starts only with --authorization-{flag} too."


def _config_file(case: _Case) -> Iterator[str]:
    names = {
        flag.name
        for server in case.before.snapshot.apiservers.value or ()
        for flag in server.flags or ()
    }
    if case.change.authorization_modes is not None and "authorization-config" in names:
        yield ("--authorization-config goes: no apiserver starts with it and --authorization-mode.")


def _others(case: _Case) -> Iterator[str]:
    if _has(case.before, "AlwaysAllow") and not _has(case.after, "AlwaysAllow"):
        yield (
            "Only kubelets are looked at: from then on every other client, too, gets only what it"
            " is granted. Grant that first."
        )


def _identity(case: _Case) -> Iterator[str]:
    if case.after.node_authorizer is Switch.ON and case.before.node_authorizer is not Switch.ON:
        yield (
            "The Node authorizer knows only user system:node:<Node name>, in lower case, in group"
            " system:nodes: look at a certificate of each kind of node first."
        )


def _restriction(case: _Case) -> Iterator[str]:
    if case.after.node_restriction is Switch.ON and case.before.node_restriction is not Switch.ON:
        yield (
            "With NodeRestriction a kubelet whose certificate names another node is refused, and so"
            " are its own labels of kubernetes.io and k8s.io outside the list that it may set."
        )
    if Switch.UNKNOWN in (case.before.node_restriction, case.after.node_restriction):
        yield "NodeRestriction can't be told on one side: rights that it closes are left out."


def _selectors(case: _Case) -> Iterator[str]:
    had_node = case.before.node_authorizer is not Switch.OFF
    if had_node and _has_selectors(case.after) and not _has_selectors(case.before):
        yield (
            "From then on (1.32 by default) the Node authorizer lets a node list only its own pods"
            " and its own Node: an agent that uses the kubelet's credentials to list all needs a"
            " ServiceAccount."
        )


def _has_selectors(judged: Judged) -> bool:
    return any(
        gates.is_on(gates.NODE_SELECTORS, judged.minor, state.feature_gates)
        for state in judged.states
        if state.node_authorizer is not Switch.OFF
    )


def _newer(case: _Case) -> Iterator[str]:
    minor = minor_of(case.after.snapshot.version.value or "")
    if minor is not None and minor > NEWEST_MINOR:
        yield f"1.{minor} is newer than what is known here: judged by 1.{NEWEST_MINOR}."


def _protected(case: _Case) -> Iterator[str]:
    for binding in case.after.snapshot.cluster_role_bindings.value or ():
        if binding.name == NODE_ROLE and not binding.is_reconciled:
            yield (
                "ClusterRoleBinding system:node has the annotation"
                ' rbac.authorization.kubernetes.io/autoupdate: "false": no apiserver touches it.'
            )


def _restart(case: _Case) -> Iterator[str]:
    flags = case.change.authorization_modes is not None or case.change.admission_plugins is not None
    if flags or case.change.kubernetes_version:
        return
    change = case.change
    if change.dropped or change.added or change.dropped_subjects or change.added_subjects:
        yield "No restart is needed: bindings count within seconds, and so does putting them back."


def _has(judged: Judged, mode: str) -> bool:
    return any(mode in (state.authorization_modes or ()) for state in judged.states)


_ALL: tuple[Callable[[_Case], Iterator[str]], ...] = (
    _unread,
    _half_given,
    _opaque,
    _newer,
    _others,
    _identity,
    _restriction,
    _selectors,
    _needs_file,
    _config_file,
    _protected,
    _restart,
)
