"""The answer in words: one sentence for a tired person, and why in one to three more."""

from __future__ import annotations

from collections.abc import Callable

from authzviz.engine.assessment import Assessment, Decision, Path, Switch, Verdict
from authzviz.engine.disagreements import sentence_of
from authzviz.engine.findings import findings_of
from authzviz.engine.judging import Judged
from authzviz.engine.missing import decisive
from authzviz.engine.observed_nodes import is_over_granted
from authzviz.engine.phrases import listed, overdue_of, ready_of, shown_modes, shown_names, words_of
from authzviz.engine.steps import steps_of


def assessment_of(judged: Judged) -> Assessment:
    """The assessment that pages, command line and reports show."""
    summary, cause = _WORDS[judged.verdict]
    modes = {state.authorization_modes for state in judged.states}
    return Assessment(
        verdict=judged.verdict,
        possible=judged.possible,
        summary=_said(summary, judged),
        cause=_said(cause, judged),
        next_steps=steps_of(judged),
        node_authorizer=judged.node_authorizer,
        node_restriction=judged.node_restriction,
        authorization_modes=modes.pop() if len(modes) == 1 else None,
        apiservers=judged.states,
        paths=judged.paths,
        grants=judged.grants,
        nodes=judged.health.counts,
        findings=findings_of(judged),
        missing=judged.missing,
        version=judged.snapshot.version.value or "",
        distribution=judged.distribution.name,
        distribution_evidence=judged.distribution.evidence,
        assumed=(*judged.snapshot.assumed, *judged.assumed),
        is_planned=bool(judged.snapshot.assumed),
    )


def _said(words: _Words, judged: Judged) -> str:
    return words if isinstance(words, str) else words(judged)


def _always_allow(judged: Judged) -> str:
    what = "AlwaysAllow"
    if any(s.opaque for s in judged.states if "AlwaysAllow" in (s.authorization_modes or ())):
        what += ", or what does the same,"
    return f"Whoever is signed in may do everything: {what} is in the chain of authorizers."


def _why_always_allow(judged: Judged) -> str:
    servers = [s for s in judged.states if "AlwaysAllow" in (s.authorization_modes or ())]
    where = listed([server.name for server in servers])
    if any(server.opaque for server in servers):
        return (
            f"{where} allows what does not exist, as AlwaysAllow does, or a {_opaque(judged)} that"
            " allows everything. One stolen kubelet certificate is the whole cluster."
        )
    return (
        f"{where} asks AlwaysAllow, which is also what an apiserver does without"
        " --authorization-mode. No RBAC rule limits anyone, and one stolen kubelet certificate"
        " is the whole cluster."
    )


def _mixed(judged: Judged) -> str:
    if judged.do_servers_differ:
        return "The apiservers disagree: what a kubelet may do hangs on which of them answers."
    return "Nodes are not treated alike: some get what others are refused."


def _why_mixed(judged: Judged) -> str:
    if judged.do_servers_differ:
        return " ".join(
            f"{state.name} asks {shown_modes(state.authorization_modes)},"
            f" NodeRestriction {state.node_restriction}."
            for state in judged.states
        )
    if judged.nodes.is_mixed:
        return " ".join(f"{sentence_of(group)}." for group in judged.nodes.groups[:3])
    return " ".join(_path_in_words(path) for path in judged.paths[:3])


def _path_in_words(path: Path) -> str:
    refused = [answer.title for answer in path.answers if answer.decision is Decision.NO]
    who = shown_names(path)
    if not refused:
        return f"{who}: everything is allowed."
    if len(refused) == len(path.answers):
        return f"{who}: everything is refused."
    return f"{who}: refused to {listed([_lowered(title) for title in refused[:3]])}."


def _refused(judged: Judged) -> str:
    counts = judged.health.counts
    if judged.snapshot.assumed:
        return "Nothing will let kubelets in, so no node of this cluster will ever register."
    if counts.total == 0:
        return "Nothing lets kubelets in, so no node has ever registered."
    if counts.total and counts.ready == 0:
        return "Nothing lets these kubelets in, so every node is NotReady."
    if counts.ready:
        return (
            f"Nothing lets kubelets named system:node:… in, and yet {ready_of(counts)}:"
            " these use another identity, or stay Ready only until their next report."
        )
    return "Nothing lets these kubelets in."


def _why_refused(judged: Judged) -> str:
    asks = _asks(judged)
    refused = listed([_lowered(title) for title in _refused_titles(judged)[:3]])
    if not refused:
        # What a webhook or ABAC does is known by its answers only.
        return f"{asks} A kubelet that nobody has was refused what none can do without."
    return f"{asks} {_about_binding(judged)} Refused, among others: {refused}."


def _asks(judged: Judged) -> str:
    modes = judged.states[0].authorization_modes if judged.states else None
    if modes == ("RBAC",):
        return "The apiserver asks RBAC only, and the Node authorizer is off."
    if judged.node_authorizer is Switch.ON:
        return (
            f"The apiserver asks {shown_modes(modes)}: the Node authorizer is on, and what is asked"
            " before it denies kubelets."
        )
    if modes and "RBAC" not in modes:
        return f"The apiserver asks {shown_modes(modes)}: without RBAC, bindings grant nothing."
    return f"The apiserver asks {shown_modes(modes)}, and the Node authorizer is off."


def _about_binding(judged: Judged) -> str:
    bindings = judged.snapshot.cluster_role_bindings
    node = next((b for b in bindings.value or () if b.name == "system:node"), None)
    if node is not None and not node.subjects:
        return (
            "The binding system:node has no subjects and reaches nobody. That is how every fresh"
            " cluster since 1.8 creates it; clusters upgraded from older versions kept theirs."
        )
    if node is None and bindings.is_whole:
        return "There is no binding system:node."
    return "No binding that reaches kubelets grants them what they need."


def _refused_titles(judged: Judged) -> list[str]:
    titles = [
        answer.title
        for path in judged.paths
        for answer in path.answers
        if answer.decision is Decision.NO
    ]
    return list(dict.fromkeys(titles))


def _incomplete(judged: Judged) -> str:
    refused = listed([_lowered(title) for title in _refused_titles(judged)[:3]])
    return f"Nodes are Ready, but kubelets are refused to {refused}."


def _why_incomplete(judged: Judged) -> str:
    without = dict.fromkeys(
        answer.without
        for path in judged.paths
        for answer in path.answers
        if answer.decision is Decision.NO
    )
    return f"{_asks(judged)} RBAC grants only part: {'; '.join(list(without)[:3])}."


def _why_legacy(judged: Judged) -> str:
    return (
        f"{_asks(judged)} What serves kubelets is {_bindings_beyond(judged)}: one stolen kubelet"
        " certificate reads all Secrets and changes all pods and nodes."
    )


def _over_granted(judged: Judged) -> str:
    by = "RBAC" if _has_excess(judged) or is_over_granted(judged.snapshot) else _opaque(judged)
    return f"The Node authorizer is on, and {by} undoes it: {_worst(judged)}."


def _has_excess(judged: Judged) -> bool:
    return bool(judged.grants and judged.grants[0].beyond)


def _opaque(judged: Judged) -> str:
    """The authorizers that no API shows: "Webhook", or what may hide."""
    modes = {mode: None for state in judged.states for mode in state.opaque}
    return listed(list(modes)) or "an authorizer that nothing shows"


def _worst(judged: Judged) -> str:
    """The worst that kubelets hold beyond the Node authorizer: "every kubelet may ..."."""
    if not _has_excess(judged):
        return "a kubelet may do what the Node authorizer gives none"
    worst = judged.grants[0]
    return f"{worst.reaches} may {worst.beyond[0]}"


def _why_over_granted(judged: Judged) -> str:
    if not _has_excess(judged):
        return (
            "The first authorizer that allows wins. That was answered when asked; what gives it was"
            " not read."
        )
    worst = judged.grants[0]
    rest = f" It also gives: {words_of(worst.beyond[1:])}." if len(worst.beyond) > 1 else ""
    return (
        f"The first authorizer that allows wins, so {_bindings_beyond(judged)}"
        f" counts beside the Node authorizer.{rest}"
    )


def _bindings_beyond(judged: Judged) -> str:
    names = dict.fromkeys(g.binding for g in judged.grants if g.beyond_node_authorizer)
    return listed(list(names)[:3]) or "no binding that was read"


def _target(judged: Judged) -> str:
    counts, overdue = judged.health.counts, judged.health.overdue
    if overdue:
        return f"{overdue_of(counts, len(overdue))}, although permissions are right."
    if counts.total and (counts.ready or 0) < counts.total:
        return f"Only {ready_of(counts)}, although permissions are right."
    return "Every kubelet gets just what its own pods need, by the Node authorizer."


def _unknown(judged: Judged) -> str:
    """What is certain and bad first, then what can't be told."""
    possible = set(judged.possible)
    alternatives = listed([verdict.value for verdict in judged.possible], last="or")
    if possible <= {Verdict.MIXED, Verdict.REFUSED}:
        return (
            "Kubelets are refused what they can't live without; only whether every node is refused"
            " the same can't be told."
        )
    if not possible & _CLEAN and _has_excess(judged):
        return f"Whatever else holds, {_worst(judged)}. It can't be told which: {alternatives}."
    if judged.node_authorizer is Switch.ON:
        return f"The Node authorizer is on, but it can't be told whether this is {alternatives}."
    if judged.node_authorizer is Switch.UNKNOWN and not possible & _GRANTED:
        return (
            "RBAC grants kubelets nothing of note: they live by the Node authorizer, by"
            " AlwaysAllow, or not at all, and which can't be told."
        )
    if len(possible) > _FEW:
        return "Too little was read to tell by which path kubelets get their permissions."
    return f"It can't be told whether this cluster is {alternatives}."


def _why_unknown(judged: Judged) -> str:
    missing = [each.what for each in decisive(judged.missing)]
    facts = _about_switches(judged.node_authorizer, judged.node_restriction)
    return f"{facts}. Not known: {listed(missing[:4])}."


def _about_switches(node: Switch, restriction: Switch) -> str:
    if {node, restriction} == {Switch.UNKNOWN}:
        return "Whether the Node authorizer and NodeRestriction are on can't be told"
    if node is Switch.UNKNOWN:
        return f"NodeRestriction is {restriction}; whether the Node authorizer is on can't be told"
    if restriction is Switch.UNKNOWN:
        return f"The Node authorizer is {node}; whether NodeRestriction is on can't be told"
    return f"The Node authorizer is {node}; NodeRestriction is {restriction}"


_FEW = 4
"""So many verdicts can be told apart in one sentence."""


_GRANTED = frozenset((Verdict.INCOMPLETE, Verdict.LEGACY_BINDING, Verdict.OVER_GRANTED))
"""Verdicts that rest on what RBAC grants."""
_CLEAN = frozenset(
    (Verdict.REFUSED, Verdict.INCOMPLETE, Verdict.UNRESTRICTED, Verdict.NODE_AUTHORIZER)
)
"""Verdicts under which kubelets may hold no more than they need, or less."""

_UNRESTRICTED = "The Node authorizer is on, but any kubelet may change other nodes and their pods."
_WHY_UNRESTRICTED = (
    "The admission plugin NodeRestriction is off: it is what keeps a kubelet's writes to its"
    " own Node and pods. It is never on by default."
)
_WHY_TARGET = (
    "The Node authorizer and NodeRestriction are on, and no binding gives kubelets more than"
    " benign rules."
)
_LEGACY = "Kubelets work, but only because RBAC hands every one of them every Secret."


def _lowered(title: str) -> str:
    return title[:1].lower() + title[1:]


_Words = str | Callable[[Judged], str]

_WORDS: dict[Verdict, tuple[_Words, _Words]] = {
    Verdict.ALWAYS_ALLOW: (_always_allow, _why_always_allow),
    Verdict.MIXED: (_mixed, _why_mixed),
    Verdict.REFUSED: (_refused, _why_refused),
    Verdict.INCOMPLETE: (_incomplete, _why_incomplete),
    Verdict.LEGACY_BINDING: (_LEGACY, _why_legacy),
    Verdict.OVER_GRANTED: (_over_granted, _why_over_granted),
    Verdict.UNRESTRICTED: (_UNRESTRICTED, _WHY_UNRESTRICTED),
    Verdict.NODE_AUTHORIZER: (_target, _WHY_TARGET),
    Verdict.UNKNOWN: (_unknown, _why_unknown),
}
