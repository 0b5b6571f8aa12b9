"""The overview of a cluster: verdict, cause, next step, path; old facts look old."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from html import escape

import pytest
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from authzviz.engine.assessment import Assessment, Verdict
from authzviz.engine.finding_keys import keyed
from authzviz.engine.model import Node, Ready
from dashboard.models import Cluster, CurrentState
from dashboard.visible import visible
from dashboard.words import VERDICTS
from tests.dashboard.assessments import ASSESSMENTS, HOSTILE, MIXED, REFUSED, TARGET, hostile
from tests.dashboard.conftest import add_cluster
from tests.dashboard.showing import RECORDED, Page, opened, opened_all, page, show
from tests.dashboard.snapshots import snapshot
from tests.engine.build import ok

HOUR = timedelta(hours=1)


def shown(client: Client, cluster: Cluster) -> Page:
    return opened(client, "cluster", cluster)


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


@pytest.mark.parametrize("assessment", ASSESSMENTS.values(), ids=map(str, ASSESSMENTS))
def test_links_to_the_other_tabs_lead_somewhere(as_editor: Client, assessment: Assessment) -> None:
    cluster = show(assessment)
    found = shown(as_editor, cluster)

    base = cluster.get_absolute_url()
    links = {link["href"] for link in found.all("a") if link["href"].startswith(base)}
    pages = {url: as_editor.get(url) for url in {link.partition("#")[0] for link in links}}
    for link in links - {f"{base}bundle.json.gz"}:
        url, _, anchor = link.partition("#")
        # A binding that only the assessment names is not in the snapshot that was read.
        assert pages[url].status_code == 200 or "/objects/" in url, link
        if anchor:
            assert anchor in page(pages[url]).ids, link


def test_three_paths_are_drawn_and_the_others_are_links(as_viewer: Client) -> None:
    cluster = show(MIXED)
    found = shown(as_viewer, cluster)
    fourth = opened(as_viewer, "cluster", cluster, "?path=4")

    def drawn(found: Page) -> list[str]:
        return [one["id"] for one in found.all("section") if one.get("id", "").startswith("path-")]

    assert drawn(found) == ["path-1", "path-2", "path-3"]
    assert "?path=4#paths" in [link["href"] for link in found.all("a")]
    assert drawn(fourth) == ["path-4"]
    assert len([one for one in found.all("svg") if "wide" in one.get("class", "")]) == 3


@pytest.mark.parametrize("asked", ["?path=", "?path=99", "?path=x", "?path=-1"])
def test_a_path_that_is_none_shows_the_first(as_viewer: Client, asked: str) -> None:
    assert "path-1" in opened(as_viewer, "cluster", show(MIXED), asked).ids


@pytest.mark.parametrize("assessment", ASSESSMENTS.values(), ids=map(str, ASSESSMENTS))
def test_every_finding_stands_under_its_key(as_viewer: Client, assessment: Assessment) -> None:
    found = shown(as_viewer, show(assessment))

    rows = [row["id"] for row in found.all("tr") if row.get("id", "").startswith("finding-")]
    assert rows == [f"finding-{key}" for key in keyed(assessment)]


def test_many_findings_are_counted(as_viewer: Client) -> None:
    finding = ASSESSMENTS[Verdict.REFUSED].findings[0]
    many = tuple(replace(finding, title=f"{finding.title} {n}") for n in range(200))

    found = shown(as_viewer, show(replace(REFUSED, findings=many)))

    assert "160 more, none worse than these" in found.text
    assert len(found.html) < 200_000


@pytest.mark.parametrize("name", HOSTILE)
def test_names_from_the_cluster_are_text(as_editor: Client, name: str) -> None:
    nodes = (Node(name, Ready.FALSE, name, reason=name, message=name),)

    found = opened_all(as_editor, show(hostile(name), read=snapshot(nodes=ok(nodes))))

    assert found.faults() == []
    assert len(found.all("img")) == 4  # the brand's own on each tab
    text = " ".join(visible(name).split())
    assert text in found.text
    if name != visible(name):
        assert name not in found.html
    if escape(name) != name:
        assert name not in found.html


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

    assert "a recording of" in found.text
    assert "not live" in found.text
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


def token(client: Client, cluster: Cluster, *, is_part: bool) -> str:
    asks = {"HX-Request": "true"} if is_part else {}
    found = page(client.get(cluster.get_absolute_url(), headers=asks))
    return next(one["data-token"] for one in found.all("ul") if one.get("id") == "status")


CHANGED: dict[str, tuple[type[Model], dict[str, object]]] = {
    "an error": (Cluster, {"last_error": "refused"}),
    "its group": (Cluster, {"group": "Asia"}),
    "its labels": (Cluster, {"labels": {"a": "b"}}),
    "a pause": (Cluster, {"is_paused": True}),
    "another finding of as many": (CurrentState, {"findings": {"other": "high"}}),
}


@pytest.mark.parametrize(("of", "fields"), CHANGED.values(), ids=CHANGED)
def test_the_line_on_polling_tells_when_an_open_page_would_differ(
    as_viewer: Client, of: type[Model], fields: dict[str, object]
) -> None:
    cluster = show(TARGET)
    first = token(as_viewer, cluster, is_part=False)
    same = token(as_viewer, cluster, is_part=True)

    of._default_manager.update(**fields)

    assert first == same != token(as_viewer, cluster, is_part=True)


def test_a_running_poll_is_shown(as_viewer: Client) -> None:
    cluster = show(TARGET, lease_until=timezone.now() + HOUR)

    found = shown(as_viewer, cluster)

    assert "reading now" in found.text
    status = next(one for one in found.all("ul") if one.get("id") == "status")
    assert status["hx-trigger"] == "every 2s"
