"""Names as a person can trust to see them."""

from __future__ import annotations

from typing import Any

import pytest

from authzviz.engine.assessment import Decision, Severity, Switch, Verdict
from authzviz.engine.model import Outcome
from dashboard.visible import made_visible, odd_letters, visible
from dashboard.words import DECISIONS, OUTCOMES, SEVERITIES, SWITCHES, VERDICTS, Word, humane_age
from tests.dashboard.assessments import HOSTILE, TARGET, hostile

SHOWN = {
    "plain": ("system:node:node1", "system:node:node1"),
    "markup stays text": ("<img src=x>", "<img src=x>"),
    "bidi override": ("evil\u202egnp.exe", "evil⟨U+202E⟩gnp.exe"),
    "zero width": ("a\u200bb", "a⟨U+200B⟩b"),
    "control": ("a\x1bb\x00", "a⟨U+001B⟩b⟨U+0000⟩"),
    "other scripts": ("界面-käse", "界面-käse"),
    "a letter that is drawn as nothing": ("system:nodes\u3164", "system:nodes⟨U+3164⟩"),
    "a sign that is a blank": ("a\u2800b", "a⟨U+2800⟩b"),
    "a variation that none sees": ("a\ufe0fb\U000e0101", "a⟨U+FE0F⟩b⟨U+E0101⟩"),
    "another space": ("a\u00a0b\u3000c d", "a⟨U+00A0⟩b⟨U+3000⟩c d"),
    "new line": ("one\ntwo", "one\ntwo"),
}


@pytest.mark.parametrize(("name", "shown"), SHOWN.values(), ids=SHOWN)
def test_what_is_invisible_is_written_out(name: str, shown: str) -> None:
    assert visible(name) == shown


@pytest.mark.parametrize("name", HOSTILE)
def test_a_whole_assessment_is_made_visible(name: str) -> None:
    shown = made_visible(hostile(name))

    assert shown.paths[0].names == (visible(name),)
    assert shown.grants[0].subject == visible(f"User {name}")
    assert shown.verdict is Verdict.OVER_GRANTED


def test_a_plain_assessment_stays_as_it_is() -> None:
    assert made_visible(TARGET) == TARGET


def test_look_alike_letters_are_named() -> None:
    assert odd_letters("\u0455ystem:nodes") == "\u0455 U+0455 CYRILLIC SMALL LETTER DZE"
    assert odd_letters("system:nodes") == ""


WORDS: dict[str, tuple[type, dict[Any, Word]]] = {
    "verdicts": (Verdict, VERDICTS),
    "switches": (Switch, SWITCHES),
    "decisions": (Decision, DECISIONS),
    "severities": (Severity, SEVERITIES),
    "outcomes": (Outcome, OUTCOMES),
}


@pytest.mark.parametrize(("kind", "words"), WORDS.values(), ids=WORDS)
def test_everything_has_a_word_of_its_own_and_an_icon(kind: type, words: dict[Any, Word]) -> None:
    assert set(words) == set(kind)  # type: ignore[call-overload]
    assert all(word.label and word.icon and word.tone for word in words.values())


AGES = {
    "future": (-5.0, "0 s"),
    "seconds": (12.4, "12 s"),
    "minutes": (860.0, "14 min"),
    "hours": (7_300.0, "2 h"),
    "days": (200_000.0, "2 d"),
}


@pytest.mark.parametrize(("seconds", "shown"), AGES.values(), ids=AGES)
def test_ages_are_in_one_unit(seconds: float, shown: str) -> None:
    assert humane_age(seconds) == shown
