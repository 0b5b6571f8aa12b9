"""Every RBAC grant that reaches kubelets, resolved: whom, by which rules, and what each adds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from authzviz.engine.assessment import Grant
from authzviz.engine.beyond import Excess
from authzviz.engine.gates import BY_DEFAULT
from authzviz.engine.grants import describe_binding, describe_role
from authzviz.engine.model import Binding, Outcome, PolicyRule, Read
from authzviz.engine.phrases import listed
from authzviz.engine.rbac import lists_of
from authzviz.engine.resolved import JudgedRule, Resolved, idle_node_bindings, resolved
from dashboard.services.pages import LastRead
from dashboard.shown.links import object_url
from dashboard.shown.listing import Choice, Cut, Query, cut, query_of
from dashboard.visible import made_visible, visible

ASKED = ("search", "show", "subject")
# A page of fifty grants may hold thousands of rules: the first are listed, the others a click away.
MOST_RULES, MOST_RULES_OF_ONE = 45, 30
MOST_IDLE = 20
MOST_ADDED, MOST_ADDED_BY_RULE = 3, 3
MOST_ITEMS = 12
MOST_LETTERS, MOST_LETTERS_OF_RULE = 120, 300
SUBJECTS: dict[str, tuple[str, Callable[[Grant], bool]]] = {
    "nodes": ("Group system:nodes", lambda grant: grant.subject == "Group system:nodes"),
    "signed-in": (
        "Group system:authenticated",
        lambda grant: grant.subject == "Group system:authenticated",
    ),
    "users": ("Single nodes", lambda grant: grant.subject.startswith("User ")),
}


@dataclass(frozen=True, slots=True)
class Added:
    """What a rule gives beyond the Node authorizer, and what that lays open."""

    words: str
    exposes: str


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One rule: its verbs, on what, and what it adds; nothing where it is benign."""

    number: int
    verbs: str
    on: str
    adds: tuple[Added, ...]


@dataclass(frozen=True, slots=True)
class GrantRow:
    """One grant in full. `all_rules` leads to the rules that are not listed here."""

    grant: Grant
    binding_url: str
    role_url: str
    subject_url: str
    adds: tuple[Added, ...]
    adds_left_out: int
    is_aggregated: bool
    is_unread: bool
    rules: tuple[RuleRow, ...]
    rules_left_out: int
    all_rules: str


@dataclass(frozen=True, slots=True)
class IdleRow:
    """A binding to ClusterRole system:node that reaches nobody."""

    binding: str
    role: str
    url: str


@dataclass(frozen=True, slots=True)
class GrantsPage:
    """What cluster_grants.html shows; `unread` are the RBAC lists that could not be read whole."""

    query: Query
    grants: Cut[GrantRow]
    total: int
    shows: tuple[Choice, ...]
    subjects: tuple[tuple[str, str], ...]
    idle: tuple[IdleRow, ...]
    idle_left_out: int
    unread: tuple[str, ...]


def grants_page(facts: LastRead, asked: Mapping[str, str]) -> GrantsPage:
    """The grants that the address asks for, the worst first; only one page of them is resolved."""
    query = query_of(asked, ASKED)
    grants = facts.assessment.grants
    found = [grant for grant in grants if _is_wanted(grant, query)]
    idle = () if query.is_narrowed else idle_node_bindings(facts.snapshot)
    slug = facts.row.cluster.slug
    return GrantsPage(
        query=query,
        grants=_cut(facts, found, query),
        total=len(grants),
        shows=_shows(grants, query),
        subjects=_subjects(grants, query),
        idle=tuple(_idle_row(binding, slug) for binding in idle[:MOST_IDLE]),
        idle_left_out=max(0, len(idle) - MOST_IDLE),
        unread=_unread(facts),
    )


def _is_wanted(grant: Grant, query: Query) -> bool:
    show, subject = query["show"], query["subject"]
    if show in _SHOWS and not _SHOWS[show][1](grant):
        return False
    if subject in SUBJECTS and not SUBJECTS[subject][1](grant):
        return False
    text = f"{grant.binding} {grant.role} {grant.subject}".casefold()
    return all(part in text for part in query["search"].casefold().split())


_SHOWS: dict[str, tuple[str, Callable[[Grant], bool]]] = {
    "beyond": ("Beyond the Node authorizer", lambda grant: grant.beyond_node_authorizer),
    "benign": ("Benign", lambda grant: not grant.beyond_node_authorizer),
}
_LOOKS = {"beyond": ("warning", "alert-triangle"), "benign": ("good", "check")}


def _shows(grants: tuple[Grant, ...], query: Query) -> tuple[Choice, ...]:
    everything = Choice("All", len(grants), query.link(show=""), query["show"] not in _SHOWS)
    return (
        everything,
        *(
            Choice(
                title,
                sum(map(is_so, grants)),
                query.link(show=key),
                query["show"] == key,
                *_LOOKS[key],
            )
            for key, (title, is_so) in _SHOWS.items()
        ),
    )


def _subjects(grants: tuple[Grant, ...], query: Query) -> tuple[tuple[str, str], ...]:
    """The kinds of subjects there are, as the form sends them and in words."""
    counted = ((key, title, sum(map(is_so, grants))) for key, (title, is_so) in SUBJECTS.items())
    return tuple(
        (key, f"{title} ({number})")
        for key, title, number in counted
        if number or query["subject"] == key
    )


def _cut(facts: LastRead, found: list[Grant], query: Query) -> Cut[GrantRow]:
    page = cut(found, query)
    states = facts.assessment.apiservers
    settings = states[0].feature_gates if states else BY_DEFAULT
    full = {one.grant: one for one in resolved(facts.snapshot, page.rows, settings)}
    rows, room = [], MOST_RULES
    for grant in page:
        row = _row(facts, grant, full.get(grant), room if len(page.rows) > 1 else 3 * room)
        room -= len(row.rules)
        rows.append(row)
    return Cut(tuple(rows), page.first, page.total, page.previous, page.following)


def _row(facts: LastRead, grant: Grant, full: Resolved | None, room: int) -> GrantRow:
    slug = facts.row.cluster.slug
    judged = full.rules if full else ()
    # Those that add something come first: what is left out is benign, if it can be.
    ordered = sorted(enumerate(judged, start=1), key=lambda pair: not pair[1].excess)
    most = min(room, len(judged) if room > MOST_RULES else MOST_RULES_OF_ONE)
    shown = ordered[:most] if most >= min(len(judged), MOST_RULES_OF_ONE) else []
    binding, role = (full.binding, full.role) if full else (None, None)
    return made_visible(
        GrantRow(
            grant=replace(grant, beyond=()),
            binding_url=binding_url(slug, binding) if binding else "",
            role_url=role_url(slug, binding) if binding and role else "",
            subject_url=_subject_url(slug, grant),
            adds=_adds(grant, judged)[:MOST_ADDED],
            adds_left_out=max(0, len(grant.beyond) - MOST_ADDED),
            is_aggregated=bool(role and role.is_aggregated),
            is_unread=role is None and not grant.is_dangling,
            rules=tuple(_rule_row(number, rule) for number, rule in shown),
            rules_left_out=len(judged) - len(shown),
            all_rules=role_url(slug, binding) if binding and role else "",
        )
    )


def _adds(grant: Grant, judged: tuple[JudgedRule, ...]) -> tuple[Added, ...]:
    """What the grant gives beyond the Node authorizer, the worst first."""
    excess = sorted({each for rule in judged for each in rule.excess})
    if not excess:
        return tuple(Added(_short(words), "") for words in grant.beyond)
    return tuple(map(_added, excess))


def _added(excess: Excess) -> Added:
    return Added(_short(excess.words), _short(excess.exposes))


def _short(text: str, most: int = MOST_LETTERS) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def binding_url(slug: str, binding: Binding) -> str:
    """The page of a binding."""
    kind = "rolebindings" if binding.namespace else "clusterrolebindings"
    return object_url(slug, kind, binding.name, binding.namespace)


def role_url(slug: str, binding: Binding) -> str:
    """The page of the role that a binding refers to; "" where it refers to neither kind."""
    ref = binding.role_ref
    if ref.kind == "ClusterRole":
        return object_url(slug, "clusterroles", ref.name)
    return object_url(slug, "roles", ref.name, binding.namespace) if ref.kind == "Role" else ""


def _subject_url(slug: str, grant: Grant) -> str:
    node = grant.subject.removeprefix("User system:node:")
    return object_url(slug, "nodes", node) if node != grant.subject else ""


def _rule_row(number: int, judged: JudgedRule) -> RuleRow:
    rule = judged.rule
    return RuleRow(
        number=number,
        verbs="every verb" if "*" in rule.verbs else _listed(rule.verbs),
        on=_short(_on(rule), MOST_LETTERS_OF_RULE),
        adds=tuple(map(_added, judged.excess[:MOST_ADDED_BY_RULE])),
    )


def _on(rule: PolicyRule) -> str:
    """What the rule is about: resources with their groups and names, or paths."""
    if rule.non_resource_urls:
        return _listed(rule.non_resource_urls)
    groups = ["every API group" if group == "*" else group or "core" for group in rule.api_groups]
    resources = "every resource" if "*" in rule.resources else _listed(rule.resources)
    names = f", named {_listed(rule.resource_names)}" if rule.resource_names else ""
    return f"{resources} of {_listed(tuple(groups))}{names}"


def _listed(words: tuple[str, ...]) -> str:
    shown = [_short(word) for word in words[:MOST_ITEMS]]
    more = len(words) - len(shown)
    return listed([*shown, f"{more} more"] if more else shown) or "nothing"


def _idle_row(binding: Binding, slug: str) -> IdleRow:
    words = visible(describe_binding(binding)), visible(describe_role(binding))
    return IdleRow(*words, url=binding_url(slug, binding))


def _unread(facts: LastRead) -> tuple[str, ...]:
    names = ("ClusterRoles", "ClusterRoleBindings", "Roles", "RoleBindings")
    lists: tuple[Read[object], ...] = lists_of(facts.snapshot)
    return tuple(
        f"{name}: {visible(read.why) or 'not all of them were understood'}"
        for name, read in zip(names, lists, strict=True)
        if read.outcome is not Outcome.OK or read.gaps
    )
