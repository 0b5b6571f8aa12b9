"""The cluster page: verdict, cause, next step, path, evidence; old facts look old."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from html import escape

import pytest
from django.test import Client
from django.utils import timezone

from authzviz.engine.assessment import Assessment, Verdict
from authzviz.engine.model import Lease, Node, Ready
from dashboard.models import Cluster
from dashboard.visible import visible
from dashboard.words import VERDICTS
from tests.dashboard.assessments import ASSESSMENTS, HOSTILE, MIXED, REFUSED, TARGET, hostile
from tests.dashboard.conftest import add_cluster
from tests.dashboard.showing import RECORDED, Page, page, show
from tests.dashboard.snapshots import READ_AT, forbidden, snapshot
from tests.engine.build import ok

HOUR = timedelta(hours=1)


def shown(client: Client, cluster: Cluster, **headers: str) -> Page:
    response = client.get(cluster.get_absolute_url(), headers=headers)
    assert response.status_code == 200
    return page(response)


@pytest.mark.parametrize("assessment", ASSESSMENTS.values(), ids=map(str, ASSESSMENTS))
def test_every_verdict_has_its_page(as_editor: Client, assessment: Assessment) -> None:
    found = shown(as_editor, show(assessment))

    assert VERDICTS[assessment.verdict].label in found.text
    assert assessment.summary in found.text
    assert assessment.cause in found.text
    for step in assessment.next_steps:
        assert step.title in found.text
        assert step.caution in found.text
        assert all(command in found.text for command in step.commands)
    for path in assessment.paths:
        assert all(answer.title in found.text for answer in path.answers)
    for missing in assessment.missing:
        assert missing.permission in found.text
        assert missing.would_tell in found.text


@pytest.mark.parametrize("assessment", ASSESSMENTS.values(), ids=map(str, ASSESSMENTS))
def test_links_within_the_page_lead_somewhere(as_editor: Client, assessment: Assessment) -> None:
    found = shown(as_editor, show(assessment))

    targets = {link["href"][1:] for link in found.all("a") if link["href"].startswith("#")}
    assert targets
    assert targets <= set(found.ids)
    assert max(found.ids.values()) == 1


@pytest.mark.parametrize("name", HOSTILE)
def test_names_from_the_cluster_are_text(as_editor: Client, name: str) -> None:
    nodes = (Node(name, Ready.FALSE, name, reason=name, message=name),)

    found = shown(as_editor, show(hostile(name), read=snapshot(nodes=ok(nodes))))

    assert found.faults() == []
    assert not found.all("img")[1:]  # the brand's own
    text = " ".join(visible(name).split())
    assert text in found.text
    if name != visible(name):
        assert name not in found.html
    if escape(name) != name:
        assert name not in found.html


def test_paths_beyond_the_third_are_folded(as_viewer: Client) -> None:
    found = shown(as_viewer, show(MIXED))

    folded = [one for one in found.all("details") if one.get("id", "").startswith("path-")]
    assert [one["id"] for one in folded] == ["path-4"]
    assert len([one for one in found.all("svg") if one.get("class") == "path-picture"]) == 4


def test_fresh_facts_are_not_called_old(as_viewer: Client) -> None:
    found = shown(as_viewer, show(REFUSED))

    assert "12 s ago" in found.text
    assert "As of" not in found.text
    assert not [one for one in found.all("span") if "tone-stale" in one.get("class", "")]


def test_old_facts_look_old(as_viewer: Client) -> None:
    found = shown(as_viewer, show(REFUSED, age=timedelta(minutes=14, seconds=5)))

    assert "14 min ago" in found.text
    assert "Old:" in found.text
    chips = [one["class"] for one in found.all("span") if "chip" in one.get("class", "").split()]
    assert "chip tone-stale" in chips
    assert "chip tone-critical" not in chips


def test_trouble_says_since_when_and_from_when_the_facts_are(as_viewer: Client) -> None:
    at = timezone.now() - timedelta(minutes=5)
    cluster = show(TARGET, age=HOUR, last_error="connection timed out", last_error_at=at)

    found = shown(as_viewer, cluster)

    assert f"Can't read this cluster since {at:%Y-%m-%d %H:%M} UTC" in found.text
    assert "connection timed out" in found.text
    assert "What you see is from" in found.text


def test_a_cluster_that_was_never_read_has_no_verdict(as_viewer: Client) -> None:
    found = shown(as_viewer, add_cluster())

    assert "Not read yet" in found.text
    assert not any(word.label in found.text for word in VERDICTS.values())


def test_a_recording_is_never_shown_as_live(as_editor: Client) -> None:
    found = shown(as_editor, show(TARGET, age=30 * 24 * HOUR, **RECORDED))

    assert "A recording, not a live cluster" in found.text
    assert "Read now" not in found.text
    assert " ago" not in found.text


def test_credentials_that_expire_soon_are_announced(as_editor: Client) -> None:
    cluster = show(TARGET, credentials_expire_at=timezone.now() + timedelta(days=9))

    assert "The credentials expire" in shown(as_editor, cluster).text


def test_unchecked_certificates_are_never_forgotten(as_viewer: Client) -> None:
    cluster = show(TARGET, is_tls_verified=False)

    assert "certificate isn't checked" in shown(as_viewer, cluster).text


def test_who_may_only_look_sees_no_buttons(as_viewer: Client) -> None:
    found = shown(as_viewer, show(TARGET))

    assert "Read now" not in found.text
    assert "Settings" not in found.text


def test_nodes_that_were_not_read_are_not_none(as_viewer: Client) -> None:
    cluster = show(ASSESSMENTS[Verdict.UNKNOWN], read=snapshot(nodes=forbidden()))

    found = shown(as_viewer, cluster)

    assert "Nodes were not read: 403 Forbidden" in found.text
    assert "There are no nodes" not in found.text
    assert "Permission that would tell: list things" in found.text


def test_no_nodes_are_said_to_be_none(as_viewer: Client) -> None:
    found = shown(as_viewer, show(REFUSED, read=snapshot(nodes=ok(()))))

    assert "There are no nodes" in found.text


def test_unread_bindings_are_not_called_none(as_viewer: Client) -> None:
    unread = show(replace(TARGET, grants=()), read=snapshot(role_bindings=forbidden()))
    whole = show(replace(TARGET, grants=()), "beta")

    assert "not all of RBAC was read" in shown(as_viewer, unread).text
    assert "No binding grants anything" in shown(as_viewer, whole).text


def test_a_look_alike_subject_is_flagged(as_viewer: Client) -> None:
    found = shown(as_viewer, show(hostile("\u0455ystem:nodes")))

    assert "CYRILLIC SMALL LETTER DZE" in found.text


def test_nodes_in_need_come_first_with_the_age_of_their_lease(as_viewer: Client) -> None:
    nodes = (
        *(Node(f"node{n}", Ready.TRUE) for n in range(30)),
        Node("zulu", Ready.FALSE, reason="KubeletNotReady", message="no network"),
    )
    leases = (Lease("zulu", READ_AT - HOUR), Lease("node0", READ_AT - timedelta(seconds=8)))

    found = shown(as_viewer, show(TARGET, read=snapshot(nodes=ok(nodes), leases=ok(leases))))

    assert found.text.index("zulu") < found.text.index("node0 ")
    assert "60 min old, overdue" in found.text
    assert "8 s old" in found.text
    assert "KubeletNotReady: no network" in found.text
    assert "11 more" in found.text


def test_htmx_gets_only_the_line_on_polling(as_viewer: Client) -> None:
    cluster = show(TARGET)

    part = as_viewer.get(cluster.get_absolute_url(), headers={"HX-Request": "true"})
    back = as_viewer.get(
        cluster.get_absolute_url(),
        headers={"HX-Request": "true", "HX-History-Restore-Request": "true"},
    )

    assert page(part).ids == {"status": 1}
    assert "HX-Request" in part["Vary"]
    assert page(back).ids["verdict"] == 1


def test_an_open_page_is_loaded_anew_only_when_it_would_differ(as_viewer: Client) -> None:
    cluster = show(TARGET)
    whole = page(as_viewer.get(cluster.get_absolute_url()))
    link = next(one["hx-get"] for one in whole.all("ul") if "hx-get" in one)
    asks = {"HX-Request": "true"}

    same = as_viewer.get(link, headers=asks)
    Cluster.objects.filter(pk=cluster.pk).update(last_error="refused")
    other = as_viewer.get(link, headers=asks)

    assert "HX-Refresh" not in same
    assert other["HX-Refresh"] == "true"


def test_a_running_poll_is_shown(as_viewer: Client) -> None:
    cluster = show(TARGET, lease_until=timezone.now() + HOUR)

    found = shown(as_viewer, cluster)

    assert "reading now" in found.text
    status = next(one for one in found.all("ul") if one.get("id") == "status")
    assert status["hx-trigger"] == "every 2s"
