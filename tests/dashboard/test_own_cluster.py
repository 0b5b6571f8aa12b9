"""The cluster that the server itself runs in: offered to admins, read by the pod's own account."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.urls import reverse

from authzviz.kube import in_cluster
from authzviz.net import AddressForbidden
from dashboard.models import AuditEvent, Cluster
from dashboard.services import polling, reading
from tests.dashboard.showing import page
from tests.dashboard.snapshots import CANARY, one_context
from tests.kube.test_in_cluster import PEM, mount

if TYPE_CHECKING:
    from pathlib import Path

    from django.test import Client
    from pytest_django import Settings

    from dashboard.models import User
    from tests.dashboard.conftest import FakeSource

pytestmark = pytest.mark.django_db
GIVEN = {"name": "this cluster", "interval_seconds": "60"}


@pytest.fixture
def pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The service account's folder of the pod that this server seems to run in."""
    monkeypatch.setattr(in_cluster, "FOLDER", mount(tmp_path, token=CANARY))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    return tmp_path


@pytest.fixture
def own(pod: Path, as_admin: Client) -> Cluster:
    as_admin.post(reverse("add_own"), GIVEN)
    return Cluster.objects.get()


@pytest.mark.usefixtures("pod")
@pytest.mark.parametrize("url", ["/", "/clusters/add/"])
def test_it_is_offered_to_an_admin_and_to_nobody_else(
    url: str, as_admin: Client, as_editor: Client
) -> None:
    offered, hidden = page(as_admin.get(url)), page(as_editor.get(url))

    assert "in namespace authzviz , and can read the cluster around it" in offered.text
    assert "https://10.96.0.1:443" in offered.text
    assert "This cluster" not in hidden.text
    assert not offered.faults()
    assert max(offered.ids.values()) == 1


def test_outside_of_a_pod_there_is_none(as_admin: Client) -> None:
    assert "This cluster" not in page(as_admin.get("/clusters/add/")).text
    assert as_admin.post(reverse("add_own"), GIVEN).status_code == 404


def test_an_editor_may_not_add_it(as_editor: Client, pod: Path) -> None:
    assert as_editor.post(reverse("add_own"), GIVEN).status_code == 404
    assert not Cluster.objects.exists()


def test_it_is_added_without_credentials(own: Cluster) -> None:
    assert (own.source, own.credentials, own.server) == (
        "in-cluster",
        None,
        "https://10.96.0.1:443",
    )
    assert AuditEvent.objects.get().action == "cluster added"


def test_it_is_added_once(own: Cluster, as_admin: Client) -> None:
    again = as_admin.post(reverse("add_own"), GIVEN)

    assert again.status_code == 302
    assert "in the fleet already" in page(as_admin.get("/")).text
    assert "This cluster" not in page(as_admin.get("/clusters/add/")).text
    assert Cluster.objects.get() == own


def test_each_poll_takes_the_token_of_that_moment(
    own: Cluster, pod: Path, source: FakeSource
) -> None:
    polling.poll(own.pk)
    mount(pod, token="rotated")
    polling.poll_soon(own)
    polling.poll(own.pk)

    tokens = [credentials.token for credentials in source.asked]
    assert [token.reveal() for token in tokens if token] == [CANARY, "rotated"]
    assert source.settings[0]["own_server"] == "https://10.96.0.1:443"
    own.refresh_from_db()
    assert own.credentials is None
    assert own.last_success_at is not None


def test_a_pod_without_its_account_says_so(own: Cluster, pod: Path) -> None:
    (pod / "token").unlink()

    polling.poll(own.pk)

    own.refresh_from_db()
    assert "service account can't be used" in own.last_error
    assert CANARY not in own.last_error


def test_the_token_is_on_no_page(own: Cluster, as_admin: Client) -> None:
    names = ("cluster", "cluster_settings", "cluster_remove")
    pages = [as_admin.get(reverse(name, args=(own.slug,))) for name in names]

    assert not any(CANARY.encode() in one.content or PEM.encode() in one.content for one in pages)
    assert "never stored" in page(pages[1]).text
    assert "Replace them" not in page(pages[1]).text


@pytest.mark.sqlite
def test_the_token_is_in_no_table(own: Cluster) -> None:
    polling.poll(own.pk)

    assert isinstance(connection.connection, sqlite3.Connection)
    dump = "\n".join(connection.connection.iterdump())
    assert "https://10.96.0.1:443" in dump
    assert CANARY not in dump


def test_its_account_can_not_be_replaced(own: Cluster, as_admin: Client) -> None:
    url = reverse("cluster_credentials", args=(own.slug,))
    answer = as_admin.post(url, {"kubeconfig": one_context("https://10.0.0.1:6443")})

    assert "own service account" in page(answer).text
    assert Cluster.objects.get().credentials is None


def test_its_address_alone_is_allowed_beyond_the_networks(settings: Settings) -> None:
    settings.CLUSTER_CIDRS = ("203.0.113.0/24",)

    policy = reading.address_policy("https://10.96.0.1:443")

    assert str(policy.check("10.96.0.1", 443)) == "10.96.0.1"
    assert str(policy.check("203.0.113.5", 443)) == "203.0.113.5"
    with pytest.raises(AddressForbidden):
        policy.check("10.96.0.2", 443)
    with pytest.raises(AddressForbidden):
        reading.address_policy().check("10.96.0.1", 443)


@pytest.mark.parametrize("cidrs", [(), ("10.0.0.0/8",)])
def test_it_is_never_on_loopback(
    cidrs: tuple[str, ...],
    pod: Path,
    as_admin: Client,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.AUTHZVIZ_LOCAL = True
    settings.CLUSTER_CIDRS = cidrs
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")

    answer = as_admin.post(reverse("add_own"), GIVEN, follow=True)

    assert "loopback" in page(answer).text
    assert not Cluster.objects.exists()


def test_a_broken_account_is_shown_with_the_reason(as_admin: Client, pod: Path) -> None:
    mount(pod, ca_crt="nothing")

    shown = page(as_admin.get("/clusters/add/"))

    assert "holds no certificate" in shown.text
    assert "Add this cluster" not in [a.get("value") for a in shown.all("button")]


def test_an_admin_is_asked_for_what_is_missing(as_admin: Client, pod: Path, admin: User) -> None:
    assert as_admin.post(reverse("add_own"), {"name": ""}).status_code == 422
    assert admin.may_invite
