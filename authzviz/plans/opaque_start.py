"""Where a webhook or an ABAC file is in the chain: what to ask it."""

from __future__ import annotations

from collections.abc import Iterator

from authzviz.engine.assessment import ApiServerState
from authzviz.engine.chain import OPAQUE_MODES
from authzviz.engine.phrases import listed
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
