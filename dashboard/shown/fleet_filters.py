"""What filters the fleet page, in words: counts, menus, what is chosen, columns and headings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from authzviz.engine.assessment import Severity
from dashboard.models import SavedView
from dashboard.services import fleet_query as query
from dashboard.services.fleet import Found, Heading, natural, version_key
from dashboard.services.fleet_query import Wanted
from dashboard.shown.listing import Column, column
from dashboard.visible import visible
from dashboard.words import DISTRIBUTIONS, SEVERITIES, VERDICTS, Word

UNREAD_WORD = Word("Not read yet", "unsure", "clock", "No read has come to its end yet.")
TROUBLE_WORD = Word("Can't be read", "warning", "cloud-off", "The last read failed.")
VERDICT_WORDS = {**{str(key): word for key, word in VERDICTS.items()}, query.UNREAD: UNREAD_WORD}
STATE_TITLES = {
    query.STALE: "old facts",
    query.TROUBLE: "can't be read",
    query.PAUSED: "paused",
    query.EXPIRING: "credentials expire soon",
    query.ACCEPTED: "with accepted findings",
}
TICKET_TITLES = {
    query.NO_TICKET: "without a ticket",
    query.FAILED: "rejected or gone",
    query.SENT_UNKNOWN: "outcome unknown",
    query.QUEUED: "queued",
    query.OPEN: "open",
    query.CLOSED: "closed",
}
COLUMNS = {
    "name": "Cluster",
    "verdict": "Verdict",
    "findings": "Findings",
    "version": "Kubernetes",
    "nodes": "Nodes ready",
    "read": "Read",
}
MENUS = {
    query.GROUP: "Group",
    query.LABEL: "Label",
    query.DISTRIBUTION: "Distribution",
    query.VERSION: "Kubernetes",
    query.STATE: "State",
    query.SEVERITY: "Findings",
    query.TICKET: "Ticket",
}
_BYS = {
    query.GROUP: "group",
    query.VERDICT: "verdict",
    query.DISTRIBUTION: "distribution",
    query.VERSION: "Kubernetes version",
}
NO_GROUP = "in no group"
MOST_OPTIONS = 40
_MOST_LABEL_NAMES = 15


@dataclass(frozen=True, slots=True)
class Count:
    """How many clusters have a verdict; `link` shows these too, or not any more when chosen."""

    word: Word
    number: int
    link: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Option:
    """A value to choose, and how many clusters it would find."""

    value: str
    title: str
    number: int
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Menu:
    """The values of one facet; `left_out` more are not listed."""

    name: str
    title: str
    options: tuple[Option, ...]
    left_out: int

    @property
    def chosen(self) -> int:
        """How many of its values are chosen."""
        return sum(option.is_chosen for option in self.options)

    def narrows(self, number: int) -> bool:
        """True where choosing something finds others than the `number` that are found now."""
        return self.chosen > 0 or any(option.number != number for option in self.options)


@dataclass(frozen=True, slots=True)
class Chip:
    """Something chosen; `link` is the page without it."""

    title: str
    link: str


@dataclass(frozen=True, slots=True)
class By:
    """Something to group rows by."""

    title: str
    link: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Tab:
    """A view with a name; `key` is 0 for the whole fleet."""

    key: int
    name: str
    link: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class HeadingShown:
    """What rows are grouped by; `link` shows these only, "" where no address says that."""

    title: str
    number: int
    link: str
    verdicts: tuple[tuple[Word, int], ...]
    is_continued: bool


def counts(found: Found) -> tuple[Count, ...]:
    """A count for each verdict that there is, the worst first, and for what can't be read."""
    want = found.want
    pairs = [(query.VERDICT, verdict, word) for verdict, word in VERDICT_WORDS.items()]
    pairs.append((query.STATE, query.TROUBLE, TROUBLE_WORD))
    return tuple(
        Count(
            word=word,
            number=found.counts[facet][value],
            link=want.toggled(facet, value).link,
            is_chosen=want.has(facet, value),
        )
        for facet, value, word in pairs
        if found.counts[facet][value] or want.has(facet, value)
    )


def menus(found: Found) -> tuple[Menu, ...]:
    """The menus that have something to choose."""
    made = (_menu(name, title, found) for name, title in MENUS.items())
    return tuple(menu for menu in made if menu.narrows(found.number))


def _menu(name: str, title: str, found: Found) -> Menu:
    numbers = _label_numbers(found) if name == query.LABEL else found.counts[name]
    chosen = found.want.values(name)
    values = sorted({*numbers, *chosen}, key=lambda value: _place(name, value))
    kept = set(sorted(values, key=lambda one: (one not in chosen, -numbers[one]))[:MOST_OPTIONS])
    return Menu(
        name=name,
        title=title,
        options=tuple(
            Option(value, value_title(name, value), numbers[value], value in chosen)
            for value in values
            if value in kept
        ),
        left_out=len(values) - len(kept),
    )


def _label_numbers(found: Found) -> Counter[str]:
    numbers: Counter[str] = Counter()
    for facet, counted in found.counts.items():
        if facet.startswith(query.BY_LABEL):
            name = facet.removeprefix(query.BY_LABEL)
            for value, number in counted.items():
                numbers[f"{name}={value}" if value else name] = number
    return numbers


def _place(name: str, value: str) -> tuple[object, ...]:
    if name == query.VERSION:
        return version_key(value)
    if name == query.STATE:
        return (query.STATES.index(value),)
    if name == query.SEVERITY:
        return (query.SEVERITIES.index(value),)
    if name == query.TICKET:
        return (query.TICKETS.index(value),)
    return not value, natural(value)


def value_title(facet: str, value: str) -> str:
    """A value as people say it."""
    if facet == query.VERDICT:
        return VERDICT_WORDS[value].label
    if facet == query.STATE:
        return STATE_TITLES[value]
    if facet == query.TICKET:
        return TICKET_TITLES[value]
    if facet == query.SEVERITY:
        return SEVERITIES[Severity(value)].label.lower()
    if facet == query.DISTRIBUTION:
        return DISTRIBUTIONS.get(value, visible(value))
    if facet == query.GROUP and not value:
        return NO_GROUP
    return visible(value)


def chips(want: Wanted) -> tuple[Chip, ...]:
    """All that is chosen, each with the way to be without it."""
    titles = {query.VERDICT: "Verdict", **MENUS}
    search = [Chip(f"“{visible(want.search)}”", want.but(search="").link)] if want.search else []
    return (
        *search,
        *(
            Chip(f"{titles[facet]}: {value_title(facet, value)}", want.toggled(facet, value).link)
            for facet, value in want.chosen
        ),
    )


def columns(want: Wanted) -> tuple[Column, ...]:
    """The columns, each with the way to sort by it."""
    return tuple(
        column(key, title, want.sort, lambda order: want.but(sort=order).link)
        for key, title in COLUMNS.items()
    )


def bys(found: Found) -> tuple[By, ...]:
    """What rows may be grouped by: nothing, what every cluster has, the commonest labels."""
    want = found.want
    labels = {
        facet: counted.total()
        for facet, counted in found.counts.items()
        if facet.startswith(query.BY_LABEL)
    }
    commonest = sorted(labels, key=lambda facet: -labels[facet])[:_MOST_LABEL_NAMES]
    if want.by.startswith(query.BY_LABEL) and want.by not in commonest:
        commonest.append(want.by)
    names = {"": "nothing", **_BYS, **{facet: by_title(facet) for facet in sorted(commonest)}}
    return tuple(
        By(title, want.but(by=by).link, is_chosen=want.by == by) for by, title in names.items()
    )


def by_title(by: str) -> str:
    """What rows are grouped by, in words; "" for nothing."""
    if by.startswith(query.BY_LABEL):
        return f"label {visible(by.removeprefix(query.BY_LABEL))}"
    return _BYS.get(by, "")


def tabs(want: Wanted, views: tuple[SavedView, ...]) -> tuple[Tab, ...]:
    """The whole fleet and the saved views, the one that is shown marked; none without views."""
    if not views:
        return ()
    # Read anew: what another version has kept may mean less today.
    wants = [(view, query.of_text(view.query)) for view in views]
    return (
        Tab(0, "All clusters", "", is_current=not want.view),
        *(
            Tab(view.pk, visible(view.name), meant.link, is_current=want.view == meant.view)
            for view, meant in wants
        ),
    )


def heading(heading: Heading, want: Wanted, *, is_continued: bool) -> HeadingShown:
    """The heading of some rows; `is_continued` where the page before has some of them, too."""
    facet, value = _as_choice(want.by, heading.value)
    is_sayable = bool(value) or facet == query.GROUP
    return HeadingShown(
        title=_heading_title(want.by, facet, value),
        number=heading.number,
        link=want.but(by="").toggled(facet, value).link
        if is_sayable and not want.has(facet, value)
        else "",
        verdicts=tuple(
            (VERDICT_WORDS[verdict], heading.verdicts[verdict])
            for verdict in query.WORST_FIRST
            if verdict in heading.verdicts and want.by != query.VERDICT
        ),
        is_continued=is_continued,
    )


def _as_choice(by: str, value: str) -> tuple[str, str]:
    """The facet and value that find what is under that heading."""
    return (query.LABEL if by.startswith(query.BY_LABEL) else by), value


def _heading_title(by: str, facet: str, value: str) -> str:
    if facet == query.LABEL and not value:
        return f"without {by_title(by)}"
    if facet == query.VERSION:
        return f"Kubernetes {visible(value)}" if value else "version unknown"
    if facet == query.DISTRIBUTION and not value:
        return "not read yet"
    return value_title(facet, value)


def severity_words(numbers: tuple[int, ...]) -> Iterator[tuple[Word, int]]:
    """The severities that there are findings of, the worst first."""
    for severity, number in zip(Severity, numbers, strict=True):
        if number:
            yield SEVERITIES[severity], number
