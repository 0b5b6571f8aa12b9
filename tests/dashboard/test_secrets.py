"""Secrets: sealed at rest, written in no log, shown on no page."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from dashboard.logs import JsonLines, Redact, redact
from dashboard.models import Cluster, Upload, User
from dashboard.services import polling, reading, sealing, uploads
from tests.dashboard.conftest import FakeSource, add_cluster
from tests.dashboard.snapshots import CANARY, KUBECONFIG, one_context

OLD, NEW = b"o" * 32, b"n" * 32


def test_sealed_opens_with_its_key_and_row_only(settings: Settings) -> None:
    settings.CREDENTIALS_KEYS = (OLD,)
    sealed = sealing.seal(b"secret", purpose="p", row="1")

    assert b"secret" not in sealed
    assert sealing.open_sealed(sealed, purpose="p", row="1") == b"secret"
    for purpose, row in (("p", "2"), ("q", "1")):
        with pytest.raises(sealing.SealError):
            sealing.open_sealed(sealed, purpose=purpose, row=row)
    with pytest.raises(sealing.SealError):
        sealing.open_sealed(sealed[:-1] + bytes([sealed[-1] ^ 1]), purpose="p", row="1")


def test_the_wrong_key_fails_loudly(settings: Settings) -> None:
    settings.CREDENTIALS_KEYS = (OLD,)
    sealed = sealing.seal(b"secret", purpose="p", row="1")
    settings.CREDENTIALS_KEYS = (NEW,)

    with pytest.raises(sealing.SealError, match="AUTHZVIZ_CREDENTIALS_KEYS"):
        sealing.open_sealed(sealed, purpose="p", row="1")


@pytest.mark.django_db
def test_a_poll_with_the_wrong_key_says_so(settings: Settings) -> None:
    settings.CREDENTIALS_KEYS = (OLD,)
    cluster = add_cluster()
    settings.CREDENTIALS_KEYS = (NEW,)

    polling.poll(cluster.pk)

    cluster.refresh_from_db()
    assert "AUTHZVIZ_CREDENTIALS_KEYS" in cluster.last_error


@pytest.mark.django_db
def test_rotation_seals_anew_what_the_old_key_sealed(settings: Settings) -> None:
    settings.CREDENTIALS_KEYS = (OLD,)
    cluster = add_cluster()
    settings.CREDENTIALS_KEYS = (NEW, OLD)
    out = StringIO()

    call_command("rotate_credentials_key", stdout=out)
    call_command("rotate_credentials_key", stdout=out)
    settings.CREDENTIALS_KEYS = (NEW,)

    cluster.refresh_from_db()
    token = reading.open_credentials(cluster).token
    assert token is not None
    assert token.reveal() == CANARY
    assert out.getvalue() == (
        "sealed anew: the credentials of 1 cluster and 0 trackers\n"
        "sealed anew: the credentials of 0 clusters and 0 trackers\n"
    )


@pytest.mark.django_db
def test_rotation_without_the_old_key_names_the_cluster(settings: Settings) -> None:
    settings.CREDENTIALS_KEYS = (OLD,)
    add_cluster("lonely")
    settings.CREDENTIALS_KEYS = (NEW,)

    with pytest.raises(CommandError, match="lonely"):
        call_command("rotate_credentials_key", stdout=StringIO())


@pytest.mark.django_db
def test_credentials_of_another_row_do_not_open(cluster: Cluster) -> None:
    other = add_cluster("beta")
    Cluster.objects.filter(pk=other.pk).update(credentials=cluster.credentials)
    other.refresh_from_db()

    with pytest.raises(reading.ReadError):
        reading.open_credentials(other)


@pytest.mark.sqlite
@pytest.mark.django_db(transaction=True)
def test_the_canary_is_nowhere(
    admin: User, as_admin: Client, source: FakeSource, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    seen = [as_admin.post(reverse("cluster_add"), {"kubeconfig": KUBECONFIG})]
    choose = seen[0]["Location"]
    source.error = reading.ReadError("refused")
    seen.append(as_admin.post(choose.replace("/add/", "/add/") + "test/", {"context": "alpha"}))
    seen.append(as_admin.post(choose, {"contexts": ["alpha"], "interval_seconds": "60"}))
    source.error = None
    seen.append(as_admin.get(choose))
    both = {"contexts": ["beta"], "interval_seconds": "60"}
    seen.append(as_admin.post(choose, both))
    cluster = Cluster.objects.get()
    polling.poll(cluster.pk)
    # what comes back with an error shows nothing of what was pasted
    seen.append(as_admin.post(reverse("cluster_add"), {"kubeconfig": KUBECONFIG + "- nonsense"}))
    url = reverse("cluster_credentials", args=(cluster.slug,))
    seen.append(as_admin.post(url, {"kubeconfig": KUBECONFIG}))
    source.error = ValueError(f"Authorization: Bearer {CANARY}")
    polling.poll_soon(cluster)
    polling.poll(cluster.pk)
    seen += [
        as_admin.get(reverse(name, args=(cluster.slug,)))
        for name in ("cluster", "cluster_settings", "cluster_credentials")
    ]
    seen.append(as_admin.get("/"))

    assert len(Cluster.objects.all()) == 1
    assert not any(CANARY.encode() in answer.content for answer in seen)
    assert CANARY not in _dump()
    lines = [_as_logged(record) for record in caplog.records]
    assert lines
    assert not any(CANARY in line for line in lines)


ENDS = {
    "removed": lambda client, slug: client.post(reverse("cluster_remove", args=(slug,))),
    "replaced": lambda client, slug: client.post(
        reverse("cluster_credentials", args=(slug,)),
        {"kubeconfig": one_context("https://10.0.0.1:6443", token="another")},
    ),
}


@pytest.mark.sqlite
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_credentials_that_are_gone_are_in_no_file_of_the_database(
    as_admin: Client, end: Callable[[Client, str], object]
) -> None:
    kept = bytes(add_cluster("stays").credentials or b"")
    cluster = add_cluster()
    sealed = bytes(cluster.credentials or b"")
    assert sealed in _files()

    end(as_admin, cluster.slug)

    assert sealed not in _files()
    assert kept in _files()


@pytest.mark.sqlite
@pytest.mark.django_db(transaction=True)
def test_a_kubeconfig_that_was_used_or_forgotten_is_in_no_file_of_the_database(
    as_admin: Client,
) -> None:
    choose = as_admin.post(reverse("cluster_add"), {"kubeconfig": KUBECONFIG})["Location"]
    used = bytes(Upload.objects.get().text)
    as_admin.post(choose, {"contexts": ["alpha"], "interval_seconds": "60"})
    as_admin.post(reverse("cluster_add"), {"kubeconfig": KUBECONFIG})
    forgotten = bytes(Upload.objects.get().text)
    assert forgotten in _files()

    with time_machine.travel(timezone.now() + timedelta(minutes=31)):
        uploads.clean_up()

    assert used not in _files()
    assert forgotten not in _files()


def _files() -> bytes:
    """All that the database has on disk, its write-ahead log included."""
    name = Path(connection.settings_dict["NAME"])
    return b"".join(path.read_bytes() for path in sorted(name.parent.glob(f"{name.name}*")))


def _dump() -> str:
    """The whole database as text."""
    assert isinstance(connection.connection, sqlite3.Connection)
    return "\n".join(connection.connection.iterdump())


def _as_logged(record: logging.LogRecord) -> str:
    Redact().filter(record)
    return JsonLines().format(record)


@pytest.mark.django_db
def test_a_servers_echo_of_our_token_is_taken_out(cluster: Cluster) -> None:
    message = reading.without_secrets(
        f"401: token {CANARY} is not valid", reading.open_credentials(cluster)
    )

    assert message == "401: token *** is not valid"


@pytest.mark.django_db
def test_an_upload_is_sealed(as_editor: Client) -> None:
    as_editor.post(reverse("cluster_add"), {"kubeconfig": one_context("https://10.0.0.1:6443")})

    assert CANARY.encode() not in bytes(Upload.objects.get().text)


REDACTED = {
    "bearer": ("Authorization: Bearer abc.def-ghi", "abc.def-ghi"),
    "basic": ("got Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
    "PEM": ("-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----", "MIIabc"),
    "cut PEM": ("-----BEGIN PRIVATE KEY-----\nMIIabc", "MIIabc"),
    "JWT": ("x eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln y", "c2ln"),
    "userinfo": ("https://me:hunter2@example.com/x", "hunter2"),
    "query": ("https://example.com/x?key=hunter2", "hunter2"),
    "yaml": ("token: hunter2", "hunter2"),
    "json": ('{"password": "hunter 2"}', "hunter 2"),
    "repr": ("{'client-key-data': 'aHVudGVyMg=='}", "aHVudGVyMg"),
    "sign-in link": ("GET /sign-in/AAAABBBBCCCCDDDDEEEE/", "AAAABBBB"),
}


@pytest.mark.parametrize(("text", "secret"), REDACTED.values(), ids=REDACTED)
def test_what_looks_like_a_secret_is_redacted(text: str, secret: str) -> None:
    assert secret not in redact(text)
    assert "***" in redact(text)


PLAIN = {
    "binding": "ClusterRoleBinding system:node binds Group system:nodes",
    "url": "https://10.0.0.1:6443/api/v1/nodes answered 403",
    "permission": "list clusterrolebindings.rbac.authorization.k8s.io",
}


@pytest.mark.parametrize("text", PLAIN.values(), ids=PLAIN)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


def test_an_exception_in_the_log_is_redacted() -> None:
    try:
        raise ValueError("Bearer abcdefghijkl")
    except ValueError as error:
        record = logging.LogRecord(
            "x",
            logging.ERROR,
            "f",
            1,
            "it failed: %s",
            ("x",),
            (ValueError, error, error.__traceback__),
        )

    line = _as_logged(record)

    assert "abcdefghijkl" not in line
    assert "it failed: x" in line
