"""What only a real Gitea tells of the adapter: what becomes of labels, people, days and rights."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from authzviz.net.secret import Secret
from authzviz.tickets.errors import TicketRejected
from authzviz.tickets.port import Draft, Port
from authzviz.tickets.registry import KINDS
from authzviz.tickets.setup import Setup
from tests.tickets.shelf import MemoryShelf
from tests.tickets.stage import LOOPBACK
from tests.trackers.gitea import PERSON, PRODUCT

if TYPE_CHECKING:
    from tests.trackers.gitea import Gitea, Repository

pytestmark = pytest.mark.lab

DRAFT = Draft(
    "authzviz-0123456789ab",
    "prod-eu relies on the legacy binding",
    "`prod-eu` <b>bold</b> @robin\n\n`authzviz-0123456789ab`",
    labels=("team: core", "k8s"),
    assignee=PERSON,
    due=date(2031, 4, 1),
)


def port_to(repository: Repository, token: str = "") -> Port:
    """The adapter, with that token or the usual one."""
    gitea = repository.gitea
    values = {"url": gitea.url, "repository": repository.path, "ca": gitea.authority}
    given = {"token": Secret(token or gitea.token)}
    return KINDS["gitea"].connect(Setup(values, given, LOOPBACK, MemoryShelf()))


@pytest.fixture
def readable(gitea: Gitea) -> Repository:
    """A repository that the product may only read, and open issues in, as anybody who reads it."""
    return gitea.repository(f"readable-{secrets.token_hex(4)}", permission="read")


def test_labels_people_and_days_are_in_the_issue(repository: Repository) -> None:
    port_to(repository).create(DRAFT, "1")
    port_to(repository).create(replace(DRAFT, marker="authzviz-ba9876543210"), "2")

    first, second = repository.issues()
    names = [label["name"] for label in first["labels"]]
    assert sorted(names) == ["authzviz", "authzviz-0123456789ab", "k8s", "team: core"]
    assert [who["login"] for who in first["assignees"]] == [PERSON]
    assert first["due_date"].startswith("2031-04-01")
    assert first["user"]["login"] == PRODUCT
    # A label is made once, and then used.
    ids = {label["name"]: label["id"] for label in first["labels"]}
    assert {label["id"] for label in second["labels"]} >= {ids["authzviz"], ids["k8s"]}


def test_an_assignee_that_gitea_does_not_know_is_the_tickets_matter(
    repository: Repository,
) -> None:
    with pytest.raises(TicketRejected, match="nobody-at-all") as caught:
        port_to(repository).create(replace(DRAFT, assignee="nobody-at-all"), "1")

    assert not caught.value.is_of_tracker
    assert repository.issues() == []


@pytest.mark.parametrize("scopes", [("read:issue",), ("write:repository",)], ids=" ".join)
def test_a_token_of_too_small_a_scope_is_the_trackers_matter(
    repository: Repository, scopes: tuple[str, ...]
) -> None:
    token = repository.gitea.make_token(*scopes)

    with pytest.raises(TicketRejected) as caught:
        port_to(repository, token).create(DRAFT, "1")

    assert caught.value.is_of_tracker
    assert token not in str(caught.value)
    assert repository.issues() == []


def test_who_may_only_read_opens_without_labels_and_finds_by_the_text(
    readable: Repository,
) -> None:
    port = port_to(readable)
    assert "labels" in port.check()
    made = port.create(replace(DRAFT, assignee="", due=None), "1")

    assert [found.id for found in port.find(DRAFT.marker)] == [made.id]
    assert port.find("authzviz-0123456789a") == ()
    assert readable.issue(int(made.id))["labels"] == []
    assert not port.close(made.id, "2").is_open


def test_an_archived_repository_takes_nothing_and_says_so(repository: Repository) -> None:
    made = port_to(repository).create(DRAFT, "1")
    repository.archive()
    port = port_to(repository)

    for act in (port.check, lambda: port.create(DRAFT, "2")):
        with pytest.raises(TicketRejected, match="archived") as caught:
            act()
        assert caught.value.is_of_tracker
    assert [found.id for found in port.find(DRAFT.marker)] == [made.id]
