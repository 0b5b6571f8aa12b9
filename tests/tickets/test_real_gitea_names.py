"""What a real Gitea makes of hostile names in a ticket's title and body: text."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from authzviz.engine.assessment import Finding, Severity, Verdict
from authzviz.reports.ticket import DEFAULT_TEMPLATE, filled
from authzviz.tickets.port import Draft
from tests.plans.hostile_names import HOSTILE
from tests.reports.test_markdown import ACTED_ON
from tests.reports.test_tickets import MARKER, PAGE, facts
from tests.tickets.test_real_gitea import port_to
from tests.trackers.gitea import PERSON

if TYPE_CHECKING:
    from tests.trackers.gitea import Repository

pytestmark = pytest.mark.lab

# What means something here alone.
HERE = (f"@{PERSON}", "closes #1", "{path}#1", "{url}/{path}/issues/1")
_ACTIVE = {"script", "img", "svg", "iframe", "form", "input", "style", "video", "object", "base"}


class Shown(HTMLParser):
    """The tags of a page, and where its links lead."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]


def ticket_of(name: str) -> Draft:
    """The ticket of a cluster of that name, with a finding that has it, too."""
    assessment = facts(Verdict.REFUSED).assessment
    assert assessment is not None
    finding = Finding("legacy-binding", Severity.HIGH, f"{name} is", name)
    hostile = replace(assessment, summary=name, cause=name, findings=(finding,))
    title, body = filled(
        DEFAULT_TEMPLATE, facts(assessment=hostile, cluster=name, group=name, opened_by=name)
    )
    return Draft(MARKER, title, body)


def shown(repository: Repository, text: str) -> Shown:
    """What Gitea makes of a comment in that repository."""
    gitea = repository.gitea
    asked = {"Text": text, "Mode": "comment", "Context": f"/{repository.path}"}
    status, _, html = gitea.exchange(
        "POST",
        "/api/v1/markup",
        {"Content-Type": "application/json", "Authorization": f"token {gitea.token}"},
        json.dumps(asked).encode(),
    )
    assert status == 200, html
    return Shown(html.decode())


def references(repository: Repository) -> list[str]:
    """What Gitea has written into the first issue because of others."""
    path = f"/api/v1/repos/{repository.path}/issues/1/timeline"
    found = repository.gitea.request("GET", path, token=repository.gitea.token)
    return [each["type"] for each in found or ()]


def test_b44_a_name_makes_no_link_and_no_reference_in_gitea(repository: Repository) -> None:
    repository.create_by_hand("The first")
    url, path = repository.gitea.url, repository.path
    here = [text.format(url=url, path=path) for text in HERE]
    port = port_to(repository)

    for name in (*HOSTILE.values(), *ACTED_ON.values(), *here):
        made = port.create(ticket_of(name), "1")
        page = shown(repository, repository.issue(int(made.id))["body"])
        assert not page.tags & _ACTIVE, name
        assert [link for link in page.links if not link.startswith((PAGE, "#"))] == [], name

    assert references(repository) == []


def test_gitea_acts_on_the_same_where_people_write_it(repository: Repository) -> None:
    repository.create_by_hand("The first")
    repository.create_by_hand("The second", f"closes #1, @{PERSON}")

    assert references(repository) == ["issue_ref"]
    assert len(shown(repository, f"closes #1, @{PERSON}").links) == 2
