"""Findings where what is said of a cluster and what it does are not the same."""

from __future__ import annotations

from collections.abc import Iterator

from authzviz.engine.assessment import ApiServerState, Finding, Severity, Switch, Verdict
from authzviz.engine.chain import OPAQUE_MODES
from authzviz.engine.defaults import declared_of, meant_by
from authzviz.engine.judging import Judged
from authzviz.engine.observed_nodes import Group, Surprise, is_leaking
from authzviz.engine.phrases import counted, listed

_MAX_NAMED = 5


def flags_contradicted(judged: Judged) -> Iterator[Finding]:
    """Apiservers that don't do what their flags say."""
    said = [f"{state.name}: {each}" for state in judged.states for each in state.contradictions]
    if said:
        yield Finding(
            "flags-contradicted",
            Severity.HIGH,
            "An apiserver doesn't do what its flags say",
            f"{_first(said)}. What it answers is what counts. It may run with other flags than the"
            " place shows that was read, or not have been restarted since they changed.",
        )


def sources_differ(judged: Judged) -> Iterator[Finding]:
    """Places that show different flags of one apiserver."""
    said = [f"{state.name}: {each}" for state in judged.states for each in state.conflicts]
    if said:
        yield Finding(
            "sources-differ",
            Severity.MEDIUM,
            "Two places show different flags of one apiserver",
            f"{_first(said)}. The first of them counts here. A change may wait for a restart, or"
            " have been made in one place only.",
        )


def declared_differs(judged: Judged) -> Iterator[Finding]:
    """Apiservers that run with other flags than their installer's own configuration declares."""
    said = [
        f"{source.evidence} declares {declared}, {state.name} has {running}"
        for source in declared_of(judged.snapshot)
        for state in judged.states
        for declared, running in _differing(*meant_by(source), state)
    ]
    if said:
        yield Finding(
            "declared-differs",
            Severity.MEDIUM,
            "What is declared is not what runs",
            f"{_first(said)}. The next upgrade (kubeadm upgrade) sets what is declared: change the"
            " declaration, too.",
        )


def _differing(
    modes: tuple[str, ...] | None, restriction: bool | None, state: ApiServerState
) -> Iterator[tuple[str, str]]:
    running = state.authorization_modes
    if modes is not None and running is not None and set(modes) != set(running):
        yield ",".join(modes), ",".join(running)
    known = state.node_restriction in (Switch.ON, Switch.OFF)
    if (
        restriction is not None
        and known
        and restriction is not (state.node_restriction is Switch.ON)
    ):
        declared = "on" if restriction else "off"
        yield f"NodeRestriction {declared}", f"it {state.node_restriction}"


def model_differs(judged: Judged) -> Iterator[Finding]:
    """Answers that flags and RBAC don't explain, although both were read whole."""
    if judged.surprises:
        more = len(judged.surprises) - _MAX_NAMED
        said = "; ".join(_told(each) for each in judged.surprises[:_MAX_NAMED])
        yield Finding(
            "model-differs",
            Severity.CRITICAL,
            f"{counted(len(judged.surprises), 'answer')} of an apiserver can't be explained",
            f"{said}{f'; and {more} more' if more > 0 else ''}. Something decides that was not"
            " read, or changed while it was read: if it stays, no verdict here is to be trusted.",
        )


def _told(surprise: Surprise) -> str:
    who = f"node {surprise.node}" if surprise.node else "a node that nobody has"
    return (
        f"{surprise.asked} by {who}, asked of {surprise.server}: expected {surprise.expected},"
        f" was {surprise.said}"
    )


def nodes_answered_differently(judged: Judged) -> Iterator[Finding]:
    """Nodes about which apiservers answer other than about the rest."""
    if judged.nodes.is_mixed:
        yield Finding(
            "nodes-differ",
            Severity.HIGH,
            "Nodes are not treated alike",
            f"{'; '.join(map(sentence_of, judged.nodes.groups[:_MAX_NAMED]))}. Bindings or a"
            " webhook name single nodes, or apiservers differ; Node serves all alike.",
        )


def nodes_get_more(judged: Judged) -> Iterator[Finding]:
    """Something other than RBAC that was seen to give single nodes what Node gives none."""
    is_beside_node = Verdict.ALWAYS_ALLOW not in judged.possible
    if is_leaking(judged.snapshot) and judged.node_authorizer is Switch.ON and is_beside_node:
        yield Finding(
            "nodes-get-more",
            Severity.HIGH,
            "Something that no API shows gives kubelets Secrets of others",
            f"{'; '.join(map(sentence_of, judged.nodes.groups[:_MAX_NAMED]))}. Node gives none of"
            " that: look at the policy of the webhook or of ABAC.",
        )


def sentence_of(group: Group) -> str:
    """Which nodes, and what was answered about them."""
    named = [name or "a node that nobody has" for name in group.nodes]
    more = len(named) - _MAX_NAMED
    names = f"{', '.join(named[:_MAX_NAMED])} and {more} more" if more > 0 else listed(named)
    return f"{names}: {group.words}"


def unread_authorizer(judged: Judged) -> Iterator[Finding]:
    """A webhook or ABAC in a chain, and what it was seen to do; one finding, of the worst."""
    found = [state for state in judged.states if state.opaque]
    if found:
        worst = min(found, key=lambda state: _WORST_LEAK.index(state.leaks))
        modes = [mode for mode in OPAQUE_MODES if mode in worst.opaque]
        is_leak = worst.leaks is Switch.ON
        yield Finding(
            "unread-authorizer",
            Severity.HIGH if is_leak else Severity.LOW,
            f"{listed(modes)} in the chain {'grants' if is_leak else 'may grant'} more",
            f"{_seen_of(worst)}{_webhooks_of(judged, worst)}",
        )


_WORST_LEAK = (Switch.ON, Switch.UNKNOWN, Switch.MIXED, Switch.OFF)


def _seen_of(state: ApiServerState) -> str:
    """What such an authorizer of one apiserver was seen to do."""
    if state.leaks is Switch.ON:
        return (
            f"On {state.name} it gives a kubelet that nobody has what the Node authorizer gives"
            " none: look at its policy."
        )
    if state.leaks is Switch.OFF:
        return (
            f"{state.name} was asked: it refuses a kubelet that nobody has all Secrets, a Secret"
            " of another, all pods and other Nodes. What else it allows is not in the API."
        )
    return f"What it answers on {state.name} is not in the API, and was not asked."


def _webhooks_of(judged: Judged, state: ApiServerState) -> str:
    """The webhooks of one apiserver as its AuthorizationConfiguration or it itself names them, ""
    for none.
    """
    said = [
        f"{each.name} ({each.match_conditions} match conditions, {each.failure_policy} on failure)"
        for found in judged.snapshot.apiservers.value or ()
        if found.name == state.name
        for each in found.authorizers or ()
        if each.type == "Webhook"
    ]
    if said:
        return f" Its webhooks, in the order asked: {listed(said)}."
    return f" Its webhooks: {listed(list(state.webhooks))}." if state.webhooks else ""


def _first(said: list[str]) -> str:
    more = len(said) - _MAX_NAMED
    return f"{'; '.join(said[:_MAX_NAMED])}{f'; and {more} more' if more > 0 else ''}"
