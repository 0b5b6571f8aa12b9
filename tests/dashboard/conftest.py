"""People, a cluster source that is no network, and clusters to try things on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from authzviz.engine.model import Snapshot
from authzviz.kube.credentials import Credentials
from authzviz.net.secret import Secret
from authzviz.tickets.registry import KINDS
from dashboard import tasks
from dashboard.models import Cluster, Role, Tracker, User
from dashboard.services import clock, clusters, reading
from tests.dashboard.snapshots import CANARY, snapshot

if TYPE_CHECKING:
    from tests.dashboard.ticketing import FakeTracker

PASSWORD = "correct horse battery"


@dataclass
class FakeSource:
    """Stands in for the network: answers with `snapshot`, or fails with `error`."""

    snapshot: Snapshot = field(default_factory=snapshot)
    error: Exception | None = None
    asked: list[Credentials] = field(default_factory=list)
    settings: list[dict[str, Any]] = field(default_factory=list)
    meanwhile: Callable[[], None] = lambda: None

    def __call__(
        self, credentials: Credentials, *, name: str, deadline_seconds: float, **settings: Any
    ) -> Snapshot:
        self.asked.append(credentials)
        self.settings.append(settings)
        self.meanwhile()
        if self.error is not None:
            raise self.error
        return self.snapshot


@pytest.fixture(autouse=True)
def cheap_hashes(settings: Settings) -> None:
    """A password's hash is meant to take half a second; here nobody guesses."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def just_started(settings: Settings) -> None:
    """As if each test had a server of its own: a minute after its start it asks whether anything
    was read meanwhile, which is a query more.
    """
    settings.STARTED_AT = timezone.now()


@pytest.fixture(autouse=True)
def one_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who travels in time takes the database's clock along, which is not ours with PostgreSQL.

    Nor does asking for it count as a query, so that tests tell one number for either database.
    """
    of_the_database = clock.now

    def now() -> datetime:
        if time_machine.escape_hatch.is_travelling():
            return timezone.now()
        asked = len(connection.queries_log)
        at = of_the_database()
        while len(connection.queries_log) > asked:
            connection.queries_log.pop()
        return at

    monkeypatch.setattr(clock, "now", now)


@pytest.fixture(autouse=True)
def source(monkeypatch: pytest.MonkeyPatch) -> FakeSource:
    """Every read of a cluster goes here."""
    fake = FakeSource()
    monkeypatch.setattr(reading, "read", fake)
    monkeypatch.setattr(reading, "resolve", lambda host, port: [host])
    return fake


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The ids of clusters for which a poll was sent to the broker, which isn't there."""
    ids: list[int] = []
    monkeypatch.setattr(tasks, "_send", ids.append)
    return ids


def person(name: str, role: Role) -> User:
    return User.objects.create_user(name, role=role.value)


@pytest.fixture
def viewer(db: None) -> User:
    return person("viewer", Role.VIEWER)


@pytest.fixture
def editor(db: None) -> User:
    return person("editor", Role.EDITOR)


@pytest.fixture
def admin(db: None) -> User:
    return person("admin", Role.ADMIN)


@pytest.fixture
def as_viewer(viewer: User) -> Client:
    return signed_in(viewer)


@pytest.fixture
def as_editor(editor: User) -> Client:
    return signed_in(editor)


@pytest.fixture
def as_admin(admin: User) -> Client:
    return signed_in(admin)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def travel() -> Iterator[time_machine.Traveller]:
    """A clock that stands still until it is moved."""
    with time_machine.travel(datetime(2026, 11, 24, 12, 0, tzinfo=UTC), tick=False) as traveller:
        yield traveller


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeTracker:
    """What stands behind every tracker of the kind "fake"."""
    from tests.dashboard.ticketing import FakeTracker

    made = FakeTracker()
    monkeypatch.setitem(KINDS, "fake", made.kind)
    return made


@pytest.fixture
def tracker(travel: time_machine.Traveller, fake: FakeTracker) -> Tracker:
    """A tracker of the kind "fake", while the clock stands still."""
    from tests.dashboard.ticketing import add_tracker

    return add_tracker()


def credentials(server: str = "https://10.0.0.1:6443") -> Credentials:
    return Credentials(server, token=Secret(CANARY))


def add_cluster(name: str = "alpha", actor: User | None = None) -> Cluster:
    return clusters.add(name=name, credentials=credentials(), interval_seconds=60, actor=actor)


@pytest.fixture
def cluster(db: None) -> Cluster:
    return add_cluster()
