"""What the templates need to say verdicts, ages and names the same way everywhere."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache, lru_cache

from django import template
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString

from authzviz.engine.assessment import Assessment, Decision, Path, Severity, Switch, Verdict
from authzviz.engine.model import Outcome
from authzviz.engine.phrases import age
from authzviz.tickets.document import Break, Code, Link, Span, Strong, Text
from dashboard import visible as seen
from dashboard.picture import steps
from dashboard.picture.layers import Place
from dashboard.picture.svg import draw
from dashboard.shown.plan_steps import DiffLine
from dashboard.terms import TERMS, Term
from dashboard.words import (
    DECISIONS,
    OUTCOMES,
    READS,
    SEVERITIES,
    SWITCHES,
    VERDICTS,
    Word,
    humane_age,
)

register = template.Library()
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")

ALL_WORDS: tuple[tuple[type, dict[str, Word]], ...] = (
    (Verdict, {str(key): word for key, word in VERDICTS.items()}),
    (Switch, {str(key): word for key, word in SWITCHES.items()}),
    (Decision, {str(key): word for key, word in DECISIONS.items()}),
    (Severity, {str(key): word for key, word in SEVERITIES.items()}),
    (Outcome, {str(key): word for key, word in OUTCOMES.items()}),
)


@register.simple_tag
@cache
def icon(name: str, css_class: str = "") -> SafeString:
    """An icon of the sprite, for the eye only: a word must stand beside it.

    Made once: a page has hundreds, and templates give names of their own only.
    """
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        css_class,
        static("vendor/icons.svg"),
        name,
    )


@register.simple_tag
def pick(slug: str | int, name: str) -> SafeString:
    """A box that ticks a row for what may be done with many of them; fleet.js keeps it ticked.

    Made here, in one line: a page has many of them.
    """
    return format_html(
        '<input type="checkbox" class="pick d-print-none" id="pick-{0}" name="c" value="{0}"'
        ' form="bulk" aria-label="Tick {1}" autocomplete="off">',
        slug,
        name,
    )


@register.filter
def whole_words(command: str) -> SafeString:
    """The command with each word kept in one line: browsers break --flags after their dashes."""
    parts = re.split(r"(\s+)", command)
    pairs = zip(["", *parts[1::2]], parts[::2], strict=True)
    return format_html_join("", "{}<span>{}</span>", pairs)


@register.filter
def word(value: object) -> Word:
    """The word of a verdict, switch, decision, severity or outcome; a verdict also as text."""
    for kind, words in ALL_WORDS:
        if isinstance(value, kind):
            return words[str(value)]
    return VERDICTS[Verdict(str(value))]


@register.simple_tag
def chip(value: object, is_stale: bool = False) -> SafeString:
    """A verdict, decision, severity or word as colour, icon and word; grey with a clock when
    stale.
    """
    return _chip(value if isinstance(value, Word) else word(value), is_stale)


@lru_cache(maxsize=200)
def _chip(shown: Word, is_stale: bool) -> SafeString:
    return format_html(
        '<span class="chip tone-{}">{}<span>{}</span>{}</span>',
        "stale" if is_stale else shown.tone,
        icon("clock" if is_stale else shown.icon),
        shown.label,
        SafeString('<span class="visually-hidden"> (old)</span>') if is_stale else "",
    )


@register.filter
def ago(when: datetime | None) -> str:
    """How long ago, with the exact time on hover; "never" for None."""
    if when is None:
        return "never"
    exact = when.astimezone(UTC)
    return format_html(
        '<time class="ago" datetime="{}" title="{}">{} ago</time>',
        exact.isoformat(timespec="seconds"),
        f"{exact:%Y-%m-%d %H:%M:%S} UTC",
        humane_age((timezone.now() - when).total_seconds()),
    )


@register.filter
def long_ago(when: datetime) -> str:
    """How long ago in words, "3 days ago", with the exact time on hover."""
    exact = when.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{}">{} ago</time>',
        exact.isoformat(timespec="seconds"),
        f"{exact:%Y-%m-%d %H:%M:%S} UTC",
        age((timezone.now() - when).total_seconds()),
    )


@register.filter
def moment(when: datetime | None) -> str:
    """The exact time in UTC; "never" for None."""
    if when is None:
        return "never"
    exact = when.astimezone(UTC)
    return format_html(
        '<time datetime="{}">{}</time>',
        exact.isoformat(timespec="seconds"),
        f"{exact:%Y-%m-%d %H:%M} UTC",
    )


@register.filter
def clock_time(when: datetime) -> str:
    """The time of day in UTC, with the exact moment on hover."""
    exact = when.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        exact.isoformat(timespec="seconds"),
        f"{exact:%Y-%m-%d %H:%M:%S} UTC",
        f"{exact:%H:%M} UTC",
    )


@register.filter
def expiry(when: datetime) -> str:
    """When credentials end, as it goes on after "They": "expire in 3 days, at …"."""
    left = (when - timezone.now()).total_seconds()
    words = f"expire in {age(left)}" if left > 0 else f"expired {age(-left)} ago"
    return format_html("{}, at {}", words, moment(when))


@register.filter
def visible(text: object) -> str:
    """A name that a cluster or a person gave, with nothing invisible or reordering in it."""
    return seen.visible(str(text))


@register.filter
def undoes(tags: str) -> str:
    """The act that a message with these tags offers to undo; "" where it offers none."""
    marks = (tag.removeprefix("undo:") for tag in tags.split() if tag.startswith("undo:"))
    return next(marks, "")


@register.filter
def odd_letters(text: str) -> str:
    """The letters outside ASCII, named; empty for a plain name."""
    return seen.odd_letters(text)


@register.filter
def number(value: int | None) -> str:
    """A number as people write it, "12,345"; empty for None."""
    return "" if value is None else f"{value:,}"


@register.filter
def read_title(name: str) -> str:
    """What a read is called on pages: "Apiserver flags" for apiservers."""
    return READS[name][0] if name in READS else name


@register.simple_tag
def path_picture(assessment: Assessment, path: Path, number: int, slug: str) -> SafeString:
    """The picture of one path of the cluster: for a wide screen, and for a narrow one."""
    return draw(assessment, path, Place(slug, number))


@register.simple_tag
def path_drawing(assessment: Assessment, path: Path) -> SafeString:
    """The same without links, for a path that is only thought of."""
    return draw(assessment, path, Place(""))


@register.filter
def exactly(value: str) -> SafeString:
    """A value of a form as it is, whatever letters it has: all but plain ones as references, since
    the source of a page must show nothing that hides or reorders what follows.
    """
    text = str(escape(value)).encode("ascii", "xmlcharrefreplace").decode("ascii")
    return SafeString(_CONTROLS.sub(lambda found: f"&#{ord(found[0])};", text))


@register.simple_tag
def step_chart(taken: tuple[steps.Step, ...]) -> SafeString:
    """Verdicts over time; empty where there is nothing to draw."""
    return steps.draw(taken)


@register.simple_tag
def diff(lines: Iterable[DiffLine]) -> SafeString:
    """A unified diff, each line coloured and still readable by its sign. Made here: within it,
    every blank and line end of a template would be seen.
    """
    rows = ((f"diff-{line.kind or 'same'}", line.text) for line in lines)
    return format_html(
        '<pre class="diff" tabindex="0" aria-label="Diff"><code>{}</code></pre>',
        format_html_join("", '<span class="{}">{}\n</span>', rows),
    )


@register.inclusion_tag("includes/term.html")
def explain(name: str) -> dict[str, str | Term]:
    """A word of Kubernetes that unfolds into what it means, linked to help and documentation."""
    return {"term": TERMS[name], "name": name}


# The second key after "g", the address it leads to, and its title.
_PLACES = (
    ("f", "fleet", "Fleet"),
    ("p", "plans", "Plans"),
    ("t", "tickets", "Tickets"),
    ("h", "history", "History"),
    ("e", "explain", "Explain"),
    ("c", "certificates", "Certificates"),
    ("a", "activity", "Activity"),
)


@register.inclusion_tag("includes/shortcuts.html")
def shortcuts() -> dict[str, list[dict[str, str]]]:
    """The keys that do something on every page, and the switch that turns them off."""
    places = [{"key": key, "link": reverse(name), "title": title} for key, name, title in _PLACES]
    return {"places": places}


@register.filter
def spans(shown: Iterable[Span]) -> SafeString:
    """The spans of a ticket's text.

    Made here, since a template of its own would put the end of its file between letter and comma.
    """
    return format_html_join("", "{}", ((_span(span),) for span in shown))


def _span(span: Span) -> str:
    if isinstance(span, Text):
        return span.text
    if isinstance(span, Code):
        return format_html("<code>{}</code>", span.text)
    if isinstance(span, Break):
        return SafeString("<br>")
    within = spans(span.spans)
    if isinstance(span, Link):
        return format_html('<a href="{}" rel="noreferrer">{}</a>', span.url, within or span.url)
    tag = "strong" if isinstance(span, Strong) else "em"
    return format_html("<{0}>{1}</{0}>", tag, within)
