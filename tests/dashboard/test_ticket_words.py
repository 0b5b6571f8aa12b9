"""What tickets say of stored clusters, by the tracker's templates or as people wrote it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from authzviz.engine.assessment import Finding, Severity, Verdict
from authzviz.engine.finding_keys import keyed
from authzviz.tickets.port import Draft
from dashboard.models import Cluster, Ticket, User, VerdictChange, Wording
from dashboard.services import judging, plan_acts, risks, samples, ticket_words, trackers
from dashboard.services.tickets import marker_of
from tests.dashboard.assessments import ASSESSMENTS
from tests.dashboard.conftest import add_cluster
from tests.dashboard.showing import RECORDED, show
from tests.dashboard.snapshots import snapshot

pytestmark = pytest.mark.django_db
PAGE = "https://authzviz.example/clusters/alpha/"


def opened(cluster: Cluster, **fields: Any) -> Ticket:
    return Ticket.objects.create(
        **{
            "cluster": cluster,
            "cluster_name": cluster.name,
            "tracker": trackers.builtin(),
            "marker": marker_of(cluster),
            "page_url": PAGE,
            "opened_at": timezone.now() - timedelta(hours=1),
            "opened_by_name": "ann",
            **fields,
        }
    )


def draft(ticket: Ticket) -> Draft:
    return ticket_words.draft_of(ticket, ticket_words.texts_of(ticket))


def comment(ticket: Ticket) -> str:
    return ticket_words.texts_of(ticket).progress


def test_a_ticket_says_what_is_known_and_links_back() -> None:
    cluster = show(ASSESSMENTS[Verdict.LEGACY_BINDING])
    sent = draft(opened(cluster, labels=["ops"], assignee="bob"))

    assert sent.title == "alpha: kubelets live on a legacy binding (move to the Node authorizer)"
    assert ASSESSMENTS[Verdict.LEGACY_BINDING].findings[0].title in sent.body
    for page in ("", "plan/", "plan/download/markdown/"):
        assert f"(<{PAGE}{page}>)" in sent.body
    assert "Opened by ann through authzviz." in sent.body
    assert sent.body.splitlines()[-1] == f"`{sent.marker}`"
    assert (sent.labels, sent.assignee, sent.page) == (("ops",), "bob", PAGE)


def test_the_preview_is_what_the_ticket_will_say() -> None:
    cluster = show(ASSESSMENTS[Verdict.REFUSED])
    sent = draft(opened(cluster))

    shown = ticket_words.preview(cluster, trackers.builtin(), page_url=PAGE, opened_by="ann")

    assert shown == (sent.title, sent.body)


def test_without_an_address_nothing_is_linked() -> None:
    cluster = show(ASSESSMENTS[Verdict.REFUSED])

    assert "](" not in ticket_words.preview(cluster, trackers.builtin())[1]


WORDINGS = {
    "the tracker's": ({}, "T alpha", "t refused"),
    "the click's": ({"wording": ("W $cluster", "w $verdict")}, "W alpha", "w refused"),
    "the click's title": ({"wording": ("W $cluster", "")}, "W alpha", "t refused"),
    "a person's": ({"title": "P $cluster", "body": "p"}, "P $cluster", "p"),
    "a person's title": ({"title": "P"}, "P", "t refused"),
}


@pytest.mark.parametrize(("fields", "title", "body"), WORDINGS.values(), ids=WORDINGS)
def test_who_wrote_last_counts(fields: dict[str, Any], title: str, body: str) -> None:
    tracker = trackers.builtin()
    tracker.title_template, tracker.body_template = "T $cluster", "t $verdict"
    if "wording" in fields:
        of_title, of_body = fields["wording"]
        made = Wording.objects.create(title=of_title, body=of_body, created_at=timezone.now())
        fields = {"wording": made}
    ticket = opened(show(ASSESSMENTS[Verdict.REFUSED]), tracker=tracker, **fields)

    texts = ticket_words.texts_of(ticket)

    assert texts.title == title
    assert texts.body == f"{body}\n\n`{ticket.marker}`"


def test_an_edited_body_that_kept_its_marker_stays_as_it_is() -> None:
    cluster = show(ASSESSMENTS[Verdict.REFUSED])
    body = f"mine\n\n`{marker_of(cluster)}`"

    assert draft(opened(cluster, body=body)).body == body


def test_an_accepted_finding_is_not_to_act_on(editor: User) -> None:
    said = ASSESSMENTS[Verdict.LEGACY_BINDING]
    cluster = show(said)
    key, finding = next(iter(keyed(said).items()))
    until = risks.today() + timedelta(days=30)
    risks.accept(cluster, key, reason="known", until=until, actor=editor)

    texts = ticket_words.texts_of(opened(cluster))

    assert finding.title not in texts.body
    assert "accepted as a risk" in texts.body


def test_the_comment_tells_of_the_running_plan(editor: User) -> None:
    cluster = show(ASSESSMENTS[Verdict.LEGACY_BINDING])
    ticket = opened(cluster)
    assert "Nobody started the plan yet." in comment(ticket)

    plan_acts.start(cluster, actor=editor)

    assert "steps done; phase: " in comment(ticket)


def test_the_findings_of_its_opening_are_kept() -> None:
    before, after = (
        replace(ASSESSMENTS[Verdict.REFUSED], findings=(Finding(id_, Severity.HIGH, title, "x"),))
        for id_, title in (("legacy-binding", "what was\0"), ("refused", "what is"))
    )
    cluster = show(before)
    ticket = opened(cluster)
    assert "New since" not in comment(ticket)
    assert Ticket.objects.get().opened_findings

    judging.store(cluster, snapshot(), after)
    text = comment(Ticket.objects.get())

    assert "New since this ticket was opened:**\n\n- what is\n" in text
    assert (
        "Not found any more, or accepted as a risk:**\n\n- what was\N{REPLACEMENT CHARACTER}"
        in text
    )


FALLS = {
    "since it was opened": (timedelta(minutes=30), True),
    "long before": (timedelta(days=3), False),
}


@pytest.mark.parametrize(("age", "says_so"), FALLS.values(), ids=FALLS)
def test_a_fall_back_is_one_since_the_ticket_was_opened(age: timedelta, says_so: bool) -> None:
    cluster = show(ASSESSMENTS[Verdict.REFUSED])
    VerdictChange.objects.create(
        cluster=cluster,
        at=timezone.now() - age,
        verdict=Verdict.NODE_AUTHORIZER.value,
        summary="",
        engine_version=1,
    )

    assert ("fell back" in comment(opened(cluster))) is says_so


STATES: dict[str, tuple[dict[str, Any], str]] = {
    "old": ({"last_error": "timed out"}, "too long ago to tell how it is now"),
    "recorded": (RECORDED, "A recording of "),
}


@pytest.mark.parametrize(("fields", "said"), STATES.values(), ids=STATES)
def test_what_is_not_live_says_so(fields: dict[str, Any], said: str) -> None:
    texts = ticket_words.texts_of(opened(show(ASSESSMENTS[Verdict.NODE_AUTHORIZER], **fields)))

    assert said in texts.body
    assert said in texts.progress
    assert "closes the ticket" not in texts.progress or fields is RECORDED


def test_a_cluster_that_was_never_read_has_no_verdict() -> None:
    title, body = ticket_words.preview(add_cluster(), trackers.builtin(), page_url=PAGE)

    assert title.startswith("alpha: not read yet")
    assert "Nothing was read of this cluster yet." in body


def test_of_a_cluster_that_is_gone_there_is_nothing_to_say() -> None:
    cluster = show(ASSESSMENTS[Verdict.REFUSED])
    ticket = opened(cluster)
    cluster.delete()
    ticket.refresh_from_db()

    with pytest.raises(ticket_words.NothingToSay):
        ticket_words.texts_of(ticket)
    with pytest.raises(ticket_words.NothingToSay):
        ticket_words.facts_of(0)


def test_the_sample_fleet_can_be_said() -> None:
    samples.load()

    for cluster in Cluster.objects.all():
        title, body = ticket_words.preview(cluster, trackers.builtin(), page_url=PAGE)
        assert title.startswith(f"{cluster.name}: ")
        assert "A recording of " in body
        assert "this stays as it is" in body


def test_queries_do_not_grow(django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    ticket = opened(show(ASSESSMENTS[Verdict.MIXED]))
    ticket_words.texts_of(ticket)

    with django_assert_max_num_queries(9):
        ticket_words.texts_of(Ticket.objects.select_related("tracker", "wording").get())
