"""Pages of a large fleet: as many queries as those of a small one, and not too long.

A hundred clusters with a hundred changes and fifty nodes each; `make bench` takes a thousand.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from django.db import transaction
from pytest_django import DjangoDbBlocker

from dashboard.models import Role
from tests.dashboard.conftest import person, signed_in
from tests.fleet import fill
from tests.pages import PAGES, Answer, ask

pytestmark = pytest.mark.django_db

FEW, MANY = 10, 100
MOST_BYTES = 200_000


@dataclass(frozen=True, slots=True)
class Pages:
    """The answers for a small and a large fleet, by page."""

    few: dict[str, Answer]
    many: dict[str, Answer]


@pytest.fixture(scope="module")
def pages(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Pages:
    with django_db_blocker.unblock(), transaction.atomic():
        client = signed_in(person("reader", Role.EDITOR))
        fill(FEW)
        few = {page: ask(client, page) for page in PAGES}
        fill(MANY - FEW, first=FEW)
        many = {page: ask(client, page) for page in PAGES}
        transaction.set_rollback(True)
    return Pages(few, many)


@pytest.mark.parametrize("page", PAGES)
def test_a_hundred_clusters_take_as_many_queries_as_ten(pages: Pages, page: str) -> None:
    few, many = pages.few[page], pages.many[page]

    assert (few.status, many.status) == (200, 200)
    assert len(many.queries) == len(few.queries), "\n".join(many.queries)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_at_most_two_hundred_kilobytes(pages: Pages, page: str) -> None:
    assert pages.many[page].size <= MOST_BYTES
