"""From a pasted kubeconfig to a verdict on the page, over TLS from a recorded apiserver."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from dashboard.models import Cluster
from dashboard.services import clock, polling, reading
from tests.replay import HANG, TOKEN, Replay, replay

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def real_reads(monkeypatch: pytest.MonkeyPatch, settings: Settings, source: object) -> None:
    """Undo the fake source: here the network is loopback."""
    monkeypatch.setattr(reading, "read", reading.over_the_network)
    settings.AUTHZVIZ_LOCAL = True
    settings.POLL_DEADLINE_SECONDS = 5


def add(client: Client, server: Replay, **more: str) -> int:
    asked = client.post(reverse("cluster_add"), {"kubeconfig": server.kubeconfig})
    data = {"contexts": [server.name], "interval_seconds": "60", **more}
    return client.post(asked["Location"], data).status_code


STORY = {
    "outage": ("v1.19.16-seed-outage", "refused"),
    "legacy binding": ("v1.19.16-seed-fix1-legacy", "legacy-binding"),
    "target": ("v1.37.2-node-authorizer", "node-authorizer"),
}


@pytest.mark.parametrize(("recording", "verdict"), STORY.values(), ids=STORY)
def test_a_cluster_is_added_read_and_judged(
    as_editor: Client, recording: str, verdict: str
) -> None:
    with replay(recording) as server:
        added = add(as_editor, server)
        polling.poll(Cluster.objects.get().pk)

    cluster = Cluster.objects.get()
    page = as_editor.get(cluster.get_absolute_url())
    assert added == 302
    assert (cluster.current.verdict, cluster.last_error) == (verdict, "")
    assert page.status_code == 200
    assert TOKEN.encode() not in page.content


@pytest.mark.parametrize("status", [401, HANG])
def test_what_does_not_let_us_in_is_told_and_not_added(
    as_editor: Client, status: int | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.services.uploads.TEST_DEADLINE_SECONDS", 2.0)

    with replay("v1.37.2-outage", refuse={"*": status}) as server:
        added = add(as_editor, server)

    assert added == 422
    assert not Cluster.objects.exists()


def test_a_cluster_that_goes_away_keeps_its_facts_and_its_age(as_editor: Client) -> None:
    with replay("v1.37.2-node-authorizer") as server:
        add(as_editor, server)
        polling.poll(Cluster.objects.get().pk)
    before = Cluster.objects.get().current.read_at
    Cluster.objects.update(next_poll_at=clock.now())

    polling.poll(Cluster.objects.get().pk)

    cluster = Cluster.objects.get()
    assert cluster.last_error
    assert (cluster.current.verdict, cluster.current.read_at) == ("node-authorizer", before)
    assert as_editor.get("/").status_code == 200
