"""The path of each class of nodes: what every need gets, on all apiservers together."""

from __future__ import annotations

from dataclasses import replace

from authzviz.engine import decide, verdict
from authzviz.engine.assessment import Answer, ApiServerState, Decision, Path, Verdict
from authzviz.engine.classes import NodeClass
from authzviz.engine.gates import BY_DEFAULT, Settings
from authzviz.engine.needs import Need, needs_of
from authzviz.engine.rbac import Rbac
from authzviz.engine.verdict import Control, Granted

_WORST_FIRST = (Decision.NO, Decision.UNKNOWN, Decision.CONDITIONAL, Decision.ALLOW)


def paths_of(
    states: tuple[ApiServerState, ...],
    rbac: Rbac,
    classes: tuple[NodeClass, ...],
    minor: int,
    control: Control,
) -> tuple[Path, ...]:
    """The paths, of most nodes first; nodes that may exist or not are left out."""
    settings = states[0].feature_gates if states else BY_DEFAULT
    all_granted = verdict.granted_to(rbac, classes, minor, settings)
    paths = [
        Path(
            nodes=nodes.count,
            example=nodes.example,
            names=nodes.names,
            verdict=_verdict(granted, control),
            answers=tuple(
                _answer(states, rbac, nodes, need, minor) for need in needs_of(nodes.example, minor)
            ),
        )
        for nodes, granted in zip(classes, all_granted, strict=True)
        if nodes.is_certain
    ]
    return tuple(sorted(paths, key=lambda path: (-path.nodes, path.example)))


def _verdict(granted: Granted, control: Control) -> Verdict:
    """The verdict as if all nodes were like these."""
    possible = verdict.of_cluster(control, (granted,))
    return next(iter(possible)) if len(possible) == 1 else Verdict.UNKNOWN


def _answer(
    states: tuple[ApiServerState, ...], rbac: Rbac, nodes: NodeClass, need: Need, minor: int
) -> Answer:
    """One need's answer; where apiservers disagree the worst, and who says what."""
    chains = list(dict.fromkeys(map(_chain, states))) or [(None, BY_DEFAULT)]
    answers = [
        decide.answer(need, modes, rbac, nodes, minor, settings) for modes, settings in chains
    ]
    worst = min(answers, key=lambda answer: _WORST_FIRST.index(answer.decision))
    if len({(answer.decision, answer.by) for answer in answers}) == 1:
        return worst
    said = [f"{state.name}: {_said(answers[chains.index(_chain(state))])}" for state in states]
    return replace(worst, because="; ".join(said))


def _chain(state: ApiServerState) -> tuple[tuple[str, ...] | None, Settings]:
    return state.authorization_modes, state.feature_gates


def _said(answer: Answer) -> str:
    if answer.decision is Decision.NO:
        return "refused"
    if answer.decision is Decision.UNKNOWN:
        return "can't be told"
    return f"allowed by {answer.by}"
