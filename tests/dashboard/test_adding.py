"""Adding clusters: a kubeconfig, its contexts, a test, and nothing half saved."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from dashboard.models import AuditEvent, Cluster, Upload, User
from dashboard.services import local_kubeconfig, reading, uploads
from dashboard.uploading import CappedUploadHandler
from tests.dashboard.conftest import FakeSource, add_cluster
from tests.dashboard.showing import page
from tests.dashboard.snapshots import KUBECONFIG, forbidden, one_context, snapshot

pytestmark = pytest.mark.django_db


def upload(client: Client, text: str = KUBECONFIG) -> str:
    """The address where the contexts are chosen."""
    answer = client.post(reverse("cluster_add"), {"kubeconfig": text})
    assert answer.status_code == 302
    return answer["Location"]


def choose(*contexts: str, **more: str) -> dict[str, object]:
    return {"contexts": list(contexts), "interval_seconds": "60", **more}


def test_good_contexts_are_offered_and_bad_ones_explained(as_editor: Client) -> None:
    page = as_editor.get(upload(as_editor))

    choices = {choice.name: choice for choice in page.context["choices"]}
    assert list(choices) == ["alpha", "beta", "gamma"]
    assert choices["alpha"].problem == ""
    assert "exec" in choices["gamma"].problem
    assert not Cluster.objects.exists()


def test_chosen_contexts_come_into_the_group_that_is_named(as_editor: Client) -> None:
    as_editor.post(upload(as_editor), choose("alpha", group="  North   Sea "))

    assert Cluster.objects.get().group == "North Sea"


def test_a_chosen_context_becomes_a_cluster_that_is_read_at_once(
    as_editor: Client,
    sent: list[int],
    editor: User,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        answer = as_editor.post(upload(as_editor), choose("alpha"))

    cluster = Cluster.objects.get()
    assert answer["Location"] == reverse("cluster", args=("alpha",))
    assert sent == [cluster.pk]
    assert cluster.next_poll_at is not None
    assert cluster.next_poll_at <= timezone.now()
    assert not Upload.objects.exists()
    event = AuditEvent.objects.get()
    assert (event.action, event.actor, event.about) == ("cluster added", editor, "alpha")


def test_several_contexts_are_added_together(as_editor: Client) -> None:
    answer = as_editor.post(upload(as_editor), choose("alpha", "beta"))

    assert answer["Location"] == "/"
    assert set(Cluster.objects.values_list("name", flat=True)) == {"alpha", "beta"}


def test_a_file_is_as_good_as_text(as_editor: Client) -> None:
    file = SimpleUploadedFile("config", KUBECONFIG.encode())

    answer = as_editor.post(reverse("cluster_add"), {"kubeconfig_file": file})

    assert answer.status_code == 302


REFUSED = {
    "nothing": {},
    "both": {
        "kubeconfig": KUBECONFIG,
        "kubeconfig_file": SimpleUploadedFile("config", KUBECONFIG.encode()),
    },
    "no YAML": {"kubeconfig": "{{{"},
    "no kubeconfig": {"kubeconfig": "a: b"},
    "not UTF-8": {"kubeconfig_file": SimpleUploadedFile("config", b"\xff\xfe\x00")},
    "too large": {"kubeconfig_file": SimpleUploadedFile("config", b"#" * (2**20 + 1))},
    "too large as text": {"kubeconfig": "#" * (2**20 + 1)},
    "aliases": {"kubeconfig": "a: &a [x]\nb: *a\n"},
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_what_is_no_kubeconfig_is_refused_and_not_kept(
    as_editor: Client, data: dict[str, object]
) -> None:
    answer = as_editor.post(reverse("cluster_add"), data)

    assert answer.status_code == 422
    assert answer.context["form"].errors
    assert not Upload.objects.exists()


BAD_SERVERS = {
    "metadata": "https://169.254.169.254",
    "decimal": "https://2852039166",
    "hexadecimal": "https://0x7f.1",
    "short": "https://127.1",
    "zero": "https://0",
    "mapped": "https://[::ffff:169.254.169.254]",
    "NAT64": "https://[64:ff9b::a9fe:a9fe]",
    "6to4": "https://[2002:a9fe:a9fe::1]",
    "AWS over IPv6": "https://[fd00:ec2::254]",
    "Alibaba": "https://100.100.100.200",
    "Azure": "https://168.63.129.16",
    "user name": "https://good@evil.example",
    "backslash": "https://good\\\\@evil.example",
    "http": "http://10.0.0.1",
    "file": "file:///etc/passwd",
    "gopher": "gopher://10.0.0.1",
    "circled digits": "https://①②⑦.⓪.⓪.①",
}


@pytest.mark.parametrize("server", BAD_SERVERS.values(), ids=BAD_SERVERS)
def test_a_bad_server_is_refused_at_save_even_by_force(
    as_editor: Client, source: FakeSource, server: str
) -> None:
    as_editor.post(reverse("cluster_add"), {"kubeconfig": one_context(server)})
    kept = Upload.objects.first()
    if kept is not None:
        url = reverse("cluster_choose", args=(kept.pk,))
        answer = as_editor.post(url, choose("only", even_if_unreachable="on"))
        assert answer.status_code == 422

    assert not Cluster.objects.exists()
    assert source.asked == []


def test_a_name_with_one_loopback_address_is_refused(
    as_editor: Client, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.AUTHZVIZ_LOCAL = False
    monkeypatch.setattr(reading, "resolve", lambda host, port: ["192.0.2.7", "127.0.0.1"])

    answer = as_editor.post(
        upload(as_editor, one_context("https://k8s.example.com")),
        choose("only", even_if_unreachable="on"),
    )

    assert answer.status_code == 422
    assert b"loopback" in answer.content or "loopback" in str(answer.context["form"].errors)
    assert not Cluster.objects.exists()


def test_loopback_is_for_local_mode(as_editor: Client, settings: Settings) -> None:
    text = one_context("https://127.0.0.1:6443")
    settings.AUTHZVIZ_LOCAL = True
    assert uploads.parse(text)[0].problem == ""
    settings.AUTHZVIZ_LOCAL = False

    assert "loopback" in uploads.parse(text)[0].problem


def test_clusters_are_kept_to_the_networks_that_are_set(settings: Settings) -> None:
    settings.CLUSTER_CIDRS = ("10.1.0.0/16",)

    inside, outside = (
        uploads.parse(one_context(f"https://{host}"))[0].problem
        for host in ("10.1.2.3", "10.2.2.3")
    )

    assert inside == ""
    assert "networks" in outside


def test_a_cluster_that_does_not_answer_is_not_added(as_editor: Client, source: FakeSource) -> None:
    source.error = reading.ReadError("connection refused")

    answer = as_editor.post(upload(as_editor), choose("alpha", "beta"))

    assert answer.status_code == 422
    assert "alpha, beta did not answer" in str(answer.context["form"].errors)
    assert answer.context["choices"][0].test["message"] == "connection refused"
    assert not Cluster.objects.exists()


def test_what_is_tested_again_on_adding_is_what_did_not_answer(
    as_editor: Client, source: FakeSource
) -> None:
    url = upload(as_editor)
    as_editor.post(url + "test/", {"context": "alpha"})
    source.error = reading.ReadError("connection refused")
    as_editor.post(url + "test/", {"context": "beta"})
    source.error = None

    as_editor.post(url, choose("alpha", "beta"))

    servers = [credentials.server for credentials in source.asked]
    assert servers == [f"https://10.0.0.{n}:6443" for n in (1, 2, 2)]
    assert Cluster.objects.count() == 2


def test_tests_of_many_contexts_end_with_the_time_of_one_request(
    as_editor: Client, source: FakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "REQUEST_SECONDS", 0.0)

    answer = as_editor.post(upload(as_editor), choose("alpha", "beta"))

    messages = [choice.test["message"] for choice in answer.context["choices"][:2]]
    assert all("Test it again" in message for message in messages)
    assert source.asked == []
    assert not Cluster.objects.exists()


def test_tests_never_hold_all_of_the_web_servers_threads(
    as_editor: Client, source: FakeSource, cluster: Cluster
) -> None:
    """Each of these tests begins while the one before it still runs."""
    busy: list[str] = []

    def one_more() -> None:
        url = reverse("cluster_credentials", args=(cluster.slug,))
        answer = as_editor.post(url, {"kubeconfig": one_context("https://10.0.0.9:6443")})
        if answer.context is not None:
            busy.append(str(answer.context["form"].errors))

    source.meanwhile = one_more
    one_more()

    assert len(source.asked) == 3
    assert "Too many connection tests" in busy[0]


def test_it_is_added_all_the_same_when_that_is_asked_for(
    as_editor: Client, source: FakeSource
) -> None:
    source.error = reading.ReadError("connection refused")

    as_editor.post(upload(as_editor), choose("alpha", even_if_unreachable="on"))

    assert Cluster.objects.get().name == "alpha"


def test_a_context_that_was_not_offered_is_not_added(as_editor: Client) -> None:
    answers = [as_editor.post(upload(as_editor), choose(name)) for name in ("gamma", "unknown")]

    assert {answer.status_code for answer in answers} == {422}
    assert not Cluster.objects.exists()


def test_a_test_says_what_may_not_be_read(as_editor: Client, source: FakeSource) -> None:
    source.snapshot = snapshot(roles=forbidden())
    url = upload(as_editor)

    answer = as_editor.post(url + "test/", {"context": "alpha"}, headers={"HX-Request": "true"})

    choice = as_editor.get(url).context["choices"][0]
    assert b"alpha" in answer.content
    assert b"<html" not in answer.content
    assert choice.test["is_answered"]
    assert [read["permission"] for read in choice.refused] == ["list things"]


def test_an_upload_is_over_after_half_an_hour(as_editor: Client) -> None:
    url = upload(as_editor)

    with time_machine.travel(timezone.now() + timedelta(minutes=31)):
        answer = as_editor.get(url)
        uploads.clean_up()

    assert answer.status_code == 404
    assert not Upload.objects.exists()


def test_names_that_are_taken_get_a_number(as_editor: Client) -> None:
    for _ in range(3):
        as_editor.post(upload(as_editor), choose("alpha"))

    assert list(Cluster.objects.values_list("name", "slug")) == [
        ("alpha", "alpha"),
        ("alpha (2)", "alpha-2"),
        ("alpha (3)", "alpha-3"),
    ]


SLUGS = {
    "dots": ("prod.v1.37", "prod-v1-37"),
    "kubeadm": ("kubernetes-admin@prod", "kubernetes-admin-prod"),
    "arn": ("arn:aws:eks:eu-1:12:cluster/a", "arn-aws-eks-eu-1-12-cluster-a"),
    "nothing left": ("…", "cluster"),
}


@pytest.mark.parametrize(("name", "slug"), SLUGS.values(), ids=SLUGS)
def test_an_address_keeps_apart_what_a_name_does(name: str, slug: str) -> None:
    assert add_cluster(name).slug == slug


@pytest.mark.parametrize("name", ["add", "<img src=x>", "\u0455ystem", "x" * 300])
def test_any_name_has_an_address(as_editor: Client, name: str) -> None:
    as_editor.post(
        upload(
            as_editor,
            KUBECONFIG.replace("- name: alpha\n  context", f"- name: {name!r}\n  context"),
        ),
        choose(name),
    )

    cluster = Cluster.objects.get()
    assert as_editor.get(cluster.get_absolute_url()).status_code == 200


INSECURE = KUBECONFIG.replace(
    '{server: "https://10.0.0.1:6443"}',
    '{server: "https://10.0.0.1:6443", insecure-skip-tls-verify: true}',
)


def test_unverified_tls_needs_the_administrators_word(
    as_editor: Client, settings: Settings
) -> None:
    assert "insecure-skip-tls-verify" in uploads.parse(INSECURE)[0].problem
    settings.ALLOW_INSECURE_TLS = True

    as_editor.post(upload(as_editor, INSECURE), choose("alpha"))

    cluster = Cluster.objects.get()
    assert cluster.is_tls_verified is False
    settings.ALLOW_INSECURE_TLS = False
    with pytest.raises(reading.ReadError, match="insecure-skip-tls-verify"):
        reading.open_credentials(cluster)


@pytest.fixture
def local_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Path:
    """The kubeconfig of whoever started the server; its token is in a file beside it."""
    settings.AUTHZVIZ_LOCAL = True
    path = tmp_path / "config"
    (tmp_path / "token").write_text("from-a-file")
    path.write_text(KUBECONFIG.replace("token: canary-5d1f0c-token", "tokenFile: token"))
    monkeypatch.setenv("KUBECONFIG", str(path))
    return path


def test_local_contexts_are_offered_to_the_local_admin(
    admin: User, editor: User, local_file: Path, settings: Settings
) -> None:
    assert [choice.name for choice in local_kubeconfig.choices(admin)] == ["alpha", "beta", "gamma"]
    assert local_kubeconfig.choices(editor) == []
    settings.AUTHZVIZ_LOCAL = False

    assert local_kubeconfig.choices(admin) == []


def test_a_local_context_is_added_with_its_files(as_admin: Client, local_file: Path) -> None:
    as_admin.post(reverse("add_local"), choose("alpha"))

    token = reading.open_credentials(Cluster.objects.get()).token
    assert token is not None
    assert token.reveal() == "from-a-file"


def test_a_local_context_with_a_plugin_is_not_added(as_admin: Client, local_file: Path) -> None:
    as_admin.post(reverse("add_local"), choose("gamma"))

    assert not Cluster.objects.exists()


def test_a_missing_or_broken_local_kubeconfig_breaks_nothing(
    as_admin: Client, admin: User, local_file: Path
) -> None:
    local_file.write_text("{{{")
    broken = as_admin.get("/")
    local_file.unlink()

    assert (broken.status_code, as_admin.get("/").status_code) == (200, 200)
    assert local_kubeconfig.choices(admin) == []


def test_a_broken_local_kubeconfig_is_told_of_and_a_missing_one_is_not(
    as_admin: Client, local_file: Path
) -> None:
    local_file.write_text("{{{")
    broken = page(as_admin.get("/"))
    local_file.unlink()
    missing = page(as_admin.get("/"))

    assert "The kubeconfig of this machine can't be used." in broken.text
    assert "can't be used" not in missing.text


def test_local_contexts_tell_which_are_in_the_fleet_and_which_run_a_command(
    as_admin: Client, admin: User, local_file: Path
) -> None:
    as_admin.post(reverse("add_local"), choose("alpha"))
    choices = {choice.name: choice for choice in local_kubeconfig.choices(admin)}
    shown = page(as_admin.get(reverse("cluster_add")))

    assert choices["alpha"].known_as == ("alpha",)
    assert choices["beta"].known_as == ()
    assert "authzviz runs none" in choices["gamma"].problem
    assert "in the fleet as alpha" in shown.text


def test_a_server_that_is_in_the_fleet_twice_is_shown_with_both_names(
    as_admin: Client, admin: User, local_file: Path
) -> None:
    as_admin.post(reverse("add_local"), choose("alpha"))
    as_admin.post(reverse("add_local"), choose("alpha"))
    choices = {choice.name: choice for choice in local_kubeconfig.choices(admin)}

    assert choices["alpha"].known_as == ("alpha", "alpha (2)")
    assert "in the fleet as alpha, alpha (2)" in page(as_admin.get(reverse("cluster_add"))).text


TOO_LARGE = {
    "just too large": 2**20 + 1,
    "more than is kept in memory": 9 * 2**20,
}


@pytest.mark.parametrize("size", TOO_LARGE.values(), ids=TOO_LARGE)
def test_a_file_that_is_too_large_is_said_to_be_and_never_parsed(
    as_editor: Client, size: int
) -> None:
    file = SimpleUploadedFile("config", b"a" * size)

    answer = as_editor.post(reverse("cluster_add"), {"kubeconfig_file": file})

    assert answer.status_code == 422
    assert "more than 1 MiB" in str(answer.context["form"].errors)
    assert not Upload.objects.exists()


def test_of_many_files_no_more_is_kept_than_of_one() -> None:
    handler = CappedUploadHandler()
    kept = []
    for _ in range(3):
        handler.new_file("file", "name", "text/plain", None)
        for _ in range(6):
            handler.receive_data_chunk(b"a" * 2**20, 0)
        kept.append(handler.file_complete(6 * 2**20))

    assert [file.size for file in kept] == [6 * 2**20] * 3
    assert [len(file.read()) for file in kept] == [6 * 2**20, 2 * 2**20, 0]


def test_what_is_pasted_beyond_all_measure_is_no_fault_of_ours(as_editor: Client) -> None:
    answer = as_editor.post(reverse("cluster_add"), {"kubeconfig": "a" * 4 * 2**20})

    assert answer.status_code == 400
    assert b"more than 1 MiB" in answer.content
