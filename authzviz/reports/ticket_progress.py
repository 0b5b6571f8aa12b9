"""The one comment of a ticket that tells how far the cluster is: edited, never repeated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from authzviz.engine.assessment import Verdict
from authzviz.reports import ticket_facts as words
from authzviz.reports.markdown import code
from authzviz.reports.ticket_facts import Facts

_MOST = 10


def progress(facts: Facts) -> str:
    """The comment in CommonMark; its last line is the marker."""
    return "\n\n".join((*_said(facts), code(facts.marker)))


def _said(facts: Facts) -> Iterator[str]:
    if facts.assessment is None:
        yield "Nothing was read of this cluster yet."
        return
    since = f" since {words.moment(facts.since)}" if facts.since else ""
    yield f"**Verdict:** {code(str(facts.assessment.verdict))}{since}. {_where(facts)}".rstrip()
    yield from _plan(facts)
    yield from _findings(facts)
    yield words.read(facts)


def _where(facts: Facts) -> str:
    """Where that is, seen from the target."""
    verdict = facts.assessment.verdict if facts.assessment else Verdict.UNKNOWN
    if facts.is_old or verdict is Verdict.UNKNOWN:
        return "Whether the target is reached can't be told now: this ticket stays as it is."
    if verdict is not Verdict.NODE_AUTHORIZER:
        return "The cluster was at the target, and fell back." if facts.was_there else ""
    if facts.is_recorded:
        return "The target is reached; since nothing is read again, a person closes the ticket."
    if facts.stays_open:
        return "The target is reached, and this ticket was open then: a person closes it."
    if facts.closes:
        return "The target is reached, in two reads in a row: this closes the ticket."
    return "The target is reached; the next read that says so closes the ticket."


def _plan(facts: Facts) -> Iterator[str]:
    made, far = facts.plan, facts.progress
    if made is None or not made.phases:
        return
    if far is None:
        yield "Nobody started the plan yet."
        return
    phase = next((phase for phase in made.phases if phase.id is far.phase), None)
    where = f"phase: {words.short(phase.name)}" if phase else "every phase is done"
    old = " when last read" if facts.is_old else ""
    line = f"**Plan:** {far.done} of {far.total} steps done{old}; {where}."
    following = words.next_step(made) if not facts.is_old else None
    yield f"{line} Next: {words.short(following.title)}." if following else line


def _findings(facts: Facts) -> Iterator[str]:
    """What differs from when the ticket was opened."""
    if facts.is_old:
        return
    now = facts.open
    new = [found.title for key, found in now.items() if key not in facts.before]
    gone = [title for key, title in facts.before.items() if key not in now]
    if new:
        yield _listed("New since this ticket was opened", new)
    # What could not be read may only be out of sight.
    if gone and facts.assessment and facts.assessment.verdict is not Verdict.UNKNOWN:
        yield _listed("Not found any more, or accepted as a risk", gone)
    if now:
        yield f"{len(now)} open findings." if len(now) > 1 else "1 open finding."
    else:
        yield "No open findings."


def _listed(what: str, titles: Iterable[str]) -> str:
    lines = [f"- {words.short(title)}" for title in titles]
    more = [f"- and {len(lines) - _MOST:,} more"] if len(lines) > _MOST else []
    return "\n".join((f"**{what}:**\n", *lines[:_MOST], *more))
