"""The server's own database and broker are never a cluster's address."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from authzviz.net.pinned import NameUnresolved
from dashboard.models import Cluster
from dashboard.services import own_services, reading, uploads
from tests.dashboard.conftest import FakeSource
from tests.dashboard.snapshots import one_context

POSTGRES = "django.db.backends.postgresql"
NAMES = {"db.example.com": "192.0.2.41", "localhost": "127.0.0.1"}
SOCKET = "redis+socket:///data/broker.sock?virtual_host=0"


def resolver(host: str, port: int) -> list[str]:
    if host == "gone.example.com":
        raise NameUnresolved(host)
    return [NAMES.get(host, host)]


def database(host: str, port: str = "", engine: str = POSTGRES) -> dict[str, dict[str, Any]]:
    return {"default": {"ENGINE": engine, "HOST": host, "PORT": port}}


SERVICES = {
    "SQLite and the embedded broker": (
        {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "/data/x"}},
        SOCKET,
        [],
    ),
    "a port of its own": (database("192.0.2.40", "5433"), SOCKET, [("192.0.2.40", 5433)]),
    "the usual port": (database("db.example.com"), SOCKET, [("192.0.2.41", 5432)]),
    "several hosts": (
        database("192.0.2.40,db.example.com", "5433,"),
        SOCKET,
        [("192.0.2.40", 5433), ("192.0.2.41", 5432)],
    ),
    "a socket": (database("/run/postgresql"), SOCKET, []),
    "a name that is gone": (database("gone.example.com"), SOCKET, []),
    "a broker": (
        database(""),
        "redis://:secret@localhost/1;rediss://192.0.2.50:6380/0",
        [("127.0.0.1", 6379), ("192.0.2.50", 6380)],
    ),
}


@pytest.mark.parametrize(("databases", "broker", "found"), SERVICES.values(), ids=SERVICES)
def test_they_are_found_in_the_settings(
    databases: dict[str, dict[str, Any]], broker: str, found: list[tuple[str, int]]
) -> None:
    assert own_services.addresses(databases, broker, resolver) == tuple(
        (ip_address(address), port) for address, port in found
    )


@pytest.mark.django_db
@pytest.mark.parametrize("host", ["127.0.0.1", "broker.example.com"])
def test_the_own_broker_is_never_added_nor_connected_to(
    as_editor: Client,
    source: FakeSource,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    host: str,
) -> None:
    settings.AUTHZVIZ_LOCAL = True
    settings.CELERY_BROKER_URL = "redis://localhost:6380/1"
    monkeypatch.setattr(reading, "resolve", lambda host, port: ["127.0.0.1"])
    text = one_context(f"https://{host}:6380")

    answer = as_editor.post(reverse("cluster_add"), {"kubeconfig": text})
    data = {"contexts": ["only"], "interval_seconds": "60", "even_if_unreachable": "on"}
    refused = as_editor.post(answer["Location"], data)

    assert refused.status_code == 422
    assert b"own database or broker" in refused.content
    assert not Cluster.objects.exists()
    assert source.asked == []
    # beside it, on another port, a cluster may well be
    assert uploads.parse(one_context("https://127.0.0.1:6443"))[0].problem == ""
