"""Tasks and the broker: lost, late, or not there."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client

from authzviz.celery import app
from authzviz.kube import bundle
from dashboard import tasks
from dashboard.models import Cluster, CurrentState, Heartbeat, User
from dashboard.services import polling, samples
from tests.dashboard.snapshots import snapshot

# Taken before the fixtures replace it.
send = tasks._send


@pytest.mark.django_db
def test_dispatch_sends_what_is_due_once_and_leaves_its_time(
    cluster: Cluster, sent: list[int]
) -> None:
    tasks.dispatch()
    tasks.dispatch()

    assert sent == [cluster.pk]
    assert Heartbeat.objects.get().name == "dispatch"


@pytest.mark.django_db
def test_f6_a_poll_task_run_twice_polls_once(cluster: Cluster) -> None:
    tasks.poll_cluster(cluster.pk)
    generation = Cluster.objects.get().generation

    tasks.poll_cluster(cluster.pk)

    assert Cluster.objects.get().generation == generation == 1
    assert CurrentState.objects.count() == 1


@pytest.mark.django_db
def test_a_poll_of_a_cluster_that_is_gone_does_nothing(db: None) -> None:
    tasks.poll_cluster(4711)

    assert not CurrentState.objects.exists()


@pytest.mark.django_db
def test_without_a_broker_the_cluster_stays_due(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    send(cluster.pk)

    assert "the broker is down" in caplog.text
    assert polling.claim(cluster.pk) is not None


@pytest.mark.django_db
def test_the_clean_up_runs_on_an_empty_database() -> None:
    tasks.clean_up()


def test_every_scheduled_task_exists() -> None:
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}

    assert scheduled <= set(app.tasks)
    assert scheduled


@pytest.mark.django_db
def test_health_tells_the_age_of_the_last_dispatch(client: Client) -> None:
    before = client.get("/readyz").json()
    tasks.dispatch()
    after = client.get("/readyz").json()

    assert client.get("/livez").status_code == 200
    assert before["last_dispatch_seconds_ago"] is None
    assert after["last_dispatch_seconds_ago"] is not None


@pytest.mark.django_db
def test_the_sample_is_loaded_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("elder", "fresh"):
        bundle.dump(snapshot(name=name), tmp_path / f"{name}.json.gz")

    for _ in range(2):
        call_command("load_sample", directory=tmp_path)
    call_command("load_sample", directory=tmp_path, if_empty=True)

    assert list(Cluster.objects.values_list("name", "source")) == [
        ("elder", "recording"),
        ("fresh", "recording"),
    ]
    assert capsys.readouterr().out == "2 recorded clusters added: a sample fleet.\n"


@pytest.mark.django_db
def test_a_sample_that_was_removed_does_not_come_back(tmp_path: Path, admin: User) -> None:
    bundle.dump(snapshot(name="elder"), tmp_path / "elder.json.gz")

    call_command("load_sample", directory=tmp_path, if_empty=True)
    removed = samples.remove_all(actor=admin)
    call_command("load_sample", directory=tmp_path, if_empty=True)

    assert removed == 1
    assert not Cluster.objects.exists()
