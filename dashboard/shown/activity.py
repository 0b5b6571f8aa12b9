"""The activity page in words: what people did, day by day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

from django.utils.dateformat import format as formatted

from authzviz.engine.phrases import counted
from dashboard.models import AuditEvent
from dashboard.services import audit
from dashboard.services.activity import Activity, Done, Part, Wanted
from dashboard.services.risks import today
from dashboard.shown.acts import ACTS, act_of, details, value_words
from dashboard.shown.listing import Query
from dashboard.visible import visible


@dataclass(frozen=True, slots=True)
class Thing:
    """What something was done to: a cluster's name then, with its `slug` while it is there."""

    name: str
    slug: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """What goes on after the person's name: `before`, the thing or how many of them, `after`.

    `things` are the first of several, `more` how many others there are.
    """

    icon: str
    before: str
    thing: Thing
    after: str
    details: tuple[tuple[str, str], ...]
    things: tuple[Thing, ...] = ()
    more: int = 0

    @property
    def words(self) -> str:
        """The sentence without links."""
        return f"{self.before}{self.thing.name}{self.after}"


@dataclass(frozen=True, slots=True)
class Line:
    """One act of a person. `undo` is its mark where it can be undone, `batch` where it is about so
    many that the page names only some.
    """

    at: datetime
    who: str
    sentences: tuple[Sentence, ...]
    is_undoing: bool
    was_undone: bool
    undo: str
    batch: str

    @property
    def words(self) -> str:
        """The first of what was done, without links."""
        return f"{self.who} {self.sentences[0].words}"


@dataclass(frozen=True, slots=True)
class Day:
    """What was done on one day, in UTC."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class ActivityPage:
    """What activity.html shows; `file` is the address of the same acts as a table."""

    days: tuple[Day, ...]
    want: Wanted
    file: str
    following: str
    latest: str
    searched_back_to: datetime | None
    people: tuple[tuple[str, str], ...]
    choices: tuple[tuple[str, str], ...]
    cluster: Thing | None
    is_filtered: bool


def activity_page(facts: Activity, want: Wanted) -> ActivityPage:
    """The page, every name in it made visible; what goes into links stays as it is."""
    query, named = _query(want), facts.cluster
    lines = [(done.last.at.astimezone(UTC).date(), _line(done)) for done in facts.done]
    return ActivityPage(
        days=tuple(
            Day(_day(day), tuple(line for _, line in these))
            for day, these in groupby(lines, key=lambda one: one[0])
        ),
        want=want,
        file=query.link(format="csv"),
        following=query.link(before=facts.following) if facts.following else "",
        latest=query.link() if want.before else "",
        searched_back_to=facts.searched_back_to,
        people=_people(facts.people, want.person),
        choices=tuple(sorted(((key, act.title) for key, act in ACTS.items()), key=lambda x: x[1])),
        cluster=Thing(visible(named.name), named.slug) if named else None,
        is_filtered=query.is_narrowed,
    )


def _query(want: Wanted) -> Query:
    """What is asked for, but for the place in it."""
    given = {
        "search": want.search,
        "person": want.person,
        "cluster": want.cluster,
        "act": want.action,
        "from": want.since,
        "to": want.until,
        "batch": want.batch,
    }
    return Query(tuple((name, str(value or "")) for name, value in given.items()))


def rows(events: Iterable[AuditEvent]) -> Iterable[tuple[str, ...]]:
    """The acts as lines of a table for spreadsheets, with their heading."""
    yield "At", "Person", "Act", "About", "Details", "Undoes an act", "Acts of one click"
    for event in events:
        yield (
            event.at.isoformat(timespec="seconds"),
            event.actor_name,
            act_of(event.action).title,
            event.about,
            "; ".join(f"{name} {words}" for name, words in details(event)),
            "yes" if audit.UNDOES in event.detail else "",
            str(event.batch or ""),
        )


def _people(known: tuple[str, ...], chosen: str) -> tuple[tuple[str, str], ...]:
    """Whom one may choose, as the form sends them and in words."""
    names = known if not chosen or chosen in known else (*known, chosen)
    return tuple((name, visible(name)) for name in names)


def _day(day: date) -> str:
    words = formatted(day, "l, j M Y")
    ago = today() - day
    if ago == timedelta(0):
        return f"Today, {words}"
    return f"Yesterday, {words}" if ago == timedelta(days=1) else words


def _line(done: Done) -> Line:
    sentences = tuple(_sentence(part) for part in done.parts)
    return Line(
        at=done.last.at,
        who=visible(done.last.actor_name),
        sentences=sentences,
        is_undoing=audit.UNDOES in done.last.detail,
        was_undone=done.was_undone,
        undo=str(done.last.batch) if done.can_be_undone else "",
        batch=str(done.last.batch) if any(one.more for one in sentences) else "",
    )


def _sentence(part: Part) -> Sentence:
    act = act_of(part.action)
    before, named, after = act.words.partition("{}")
    first = part.first[0]
    if part.count == 1:
        thing = _thing(first) if named else Thing("", "")
        return Sentence(act.icon, before, thing, after, details(first))
    words = value_words(part.became)
    return Sentence(
        icon=act.icon,
        before=before,
        thing=Thing(counted(part.count, act.noun), ""),
        after=after,
        details=(("is", visible(words)),) if words else (),
        things=tuple(_thing(event) for event in part.first),
        more=part.count - len(part.first),
    )


def _thing(event: AuditEvent) -> Thing:
    slug = event.cluster.slug if event.cluster else ""
    return Thing(visible(event.about) or "someone", slug)
