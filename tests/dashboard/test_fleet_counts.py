"""Whatever clusters there are: counts are what a click finds, and no page loses or doubles one."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from dashboard.models import Cluster, CurrentState, TicketState, User
from dashboard.services import fleet, fleet_query
from dashboard.services.fleet_query import Wanted
from tests.dashboard.assessments import REFUSED, TARGET, UNKNOWN
from tests.dashboard.conftest import add_cluster
from tests.dashboard.showing import show
from tests.dashboard.ticketed import forge, ticket_of

pytestmark = pytest.mark.django_db
CLUSTERS, ASKED = 25, 40


def choice(of: random.Random, facet: str) -> str:
    return of.choice(
        {
            "verdict": fleet_query.WORST_FIRST,
            "group": ("", "Europe", "Asia"),
            "label": ("team", "team=team", "env=prod", "env=test", "env"),
            "distribution": ("eks", "kubeadm"),
            "version": ("1.9", "1.28"),
            "state": fleet_query.STATES,
            "severity": fleet_query.SEVERITIES,
            "ticket": fleet_query.TICKETS,
        }[facet]
    )


@pytest.fixture
def chance() -> random.Random:
    """A fleet of any clusters, and what made it."""
    of = random.Random(6)  # noqa: S311  # the same each time
    now = timezone.now()
    for number in range(CLUSTERS):
        labels = dict(choice(of, "label").partition("=")[::2] for _ in range(of.randint(0, 2)))
        fields: dict[str, Any] = {
            "group": choice(of, "group"),
            "labels": labels,
            "is_paused": of.random() < 0.3,
            "last_error": of.choice(("", "", "403")),
            "credentials_expire_at": of.choice((None, now + timedelta(days=3))),
        }
        if of.random() < 0.2:
            add_cluster(f"c{number}")
            Cluster.objects.filter(name=f"c{number}").update(**fields)
            continue
        age = of.choice((timedelta(0), timedelta(days=2)))
        show(of.choice((TARGET, REFUSED, UNKNOWN)), f"c{number}", age=age, **fields)
        CurrentState.objects.filter(cluster__name=f"c{number}").update(
            findings={str(n): choice(of, "severity") for n in range(of.randint(0, 3))},
            version=of.choice(("", "v1.9.3", "v1.28.15-eks-1")),
            distribution=choice(of, "distribution"),
        )
    for cluster in Cluster.objects.order_by("name"):
        for tracker in of.choice(((), ("Forge",), ("Forge", "Desk"))):
            ticket_of(cluster, of.choice([*TicketState]), forge(tracker))
    return of


def any_of(of: random.Random, most: int) -> Wanted:
    facets = of.choices(fleet_query.FACETS, k=of.randint(0, most))
    want = Wanted(sort=of.choice(("", "-")) + of.choice(fleet_query.SORTS))
    for facet in facets:
        pair = facet, choice(of, facet)
        want = want if want.has(*pair) else want.toggled(*pair)
    return want.but(by=of.choice(("", *fleet_query.BYS, "label:team", "label:env")))


def test_a_count_is_what_a_click_finds(chance: random.Random, viewer: User) -> None:
    for _ in range(ASKED):
        want = any_of(chance, 3)
        for facet, counted in fleet.find(viewer, want).counts.items():
            name = facet.removeprefix(fleet_query.BY_LABEL)
            is_label = facet.startswith(fleet_query.BY_LABEL)
            for value, number in counted.items():
                plain = f"{name}={value}" if value else name
                pair = ("label", plain) if is_label else (facet, value)
                others = tuple(
                    one
                    for one in want.chosen
                    if (one[0] != facet if not is_label else not _is_of(one, name))
                )
                found = fleet.find(viewer, want.but(chosen=(*others, pair)))
                assert found.number == number, (want, pair)


def _is_of(pair: tuple[str, str], label: str) -> bool:
    return pair[0] == "label" and pair[1].partition("=")[0] == label


def test_pages_hold_each_cluster_once_in_one_order(
    chance: random.Random, viewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "ROWS_PER_PAGE", 4)
    for _ in range(ASKED):
        want = any_of(chance, 1)
        expected = [lean.name for lean in fleet.found_by(viewer, want)]
        first = fleet.find(viewer, want)
        every = [fleet.find(viewer, want.but(page=n + 1)) for n in range(first.pages)]

        parts = [part for found in every for part in found.parts]
        assert [row.cluster.name for part in parts for row in part.rows] == expected
        assert len(set(expected)) == len(expected) == first.number
        headings = [part.heading for part in parts if part.heading and not part.is_continued]
        assert not want.by or sum(heading.number for heading in headings) == first.number


def test_a_heading_finds_what_stands_under_it(viewer: User) -> None:
    show(TARGET, "one", labels={"team": ""})
    show(TARGET, "two", labels={"team": "team"})

    (first, second) = fleet.find(viewer, Wanted(by="label:team")).parts

    assert [part.heading.value for part in (first, second) if part.heading] == ["team", "team=team"]
    chosen = Wanted(chosen=(("label", "team=team"),))
    assert fleet.find(viewer, chosen).number == len(second.rows) == 1
