"""Clusters that come as a bundle: shown with their age, never as live, replaced by newer ones."""

from __future__ import annotations

import gzip
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from authzviz.engine.model import ENGINE_VERSION, Pod
from authzviz.kube import bundle
from dashboard.models import AuditEvent, Cluster, CurrentState, Source
from dashboard.services import bundles, clusters, facts, judging, pages, polling
from tests.dashboard.showing import page
from tests.dashboard.snapshots import CANARY, KUBECONFIG, READ_AT, legacy_bindings, snapshot
from tests.engine.build import ok

if TYPE_CHECKING:
    from django.http import HttpResponse
    from django.test import Client

    from authzviz.engine.model import Snapshot
    from dashboard.models import User

pytestmark = pytest.mark.django_db

NOW = READ_AT + timedelta(days=3)
WITH_PODS: dict[str, Any] = {"pods": ok((Pod("default", "web", "node1", secrets=("tls",)),))}


def file(read: Snapshot | None = None, **changes: Any) -> SimpleUploadedFile:
    raw = bundle.to_bytes(read or snapshot(**changes))
    return SimpleUploadedFile("alpha.json.gz", gzip.compress(raw))


def upload(client: Client, content: SimpleUploadedFile, name: str = "") -> HttpResponse:
    with time_machine.travel(NOW, tick=False):
        return client.post(reverse("add_bundle"), {"bundle": content, "name": name})  # type: ignore[return-value]


def renew(client: Client, content: SimpleUploadedFile, **data: str) -> HttpResponse:
    url = reverse("cluster_bundle", args=(Cluster.objects.get().slug,))
    with time_machine.travel(NOW, tick=False):
        return client.post(url, {"bundle": content, **data})  # type: ignore[return-value]


def actions() -> list[str]:
    return list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))


def test_a_bundle_becomes_a_cluster_that_is_never_live(as_editor: Client) -> None:
    answer = upload(as_editor, file(), "far away")

    cluster = Cluster.objects.get()
    assert answer["Location"] == cluster.get_absolute_url()
    assert (cluster.name, cluster.source, cluster.credentials) == ("far away", "bundle", None)
    assert polling.claim(cluster.pk) is None
    assert not cluster.is_stale(NOW)
    assert pages.poller_silent_since() is None
    assert actions() == ["bundle added"]
    assert AuditEvent.objects.get().detail["file"] == "alpha.json.gz"


def test_without_a_name_it_has_the_bundles_own(as_editor: Client) -> None:
    upload(as_editor, file())
    upload(as_editor, file())

    assert list(Cluster.objects.values_list("name", flat=True)) == ["alpha", "alpha (2)"]


def test_every_page_says_how_old_it_is(as_editor: Client) -> None:
    upload(as_editor, file())
    cluster = Cluster.objects.get()

    with time_machine.travel(NOW, tick=False):
        shown = page(as_editor.get(cluster.get_absolute_url()))
        fleet = page(as_editor.get("/"))
        settings = page(as_editor.get(reverse("cluster_settings", args=(cluster.slug,))))

    assert "read 3 days ago , from a bundle" in shown.text.replace("ago,", "ago ,")
    assert "Not live" in shown.text
    assert "Read now" not in shown.text
    assert not [one for one in shown.all("ul") if one.get("id") == "status" and "hx-get" in one]
    assert "from a bundle, not live" in fleet.text
    assert "sample fleet" not in fleet.text
    assert not [one for one in fleet.all("tr") if one.get("class") == "is-stale"]
    assert "was read 3 days ago" in settings.text
    assert not {"interval_seconds", "apiserver_urls"} & {
        a.get("name") for a in settings.all("input")
    }


def test_what_a_bundle_holds_stays_as_it_is(as_editor: Client) -> None:
    read = snapshot(**WITH_PODS)
    upload(as_editor, file(read))

    kept = facts.current_snapshot(CurrentState.objects.get())

    assert kept == replace(read, is_live=False)


def test_it_is_judged_anew_by_a_newer_engine(as_editor: Client) -> None:
    upload(as_editor, file())
    CurrentState.objects.update(engine_version=ENGINE_VERSION - 1, verdict="unknown")

    assert judging.judge_outdated() == 1
    assert CurrentState.objects.get().verdict == "node-authorizer"


def test_a_newer_bundle_takes_its_place_and_the_history_stays(as_editor: Client) -> None:
    upload(as_editor, file())
    newer = READ_AT + timedelta(days=1)

    answer = renew(as_editor, file(read_at=newer, cluster_role_bindings=legacy_bindings()))

    cluster = Cluster.objects.get()
    assert answer.status_code == 302
    assert cluster.last_success_at == newer
    assert CurrentState.objects.get().verdict == "over-granted"
    changes = list(cluster.verdict_changes.values_list("verdict", flat=True))
    assert changes == ["over-granted", "node-authorizer"]
    assert actions() == ["bundle added", "bundle replaced"]


def test_a_newer_bundle_that_differs_in_its_pods_alone_is_kept(as_editor: Client) -> None:
    upload(as_editor, file())

    renew(as_editor, file(read_at=READ_AT + timedelta(hours=1), **WITH_PODS))

    assert facts.current_snapshot(CurrentState.objects.get()).pods == WITH_PODS["pods"]


DOUBTFUL = {
    "older": ({"read_at": READ_AT - timedelta(days=1)}, "and the one that is shown later"),
    "another server": ({"server": "https://10.9.9.9:6443"}, "of the server https://10.9.9.9:6443"),
}


@pytest.mark.parametrize(("change", "says"), DOUBTFUL.values(), ids=DOUBTFUL)
def test_what_is_doubtful_is_asked_first(
    as_editor: Client, change: dict[str, Any], says: str
) -> None:
    upload(as_editor, file())

    asked = renew(as_editor, file(**change))
    before = (Cluster.objects.get().server, Cluster.objects.get().last_success_at)
    meant = renew(as_editor, file(**change), is_meant="on")

    assert asked.status_code == 422
    assert says in page(asked).text
    assert before == ("https://10.0.0.1:6443", READ_AT)
    assert meant.status_code == 302
    after = (Cluster.objects.get().server, Cluster.objects.get().last_success_at)
    assert after != before


REFUSED = {
    "no bundle": (b"hello", "is not a bundle"),
    "empty": (b"", "empty"),
    "a kubeconfig": (b"apiVersion: v1\nkind: Config\n", "is not a bundle"),
    "cut off": (gzip.compress(bundle.to_bytes(snapshot()))[:-9], "is cut off"),
    "too large": (b"x" * (bundles.MAX_BYTES + 1), "more than 8 MiB"),
    "bomb": (gzip.compress(b" " * (bundles.MAX_UNPACKED_BYTES + 1)), "unpacks to more than 64 MiB"),
    "of the future": (
        bundle.to_bytes(snapshot(read_at=NOW + timedelta(days=2))),
        "which can't be",
    ),
    "older than Kubernetes": (
        bundle.to_bytes(snapshot(read_at=READ_AT.replace(year=1))),
        "which can't be",
    ),
}


@pytest.mark.parametrize(("content", "says"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_bundle_adds_nothing(as_editor: Client, content: bytes, says: str) -> None:
    answer = upload(as_editor, SimpleUploadedFile("b.json", content))

    assert (answer.status_code, says in page(answer).text) == (422, True)
    assert not Cluster.objects.exists()


def test_a_kubeconfig_given_by_mistake_is_neither_shown_nor_kept(as_editor: Client) -> None:
    as_json = msgspec.json.encode({"format": "authzviz-bundle/1", "snapshot": {"name": CANARY}})
    for content in (KUBECONFIG.encode(), as_json):
        answer = upload(as_editor, SimpleUploadedFile("config", content))

        assert answer.status_code == 422
        assert CANARY not in answer.content.decode()
    assert not AuditEvent.objects.exists()


def test_one_bundle_is_read_at_a_time(as_editor: Client) -> None:
    with time_machine.travel(NOW), bundles.reading(bundle.to_bytes(snapshot())):
        answer = upload(as_editor, file())

    assert "Another bundle is being read" in page(answer).text


def test_a_bundle_has_names_and_a_version_of_any_length(as_editor: Client) -> None:
    long = "x" * 5000
    upload(as_editor, file(name=long, server=f"https://{long}", version=ok(f"v1.30.1-{long}")))

    cluster = Cluster.objects.get()
    assert (len(cluster.name), len(cluster.server), len(cluster.current.version)) == (100, 500, 64)
    assert as_editor.get(cluster.get_absolute_url()).status_code == 200


def test_a_bundle_is_neither_polled_paused_nor_given_credentials(
    as_editor: Client, editor: User
) -> None:
    upload(as_editor, file())
    cluster = Cluster.objects.get()

    as_editor.post(reverse("cluster_pause", args=(cluster.slug,)), {"is_paused": "true"})

    assert not Cluster.objects.get().is_paused
    with pytest.raises(clusters.ClusterError, match="read once"):
        clusters.poll_now(cluster, actor=editor)


def test_only_a_bundle_gets_a_newer_one(as_editor: Client, cluster: Cluster, editor: User) -> None:
    url = reverse("cluster_bundle", args=(cluster.slug,))

    assert as_editor.post(url, {"bundle": file()}).status_code == 404
    with pytest.raises(bundles.BundleRefused):
        bundles.replace(cluster, snapshot(), is_meant=True, actor=editor)


def test_removing_the_samples_keeps_bundles(as_editor: Client) -> None:
    bundles.add(snapshot(name="sample"), source=Source.RECORDING, actor=None)
    upload(as_editor, file())

    as_editor.post(reverse("remove_samples"))

    assert list(Cluster.objects.values_list("name", flat=True)) == ["alpha"]


def test_the_age_is_told_at_any_time(as_editor: Client) -> None:
    upload(as_editor, file())

    answer = as_editor.get(Cluster.objects.get().get_absolute_url())

    assert "from a bundle" in page(answer).text
    assert timezone.now() > READ_AT or "0 seconds ago" in page(answer).text
