"""Which apiservers are asked by themselves, and whether NodeRestriction is probed: per cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import PermissionDenied
from django.urls import reverse

from authzviz.kube.credentials import Credentials
from authzviz.net.secret import Secret
from dashboard.models import AuditEvent, Cluster
from dashboard.services import clusters, polling, reading
from tests.dashboard.showing import page
from tests.dashboard.snapshots import one_context

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import Settings

    from dashboard.models import User
    from tests.dashboard.conftest import FakeSource

pytestmark = pytest.mark.django_db

URLS = "https://10.0.0.11:6443\nhttps://10.0.0.12:6443"


@pytest.fixture
def cluster(db: None) -> Cluster:
    """A cluster whose credentials know its CA."""
    known = Credentials("https://10.0.0.1:6443", ca_data=Secret("PEM"), token=Secret("t"))
    return clusters.add(name="alpha", credentials=known, interval_seconds=60, actor=None)


def save(client: Client, **data: str) -> tuple[int, str]:
    """The status and the words of the answer to the settings form with these changes."""
    url = reverse("cluster_settings", args=("alpha",))
    form = {"name": "alpha", "labels": "", "interval_seconds": "60", **data}
    answer = client.post(url, form)
    return answer.status_code, page(answer).text


def actions() -> list[str]:
    return list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))[1:]


def test_listed_apiservers_are_saved_in_their_usual_form(
    as_editor: Client, cluster: Cluster
) -> None:
    save(as_editor, apiserver_urls="  https://10.0.0.11\n\nhttps://10.0.0.12:6443/\n")
    save(as_editor, apiserver_urls="https://10.0.0.11:443\r\nhttps://10.0.0.12:6443")

    cluster.refresh_from_db()
    assert cluster.apiserver_urls == ["https://10.0.0.11:443", "https://10.0.0.12:6443"]
    assert actions() == ["cluster apiservers set"]


WRONG_URLS = {
    "no URL": ("10.0.0.11", "must be a URL"),
    "http": ("http://10.0.0.11", "must begin with https://"),
    "userinfo": ("https://me:hunter2@10.0.0.11", "no user name"),
    "number": ("https://0x7f.1", "neither a host name nor an IP address"),
    "loopback": ("https://127.0.0.1:6443", "loopback"),
    "metadata": ("https://169.254.169.254", "link-local"),
    "outside": ("https://198.51.100.7", "outside the allowed networks"),
    "the second": ("https://10.0.0.11\nftp://x", "must begin with https://"),
    "too many": ("\n".join(f"https://10.0.0.{n}" for n in range(17)), "at most 16"),
}


@pytest.mark.parametrize(("urls", "says"), WRONG_URLS.values(), ids=WRONG_URLS)
def test_a_wrong_apiserver_changes_nothing(
    as_editor: Client, cluster: Cluster, settings: Settings, urls: str, says: str
) -> None:
    settings.CLUSTER_CIDRS = ("10.0.0.0/8",)
    settings.AUTHZVIZ_LOCAL = False

    status, text = save(as_editor, apiserver_urls=urls)

    cluster.refresh_from_db()
    assert (status, says in text, cluster.apiserver_urls) == (422, True, [])


UNTELLABLE = {
    "the system's CAs": Credentials("https://10.0.0.1:6443", token=Secret("t")),
    "no CA at all": Credentials(
        "https://10.0.0.1:6443", ca_data=Secret("PEM"), token=Secret("t"), insecure=True
    ),
}


@pytest.mark.parametrize("credentials", UNTELLABLE.values(), ids=UNTELLABLE)
def test_no_token_goes_to_a_server_that_any_certificate_passes_for(
    as_editor: Client,
    cluster: Cluster,
    editor: User,
    source: FakeSource,
    settings: Settings,
    credentials: Credentials,
) -> None:
    settings.ALLOW_INSECURE_TLS = True
    save(as_editor, apiserver_urls=URLS)
    cluster.refresh_from_db()
    clusters.replace_credentials(cluster, credentials, actor=editor)
    cleared = list(Cluster.objects.get().apiserver_urls)

    status, text = save(as_editor, apiserver_urls=URLS)
    Cluster.objects.update(apiserver_urls=URLS.split())
    polling.poll(cluster.pk)

    assert cleared == []
    assert (status, "own CA" in text) == (422, True)
    assert source.settings[-1]["apiserver_urls"] == ()


def test_a_poll_is_given_the_settings(
    as_admin: Client, cluster: Cluster, source: FakeSource
) -> None:
    polling.poll(cluster.pk)
    save(as_admin, apiserver_urls=URLS, probes_node_restriction="on")
    polling.poll_soon(cluster)
    polling.poll(cluster.pk)

    plain = {"apiserver_urls": (), "may_impersonate": False, "own_server": ""}
    given = {"apiserver_urls": tuple(URLS.split()), "may_impersonate": True, "own_server": ""}
    told = [{name: one[name] for name in plain} for one in source.settings]
    assert told == [plain, given]


def test_only_an_admin_turns_the_probe_on(
    as_admin: Client, as_editor: Client, cluster: Cluster, editor: User
) -> None:
    save(as_editor, probes_node_restriction="on")
    by_editor = Cluster.objects.get().probes_node_restriction
    with pytest.raises(PermissionDenied):
        clusters.set_probes_node_restriction(cluster, is_on=True, actor=editor)
    save(as_admin, probes_node_restriction="on")

    assert not by_editor
    assert Cluster.objects.get().probes_node_restriction
    assert actions() == ["NodeRestriction probe turned on"]


def test_an_editor_may_keep_the_probe_or_turn_it_off(
    as_admin: Client, as_editor: Client, cluster: Cluster
) -> None:
    save(as_admin, probes_node_restriction="on")
    save(as_editor, probes_node_restriction="on")
    kept = Cluster.objects.get().probes_node_restriction
    save(as_editor)

    assert kept
    assert not Cluster.objects.get().probes_node_restriction
    assert actions()[-1] == "NodeRestriction probe turned off"


def test_the_warning_stands_beside_the_switch(
    as_viewer: Client, as_editor: Client, cluster: Cluster
) -> None:
    url = reverse("cluster_settings", args=("alpha",))
    shown = page(as_editor.get(url))

    (box,) = [one for one in shown.all("input") if one.get("name") == "probes_node_restriction"]
    assert "disabled" in box
    assert "can read all Secrets; from Kubernetes 1.36" in shown.text
    assert as_viewer.get(url).status_code == 403


def test_with_another_server_nothing_is_probed_any_more(as_admin: Client, cluster: Cluster) -> None:
    save(as_admin, probes_node_restriction="on")
    url = reverse("cluster_credentials", args=("alpha",))

    as_admin.post(url, {"kubeconfig": one_context("https://10.0.0.1:6443")})
    kept = Cluster.objects.get().probes_node_restriction
    as_admin.post(url, {"kubeconfig": one_context("https://10.0.0.9:6443")})

    assert kept
    assert not Cluster.objects.get().probes_node_restriction


def test_credentials_of_an_old_poll_know_no_ca() -> None:
    assert not reading.knows_its_ca(Credentials("https://10.0.0.1"))
