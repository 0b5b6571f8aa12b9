"""What a change would do, in words: the worst first, before and after side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from shlex import quote

from django.http import QueryDict

from authzviz.engine.assessment import Assessment, Finding, Missing, Path, Switch, Verdict
from authzviz.engine.change import Words
from authzviz.engine.classes import UNNAMED_NODE
from authzviz.engine.missing import decisive
from authzviz.engine.powers import Radius
from authzviz.engine.whatif import NeedChange, NodeChange, WhatIf
from dashboard.services.whatif import Foreseen
from dashboard.shown.whatif_form import Form, form_of
from dashboard.shown.whatif_presets import Preset, presets_of
from dashboard.shown.whatif_words import Headline, headline_of, is_same
from dashboard.visible import made_visible, visible
from dashboard.words import SWITCHES, Word

MOST_KINDS = 10
MOST_FINDINGS = 30
FIRST_WORDS = 6
_SHOWN_BINDINGS = 3


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of a side; `is_different` where the other side says something else."""

    title: str
    text: str
    word: Word | None
    is_different: bool


@dataclass(frozen=True, slots=True)
class Side:
    """The cluster now, or after the change."""

    title: str
    verdict: Verdict
    summary: str
    possible: tuple[Verdict, ...]
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Cut:
    """Words of which the first few are shown at once."""

    first: tuple[str, ...]
    rest: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Needs:
    """Needs that would be refused, or can't be told; `because` where the reason is one for all."""

    number: int
    first: tuple[NeedChange, ...]
    rest: tuple[NeedChange, ...]
    because: str


@dataclass(frozen=True, slots=True)
class Thief:
    """What a stolen certificate reads and changes on one side, all of it where it `is_whole`."""

    title: str
    is_every_secret: bool
    is_whole: bool
    reads: Cut
    changes: Cut


@dataclass(frozen=True, slots=True)
class Kind:
    """What changes for nodes that are alike; `lost` and `unsure` have core needs first.

    `thieves` holds one where both sides are the same. `before` and `after` are the paths to draw,
    of which one is enough where `is_path_same`.
    """

    number: int
    title: str
    note: str
    verdict_before: Verdict
    verdict_after: Verdict
    answered: str
    lost: Needs
    unsure: Needs
    gained: tuple[NeedChange, ...]
    new: tuple[NeedChange, ...]
    closed: Cut
    opened: Cut
    thieves: tuple[Thief, ...]
    before: Path
    after: Path
    is_path_same: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """All that a change would do; `is_same` where that is nothing."""

    headline: Headline
    is_same: bool
    sides: tuple[Side, Side]
    kinds: tuple[Kind, ...]
    kinds_left_out: int
    gone: tuple[Finding, ...]
    new: tuple[Finding, ...]
    effects: tuple[str, ...]
    caveats: tuple[str, ...]
    missing: tuple[Missing, ...]
    before: Assessment
    after: Assessment


@dataclass(frozen=True, slots=True)
class WhatIfPage:
    """What whatif.html shows; `form` and `answer` are None for a cluster that was never read, the
    answer also for a change that can't be made.
    """

    slug: str
    form: Form | None
    presets: tuple[Preset, ...]
    is_changed: bool
    changes: tuple[str, ...]
    command: str
    answer: Answer | None

    @property
    def has_answer(self) -> bool:
        """True where there is something to say of a change, or of a mere restart."""
        return self.answer is not None and (self.is_changed or not self.answer.is_same)


def whatif_page(foreseen: Foreseen, query: QueryDict) -> WhatIfPage:
    """The page, every name in it made visible."""
    slug, today, asked = foreseen.row.cluster.slug, foreseen.today, foreseen.asked
    return WhatIfPage(
        slug=slug,
        form=form_of(foreseen, today, query) if today else None,
        presets=presets_of(today, asked) if today else (),
        is_changed=asked != Words(),
        changes=tuple(visible(words) for words in _changes(asked)),
        command=visible(_command(slug, asked)),
        answer=_answer(foreseen.answer) if foreseen.answer else None,
    )


def _answer(told: WhatIf) -> Answer:
    shown = made_visible(_lean(told))
    before, after = shown.before, shown.after
    return Answer(
        headline=headline_of(told),
        is_same=is_same(told),
        sides=(_side("Now", before, after), _side("After the change", after, before)),
        kinds=tuple(_kinds(shown)),
        kinds_left_out=len(told.nodes) - len(shown.nodes),
        gone=shown.findings_gone,
        new=shown.findings_new,
        effects=shown.effects,
        caveats=tuple(_caveats(shown)),
        missing=decisive(after.missing) if after.verdict is Verdict.UNKNOWN else (),
        before=before,
        after=after,
    )


def _lean(told: WhatIf) -> WhatIf:
    """The same of the kinds of nodes that are shown, the worst first: a large cluster has thousands
    of grants that no picture draws.
    """
    every = zip(told.nodes, told.before.paths, told.after.paths, strict=True)
    worst = sorted(every, key=lambda kind: (not kind[0].needs_lost, not kind[0].needs_unsure))
    nodes, before, after = zip(*worst[:MOST_KINDS], strict=True)
    return replace(
        told,
        nodes=nodes,
        before=_of_paths(told.before, before),
        after=_of_paths(told.after, after),
        findings_gone=told.findings_gone[:MOST_FINDINGS],
        findings_new=told.findings_new[:MOST_FINDINGS],
    )


def _of_paths(side: Assessment, paths: tuple[Path, ...]) -> Assessment:
    """The same with only these paths, and of the grants those that reach them, but for the first
    few that go beyond the Node authorizer.
    """
    users = {f"User system:node:{name}" for path in paths for name in (path.example, *path.names)}
    named = set(_granting(side)[: _SHOWN_BINDINGS + 1])
    grants = tuple(
        grant
        for grant in side.grants
        if grant.subject in users
        or grant.binding in named
        or not grant.subject.startswith("User system:node:")
    )
    return replace(side, paths=paths, grants=grants, findings=(), next_steps=())


def _caveats(told: WhatIf) -> Iterator[str]:
    """The caveats, without what is said where the verdict can't be told."""
    is_said = told.after.verdict is Verdict.UNKNOWN
    for said in told.caveats:
        if not (is_said and said.startswith("Not known: ")):
            yield said


def _side(title: str, side: Assessment, other: Assessment) -> Side:
    facts = (
        Fact(
            "Authorizers, in order",
            _modes(side),
            None,
            side.authorization_modes != other.authorization_modes,
        ),
        _switch("Node authorizer", side.node_authorizer, other.node_authorizer),
        _switch("NodeRestriction", side.node_restriction, other.node_restriction),
        Fact("Granted beyond Node", _beyond(side), None, _granting(side) != _granting(other)),
        Fact("Version", side.version or "not known", None, side.version != other.version),
    )
    possible = side.possible if len(side.possible) > 1 else ()
    return Side(title, side.verdict, side.summary, possible, facts)


def _granting(side: Assessment) -> tuple[str, ...]:
    """The bindings that give kubelets more than the Node authorizer would."""
    beyond = (grant.binding for grant in side.grants if grant.beyond_node_authorizer)
    return tuple(dict.fromkeys(beyond))


def _beyond(side: Assessment) -> str:
    bindings = _granting(side)
    if not bindings:
        return "nothing that is known" if side.missing else "nothing"
    shown = ", ".join(bindings[:_SHOWN_BINDINGS])
    return f"by {shown} and others" if len(bindings) > _SHOWN_BINDINGS else f"by {shown}"


def _modes(side: Assessment) -> str:
    if side.authorization_modes is not None:
        return ",".join(side.authorization_modes)
    known = {state.authorization_modes for state in side.apiservers} - {None}
    return "apiservers differ" if len(known) > 1 else "can't be told"


def _switch(title: str, switch: Switch, other: Switch) -> Fact:
    word = SWITCHES[switch]
    return Fact(title, word.label, word, switch is not other)


def _kinds(told: WhatIf) -> Iterator[Kind]:
    is_drawn_alike = _is_drawn_alike(told)
    every = zip(told.nodes, told.before.paths, told.after.paths, strict=True)
    for number, (nodes, before, after) in enumerate(every, start=1):
        yield Kind(
            number=number,
            title=_who(nodes),
            note=_note(nodes),
            verdict_before=nodes.verdict_before,
            verdict_after=nodes.verdict_after,
            answered=_answered(nodes),
            lost=_needs(nodes.needs_lost),
            unsure=_needs(nodes.needs_unsure),
            gained=nodes.needs_gained,
            new=nodes.needs_new,
            closed=_cut(nodes.rights_closed),
            opened=_cut(nodes.rights_opened),
            thieves=tuple(_thieves(nodes.radius_before, nodes.radius_after)),
            before=before,
            after=after,
            is_path_same=before.answers == after.answers and is_drawn_alike,
        )


def _is_drawn_alike(told: WhatIf) -> bool:
    """True where both sides ask the same authorizers, and RBAC grants the same."""
    drawn = {
        (side.authorization_modes, side.node_authorizer, side.node_restriction, _granted(side))
        for side in (told.before, told.after)
    }
    return len(drawn) == 1


def _granted(side: Assessment) -> tuple[tuple[object, ...], ...]:
    return tuple((one.binding, one.role, one.subject, one.beyond) for one in side.grants)


def _needs(needs: tuple[NeedChange, ...]) -> Needs:
    every = tuple(sorted(needs, key=lambda need: not need.is_core))
    reasons = {(need.after.through, need.after.because) for need in every}
    because = ""
    if len(reasons) == 1:
        through, why = reasons.pop()
        because = why if not through or through in why else f"{through}: {why}"
    return Needs(len(every), every[:FIRST_WORDS], every[FIRST_WORDS:], because)


def _note(nodes: NodeChange) -> str:
    if nodes.nodes:
        return ""
    return "no binding names it" if nodes.example == UNNAMED_NODE else "a binding names it"


def _who(nodes: NodeChange) -> str:
    if nodes.nodes == 0:
        is_next = nodes.example == UNNAMED_NODE
        return "The next node to join" if is_next else f"{nodes.example}, which isn't there"
    if nodes.nodes == 1:
        return nodes.example
    return f"{nodes.example} and {nodes.nodes - 1} more alike"


def _answered(nodes: NodeChange) -> str:
    """Which authorizers answer, "" where none does after the change."""
    if not nodes.answered_after:
        return ""
    before, after = (
        " and ".join(by) or "nobody" for by in (nodes.answered_before, nodes.answered_after)
    )
    return f"{before}, as before" if before == after else f"{before} now, {after} then"


def _thieves(before: Radius, after: Radius) -> Iterator[Thief]:
    if before == after:
        yield _thief("Before and after", before)
    else:
        yield _thief("Now", before)
        yield _thief("After the change", after)


def _thief(title: str, radius: Radius) -> Thief:
    reads, changes = _cut(radius.reads), _cut(radius.changes)
    return Thief(title, radius.is_every_secret, radius.is_whole, reads, changes)


def _cut(words: Iterable[str]) -> Cut:
    every = tuple(words)
    return Cut(every[:FIRST_WORDS], every[FIRST_WORDS:])


def _changes(asked: Words) -> Iterator[str]:
    """What is changed, in words."""
    if asked.authorization_mode is not None:
        yield f"--authorization-mode={asked.authorization_mode}"
    if asked.admission_plugins is not None:
        yield f"--enable-admission-plugins={asked.admission_plugins or '(none)'}"
    yield from (f"binding {name} dropped" for name in asked.drop_binding)
    yield from (f"binding {_arrow(text)} made" for text in asked.add_binding)
    yield from (f"{_subject(text)} taken from {_of(text)}" for text in asked.drop_subject)
    yield from (f"{_subject(text)} bound by {_of(text)}" for text in asked.add_subject)
    if asked.kubernetes_version:
        yield f"Kubernetes {asked.kubernetes_version}"


def _arrow(text: str) -> str:
    return text.replace("=", " to ClusterRole ", 1)


def _of(text: str) -> str:
    return text.partition("=")[0]


def _subject(text: str) -> str:
    return text.partition("=")[2].replace(":", " ", 1)


def _command(slug: str, asked: Words) -> str:
    """The same on a command line, with the bundle that the cluster's page gives."""
    options = [("--authorization-mode", asked.authorization_mode)]
    options += [("--admission-plugins", asked.admission_plugins)]
    options += [("--drop-binding", name) for name in asked.drop_binding]
    options += [("--add-binding", text) for text in asked.add_binding]
    options += [("--drop-subject", text) for text in asked.drop_subject]
    options += [("--add-subject", text) for text in asked.add_subject]
    options += [("--kubernetes-version", asked.kubernetes_version or None)]
    given = [f"{name}={quote(value)}" for name, value in options if value is not None]
    return " ".join(["authzviz simulate", f"--bundle {slug}.json.gz", *given])
