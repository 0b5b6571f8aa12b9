"""The help page: every verdict, finding and word is on it, and every "?" leads there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from authzviz.engine.assessment import Verdict
from authzviz.reports.rules import RULES, UNKNOWN_VERDICT, UNREACHABLE
from dashboard.shown.trackers import STATES
from dashboard.terms import TERMS, TODO
from dashboard.words import SENT, TICKETS, VERDICTS, Word
from tests.dashboard.showing import Page, page

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
FINDINGS = [one for one in RULES if one not in {UNREACHABLE, UNKNOWN_VERDICT}]


@pytest.fixture
def shown(as_viewer: Client) -> Page:
    return page(as_viewer.get(reverse("help")))


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_is_explained(shown: Page, verdict: Verdict) -> None:
    assert shown.ids[f"verdict-{verdict}"] == 1
    assert VERDICTS[verdict].means in shown.text
    assert TODO[verdict] in shown.text


@pytest.mark.parametrize("finding", FINDINGS)
def test_every_finding_is_explained(shown: Page, finding: str) -> None:
    assert shown.ids[f"finding-{finding}"] == 1
    assert RULES[finding].title in shown.text
    assert RULES[finding].help in shown.text


@pytest.mark.parametrize(
    ("anchor", "word"),
    [
        *((f"ticket-{state}", word) for state, word in TICKETS.items()),
        *((f"ticket-sent-{state}", word) for state, word in SENT.items()),
        *((f"tracker-{state}", word) for state, word in STATES.items()),
    ],
)
def test_every_state_of_tickets_and_trackers_is_explained(
    shown: Page, anchor: str, word: Word
) -> None:
    assert shown.ids[anchor] == 1
    assert word.label in shown.text
    assert word.means in shown.text


@pytest.mark.parametrize("name", TERMS)
def test_every_word_is_explained_and_documented(shown: Page, name: str) -> None:
    assert shown.ids[name] == 1
    assert TERMS[name].means in shown.text
    assert TERMS[name].link in {link["href"] for link in shown.all("a")}


@pytest.mark.parametrize("name", TERMS)
def test_a_word_takes_two_sentences(name: str) -> None:
    assert len(re.findall(r"\w[.)](?:\s|$)", TERMS[name].means)) == 2
    assert TERMS[name].link.startswith("https://kubernetes.io/docs/")


def test_what_pages_explain_is_a_word_of_the_help_page() -> None:
    named = {
        name
        for template in TEMPLATES.rglob("*.html")
        for name in re.findall(r'{% explain "([^"]*)" %}', template.read_text())
    }

    assert named
    assert named <= TERMS.keys()


def test_links_within_lead_somewhere(shown: Page) -> None:
    targets = {link["href"][1:] for link in shown.all("a") if link["href"].startswith("#")}

    assert targets <= set(shown.ids)
    assert shown.faults() == []


def test_it_is_for_those_who_signed_in(client: Client) -> None:
    assert client.get("/help/").headers["Location"] == "/account/login/?next=/help/"
    assert client.post("/help/").status_code == 302


def test_it_takes_no_other_method(as_viewer: Client) -> None:
    assert as_viewer.post("/help/").status_code == 405


def test_only_who_may_add_clusters_is_told_to(as_viewer: Client, as_editor: Client) -> None:
    add = f'href="{reverse("cluster_add")}"'

    assert add not in as_viewer.get("/help/").content.decode()
    assert add in as_editor.get("/help/").content.decode()
