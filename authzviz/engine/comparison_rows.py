"""The rows of a comparison: what each cluster has of what decides how kubelets get in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from authzviz.engine.assessment import (
    Answer,
    ApiServerState,
    Decision,
    Path,
    Switch,
    Verdict,
)
from authzviz.engine.compared import Side, Subject, Value
from authzviz.engine.control_plane import has_unseen
from authzviz.engine.default_role import RoleDifference, against_default
from authzviz.engine.fresh import NODE_ROLE
from authzviz.engine.grants import describe_subject
from authzviz.engine.model import Binding, Read, Role, Snapshot
from authzviz.engine.phrases import counted, listed
from authzviz.engine.versions import clamp, minor_of

Line = tuple[Subject, tuple[Value, ...]]
"""A subject with the value of each side."""

CANT_BE_TOLD = "can't be told"
SWITCH_WORDS = {
    Switch.ON: "on",
    Switch.OFF: "off",
    Switch.MIXED: "on for some apiservers, off for others",
}
_SHOWN_SUBJECTS = 3
_SHOWN_RIGHTS = 6


def unknown(why: str, text: str = CANT_BE_TOLD) -> Value:
    """A value that nobody knows, and why."""
    return Value(text, why, is_unknown=True)


def node_binding_of(snapshot: Snapshot) -> Binding | None:
    """ClusterRoleBinding system:node, None where there is none or it was not read."""
    bindings = snapshot.cluster_role_bindings.value or ()
    return next((binding for binding in bindings if binding.name == NODE_ROLE), None)


def role_difference_of(snapshot: Snapshot) -> RoleDifference | None:
    """How ClusterRole system:node differs from its version's default; None where that can't be
    told, or there is none.
    """
    minor = minor_of(snapshot.version.value or "")
    roles = snapshot.cluster_roles.value or ()
    role = next((role for role in roles if role.name == NODE_ROLE), None)
    return None if minor is None or role is None else against_default(role, clamp(minor))


def verdict_lines(sides: tuple[Side, ...]) -> Iterator[Line]:
    """The verdicts."""
    yield _line(sides, "verdict", "Verdict", _verdict)
    yield _line(sides, "answered-by", "What a kubelet can't do without is answered by", _answered)


def chain_lines(sides: tuple[Side, ...]) -> Iterator[Line]:
    """Authorizers and admission, over all apiservers and, where these differ, for each."""
    yield _line(sides, "authorizers", "Authorizers, in order", _modes)
    yield _line(sides, "node-authorizer", "Node authorizer", _node_authorizer)
    yield _line(sides, "node-restriction", "NodeRestriction", _node_restriction)
    yield _line(sides, "plugins", "Admission plugins that flags turn on", _plugins)
    yield _line(sides, "opaque", "Webhook, ABAC and others that no API shows", _opaque)
    yield _line(sides, "apiservers", "Apiservers", _apiservers)


def role_lines(sides: tuple[Side, ...]) -> Iterator[Line]:
    """The binding system:node, and what the role of that name holds."""
    yield _line(sides, "node-binding", "ClusterRoleBinding system:node", _binding)
    note = "held against the default of its version"
    yield _line(sides, "node-role", "ClusterRole system:node", _role, note)


def health_lines(sides: tuple[Side, ...]) -> Iterator[Line]:
    """Versions, distribution, and how the nodes are."""
    yield _line(sides, "version", "Version", _version)
    yield _line(sides, "distribution", "Distribution", _distribution)
    yield _line(sides, "kubelets", "Kubelet versions", _kubelets)
    yield _line(sides, "nodes", "Nodes", _nodes)


def _line(
    sides: tuple[Side, ...], id_: str, title: str, of: Callable[[Side], Value], note: str = ""
) -> Line:
    return Subject(id_, title, note), tuple(of(side) for side in sides)


def _verdict(side: Side) -> Value:
    verdict = side.assessment.verdict
    is_unknown = verdict is Verdict.UNKNOWN
    return Value(verdict.value, side.assessment.summary, is_unknown)


def _answered(side: Side) -> Value:
    paths = side.assessment.paths
    if not paths:
        return unknown("no path is known")
    if any(answer.decision is Decision.UNKNOWN for path in paths for answer in _core(path)):
        return unknown("what was not read decides")
    kinds: dict[str, list[Path]] = {}
    for path in paths:
        kinds.setdefault(_answering(path), []).append(path)
    if len(kinds) == 1:
        return Value(next(iter(kinds)), _through(paths[0]))
    parts = [f"{words} for {_whom(alike)}" for words, alike in kinds.items()]
    return Value("; ".join(parts), tells=listed(sorted(kinds)))


def _core(path: Path) -> tuple[Answer, ...]:
    return tuple(answer for answer in path.answers if answer.is_core)


def _answering(path: Path) -> str:
    """Who answers the core needs: "Node", "RBAC and nobody"."""
    by = [
        "nobody" if answer.decision is Decision.NO else answer.by or "somebody"
        for answer in _core(path)
    ]
    return listed(list(dict.fromkeys(by)))


def _through(path: Path) -> str:
    """By what RBAC answers; nothing for other authorizers, whose rules are their own."""
    through = dict.fromkeys(each.through for each in _core(path) if each.by == "RBAC")
    return f"through {listed(list(through))}" if through else ""


def _whom(paths: list[Path]) -> str:
    nodes = sum(path.nodes for path in paths)
    return counted(nodes, "node") if nodes else "a node yet to join"


def _modes(side: Side) -> Value:
    return _of_each(side, lambda state: _joined(state.authorization_modes))


def _plugins(side: Side) -> Value:
    return _of_each(side, lambda state: _joined(state.admission_plugins))


def _joined(words: tuple[str, ...] | None) -> str | None:
    return None if words is None else ",".join(words) or "none"


def _of_each(side: Side, words_of: Callable[[ApiServerState], str | None]) -> Value:
    """What the apiservers have: once where all have the same, else of each by its name."""
    states = side.assessment.apiservers
    found = [(state, words_of(state)) for state in states]
    if not states:
        return unknown("no apiserver was seen")
    texts = sorted({words for _, words in found if words is not None})
    is_unknown = any(words is None for _, words in found)
    if not texts:
        return unknown(states[0].why or "no flags were read")
    if len(texts) == 1 and not is_unknown:
        return Value(texts[0])
    text = "; ".join(f"{state.name}: {words or CANT_BE_TOLD}" for state, words in found)
    return Value(text, is_unknown=is_unknown, tells=" | ".join(texts))


def _node_authorizer(side: Side) -> Value:
    return _switch(side, side.assessment.node_authorizer)


def _node_restriction(side: Side) -> Value:
    return _switch(side, side.assessment.node_restriction)


def _switch(side: Side, switch: Switch) -> Value:
    words = SWITCH_WORDS.get(switch)
    return Value(words) if words else unknown(_why_unknown(side))


def _why_unknown(side: Side) -> str:
    reasons = dict.fromkeys(state.why for state in side.assessment.apiservers if state.why)
    return next(iter(reasons), "")


def _opaque(side: Side) -> Value:
    states = side.assessment.apiservers
    seen = {mode: None for state in states for mode in state.opaque}
    names = {name: None for state in states for name in state.webhooks}
    if seen:
        return Value(listed(list(seen)), listed(list(names)))
    if not states or any(state.may_hide for state in states):
        return unknown("none was seen, but the chain can't be told")
    return Value("none")


def _apiservers(side: Side) -> Value:
    seen = len(side.assessment.apiservers)
    if side.snapshot.apiservers.value is None:
        return unknown(side.snapshot.apiservers.why)
    if has_unseen(side.snapshot, side.assessment.distribution):
        return unknown("more of them run than were seen", f"{seen} seen")
    return Value(str(seen))


def _binding(side: Side) -> Value:
    read = side.snapshot.cluster_role_bindings
    binding = node_binding_of(side.snapshot)
    if binding is None:
        return Value("doesn't exist") if read.is_whole else _unread(read)
    if (binding.role_ref.kind, binding.role_ref.name) != ("ClusterRole", NODE_ROLE):
        return Value(f"binds {binding.role_ref.kind} {binding.role_ref.name}", _subjects(binding))
    return Value(_subjects(binding))


def _subjects(binding: Binding) -> str:
    subjects = sorted(map(describe_subject, binding.subjects))
    return some_of(subjects, _SHOWN_SUBJECTS) or "no subjects"


def some_of(words: Iterable[str], most: int) -> str:
    """The first of the words, and how many more there are."""
    every = list(words)
    more = len(every) - most
    return f"{'; '.join(every[:most])}; and {more} more" if more > 0 else "; ".join(every)


def _unread(read: Read[tuple[Binding, ...]] | Read[tuple[Role, ...]]) -> Value:
    return unknown(read.why or "not all of it was understood", "not read")


def _role(side: Side) -> Value:
    snapshot = side.snapshot
    minor = minor_of(snapshot.version.value or "")
    if minor is None:
        return unknown("its version is not known")
    difference = role_difference_of(snapshot)
    if difference is None:
        read = snapshot.cluster_roles
        return Value("doesn't exist") if read.is_whole else _unread(read)
    parts = [
        f"{word} {some_of(rights, _SHOWN_RIGHTS)}"
        for word, rights in (("lacks", difference.missing), ("adds", difference.extra))
        if rights
    ]
    if not parts:
        return Value("as its version creates it", f"1.{clamp(minor)}", tells="default")
    counts = f"{len(difference.missing)} missing, {len(difference.extra)} extra"
    return Value(counts, "; ".join(parts), tells="; ".join(parts))


def _version(side: Side) -> Value:
    read = side.snapshot.version
    return Value(read.value) if read.value else unknown(read.why)


def _distribution(side: Side) -> Value:
    found = side.assessment.distribution
    return unknown("nothing tells it") if found == "unknown" else Value(found)


def _kubelets(side: Side) -> Value:
    read = side.snapshot.nodes
    if read.value is None:
        return unknown(read.why, "not read")
    versions = sorted({node.kubelet_version for node in read.value if node.kubelet_version})
    return Value(some_of(versions, _SHOWN_SUBJECTS) or "no kubelet", tells=" ".join(versions))


def _nodes(side: Side) -> Value:
    counts = side.assessment.nodes
    total, ready = counts.total, counts.ready
    if total is None or ready is None:
        return unknown(side.snapshot.nodes.why, "not read")
    if not total:
        return Value("no nodes")
    if ready == total:
        return Value("all Ready", counted(total, "node"))
    rest = ((counts.not_ready or 0, "NotReady"), (counts.unknown or 0, "silent"))
    detail = ", ".join(f"{number} {words}" for number, words in rest if number)
    return Value(f"{ready} of {total} Ready", detail)
