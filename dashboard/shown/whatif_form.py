"""The form of a change: filled with how things are, what is asked for marked, as an address."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import QueryDict

from authzviz.engine.assessment import Grant
from authzviz.engine.chain import MODES, NODE_RESTRICTION
from authzviz.engine.change import Words, full_name, plain_name, subject_words
from authzviz.engine.fresh import NODE_ROLE
from authzviz.engine.grants import describe_role, describe_subject
from authzviz.engine.identity import NODES_GROUP
from authzviz.engine.model import Binding, Subject
from authzviz.engine.versions import NEWEST_MINOR, OLDEST_MINOR
from dashboard.services.whatif import Foreseen, Today
from dashboard.visible import visible

MOST_ROWS, MOST_SUBJECTS, MOST_BEYOND = 40, 6, 2
AS_IT_IS = "unchanged"
NODES = Subject("Group", NODES_GROUP)
_NODE_BINDING = f"ClusterRoleBinding {NODE_ROLE}"
_FEWEST_MODES, _MOST_MODES = 3, 7
_SHOWN_LETTERS = 120
_MOST_SIGNS = 9
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")
_FIELDS = {
    "authorization_modes": "modes",
    "admission_plugins": "plugins",
    "kubernetes_version": "version",
}


@dataclass(frozen=True, slots=True)
class Tick:
    """A box of the form: `name` and `value` are what it sends."""

    name: str
    value: str
    label: str
    is_ticked: bool


@dataclass(frozen=True, slots=True)
class BindingRow:
    """One binding that reaches kubelets; `text` is what it is found by."""

    binding: str
    role: str
    beyond: tuple[str, ...]
    more_beyond: int
    is_beyond: bool
    drop: Tick | None
    subjects: tuple[Tick, ...]
    more_subjects: int
    bind: tuple[Tick, ...]
    text: str

    @property
    def is_ticked(self) -> bool:
        """True where the change is about this binding."""
        return any(tick.is_ticked for tick in (self.drop, *self.subjects, *self.bind) if tick)


@dataclass(frozen=True, slots=True)
class ModeChoice:
    """One place in the order of authorizers; `options` are pairs of a mode and what is shown."""

    label: str
    chosen: str
    options: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Form:
    """What the form shows. `error_of` names the field that `error` is about, "" where all is well.

    `are_plugins_told` is False where nobody knows today's: then they are left as they are unless
    the change gives them. `modes_today` and the like are how things are, "" or AS_IT_IS where that
    can't be told.
    """

    modes: tuple[ModeChoice, ...]
    modes_today: str
    plugins_today: str
    version_today: str
    are_plugins_told: bool
    is_restriction_ticked: bool
    other_plugins: str
    version: str
    versions: tuple[str, ...]
    rows: tuple[BindingRow, ...]
    rows_left_out: int
    also: tuple[Tick, ...]
    find: str
    error: str
    error_of: str


def asked_of(query: QueryDict) -> Words:
    """The change that an address asks for, before it is known whether it can be made."""
    modes, plugins = _texts(query, "modes"), query.getlist("plugins")
    given = bool(plugins) and AS_IT_IS not in plugins
    return Words(
        authorization_mode=",".join(modes) if modes else None,
        admission_plugins=",".join(text.strip() for text in plugins if text.strip())
        if given
        else None,
        drop_binding=_texts(query, "drop"),
        add_binding=_texts(query, "bind"),
        drop_subject=_texts(query, "take"),
        add_subject=_texts(query, "add"),
        kubernetes_version=query.get("version", "").strip(),
    )


def query_of(words: Words) -> str:
    """The address of a change, from its "?" on; "" for none."""
    pairs = [("modes", words.authorization_mode), ("plugins", words.admission_plugins)]
    pairs += [("drop", name) for name in words.drop_binding]
    pairs += [("bind", text) for text in words.add_binding]
    pairs += [("take", text) for text in words.drop_subject]
    pairs += [("add", text) for text in words.add_subject]
    pairs += [("version", words.kubernetes_version or None)]
    given = [(name, value) for name, value in pairs if value is not None]
    return "?" + urlencode(given, safe=",:/") if given else ""


def form_of(foreseen: Foreseen, today: Today, query: QueryDict) -> Form:
    """The form with today's values, and what the address changes about them."""
    asked, error = foreseen.asked, foreseen.error
    plugins = _plugins(asked, today)
    find = query.get("find", "").strip()[:_SHOWN_LETTERS]
    found = _found(today, asked, find.casefold())
    shown = tuple(_row(binding, grants, today, asked) for binding, grants in found[:MOST_ROWS])
    return Form(
        modes=_modes(asked, today),
        modes_today="" if today.modes is None else ",".join(today.modes),
        plugins_today=AS_IT_IS if today.plugins is None else ",".join(sorted(today.plugins)),
        version_today=visible(today.version),
        are_plugins_told=plugins is not None,
        is_restriction_ticked=NODE_RESTRICTION in (plugins or ()),
        other_plugins=visible(",".join(p for p in plugins or () if p != NODE_RESTRICTION)),
        version=visible((asked.kubernetes_version or today.version)[:_SHOWN_LETTERS]),
        versions=tuple(f"1.{minor}" for minor in range(NEWEST_MINOR, OLDEST_MINOR - 1, -1)),
        rows=shown,
        rows_left_out=len(found) - len(shown),
        also=tuple(_also(asked, shown)),
        find=visible(find),
        error=_error(foreseen),
        error_of=_FIELDS.get(error.part, "bindings") if error else "",
    )


def _texts(query: QueryDict, name: str) -> tuple[str, ...]:
    return tuple(text.strip() for text in query.getlist(name) if text.strip())


def _error(foreseen: Foreseen) -> str:
    """What is wrong, as a sentence."""
    said = visible(str(foreseen.error)) if foreseen.error else ""
    cut = said if len(said) <= 2_000 else f"{said[:2_000]}…"
    return f"{cut[:1].upper()}{cut[1:]}." if cut else ""


def _modes(asked: Words, today: Today) -> tuple[ModeChoice, ...]:
    if asked.authorization_mode is None:
        chosen = today.modes or ()
    else:
        chosen = tuple(asked.authorization_mode.split(","))
    places = min(_MOST_MODES, max(_FEWEST_MODES, len(chosen) + 1))
    nothing = (
        "as they are" if today.modes is None and asked.authorization_mode is None else "nobody"
    )
    choices = []
    for place in range(places):
        mode = chosen[place][:_SHOWN_LETTERS] if place < len(chosen) else ""
        known = [(each, each) for each in sorted(MODES)]
        odd = [(mode, visible(mode))] if mode and mode not in MODES else []
        first = ("", nothing if place == 0 else "nobody else")
        choices.append(ModeChoice(_ORDINALS[place], mode, (first, *known, *odd)))
    return tuple(choices)


def _plugins(asked: Words, today: Today) -> tuple[str, ...] | None:
    if asked.admission_plugins is None:
        return today.plugins
    return tuple(filter(None, asked.admission_plugins.split(",")))


_Grants = list[tuple[str, list[Grant]]]


def _found(today: Today, asked: Words, find: str) -> _Grants:
    """Each binding that reaches kubelets, and system:node in any case, with its grants: those that
    the change is about, then those that are found, in the order of the grants.
    """
    grants: dict[str, list[Grant]] = {}
    if today.are_bindings_whole or today.node_binding is not None:
        grants[_NODE_BINDING] = []
    for grant in today.assessment.grants:
        grants.setdefault(grant.binding, []).append(grant)
    meant = _meant(asked)
    first = [each for each in grants.items() if plain_name(each[0]) in meant]
    others = [
        each
        for each in grants.items()
        if plain_name(each[0]) not in meant and find in _text(*each).casefold()
    ]
    return [*first, *others]


def _meant(asked: Words) -> set[str]:
    """The bindings that the change may name: a binding's own name may hold "="."""
    meant = {plain_name(text) for text in asked.drop_binding}
    for text in (*asked.add_binding, *asked.drop_subject, *asked.add_subject):
        parts = text.split("=", _MOST_SIGNS)
        meant |= {plain_name("=".join(parts[:end])) for end in range(1, len(parts))}
    return meant


def _text(binding: str, grants: list[Grant]) -> str:
    """What a binding is found by."""
    role = grants[0].role if grants else ""
    return " ".join((binding, role, *(grant.subject for grant in grants)))


def _row(binding: str, grants: list[Grant], today: Today, asked: Words) -> BindingRow:
    name = plain_name(binding)
    is_node = binding == _NODE_BINDING
    there = today.node_binding
    role = grants[0].role if grants else describe_role(there) if there else "not there"
    beyond = tuple(dict.fromkeys(words for grant in grants for words in grant.beyond))
    subjects = tuple(_taken(name, grant.subject, asked) for grant in grants)
    shown = [tick for tick in subjects if tick.is_ticked]
    shown += [tick for tick in subjects if not tick.is_ticked]
    has_drop = not is_node or there is not None
    return BindingRow(
        binding=visible(binding),
        role=visible(role),
        beyond=tuple(visible(words) for words in beyond[:MOST_BEYOND]),
        more_beyond=max(0, len(beyond) - MOST_BEYOND),
        is_beyond=any(grant.beyond_node_authorizer for grant in grants),
        drop=Tick("drop", name, "Drop the binding", _is_dropped(name, asked)) if has_drop else None,
        subjects=tuple(shown[:MOST_SUBJECTS]),
        more_subjects=max(0, len(shown) - MOST_SUBJECTS),
        bind=_bound(today, asked) if is_node else (),
        text=visible(_text(binding, grants)).casefold(),
    )


def _is_dropped(name: str, asked: Words) -> bool:
    return any(plain_name(text) == name for text in asked.drop_binding)


def _taken(name: str, subject: str, asked: Words) -> Tick:
    kind, _, who = subject.partition(" ")
    value = subject_words(name, Subject(kind, who))
    return Tick("take", value, visible(f"Take {subject} from it"), value in asked.drop_subject)


def _bound(today: Today, asked: Words) -> tuple[Tick, ...]:
    """What binds the group to system:node: the quick way out. Nothing where it is bound."""
    there = today.node_binding
    if there is not None and NODES in there.subjects:
        return ()
    words = bound_group(there)
    ticks = [
        Tick("bind", text, f"Make it, of ClusterRole {NODE_ROLE}", text in asked.add_binding)
        for text in words.add_binding
    ]
    ticks += [
        Tick("add", text, f"Give it {describe_subject(NODES)}", text in asked.add_subject)
        for text in words.add_subject
    ]
    return tuple(ticks)


def bound_group(there: Binding | None) -> Words:
    """The group bound to system:node: the binding made where it isn't `there`."""
    name = full_name(there) if there else NODE_ROLE
    made = () if there else (f"{NODE_ROLE}={NODE_ROLE}",)
    return Words(add_binding=made, add_subject=(subject_words(name, NODES),))


def _also(asked: Words, rows: tuple[BindingRow, ...]) -> Iterator[Tick]:
    """What is asked for and has no box among the rows: it stays part of the change."""
    boxes = {
        (tick.name, tick.value)
        for row in rows
        for tick in (row.drop, *row.subjects, *row.bind)
        if tick
    }
    given = (
        ("drop", "Drop binding {}", asked.drop_binding),
        ("bind", "Make binding {}", asked.add_binding),
        ("take", "Take subject {}", asked.drop_subject),
        ("add", "Give subject {}", asked.add_subject),
    )
    for name, label, texts in given:
        for text in texts:
            value = plain_name(text) if name == "drop" else text
            if (name, value) not in boxes:
                yield Tick(name, text, label.format(visible(text[:_SHOWN_LETTERS])), True)
