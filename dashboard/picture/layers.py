"""What the path picture says, as a tree: kubelet, authorizers, answers, needs and leaks."""

from __future__ import annotations

from dataclasses import dataclass

from authzviz.engine.assessment import Answer, Assessment, Decision, Grant, Path, Switch
from authzviz.engine.phrases import counted
from dashboard.shown.links import evidence_url, grants_url, nodes_url, object_url
from dashboard.words import DECISIONS, SWITCHES

MOST_GRANTS = 3
MOST_OTHERS = 4
CAN_NOT_BE_READ = frozenset({"Webhook", "ABAC"})
MARKS = {"check": "✓", "x": "✕", "question-mark": "?"}


@dataclass(frozen=True, slots=True)
class Box:
    """One box, and what hangs on it to the right.

    `look` is a CSS class: plain, good, warning, critical, leak, off (drawn dashed) or unsure.
    `href` leads to what it rests on, "" for nowhere. A pill is a small box of one need.
    """

    title: str
    lines: tuple[str, ...]
    look: str
    href: str
    children: tuple[Box, ...] = ()
    is_pill: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Which cluster and which of its paths is drawn, and where each thing in it leads: nowhere
    where `slug` is "", for a path that is only thought of.
    """

    slug: str
    number: int = 0

    @property
    def apiservers(self) -> str:
        """What the apiservers do, and how that is known."""
        return evidence_url(self.slug, "apiservers") if self.slug else ""

    @property
    def version(self) -> str:
        """The version, whose rules the Node authorizer has."""
        return evidence_url(self.slug, "version") if self.slug else ""

    @property
    def nodes(self) -> str:
        """The nodes of this path."""
        return nodes_url(self.slug, path=str(self.number)) if self.slug else ""

    @property
    def table(self) -> str:
        """The same as a table, on the page itself."""
        return self.need("table")

    def need(self, name: str) -> str:
        """One need's row in that table."""
        return f"#path-{self.number}-{name}" if self.slug else ""

    def grants(self, binding: str = "") -> str:
        """The grants of one binding, or all that are beyond the Node authorizer."""
        asked = {"search": binding} if binding else {"show": "beyond"}
        return grants_url(self.slug, **asked) if self.slug else ""

    @property
    def benign(self) -> str:
        """The grants that add nothing to what the Node authorizer allows."""
        return grants_url(self.slug, show="benign") if self.slug else ""

    def what(self, through: str) -> str:
        """What an answer names: a binding's own page, or else all grants."""
        if not self.slug:
            return ""
        kind, _, name = through.partition(" ")
        namespace, _, plain = name.rpartition("/")
        url = {
            "ClusterRoleBinding": object_url(self.slug, "clusterrolebindings", name),
            "RoleBinding": object_url(self.slug, "rolebindings", plain, namespace),
        }
        return url.get(kind) or grants_url(self.slug)


def tree(assessment: Assessment, path: Path, place: Place) -> Box:
    """The kubelet of the path as root."""
    alike = f"{path.nodes:,} nodes alike" if path.nodes > 1 else "this node only"
    return Box(
        f"system:node:{path.example}" if path.nodes else "The next node to join",
        ("group system:nodes", alike if path.nodes else "named by no binding"),
        "plain",
        place.nodes,
        tuple(_authorizer(mode, assessment, path, place) for mode in chain(assessment)),
    )


def chain(assessment: Assessment) -> tuple[str, ...]:
    """The modes to draw, in their order; Node and RBAC are drawn even where they are off."""
    modes = list(assessment.authorization_modes or _modes_of_any(assessment))
    if "Node" not in modes:
        modes.insert(0, "Node")
    if "RBAC" not in modes:
        modes.append("RBAC")
    return tuple(modes)


def restriction(assessment: Assessment, place: Place) -> Box:
    """NodeRestriction, through which whatever a kubelet writes must pass."""
    lines = {
        Switch.ON: "on: limits what it writes, not what it reads",
        Switch.OFF: "off: it may change other nodes and their pods",
        Switch.MIXED: "on for some apiservers only",
        Switch.UNKNOWN: "can't be told",
    }
    state = assessment.node_restriction
    return Box("NodeRestriction", (lines[state],), SWITCHES[state].tone, place.apiservers)


def _modes_of_any(assessment: Assessment) -> tuple[str, ...]:
    modes: dict[str, None] = {}
    for apiserver in assessment.apiservers:
        modes.update(dict.fromkeys(apiserver.authorization_modes or ()))
    return tuple(modes)


def _authorizer(mode: str, assessment: Assessment, path: Path, place: Place) -> Box:
    state = _state(mode, assessment)
    title = "Node authorizer" if mode == "Node" else mode
    line = _line(mode, state, assessment)
    if state is Switch.OFF:
        return Box(title, (line,), "off", place.apiservers)
    children = _answers(mode, assessment, path, place)
    return Box(title, (line,), _look(mode, state, children), place.apiservers, children)


def _state(mode: str, assessment: Assessment) -> Switch:
    if mode == "Node":
        return assessment.node_authorizer
    known = [state.authorization_modes for state in assessment.apiservers]
    having = [modes is not None and mode in modes for modes in known]
    if assessment.authorization_modes is not None:
        return Switch.ON if mode in assessment.authorization_modes else Switch.OFF
    if not known or None in known:
        return Switch.UNKNOWN
    if all(having):
        return Switch.ON
    return Switch.MIXED if any(having) else Switch.OFF


def _line(mode: str, state: Switch, assessment: Assessment) -> str:
    if state is Switch.OFF:
        return "off: not in the chain"
    if state is Switch.UNKNOWN:
        return "whether it is asked can't be told"
    if state is Switch.MIXED:
        having = sum(mode in (one.authorization_modes or ()) for one in assessment.apiservers)
        return f"asked by {having} of {len(assessment.apiservers)} apiservers"
    if mode in CAN_NOT_BE_READ:
        return "may allow more; what it allows can't be read"
    modes = assessment.authorization_modes
    if modes is None:
        return "on"
    return "asked first" if modes[0] == mode else "asked when those above are silent"


def _look(mode: str, state: Switch, children: tuple[Box, ...]) -> str:
    if mode == "AlwaysAllow":
        return "leak"
    if state is Switch.MIXED:
        return "warning"
    if state is Switch.UNKNOWN or mode in CAN_NOT_BE_READ:
        return "unsure"
    if any(child.look == "warning" for child in children):
        return "warning"
    return "good" if mode == "Node" else "plain"


def _answers(mode: str, assessment: Assessment, path: Path, place: Place) -> tuple[Box, ...]:
    by_what: dict[str, list[Answer]] = {}
    for one in path.answers:
        if _asked_of(one, assessment) == mode:
            by_what.setdefault(one.through or "Nobody answers", []).append(one)
    grants = _grants(assessment, path) if mode == "RBAC" else ()
    boxes = [
        _answer_box(what, answers, grants, assessment, place) for what, answers in by_what.items()
    ]
    others = [
        grant for grant in grants if grant.beyond_node_authorizer and grant.binding not in by_what
    ]
    boxes += [_grant_box(grant, place) for grant in others[:MOST_GRANTS]]
    if len(others) > MOST_GRANTS:
        more = len(others) - MOST_GRANTS
        boxes.append(
            Box(f"{more} more grants", ("on the page of grants",), "warning", place.grants())
        )
    if not boxes and grants:
        title = counted(len(grants), "benign grant")
        boxes.append(Box(title, ("nothing beyond the Node authorizer",), "plain", place.benign))
    if not boxes and mode == "Node":
        silent = "no need is left to it" if path.answers else "needs were not judged"
        boxes.append(Box(_node_rules(assessment), (silent,), "plain", place.version))
    return tuple(boxes)


def _asked_of(answer: Answer, assessment: Assessment) -> str:
    """The mode under which an answer is drawn: who gave it, or else the last that could have."""
    modes = chain(assessment)
    if answer.by in modes:
        return answer.by
    unread = [mode for mode in modes if mode in CAN_NOT_BE_READ]
    if answer.decision is Decision.UNKNOWN and unread:
        return unread[0]
    if answer.by == "" and _state("RBAC", assessment) is Switch.OFF:
        return modes[-2] if modes[-1] == "RBAC" else modes[-1]
    return "RBAC"


def _grants(assessment: Assessment, path: Path) -> tuple[Grant, ...]:
    """The grants that reach this path's nodes: one to another node's user is another path's."""
    own = {f"User system:node:{name}" for name in (path.example, *path.names)}
    return tuple(
        grant
        for grant in assessment.grants
        if not grant.subject.startswith("User system:node:") or grant.subject in own
    )


def _answer_box(
    what: str,
    answers: list[Answer],
    grants: tuple[Grant, ...],
    assessment: Assessment,
    place: Place,
) -> Box:
    needs = _need_pills(answers, place)
    grant = next((grant for grant in grants if grant.binding == what), None)
    if grant is not None:
        box = _grant_box(grant, place)
        return Box(box.title, box.lines, box.look, box.href, needs + box.children)
    decision = answers[0].decision
    look = DECISIONS[decision].tone
    if decision is Decision.NO:
        return Box(what, (answers[0].because,), look, place.what(what), needs)
    if answers[0].by == "Node":
        title = _node_rules(assessment)
        return Box(title, ("own Node, own pods, what they use",), look, place.version, needs)
    if answers[0].by == "AlwaysAllow":
        return Box("Everything, to everyone", (), "leak", place.apiservers, needs)
    return Box(what, (answers[0].because,), look, place.what(what), needs)


def _node_rules(assessment: Assessment) -> str:
    return f"Node rules of {assessment.version}" if assessment.version else "Node rules"


def _grant_box(grant: Grant, place: Place) -> Box:
    lines, href = (f"→ {grant.role}", f"to {grant.subject}"), place.grants(grant.binding)
    if not grant.beyond_node_authorizer:
        return Box(grant.binding, lines, "plain", href)
    worst = grant.beyond[0] if grant.beyond else "more than the Node authorizer would"
    more = f"and {len(grant.beyond) - 1} more" if len(grant.beyond) > 1 else ""
    said = (worst, more) if grant.exposes else (more,)
    leak = Box(f"Leak: {grant.exposes or worst}", tuple(filter(None, said)), "leak", href)
    return Box(grant.binding, lines, "warning", href, (leak,))


def _need_pills(answers: list[Answer], place: Place) -> tuple[Box, ...]:
    """A pill for each core need, and for the others unless there are many alike."""
    pills = []
    for decision in dict.fromkeys(one.decision for one in answers):
        alike = [one for one in answers if one.decision is decision]
        others = [one for one in alike if not one.is_core]
        folded = len(others) > MOST_OTHERS
        word = DECISIONS[decision]
        mark = MARKS[word.icon]
        for one in alike:
            if one.is_core or not folded:
                href = place.need(one.need)
                pills.append(Box(f"{mark} {one.title}", (), word.tone, href, is_pill=True))
        if folded:
            title = f"{mark} {len(others)} other needs"
            pills.append(Box(title, (), word.tone, place.table, is_pill=True))
    return tuple(pills)
