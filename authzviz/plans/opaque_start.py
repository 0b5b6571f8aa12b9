"""Where a webhook or an ABAC file is in the chain: what to ask it, and to ask Node before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from authzviz.engine.assessment import ApiServerState, Switch, Verdict
from authzviz.engine.chain import OPAQUE_MODES
from authzviz.engine.phrases import listed
from authzviz.engine.places import place_of
from authzviz.plans.distributions.common import needing
from authzviz.plans.distributions.registry import steps_for
from authzviz.plans.ground import Ground
from authzviz.plans.plan import Observation, Sees, Step, Trouble

_NOBODY = "--as=system:node:authzviz-probe --as-group=system:nodes"
_DOCS = "https://kubernetes.io/docs/reference/access-authn-authz/authorization/"
# What no kubelet should get, and the Node authorizer gives none.
_LEAKS = (
    "list secrets --all-namespaces",
    "get secrets/authzviz-probe --namespace=kube-system",
    "list pods --all-namespaces",
    "patch nodes/authzviz-probe-other",
)
_WHERE = {
    "Webhook": "the file that --authorization-webhook-config-file or --authorization-config names",
    "ABAC": "the file that --authorization-policy-file names",
}


def questions(ground: Ground) -> Iterator[Step]:
    """For each such mode the step that finds out what it gives kubelets."""
    for mode in OPAQUE_MODES:
        states = [state for state in ground.assessment.apiservers if mode in state.opaque]
        if states:
            yield _question(mode, states)


def _question(mode: str, states: list[ApiServerState]) -> Step:
    names = list(dict.fromkeys(name for state in states for name in state.webhooks))
    called = f" ({listed(names)})" if names and mode == "Webhook" else ""
    return Step(
        id=f"find:ask:{mode}",
        title=f"Ask what {mode}{called} gives kubelets",
        why=f"{mode} is in the chain of {listed([state.name for state in states])}. No API shows"
        " its policy, and what it allows stays allowed whatever this plan does. Every question"
        " here has to be answered no; ask who runs it whether it knows Group system:nodes and"
        f" users system:node:…, and look at {_WHERE[mode]}.",
        where="kubectl",
        verify=tuple(f"! kubectl auth can-i --quiet {asked} {_NOBODY}" for asked in _LEAKS),
        observation=Observation(Sees.CHECK, "opaque"),
        troubles=(
            Trouble(
                "Acting as a node is not permitted to you",
                "cannot impersonate resource",
                "Ask as a member of system:masters, or let authzviz ask: it needs no more than to"
                " create subjectaccessreviews.",
            ),
        ),
        source=f"{_DOCS}#checking-api-access",
    )


def reordering(ground: Ground) -> tuple[Step, ...]:
    """The steps that let apiservers ask Node first which have all that they need otherwise, and
    ask something before it that no API shows; who lacks more gets Node first with that.
    """
    late = {server.name for server in ground.servers if server.is_done and _is_late(server.state)}
    if not late or place_of(ground.distribution).is_fixed:
        return ()
    # The same edit as where Node is off: it puts Node before all that is there.
    states = tuple(
        replace(state, node_authorizer=Switch.OFF) if state.name in late else state
        for state in ground.assessment.apiservers
    )
    steps = steps_for(replace(ground, assessment=replace(ground.assessment, apiservers=states)))
    # One edit of the whole cluster's configuration does for all.
    targets = late if needing(ground) else {*late, ""}
    return tuple(_first(step, ground) for step in steps if step.observation.target in targets)


def _is_late(state: ApiServerState) -> bool:
    modes = state.authorization_modes or ()
    return "Node" in modes and any(m in modes[: modes.index("Node")] for m in OPAQUE_MODES)


def _first(step: Step, ground: Ground) -> Step:
    name = step.observation.target
    is_refused = ground.verdict is Verdict.REFUSED
    return replace(
        step,
        id=step.id.replace("flags:", "order:", 1),
        title=f"Let {name or 'every apiserver'} ask Node before anything else",
        why=(
            "What is asked first denies kubelets, and a denial ends the chain: Node is never asked."
            if is_refused
            else "What Node allows then hangs on no answer that no API shows. What is asked after"
            " it may still allow more: see what it answers."
        ),
        observation=Observation(Sees.CHECK, f"order:{name}" if name else "order"),
    )
