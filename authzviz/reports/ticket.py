"""What a ticket says: a team's template, filled with what is known of a cluster."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

from authzviz.reports import ticket_facts as words
from authzviz.reports.markdown import code, inline
from authzviz.reports.printable import printable
from authzviz.reports.ticket_facts import Facts
from authzviz.reports.ticket_progress import progress
from authzviz.tickets.document import MAX_LETTERS, Code, Text, document, spans_of

__all__ = [
    "DEFAULT_TEMPLATE",
    "EXPLAINED",
    "PLACEHOLDERS",
    "Facts",
    "Template",
    "filled",
    "marked",
    "problems_of",
    "progress",
    "titled",
]

MOST_TITLE_LETTERS = 250
MOST_TEMPLATE_LETTERS = 6_000
MOST_TITLE_TEMPLATE_LETTERS = 200


@dataclass(frozen=True, slots=True)
class Template:
    """A title in one line and a body in CommonMark, with placeholders as string.Template has them:
    $name or ${name}, and $$ for a dollar.
    """

    title: str
    body: str


DEFAULT_TEMPLATE = Template(
    title="$cluster: $problem ($goal)",
    body="""\
$summary

$why

$state

## Findings

$findings

## Plan

$plan

$links

Opened by $opened_by through authzviz. $following""",
)


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A placeholder: what stands there, in words and of some cluster (`of`).

    `is_block` for what needs a line of its own in the body, and stands in no title.
    """

    means: str
    of: Callable[[Facts], str]
    is_block: bool = False


PLACEHOLDERS = {
    "cluster": Placeholder("the cluster's name", lambda facts: facts.cluster),
    "group": Placeholder("its group", lambda facts: facts.group or "no group"),
    "verdict": Placeholder(
        "the verdict's name",
        lambda facts: str(facts.assessment.verdict) if facts.assessment else "not read",
    ),
    "problem": Placeholder("what is wrong, in a few words", lambda facts: words.problem(facts)[0]),
    "goal": Placeholder("what is to be done about it", lambda facts: words.problem(facts)[1]),
    "severity": Placeholder(
        "how bad its worst open finding is",
        lambda facts: str(next((f.severity for f in facts.open.values()), "none")),
    ),
    "version": Placeholder(
        "its version of Kubernetes",
        lambda facts: (facts.assessment.version if facts.assessment else "") or "not known",
    ),
    "distribution": Placeholder(
        "what installed it",
        lambda facts: facts.assessment.distribution if facts.assessment else "unknown",
    ),
    "opened_by": Placeholder("who opened the ticket", lambda facts: facts.opened_by or "somebody"),
    "following": Placeholder("what authzviz does about the ticket", words.following),
    "page": Placeholder("the address of the cluster's page here", lambda facts: facts.page),
    "summary": Placeholder("the verdict in sentences, and why", words.summary, is_block=True),
    "why": Placeholder("how bad it is, and what stays possible", words.why, is_block=True),
    "state": Placeholder(
        "version, modes, nodes, and when they were read", words.state, is_block=True
    ),
    "findings": Placeholder("each open finding in a line", words.findings, is_block=True),
    "plan": Placeholder("the plan's phases and steps, in short", words.plan, is_block=True),
    "links": Placeholder("links to the plan, runbook and cluster", words.links, is_block=True),
}
"""By their names, in the order in which the help of a form lists them."""

EXPLAINED = tuple((f"${name}", one.means, one.is_block) for name, one in PLACEHOLDERS.items())
"""Each as it is written, what it means, and whether it needs a line of its own."""


def filled(template: Template, facts: Facts) -> tuple[str, str]:
    """Title and body: one line of at most 250 letters, and CommonMark of at most MAX_LETTERS whose
    last line is the marker. Never raises: what is no placeholder stays as it stands.
    """
    inlined = {name: each.of(facts) for name, each in PLACEHOLDERS.items() if not each.is_block}
    title = string.Template(template.title[:MOST_TITLE_TEMPLATE_LETTERS]).safe_substitute(inlined)
    values = {name: _inline(name, text) for name, text in inlined.items()}
    values |= {name: each.of(facts) for name, each in PLACEHOLDERS.items() if each.is_block}
    body = string.Template(template.body[:MOST_TEMPLATE_LETTERS]).safe_substitute(values)
    body = re.sub(r"\n{3,}", "\n\n", body.replace("\r\n", "\n")).strip()
    return titled(title), marked(body, facts.marker)


def titled(text: str) -> str:
    """The text as a title: one line, nothing hidden, at most 250 letters.

    No tracker reads Markdown there, and GitLab looks for mentions and references nonetheless: a
    space keeps their signs apart from what they would name.
    """
    line = " ".join(printable(text).split())
    line = _SIGNS.sub(r"\g<0> ", line)
    return line if len(line) <= MOST_TITLE_LETTERS else f"{line[: MOST_TITLE_LETTERS - 1]}…"


def marked(body: str, marker: str) -> str:
    """The body with the marker as its last line; whole lines go where it is too long."""
    mark = code(marker)
    text = body.rstrip()
    if text.endswith(mark) and len(text) <= MAX_LETTERS:
        return text
    most = MAX_LETTERS - len(mark) - 20
    if len(text) > most:
        text = f"{text[:most].rpartition(chr(10))[0].rstrip()}\n\n…"
    return f"{text}\n\n{mark}".lstrip("\n")


def problems_of(template: Template) -> tuple[str, ...]:
    """What is wrong with a template, in sentences for the form; none where it can be used."""
    return (*_title_problems(template.title), *_body_problems(template.body))


# A sign that names something by the word behind it; addresses; emoji, but not times.
_SIGNS = re.compile(r"""[@#!~%&$^](?=[\w"'(\[])|://|(?i:\bwww\.)|:(?!\d\d:)(?=[\w+-]+:)""")
_HTML = re.compile(r"<[A-Za-z/!?]")


def _inline(name: str, text: str) -> str:
    return words.url(text) or "authzviz" if name == "page" else inline(text)


def _title_problems(title: str) -> Iterator[str]:
    if not title.strip():
        yield "The title is empty."
    if len(title) > MOST_TITLE_TEMPLATE_LETTERS:
        yield f"The title has more than {MOST_TITLE_TEMPLATE_LETTERS} letters."
    if "\n" in title.strip():
        yield "The title has more than one line."
    yield from _unknown(title, "title")
    for name in string.Template(title).get_identifiers():
        if name in PLACEHOLDERS and PLACEHOLDERS[name].is_block:
            yield f"${name} is more than a line, and stands in no title."


def _body_problems(body: str) -> Iterator[str]:
    if len(body) > MOST_TEMPLATE_LETTERS:
        yield f"The body has more than {MOST_TEMPLATE_LETTERS:,} letters."
        return
    yield from _unknown(body, "body")
    spans = list(spans_of(document(body)))
    if any(isinstance(span, Text) and _HTML.search(span.text) for span in spans):
        yield "The body holds HTML, which not every tracker takes: write Markdown."
    yield from _misplaced(body)


def _unknown(text: str, where: str) -> Iterator[str]:
    if not string.Template(text).is_valid():
        yield f"The {where} holds a $ that begins no name: write $$ for a dollar."
    for name in string.Template(text).get_identifiers():
        if name not in PLACEHOLDERS:
            yield f"The {where} holds ${name}, which nothing stands for."


def _misplaced(body: str) -> Iterator[str]:
    """Each placeholder that would break what surrounds it, or be broken by it."""
    broken = _broken(body)
    for name in string.Template(body).get_identifiers():
        if name not in PLACEHOLDERS or name == "page":
            continue
        it = _it(name)
        if not PLACEHOLDERS[name].is_block:
            if name in broken or re.search(rf"\]\([^)\n]*{it}", body):
                yield f"${name} stands in code or in an address, where a name might break out."
            continue
        places = [place.rstrip() for place in re.findall(rf"^.*{it}.*$", body, re.MULTILINE)]
        if places not in ([f"${name}"], [f"${{{name}}}"]):
            yield f"${name} needs a line of its own, and stands there once."
        elif name in broken:
            yield f"${name} stands in code, where it would not be read."


def _broken(body: str) -> set[str]:
    """The placeholders in whose place code, with any number of backticks and with words around it
    or without, would not be code and nothing else.
    """
    names = [name for name in string.Template(body).get_identifiers() if name in PLACEHOLDERS]
    wanted = {name: len(re.findall(_it(name), body.replace("$$", ""))) for name in names}
    broken: set[str] = set()
    for ticks, put in product(range(3), ("{}", "a {} b")):
        probes = {name: f"{'`' * ticks}@{name}" for name in names}
        values = {name: put.format(code(probe)) for name, probe in probes.items()}
        shown = document(string.Template(body).safe_substitute(values))
        found = Counter(span.text for span in spans_of(shown) if isinstance(span, Code))
        broken |= {name for name in names if found[probes[name]] != wanted[name]}
    return broken


def _it(name: str) -> str:
    return rf"\$(?:{name}\b|{{{name}}})"
