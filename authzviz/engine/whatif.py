"""What a change would do to kubelets, before anybody makes it.

Judged is the cluster after the change and after the next start of its apiservers, since these put
back what they were born with: what holds only until then would be a trap.
"""

from __future__ import annotations

from dataclasses import dataclass

from authzviz.engine.applying import applied
from authzviz.engine.assessment import Answer, Assessment, Decision, Finding, Path, Switch, Verdict
from authzviz.engine.caveats import caveats_of, is_half_given
from authzviz.engine.chain import OPAQUE_MODES
from authzviz.engine.change import Change
from authzviz.engine.classes import NodeClass, classes_in_both
from authzviz.engine.distribution import distribution_of
from authzviz.engine.findings import OBSERVED
from authzviz.engine.graph import Graph, OwnObjects, graph_of
from authzviz.engine.health import NOT_KNOWN, health_of
from authzviz.engine.judging import Judged, examine_indexed
from authzviz.engine.model import Snapshot
from authzviz.engine.powers import Powers, Radius, in_words, lacking, powers_of, radius_of
from authzviz.engine.rbac import index, reindexed
from authzviz.engine.wording import assessment_of


@dataclass(frozen=True, slots=True)
class NeedChange:
    """A need whose answer changes; `before` is None where it comes with the version."""

    need: str
    title: str
    is_core: bool
    before: Answer | None
    after: Answer


@dataclass(frozen=True, slots=True)
class NodeChange:
    """What the change does to nodes that are alike before and after it.

    `nodes`, `example` and `names` are as in Path. `needs_unsure` are those of which can't be told
    whether they are answered after it, `before` says whether they are now. `needs_new` come with
    the version and are answered. `rights_closed` and `rights_opened` are in words, worst first, and
    leave out what a kubelet needs; a right is open where an authorizer allows it and
    NodeRestriction lets it pass.
    `own` is what the Node authorizer gives the example because of its pods: None where there is no
    such node yet, or the snapshot is without pods.
    """

    nodes: int
    example: str
    names: tuple[str, ...]
    verdict_before: Verdict
    verdict_after: Verdict
    answered_before: tuple[str, ...]
    answered_after: tuple[str, ...]
    needs_lost: tuple[NeedChange, ...]
    needs_gained: tuple[NeedChange, ...]
    needs_unsure: tuple[NeedChange, ...]
    needs_new: tuple[NeedChange, ...]
    rights_closed: tuple[str, ...]
    rights_opened: tuple[str, ...]
    radius_before: Radius
    radius_after: Radius
    own: OwnObjects | None


@dataclass(frozen=True, slots=True)
class WhatIf:
    """All that a change would do.

    `before` and `after` are what the engine makes of both sides, with as many paths as there are
    `nodes`, in the same order; how the nodes will be after it nobody knows. Not `is_told` where
    flags that nobody read stay as they are, whatever the change says of them. `effects` says what
    the apiservers put back by themselves, `caveats` what the answer does not cover or what to mind.
    """

    before: Assessment
    after: Assessment
    nodes: tuple[NodeChange, ...]
    is_told: bool
    findings_gone: tuple[Finding, ...]
    findings_new: tuple[Finding, ...]
    effects: tuple[str, ...]
    caveats: tuple[str, ...]


def whatif(snapshot: Snapshot, change: Change) -> WhatIf:
    """What the change would do to the cluster. Raises ChangeError where it can't be made."""
    start = applied(snapshot, change)
    before, after, pairs = _examined(snapshot, start.snapshot)
    now, then = assessment_of(before), assessment_of(after)
    gone, new = _findings(now, then)
    return WhatIf(
        before=now,
        after=then,
        nodes=_nodes(before, after, pairs),
        is_told=not is_half_given(after, change),
        findings_gone=gone,
        findings_new=new,
        effects=start.effects,
        caveats=caveats_of(before, after, change),
    )


def _findings(
    before: Assessment, after: Assessment
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """Findings that go and that come: one that stays may say so in other words."""
    old, new = _by_title(before), _by_title(after)
    gone = tuple(finding for key, finding in old.items() if key not in new)
    return gone, tuple(finding for key, finding in new.items() if key not in old)


def _by_title(assessment: Assessment) -> dict[tuple[str, str], Finding]:
    return {
        (finding.id, finding.title): finding
        for finding in assessment.findings
        if finding.id not in OBSERVED
    }


_Pairs = tuple[tuple[NodeClass, NodeClass], ...]


def _examined(snapshot: Snapshot, changed: Snapshot) -> tuple[Judged, Judged, _Pairs]:
    """Both sides, judged by the classes of nodes that are alike on both."""
    rbac = index(snapshot)
    later = reindexed(rbac, snapshot, changed)
    pairs = classes_in_both(snapshot, rbac, later)
    # What installed a cluster doesn't change with it, and how its nodes will be nobody knows.
    distribution = distribution_of(snapshot)
    olds, news = tuple(old for old, _ in pairs), tuple(new for _, new in pairs)
    before = examine_indexed(snapshot, rbac, olds, distribution, health_of(snapshot))
    after = examine_indexed(changed, later, news, distribution, NOT_KNOWN)
    return before, after, pairs


def _nodes(before: Judged, after: Judged, pairs: _Pairs) -> tuple[NodeChange, ...]:
    """What changes for each class; the paths of both sides come in the same order, since that hangs
    on counts and examples.
    """
    by_example = {old.example: (old, new) for old, new in pairs}
    graph = graph_of(before.snapshot)  # no change is about pods
    return tuple(
        _change(by_example[old.example], (old, new), (before, after), graph)
        for old, new in zip(before.paths, after.paths, strict=True)
    )


def _change(
    classes: tuple[NodeClass, NodeClass],
    paths: tuple[Path, Path],
    sides: tuple[Judged, Judged],
    graph: Graph | None,
) -> NodeChange:
    (old, new), (before, after) = paths, sides
    own = graph.own_objects(old.example) if graph and old.nodes else None
    needs = _needs(old, new)
    powers, later = _powers(classes, before, after)
    # Where a version narrows what the Node authorizer gives everyone, that is a right closed.
    minor = max(before.minor, after.minor)
    return NodeChange(
        nodes=old.nodes,
        example=old.example,
        names=old.names,
        verdict_before=old.verdict,
        verdict_after=new.verdict,
        answered_before=_answered(old),
        answered_after=_answered(new),
        needs_lost=tuple(
            n for n in needs if _is(n.after, Decision.NO) and not _is(n.before, Decision.NO)
        ),
        needs_gained=tuple(
            n for n in needs if n.before and not _serves(n.before) and _serves(n.after)
        ),
        needs_unsure=tuple(n for n in needs if _is(n.after, Decision.UNKNOWN)),
        needs_new=tuple(n for n in needs if n.before is None and _serves(n.after)),
        rights_closed=in_words(lacking(powers, later), old.example, minor),
        rights_opened=in_words(lacking(later, powers), old.example, minor),
        radius_before=radius_of(powers, old.example, own, is_whole=_is_whole(classes[0], before)),
        radius_after=radius_of(later, old.example, own, is_whole=_is_whole(classes[1], after)),
        own=own,
    )


def _needs(old: Path, new: Path) -> list[NeedChange]:
    """Every need of the version after the change, with its answer on both sides."""
    answers = {answer.need: answer for answer in old.answers}
    return [
        NeedChange(after.need, after.title, after.is_core, answers.get(after.need), after)
        for after in new.answers
    ]


def _powers(
    classes: tuple[NodeClass, NodeClass], before: Judged, after: Judged
) -> tuple[Powers, Powers]:
    """The powers on both sides. A NodeRestriction that can't be told on one side counts as the same
    on both, so that nothing is said to change by it.
    """
    restrictions = [before.node_restriction, after.node_restriction]
    is_told = Switch.UNKNOWN not in restrictions
    old, new = (not is_told or switch is Switch.ON for switch in restrictions)
    return (
        powers_of(classes[0], before.states, before.minor, is_restricted=old),
        powers_of(classes[1], after.states, after.minor, is_restricted=new),
    )


def _is_whole(nodes: NodeClass, judged: Judged) -> bool:
    """True where all that may let these nodes do something was read, and an API shows it."""
    chains = [state.authorization_modes for state in judged.states]
    modes = {mode for chain in chains for mode in chain or ()}
    if "AlwaysAllow" in modes:
        return True  # there is no more
    if not chains or None in chains or judged.has_unseen or modes.intersection(OPAQUE_MODES):
        return False
    is_open = judged.rbac.is_open or judged.rbac.is_open_in_namespaces
    return "RBAC" not in modes or not (is_open or any(one.is_unread for one in nodes.reaches))


def _answered(path: Path) -> tuple[str, ...]:
    return tuple(sorted({answer.by for answer in path.answers if _serves(answer)}))


def _serves(answer: Answer | None) -> bool:
    return answer is not None and answer.decision in (Decision.ALLOW, Decision.CONDITIONAL)


def _is(answer: Answer | None, decision: Decision) -> bool:
    return answer is not None and answer.decision is decision
