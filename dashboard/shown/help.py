"""What the help page explains: verdicts, findings, words and keys, each with its anchor."""

from __future__ import annotations

from dataclasses import dataclass

from authzviz.engine.assessment import Severity
from authzviz.reports.rules import RULES, UNKNOWN_VERDICT, UNREACHABLE
from dashboard.shown.trackers import STATES as TRACKER_STATES
from dashboard.terms import TERMS, TODO, Term
from dashboard.words import PHASES, SENT, STATES, TICKED, TICKETS, VERDICTS, Word

# Of reports alone: on the pages a cluster that did not answer, or can't be told, is no finding.
_OF_REPORTS = {UNREACHABLE, UNKNOWN_VERDICT}
_WORST_FIRST = tuple(Severity)


@dataclass(frozen=True, slots=True)
class VerdictHelp:
    """A verdict, what it means and what to do about it."""

    anchor: str
    word: Word
    todo: str


@dataclass(frozen=True, slots=True)
class FindingHelp:
    """A finding's rule: what it says, what to do, how bad it usually is, and its controls."""

    anchor: str
    title: str
    todo: str
    severity: Severity
    controls: str


@dataclass(frozen=True, slots=True)
class TermHelp:
    """A word and what it means."""

    anchor: str
    term: Term


@dataclass(frozen=True, slots=True)
class WordHelp:
    """A word with its icon, which says itself what it means."""

    anchor: str
    word: Word


@dataclass(frozen=True, slots=True)
class HelpPage:
    """What help.html shows."""

    verdicts: tuple[VerdictHelp, ...]
    findings: tuple[FindingHelp, ...]
    phases: tuple[WordHelp, ...]
    states: tuple[WordHelp, ...]
    tickets: tuple[WordHelp, ...]
    trackers: tuple[WordHelp, ...]
    terms: tuple[TermHelp, ...]


def help_page() -> HelpPage:
    """All that there is to explain; the same for everybody."""
    rules = [rule for rule in RULES.values() if rule.id not in _OF_REPORTS]
    return HelpPage(
        verdicts=tuple(
            VerdictHelp(f"verdict-{verdict}", word, TODO[verdict])
            for verdict, word in VERDICTS.items()
        ),
        findings=tuple(
            FindingHelp(
                anchor=f"finding-{rule.id}",
                title=rule.title,
                todo=rule.help,
                severity=rule.severity,
                controls=", ".join(control.id for control in rule.controls),
            )
            for rule in sorted(rules, key=lambda rule: _WORST_FIRST.index(rule.severity))
        ),
        phases=tuple(WordHelp(f"plan-{phase}", word) for phase, word in PHASES.items()),
        states=(
            *(WordHelp(f"state-{state}", word) for state, word in STATES.items()),
            WordHelp("state-ticked", TICKED),
        ),
        tickets=(
            *(WordHelp(f"ticket-{state}", word) for state, word in TICKETS.items()),
            *(WordHelp(f"ticket-sent-{state}", word) for state, word in SENT.items()),
        ),
        trackers=tuple(
            WordHelp(f"tracker-{state}", word) for state, word in TRACKER_STATES.items()
        ),
        terms=tuple(TermHelp(anchor, term) for anchor, term in TERMS.items()),
    )
