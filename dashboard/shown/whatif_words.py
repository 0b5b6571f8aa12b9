"""The one sentence that says what a change would do to kubelets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from authzviz.engine.assessment import Answer, Assessment, Decision, Path
from authzviz.engine.phrases import counted
from authzviz.engine.whatif import NeedChange, NodeChange, WhatIf


@dataclass(frozen=True, slots=True)
class Headline:
    """The sentence with its tone; `more` goes on in a second one."""

    said: str
    more: str
    tone: str
    icon: str


def headline_of(told: WhatIf) -> Headline:
    """What the change would do, the worst first."""
    for say in _ALL:
        found = say(told)
        if found is not None:
            return found
    return _otherwise(told)


_Said = Headline | None


def _breaks(told: WhatIf) -> _Said:
    losing = [kind for kind in told.nodes if any(need.is_core for need in kind.needs_lost)]
    if not losing:
        return None
    lost = [need for kind in losing for need in kind.needs_lost]
    was_answered = any(need.is_core and _serves(need.before) for need in lost)
    whom = _whom(losing, told)
    return Headline(
        f"It breaks {whom}: nobody answers any more what they can't do without."
        if was_answered
        else f"{_capital(whom)} would be refused what they can't do without.",
        f"{counted(len({need.need for need in lost}), 'need')} would be refused; nodes go NotReady"
        " or can't register.",
        "critical",
        "circle-x",
    )


def _stays_broken(told: WhatIf) -> _Said:
    refused = [kind for kind, path in _with_after(told) if _refuses_core(path)]
    if not refused:
        return None
    return Headline(
        f"It doesn't heal {_whom(refused, told)}: what they can't do without stays refused.",
        _secrets(told),
        "critical",
        "circle-x",
    )


def _may_lose(told: WhatIf) -> _Said:
    unsure = [kind for kind in told.nodes if any(_serves(n.before) for n in kind.needs_unsure)]
    if not unsure:
        return None
    return Headline(
        f"It can't be told whether {_whom(unsure, told)} would still get what they need.",
        _DECIDES,
        "unsure",
        "question-mark",
    )


_DECIDES = "What was not read, or no API shows, decides."


def _loses(told: WhatIf) -> _Said:
    losing = [kind for kind in told.nodes if kind.needs_lost]
    if not losing:
        return None
    needs = {need.need for kind in losing for need in kind.needs_lost}
    return Headline(
        f"{_capital(_whom(losing, told))} would lose {counted(len(needs), 'need')}.",
        "Nodes stay Ready, but something else fails.",
        "warning",
        "alert-triangle",
    )


def _heals(told: WhatIf) -> _Said:
    healed = [kind for kind in told.nodes if any(map(_is_healed, kind.needs_gained))]
    if not healed:
        return None
    opened = _opened_secrets(told)
    if opened:
        return Headline(
            f"It heals {_whom(healed, told)}, and hands {_each(opened, told)}"
            " all Secrets of the cluster.",
            "Whoever steals one certificate reads them all. For the night, not to keep.",
            "warning",
            "alert-triangle",
        )
    tone, icon = "good", "check"
    more = "It hands out no Secrets beyond those of a kubelet's own pods."
    if any(kind.radius_after.is_every_secret for kind in told.nodes):
        more, tone, icon = _READS_ALL, "warning", "alert-triangle"
    elif not _is_whole(told):
        more = "Whether a stolen certificate reads other Secrets can't be told."
        tone, icon = "unsure", "question-mark"
    gets = "all they need" if _gets_all(healed, told) else "what they can't do without"
    return Headline(f"It heals {_whom(healed, told)}: they get {gets}.", more, tone, icon)


_READS_ALL = "A stolen kubelet certificate still reads all Secrets of the cluster."


def _opens(told: WhatIf) -> _Said:
    opened = [kind for kind in told.nodes if kind.rights_opened]
    if not opened:
        return None
    secrets = _opened_secrets(told)
    if secrets:
        return Headline(
            f"It hands {_each(secrets, told)} all Secrets of the cluster.",
            f"Kubelets {_keep(told)}, and whoever steals one certificate reads them all.",
            "warning",
            "alert-triangle",
        )
    return Headline(
        f"{_capital(_whom(opened, told))} would {_keep(told)}, and could do more than now.",
        "What that is stands below, among rights opened.",
        "warning",
        "alert-triangle",
    )


def _nothing(told: WhatIf) -> _Said:
    # What a start puts back hangs on the version.
    if not told.after.version or not is_same(told):
        return None
    return Headline(
        "Nothing changes for kubelets.",
        "What they get, what they may do besides, and the verdict stay as they are.",
        "unsure",
        "info-circle",
    )


def _cant_be_told(told: WhatIf) -> _Said:
    unsure = [kind for kind in told.nodes if kind.needs_unsure]
    if told.is_told and not unsure:
        return None
    return Headline(
        f"It can't be told whether {_whom(unsure or list(told.nodes), told)} would get what they"
        " need.",
        _DECIDES if told.is_told else _NOT_CHANGED,
        "unsure",
        "question-mark",
    )


_NOT_CHANGED = "Flags that were not read can only be changed as a whole: give modes and plugins."


def _otherwise(told: WhatIf) -> Headline:
    """No need is lost, and no right opened."""
    keep = _keep(told)
    still = [kind for kind in told.nodes if kind.radius_after.is_every_secret]
    if still:
        return Headline(f"Kubelets {keep}.", _READS_ALL, "warning", "alert-triangle")
    if not _is_whole(told):
        more = "What a stolen certificate reads and changes then can't be told for sure."
        return Headline(f"Kubelets {keep}.", more, "unsure", "question-mark")
    if any(kind.radius_before.is_every_secret for kind in told.nodes):
        return Headline(
            f"Kubelets {keep}, and no longer read all Secrets of the cluster.",
            "A stolen certificate is worth what its own pods use, not the whole cluster.",
            "good",
            "check",
        )
    closed = any(kind.rights_closed for kind in told.nodes)
    more = "They may do less besides: what that is stands below." if closed else ""
    return Headline(f"Kubelets {keep}.", more, "good", "check")


_ALL: tuple[Callable[[WhatIf], _Said], ...] = (
    _breaks,
    _stays_broken,
    _may_lose,
    _loses,
    _heals,
    _nothing,
    _opens,
    _cant_be_told,
)


def is_same(told: WhatIf) -> bool:
    """True where nothing changes for kubelets: no need, no right, no finding, no verdict, and
    nothing of which can't be told what it does.
    """
    sides = (told.before, told.after)
    seen = {
        (s.verdict, s.possible, s.authorization_modes, s.node_authorizer, s.node_restriction)
        for s in sides
    }
    # What a start adds to a role may reach kubelets by a binding that was not read, and to a role
    # that was not read it may add something.
    is_alike = not told.effects and not any(_has_unread(side) for side in sides)
    return (
        told.is_told
        and (is_alike or _is_whole(told))
        and len(seen) == 1
        and not (told.findings_gone or told.findings_new or any(map(_differs, told.nodes)))
    )


def _differs(kind: NodeChange) -> bool:
    before = {need.need: need.before for need in kind.needs_unsure}
    turned = any(one is None or one.decision is not Decision.UNKNOWN for one in before.values())
    needs = (kind.needs_lost, kind.needs_gained, kind.needs_new)
    rights = (kind.rights_closed, kind.rights_opened)
    return turned or any((*needs, *rights)) or kind.radius_before != kind.radius_after


def _has_unread(side: Assessment) -> bool:
    """True where no rule of some grant is known, though there may be some."""
    return any(not grant.rules and not grant.is_dangling for grant in side.grants)


def _is_whole(told: WhatIf) -> bool:
    """True where nothing unknown may give kubelets more after the change."""
    return all(kind.radius_after.is_whole for kind in told.nodes)


def _is_healed(need: NeedChange) -> bool:
    """True of what nodes can't do without and nobody answers now."""
    was_refused = need.before is not None and need.before.decision is Decision.NO
    return need.is_core and was_refused


def _gets_all(kinds: Sequence[NodeChange], told: WhatIf) -> bool:
    """True where these get all that they need after the change."""
    paths = [path for kind, path in _with_after(told) if kind in kinds]
    return all(_serves(answer) for path in paths for answer in path.answers)


def _keep(told: WhatIf) -> str:
    return "keep all they need" if _gets_all(told.nodes, told) else "keep what they get now"


def _serves(answer: Answer | None) -> bool:
    return answer is not None and answer.decision in (Decision.ALLOW, Decision.CONDITIONAL)


def _opened_secrets(told: WhatIf) -> list[NodeChange]:
    return [
        kind
        for kind in told.nodes
        if kind.radius_after.is_every_secret and not kind.radius_before.is_every_secret
    ]


def _secrets(told: WhatIf) -> str:
    return "It hands out all Secrets all the same." if _opened_secrets(told) else ""


def _with_after(told: WhatIf) -> Iterable[tuple[NodeChange, Path]]:
    return zip(told.nodes, told.after.paths, strict=True)


def _refuses_core(path: Path) -> bool:
    return any(one.is_core and one.decision is Decision.NO for one in path.answers)


def _each(kinds: list[NodeChange], told: WhatIf) -> str:
    return "every kubelet" if len(kinds) == len(told.nodes) else _whom(kinds, told)


def _whom(kinds: list[NodeChange], told: WhatIf) -> str:
    """Whom it is about: all kubelets, or those of how many nodes."""
    if len(kinds) == len(told.nodes):
        return "the kubelets"
    number = sum(kind.nodes for kind in kinds)
    if number == 0:
        return "the kubelet of a node that isn't there yet"
    return f"the kubelets of {counted(number, 'node')}"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
