"""Taking back what someone did, and taking that back."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from dashboard.models import AcceptedRisk, AuditEvent, Cluster, CurrentState, SavedView, User
from dashboard.services import access, audit, clusters, polling, reading, risks, undoing
from dashboard.services.undoing import UndoError
from tests.dashboard.conftest import FakeSource, add_cluster
from tests.dashboard.snapshots import legacy_bindings, snapshot

pytestmark = pytest.mark.django_db

URLS = ("https://10.0.0.7:6443", "https://10.0.0.8:6443")


@pytest.fixture(autouse=True)
def knows_the_ca(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "knows_its_ca", lambda _: True)


def state(cluster: Cluster) -> tuple[object, ...]:
    cluster.refresh_from_db()
    values = (cluster.name, cluster.labels, cluster.group, cluster.interval_seconds)
    return (*values, cluster.apiserver_urls, cluster.is_paused)


def change_all(cluster: Cluster, actor: User) -> UUID:
    with audit.together() as batch:
        clusters.rename(cluster, "Alpha one", actor=actor)
        clusters.set_labels(cluster, {"env": "prod"}, actor=actor)
        clusters.set_group(cluster, "Europe", actor=actor)
        clusters.set_interval(cluster, 300, actor=actor)
        clusters.set_apiserver_urls(cluster, URLS, actor=actor)
        clusters.set_paused(cluster, is_paused=True, actor=actor)
    return batch


def test_all_that_was_changed_is_put_back_and_put_back_again(
    cluster: Cluster, editor: User, admin: User
) -> None:
    before = state(cluster)
    batch = change_all(cluster, editor)
    after = state(cluster)

    first = undoing.undo(batch, actor=admin)
    back = state(cluster)
    second = undoing.undo(first.batch, actor=editor)

    assert (first.number, first.left) == (6, ())
    assert (back, state(cluster)) == (before, after)
    offers = undoing.offers([batch, first.batch, second.batch])
    assert offers == ({batch, second.batch}, {first.batch})
    undone = AuditEvent.objects.filter(batch=first.batch)
    assert set(undone.values_list("actor", "detail__undoes")) == {(admin.pk, str(batch))}


def test_what_was_changed_since_stays_and_is_named(cluster: Cluster, editor: User) -> None:
    beta = add_cluster("beta")
    with audit.together() as batch:
        for one in (cluster, beta):
            clusters.set_group(one, "Europe", actor=editor)
    clusters.set_group(cluster, "Asia", actor=editor)

    undone = undoing.undo(batch, actor=editor)

    assert (undone.number, undone.left) == (1, ("alpha: it was changed since",))
    assert (state(cluster)[2], state(beta)[2]) == ("Asia", "")


def test_a_taken_name_and_a_removed_cluster_stay_as_they_are(
    cluster: Cluster, editor: User
) -> None:
    beta, gamma = add_cluster("beta"), add_cluster("gamma")
    with audit.together() as batch:
        clusters.rename(cluster, "first", actor=editor)
        clusters.set_group(gamma, "Europe", actor=editor)
        clusters.set_paused(gamma, is_paused=True, actor=editor)
        clusters.set_group(beta, "Europe", actor=editor)
    clusters.rename(beta, "alpha", actor=editor)
    clusters.remove(gamma, actor=editor)

    undone = undoing.undo(batch, actor=editor)

    assert undone.number == 1
    assert undone.left == (
        "gamma: it was removed since",
        "gamma: it was removed since",
        "alpha: another cluster is called 'alpha'",
    )


def test_apiservers_are_put_back_only_where_the_credentials_know_their_ca(
    cluster: Cluster, editor: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    clusters.set_apiserver_urls(cluster, URLS, actor=editor)
    with audit.together() as batch:
        clusters.set_apiserver_urls(cluster, (), actor=editor)
    monkeypatch.setattr(reading, "knows_its_ca", lambda _: False)

    with pytest.raises(UndoError, match="another server could pass for an apiserver"):
        undoing.undo(batch, actor=editor)

    assert state(cluster)[4] == []


def test_pausing_and_resuming_are_undone_once(cluster: Cluster, editor: User) -> None:
    with audit.together() as paused:
        clusters.set_paused(cluster, is_paused=True, actor=editor)
    with audit.together() as resumed:
        clusters.set_paused(cluster, is_paused=False, actor=editor)

    with pytest.raises(UndoError, match="changed since"):
        undoing.undo(paused, actor=editor)
    undoing.undo(resumed, actor=editor)
    with pytest.raises(UndoError, match="undone already"):
        undoing.undo(resumed, actor=editor)

    assert state(cluster)[5] is True


def test_accepting_and_withdrawing_are_undone(
    cluster: Cluster, editor: User, source: FakeSource
) -> None:
    source.snapshot = snapshot("RBAC", cluster_role_bindings=legacy_bindings())
    polling.poll(cluster.pk)
    key = next(iter(CurrentState.objects.get().findings))
    until = risks.today() + timedelta(days=9)
    with audit.together() as accepted:
        risk = risks.accept(cluster, key, reason="why not", until=until, actor=editor)

    first = undoing.undo(accepted, actor=editor)
    withdrawn = risks.risks_of(cluster)
    undoing.undo(first.batch, actor=editor)

    assert withdrawn == {}
    assert risks.risks_of(cluster) == {key: risk}
    AcceptedRisk.objects.all().delete()
    with pytest.raises(UndoError, match="removed since"):
        undoing.undo(accepted, actor=editor)


def test_views_are_undone(editor: User) -> None:
    values = {"query": "?group=Europe", "created_at": timezone.now(), "created_by": editor}
    SavedView.objects.create(name="mine", **values)
    with audit.together() as saved:
        audit.record("view saved", actor=editor, about="mine", query="?group=Europe")

    removed = undoing.undo(saved, actor=editor)
    gone = not SavedView.objects.exists()
    undoing.undo(removed.batch, actor=editor)
    SavedView.objects.update(query="?group=Asia")

    assert gone
    with pytest.raises(UndoError, match="changed since"):
        undoing.undo(saved, actor=editor)
    with audit.together() as batch:
        audit.record("view removed", actor=editor, about="mine", query="?group=Europe")
    with pytest.raises(UndoError, match="another view has its name"):
        undoing.undo(batch, actor=editor)


def test_what_is_old_other_or_unknown_is_not_undone(cluster: Cluster, editor: User) -> None:
    with audit.together() as old:
        clusters.set_group(cluster, "Europe", actor=editor)
    with audit.together() as mixed:
        clusters.set_group(cluster, "Asia", actor=editor)
        clusters.poll_now(cluster, actor=editor)
    with audit.together() as worded:
        audit.record("cluster labelled", actor=editor, cluster=cluster, before="a=b", to="")

    offered = undoing.offers([old, mixed])
    with time_machine.travel(timezone.now() + timedelta(hours=25), tick=False):
        late = undoing.offers([old])
        with pytest.raises(UndoError, match="more than 24 hours"):
            undoing.undo(old, actor=editor)
    with pytest.raises(UndoError, match="can't be undone"):
        undoing.undo(mixed, actor=editor)
    with pytest.raises(UndoError, match="not written down"):
        undoing.undo(worded, actor=editor)
    with pytest.raises(access.NotVisible):
        undoing.undo(uuid4(), actor=editor)

    assert (offered, late) == (({old}, set()), (set(), set()))
    assert state(cluster)[2] == "Asia"


def test_offering_takes_two_queries_whatever_their_number(cluster: Cluster, editor: User) -> None:
    batches = []
    for number in range(5):
        with audit.together() as batch:
            clusters.set_group(cluster, f"group {number}", actor=editor)
        batches.append(batch)

    with CaptureQueriesContext(connection) as queries:
        offered, _ = undoing.offers(batches)

    assert offered == set(batches)
    assert len(queries) == 2


def test_every_page_offers_to_undo_what_was_just_done(
    as_editor: Client, cluster: Cluster, editor: User
) -> None:
    page = reverse("cluster_settings", args=(cluster.slug,))
    data = {"name": "Alpha one", "labels": "env=prod", "interval_seconds": "300"}
    said = as_editor.post(page, data, follow=True).content.decode()
    batch = AuditEvent.objects.latest("pk").batch
    again = as_editor.post(page, data, follow=True).content.decode()
    undo = reverse("undo", args=(batch,))
    undone = as_editor.post(undo, {"next": page}, follow=True)
    twice = as_editor.post(undo, {"next": "https://elsewhere.example/"})

    assert f'action="{undo}"' in said
    assert f'value="{page}"' in said
    assert "Saved." in again
    assert "/undo/" not in again
    assert undone.redirect_chain == [(page, 302)]
    assert "3 changes undone." in undone.content.decode()
    assert state(cluster)[:4] == ("alpha", {}, "", 60)
    assert twice["Location"] == reverse("fleet")
    paused = as_editor.post(
        reverse("cluster_pause", args=(cluster.slug,)), {"is_paused": "true"}, follow=True
    )
    assert f"/undo/{AuditEvent.objects.latest('pk').batch}/" in paused.content.decode()


def test_what_was_left_is_said(as_editor: Client, editor: User) -> None:
    every = [add_cluster(f"c{number}") for number in range(6)]
    with audit.together() as batch:
        for one in every:
            clusters.set_group(one, "Europe", actor=editor)
    Cluster.objects.exclude(pk=every[0].pk).update(group="<b>Asia</b>")

    answer = as_editor.post(reverse("undo", args=(batch,)), follow=True).content.decode()

    assert "1 change undone; left as it is: c5: it was changed since;" in answer
    assert "2 more." in answer


def test_only_people_who_may_change_undo(
    as_viewer: Client, as_editor: Client, cluster: Cluster, editor: User
) -> None:
    with audit.together() as batch:
        clusters.set_group(cluster, "Europe", actor=editor)
    undo = reverse("undo", args=(batch,))

    assert as_viewer.post(undo).status_code == 403
    assert Client().post(undo)["Location"].startswith(reverse("account_login"))
    assert as_editor.get(undo).status_code == 405
    assert as_editor.post(reverse("undo", args=(uuid4(),))).status_code == 404
    assert state(cluster)[2] == "Europe"
