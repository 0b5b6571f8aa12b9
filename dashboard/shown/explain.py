"""An explained log in words: what was refused, grouped by its cause and worst first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from itertools import zip_longest

from authzviz.engine.assessment import Decision, Fix
from authzviz.engine.decide import Said
from authzviz.engine.phrases import counted
from authzviz.evidence.explain import MAX_LINE_LETTERS
from authzviz.evidence.explanation import Explained, Explanation, ModeAnswer
from authzviz.evidence.refusals import RefusedBy
from authzviz.reports.explain_text import REFUSED_BY, request_in_words, who_in_words
from dashboard.services.explain import Answer, Held
from dashboard.services.matching import Named
from dashboard.shown.next_steps import StepRow, step_rows
from dashboard.visible import made_visible, visible
from dashboard.words import DECISIONS, VERDICTS, Word

FIRST_ROWS = 10
MOST_LETTERS = 160
MOST_IN_LINE = 240
MOST_IN_CAUSE = 600
EXAMPLE = """\
Nov 24 09:00:01 eu-5-worker-1 kubelet[812]: E1124 09:00:01.184523     812 controller.go:145] \
"Failed to ensure lease exists, will retry" err="Get \\"https://eu-5.example:6443/apis/\
coordination.k8s.io/v1/namespaces/kube-node-lease/leases/eu-5-worker-1?timeout=10s\\": dial tcp: \
connect: connection refused" interval="200ms"
Nov 24 09:00:09 eu-5-worker-1 kubelet[812]: E1124 09:00:09.402718     812 controller.go:145] \
"Failed to ensure lease exists, will retry" err="leases.coordination.k8s.io \\"eu-5-worker-1\\" is \
forbidden: User \\"system:node:eu-5-worker-1\\" cannot get resource \\"leases\\" in API group \
\\"coordination.k8s.io\\" in the namespace \\"kube-node-lease\\"" interval="400ms"
Nov 24 09:00:10 eu-5-worker-1 kubelet[812]: E1124 09:00:10.011872     812 kubelet_node_status.go:\
106] "Unable to register node with API server" err="nodes is forbidden: User \
\\"system:node:eu-5-worker-1\\" cannot create resource \\"nodes\\" in API group \\"\\" at the \
cluster scope" node="eu-5-worker-1"
Nov 24 09:00:12 eu-5-worker-1 kubelet[812]: I1124 09:00:12.000117     812 kubelet_node_status.go:\
73] "Attempting to register node" node="eu-5-worker-1"
"""
"""The fifth cluster of the sample fleet, as its kubelet tells it."""

CORE = Word("Nodes can't live without it", "critical", "circle-x")
LOCKED_OUT = Word("Not let in", "critical", "lock")
NEEDED = Word("Kubelets need it", "warning", "alert-triangle")
RESTRICTED = Word("Kept by NodeRestriction", "caution", "shield-half")
OPINION = Word("Perhaps no refusal", "unsure", "question-mark")
NOT_NEEDED = Word("No kubelet needs it", "unsure", "info-circle")

# Of what was read once or long ago, nothing is said of now.
NOW = {
    Decision.ALLOW: Word("Allowed now", "good", "check"),
    Decision.NO: Word("Refused now, too", "critical", "x"),
    Decision.CONDITIONAL: Word("Hangs on a pod", "unsure", "question-mark"),
    Decision.UNKNOWN: Word("Can't be told", "unsure", "question-mark"),
}
THEN = {
    **NOW,
    Decision.ALLOW: Word("Allowed then", "good", "check"),
    Decision.NO: Word("Refused then, too", "critical", "x"),
}


@dataclass(frozen=True, slots=True)
class Today:
    """What the cluster says to a request by what was read last, and why."""

    word: Word
    because: str
    is_allowed: bool


@dataclass(frozen=True, slots=True)
class RefusalRow:
    """One refused request, with the line that tells of it."""

    who: str
    request: str
    purpose: str
    without: str
    said: str
    refused_by: str
    seen: str
    number: int
    line: str
    allowed_with: tuple[str, ...]
    today: Today | None


@dataclass(frozen=True, slots=True)
class ModeRow:
    """What one usual configuration of the apiserver answers."""

    configuration: str
    word: Word
    by: str
    because: str


@dataclass(frozen=True, slots=True)
class Group:
    """Refusals of one cause, the worst of them as `first`, with what to do about all of them."""

    number: int
    word: Word
    sentence: str
    cause: str
    steps: tuple[StepRow, ...]
    modes: tuple[ModeRow, ...]
    first: RefusalRow
    others: tuple[RefusalRow, ...]
    more: tuple[RefusalRow, ...]

    @property
    def alike(self) -> int:
        """How many there are beside the first."""
        return len(self.others) + len(self.more)


@dataclass(frozen=True, slots=True)
class HeldCard:
    """The cluster that a log is held against."""

    slug: str
    name: str
    why: str
    verdict: Word
    summary: str
    read_at: datetime
    is_old: bool
    changed_at: datetime | None
    changes: tuple[str, ...]
    turned_at: datetime | None
    before: Word | None
    after: Word | None


@dataclass(frozen=True, slots=True)
class ExplainPage:
    """What explain.html shows of one log."""

    groups: tuple[Group, ...]
    total: str
    rest: tuple[str, ...]
    held: HeldCard | None
    unread: Named | None
    nodes: tuple[str, ...]
    several: tuple[Named, ...]
    left_out: int
    refusing: tuple[Named, ...]


def explain_page(answer: Answer) -> ExplainPage:
    """The page of an answer, everything that the log says made visible."""
    held, explained = answer.held, answer.explained
    words = THEN if held and held.is_old else NOW
    says = [_today(said, words) if said else None for said in (held.says if held else ())]
    pairs = list(zip_longest(explained.explanations, says))
    unread = answer.unread
    return made_visible(
        ExplainPage(
            groups=_groups(pairs, held),
            total=_total(explained),
            rest=_rest(explained),
            held=_card(held) if held else None,
            unread=Named(unread.slug, unread.name) if unread else None,
            nodes=tuple(map(_cut, answer.origin.nodes)),
            several=answer.several,
            left_out=answer.left_out,
            refusing=answer.refusing,
        )
    )


_Pair = tuple[Explanation, Today | None]


def _groups(pairs: list[_Pair], held: Held | None) -> tuple[Group, ...]:
    """Those of one cause together, the worst first, likewise within each."""
    found: dict[object, list[_Pair]] = {}
    for pair in sorted(pairs, key=lambda pair: _rank(pair[0])):
        found.setdefault((pair[0].cause.code, pair[0].refused_by), []).append(pair)
    return tuple(
        _group(number, pairs, held) for number, pairs in enumerate(found.values(), start=1)
    )


def _rank(each: Explanation) -> tuple[object, ...]:
    order = (CORE, LOCKED_OUT, NEEDED, RESTRICTED, NOT_NEEDED, OPINION)
    return order.index(_word(each)), -each.count, each.first_line


def _word(each: Explanation) -> Word:
    if each.refused_by is RefusedBy.AUTHENTICATION:
        return LOCKED_OUT
    if each.refused_by is RefusedBy.NODE_RESTRICTION:
        return RESTRICTED
    if each.refused_by is RefusedBy.RBAC:
        return OPINION
    if each.is_core:
        return CORE
    return NEEDED if each.need else NOT_NEEDED


def _group(number: int, pairs: list[_Pair], held: Held | None) -> Group:
    worst = pairs[0][0]
    rows = [
        _row(each, today, MOST_IN_LINE if place else MAX_LINE_LETTERS)
        for place, (each, today) in enumerate(pairs)
    ]
    return Group(
        number=number,
        word=_word(worst),
        sentence=_sentence(worst),
        cause=_cut(worst.cause.text, MOST_IN_CAUSE),
        steps=_steps(worst, held),
        modes=tuple(
            ModeRow(
                mode.configuration,
                DECISIONS[mode.decision],
                mode.by,
                _cut(mode.because, MOST_IN_CAUSE),
            )
            for mode in worst.modes
        ),
        first=rows[0],
        others=tuple(rows[1:FIRST_ROWS]),
        more=tuple(rows[FIRST_ROWS:]),
    )


def _steps(each: Explanation, held: Held | None) -> tuple[StepRow, ...]:
    """What to do. What the cluster's own next steps change, they say best: those go first."""
    steps = each.cause.steps
    if held is None:
        return tuple(map(StepRow, steps))
    fixes = {_alike(step.fix) for step in steps if step.fix}
    own = [step for step in held.assessment.next_steps if _alike(step.fix) in fixes]
    told = {_alike(step.fix) for step in own}
    rest = [replace(step, fix=None) for step in steps if _alike(step.fix) not in told]
    return step_rows((*own, *rest), held.cluster.slug, held.assessment)


def _alike(fix: Fix | None) -> Fix | None:
    return Fix.BIND_GROUP if fix is Fix.MAKE_BINDING else fix


def _sentence(each: Explanation) -> str:
    if each.refused_by is RefusedBy.AUTHENTICATION:
        return "Credentials were not accepted"
    verb = "may not" if each.refused_by is not RefusedBy.RBAC else "is not allowed by RBAC to"
    return f"{_who(each)} {verb} {_request(each)}"


def _who(each: Explanation) -> str:
    return _cut(f"The kubelet of {each.node}" if each.node else who_in_words(each))


def _request(each: Explanation) -> str:
    return _cut(request_in_words(each.request))


def _cut(text: str, letters: int = MOST_LETTERS) -> str:
    """The text made visible and cut: a log may hold a name as long as a line."""
    seen = visible(text[: letters + 1])
    return seen if len(seen) <= letters else f"{seen[: letters - 1]}…"


def _row(each: Explanation, today: Today | None, letters: int) -> RefusalRow:
    return RefusalRow(
        who=_who(each),
        request=_request(each),
        purpose=each.need_title,
        without=each.without,
        said=_cut(each.said, MOST_IN_CAUSE),
        refused_by=REFUSED_BY[each.refused_by],
        seen="once" if each.count == 1 else f"on {each.count:,} lines",
        number=each.first_line,
        line=_cut(each.line, letters),
        allowed_with=tuple(_mode(mode) for mode in each.modes if mode.decision is not Decision.NO),
        today=today,
    )


def _mode(mode: ModeAnswer) -> str:
    if mode.decision is Decision.ALLOW:
        return mode.configuration
    return f"{mode.configuration}, {DECISIONS[mode.decision].label}"


def _today(said: Said, words: dict[Decision, Word]) -> Today:
    is_allowed = said.decision is Decision.ALLOW
    through = f" through {said.through}" if said.through else ""
    by = f"by {said.by}{through}" if is_allowed and said.by else ""
    if not through and said.because.startswith(f"{said.by}: "):
        by = ""  # the reason begins with it
    because = "; ".join(part for part in (by, said.because) if part)
    return Today(words[said.decision], _cut(because, MOST_IN_CAUSE), is_allowed)


def _card(held: Held) -> HeldCard:
    cluster, latest, turned = held.cluster, held.latest, held.turned
    words = {str(verdict): word for verdict, word in VERDICTS.items()}
    unknown = Word("not known", "unsure", "question-mark")
    return HeldCard(
        slug=cluster.slug,
        name=cluster.name,
        why=held.why,
        verdict=words.get(held.verdict, unknown),
        summary=held.summary,
        read_at=held.read_at,
        is_old=held.is_old,
        changed_at=latest.first_seen_at if latest else None,
        changes=tuple(one["words"] for one in (latest.changes or ())[:3]) if latest else (),
        turned_at=turned.at if turned else None,
        before=words.get(turned.previous, unknown) if turned else None,
        after=words.get(turned.verdict, unknown) if turned else None,
    )


def _total(explained: Explained) -> str:
    lines = counted(explained.lines, "line")
    count = len(explained.explanations)
    kinds = counted(count, "refusal" if count == 1 else "different refusal")
    return f"{kinds} in {lines}, by the rules of Kubernetes 1.{explained.minor}"


def _rest(explained: Explained) -> tuple[str, ...]:
    """What the other lines were: none is left out in silence."""
    rest = (
        (explained.silent, "says", "say", "nothing of a refusal"),
        (explained.too_long, "was", "were", "left out, longer than 1 MB"),
        (
            explained.left_out,
            "tells",
            "tell",
            f"of more than the first {len(explained.explanations)} refusals, which are not shown",
        ),
    )
    return tuple(
        f"{counted(count, 'line')} {one if count == 1 else many} {what}"
        for count, one, many, what in rest
        if count
    )
