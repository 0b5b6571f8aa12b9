"""A cluster's life after it was added, and what is written down about it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from dashboard.models import AuditEvent, Cluster, CurrentState, Source, StoredSnapshot, User
from dashboard.services import bundles, clusters, dispatching, pages, polling, reading
from tests.dashboard.conftest import FakeSource, add_cluster
from tests.dashboard.snapshots import KUBECONFIG, one_context, snapshot

pytestmark = pytest.mark.django_db


def url(name: str, cluster: Cluster) -> str:
    return reverse(name, args=(cluster.slug,))


def actions() -> list[str]:
    return list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))[1:]


def test_settings_are_saved_and_written_down(as_editor: Client, cluster: Cluster) -> None:
    data = {"name": "Alpha one", "group": " Europe  west", "labels": "env=prod, core"}
    data["interval_seconds"] = "300"

    as_editor.post(url("cluster_settings", cluster), data)
    as_editor.post(url("cluster_settings", cluster), data)

    cluster.refresh_from_db()
    assert (cluster.name, cluster.slug) == ("Alpha one", "alpha")
    assert cluster.group == "Europe west"
    assert cluster.labels == {"env": "prod", "core": ""}
    assert cluster.interval_seconds == 300
    assert actions() == [
        "cluster renamed",
        "cluster grouped",
        "cluster labelled",
        "cluster interval set",
    ]


@pytest.mark.parametrize("name", ["cluster", "cluster_history", "cluster_settings"])
def test_pages_of_a_cluster_lead_to_its_group(
    as_editor: Client, cluster: Cluster, editor: User, name: str
) -> None:
    group = "a/b&c=<i>\u202e"
    clusters.set_group(cluster, group, actor=editor)

    html = as_editor.get(url(name, cluster)).content.decode()

    assert 'href="/?group=a%2Fb%26c%3D%3Ci%3E%E2%80%AE">a/b&amp;c=&lt;i&gt;⟨U+202E⟩</a>' in html


WRONG_SETTINGS = {
    "no name": {"name": ""},
    "taken name": {"name": "beta"},
    "label": {"labels": "a b=<script>"},
    "label without a name": {"labels": "=x"},
    "too many labels": {"labels": ",".join(f"l{n}=x" for n in range(21))},
    "interval": {"interval_seconds": "1"},
}


@pytest.mark.parametrize("change", WRONG_SETTINGS.values(), ids=WRONG_SETTINGS)
def test_wrong_settings_change_nothing(
    as_editor: Client, cluster: Cluster, change: dict[str, str]
) -> None:
    add_cluster("beta")
    data = {"name": "alpha", "labels": "", "interval_seconds": "60", **change}

    answer = as_editor.post(url("cluster_settings", cluster), data)

    assert answer.status_code == 422
    assert answer.context["form"].errors
    assert list(Cluster.objects.values_list("name", "labels", "interval_seconds")) == [
        ("alpha", {}, 60),
        ("beta", {}, 60),
    ]


def test_pausing_stops_polls_and_resuming_polls_at_once(
    as_editor: Client, cluster: Cluster
) -> None:
    as_editor.post(url("cluster_pause", cluster), {"is_paused": "true"})
    paused = polling.claim(cluster.pk)
    shown = as_editor.get(cluster.get_absolute_url()).content.decode()
    resumed = as_editor.post(url("cluster_pause", cluster), {"is_paused": "false"})

    assert paused is None
    assert "Resume reading" in shown
    assert "Read now" not in shown
    assert resumed["Location"] == cluster.get_absolute_url()
    assert polling.claim(cluster.pk) is not None
    assert actions() == ["cluster paused", "cluster resumed"]


def test_credentials_are_replaced_in_place_with_the_history_kept(
    as_editor: Client, cluster: Cluster
) -> None:
    polling.poll(cluster.pk)
    before = bytes(Cluster.objects.get().credentials or b"")

    as_editor.post(
        url("cluster_credentials", cluster),
        {"kubeconfig": one_context("https://10.0.0.9:6443", token="another")},
    )

    cluster.refresh_from_db()
    token = reading.open_credentials(cluster).token
    assert token is not None
    assert token.reveal() == "another"
    assert bytes(cluster.credentials or b"") != before
    assert cluster.server == "https://10.0.0.9:6443"
    assert StoredSnapshot.objects.count() == 1
    assert actions() == ["cluster credentials replaced"]


def test_credentials_that_do_not_work_change_nothing(
    as_editor: Client, cluster: Cluster, source: FakeSource
) -> None:
    source.error = reading.ReadError("401 Unauthorized")
    data = {"kubeconfig": one_context("https://10.0.0.9:6443")}

    refused = as_editor.post(url("cluster_credentials", cluster), data)
    unchanged = Cluster.objects.get().server
    as_editor.post(url("cluster_credentials", cluster), {**data, "even_if_unreachable": "on"})

    assert refused.status_code == 422
    assert "401 Unauthorized" in str(refused.context["form"].errors)
    assert unchanged == "https://10.0.0.1:6443"
    assert Cluster.objects.get().server == "https://10.0.0.9:6443"


def test_of_several_contexts_the_one_with_the_clusters_server_is_taken(
    as_editor: Client, cluster: Cluster
) -> None:
    several = KUBECONFIG.replace("cluster: alpha, user: reader", "cluster: alpha, user: next")
    several = several.replace("users:", "users:\n- name: next\n  user: {token: another}")

    as_editor.post(url("cluster_credentials", cluster), {"kubeconfig": several})

    cluster.refresh_from_db()
    token = reading.open_credentials(cluster).token
    assert token is not None
    assert token.reveal() == "another"
    assert cluster.server == "https://10.0.0.1:6443"


UNCLEAR = {
    "none has its server": (KUBECONFIG.replace("10.0.0.1", "10.0.0.7"), ": none"),
    "two have its server": (KUBECONFIG.replace("10.0.0.2", "10.0.0.1"), ": alpha, beta"),
}


@pytest.mark.parametrize(("text", "words"), UNCLEAR.values(), ids=UNCLEAR)
def test_several_contexts_that_do_not_tell_the_cluster_change_nothing(
    as_editor: Client, cluster: Cluster, text: str, words: str
) -> None:
    refused = as_editor.post(url("cluster_credentials", cluster), {"kubeconfig": text})

    assert refused.status_code == 422
    said = str(refused.context["form"].errors)
    assert f"https://10.0.0.1:6443{words}" in said
    assert actions() == []


def test_a_forbidden_address_is_never_taken_for_new_credentials(
    as_editor: Client, cluster: Cluster
) -> None:
    data = {"kubeconfig": one_context("https://169.254.169.254"), "even_if_unreachable": "on"}

    assert as_editor.post(url("cluster_credentials", cluster), data).status_code == 422
    assert Cluster.objects.get().server == "https://10.0.0.1:6443"


def test_removing_asks_first_and_then_leaves_only_the_audit(
    as_editor: Client, cluster: Cluster
) -> None:
    polling.poll(cluster.pk)

    asked = as_editor.get(url("cluster_remove", cluster))
    still_there = Cluster.objects.exists()
    as_editor.post(url("cluster_remove", cluster))

    assert (asked.status_code, still_there) == (200, True)
    assert not Cluster.objects.exists()
    assert not StoredSnapshot.objects.exists()
    assert not CurrentState.objects.exists()
    assert AuditEvent.objects.filter(action="cluster removed", about="alpha").exists()
    assert as_editor.get(url("cluster", cluster)).status_code == 404


def test_poll_now_makes_it_due_even_without_a_broker(as_editor: Client, cluster: Cluster) -> None:
    polling.poll(cluster.pk)
    assert polling.claim(cluster.pk) is None

    answer = as_editor.post(url("cluster_poll", cluster))

    assert answer["Location"] == url("cluster", cluster)
    assert pages.row_of(Cluster.objects.get()).poll_state == "queued"
    assert polling.claim(cluster.pk) is not None


def test_a_paused_cluster_is_not_polled_by_hand(as_editor: Client, cluster: Cluster) -> None:
    Cluster.objects.update(is_paused=True, next_poll_at=None)

    as_editor.post(url("cluster_poll", cluster))

    assert Cluster.objects.get().next_poll_at is None


def test_an_audit_row_is_never_changed(cluster: Cluster) -> None:
    event = AuditEvent.objects.get()
    event.action = "nothing happened"

    with pytest.raises(TypeError):
        event.save()
    with pytest.raises(TypeError):
        event.delete()


def test_a_recording_is_shown_as_one_and_never_polled(editor: User) -> None:
    recorded = bundles.add(snapshot(is_live=False), source=Source.RECORDING, actor=None)

    row = pages.row_of(Cluster.objects.get())
    assert (row.poll_state, row.is_stale) == ("recorded", False)
    assert polling.claim(recorded.pk) is None
    with pytest.raises(clusters.ClusterError):
        clusters.poll_now(recorded, actor=editor)


def test_removing_the_samples_keeps_what_is_real(as_editor: Client, cluster: Cluster) -> None:
    bundles.add(snapshot(name="sample"), source=Source.RECORDING, actor=None)

    as_editor.post(reverse("remove_samples"))

    assert list(Cluster.objects.values_list("name", flat=True)) == ["alpha"]


def test_the_fleet_takes_as_many_queries_for_one_as_for_many(
    as_viewer: Client, cluster: Cluster
) -> None:
    polling.poll(cluster.pk)
    as_viewer.get("/")
    with CaptureQueriesContext(connection) as one:
        as_viewer.get("/")
    for number in range(20):
        polling.poll(add_cluster(f"c{number}").pk)
    with CaptureQueriesContext(connection) as many:
        page = as_viewer.get("/")

    assert page.status_code == 200
    assert len(many) == len(one) <= 8


def test_a_silent_scheduler_is_told_when_someone_waits_for_it(
    cluster: Cluster, settings: Settings
) -> None:
    settings.STARTED_AT = timezone.now() - timedelta(days=1)
    fresh = pages.poller_silent_since()
    Cluster.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    never_ran = pages.poller_silent_since()
    dispatching.take_due()
    runs = pages.poller_silent_since()
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        stopped = pages.poller_silent_since()

    assert (fresh, runs) == (None, None)
    assert never_ran is not None
    assert stopped is not None


EXPIRY = {"soon": (13, True), "later": (15, False), "over": (-1, True)}


@pytest.mark.parametrize(("days", "is_warned"), EXPIRY.values(), ids=EXPIRY)
def test_expiry_is_warned_of_two_weeks_before(cluster: Cluster, days: int, is_warned: bool) -> None:
    now = timezone.now()
    cluster.credentials_expire_at = now + timedelta(days=days)

    assert cluster.expires_soon(now) is is_warned
