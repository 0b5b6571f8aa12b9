"""From a kubeconfig that someone gives to clusters: contexts, connection tests, adding.

The text waits sealed in a row of its own for at most half an hour, so that no credentials travel
back to the browser, stay in a session, or look like a cluster that nobody chose.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import BoundedSemaphore
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from authzviz.engine.model import Outcome, Snapshot
from authzviz.kube import kubeconfig
from authzviz.kube.credentials import Credentials, expires_at
from authzviz.kube.kubeconfig import Context
from dashboard.models import LIVE, Cluster, Upload, User
from dashboard.services import clock, clusters, erasing, facts, reading, sealing
from dashboard.services.access import NotVisible

KEPT = timedelta(minutes=30)
MAX_BYTES = 2**20
TEST_DEADLINE_SECONDS = 15.0
_PURPOSE = "kubeconfig-upload"
# What tests holds one of the web server's eight threads: never more than three of them, and each
# for no longer than this, however many contexts were asked for.
REQUEST_SECONDS = 20.0
_PLACES = BoundedSemaphore(3)
_BUSY = "Too many connection tests are running; try again in a moment."
_NO_TIME = "Not tested: the others took all the time there is. Test it again."


class UploadError(Exception):
    """The kubeconfig can't be used, or its contexts can't be added yet; for people."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One context as the page offers it: `problem` says why it can't be added, if it can't.

    `test` is what the last connection test said, None before one: `{"is_answered", "message",
    "version", "reads": [as CurrentState.reads]}`. `known_as` names the clusters of the fleet
    that have this server already.
    """

    name: str
    server: str
    user: str
    problem: str
    known_as: tuple[str, ...] = ()
    expires_at: datetime | None = None
    is_tls_verified: bool = True
    test: dict[str, Any] | None = None

    @property
    def known_names(self) -> str:
        """`known_as` for the page."""
        return ", ".join(self.known_as)

    @property
    def refused(self) -> list[dict[str, Any]]:
        """The reads that these credentials may not do, each with the permission it needs."""
        reads = self.test["reads"] if self.test else []
        return [read for read in reads if read["outcome"] != Outcome.OK]


@dataclass(frozen=True, slots=True)
class Selection:
    """What someone chose: the contexts, the group they come into, and whether those that don't
    answer are added too.
    """

    contexts: tuple[str, ...]
    interval_seconds: int
    even_if_unreachable: bool = False
    names: dict[str, str] = field(default_factory=dict)
    group: str = ""


def parse(text: str) -> tuple[Context, ...]:
    """The contexts of an uploaded kubeconfig, good and bad; raises UploadError naming the field."""
    if len(text.encode()) > MAX_BYTES:
        raise UploadError("a kubeconfig of more than 1 MiB is not read")
    try:
        return kubeconfig.parse_upload(
            text, policy=reading.address_policy(), allow_insecure=settings.ALLOW_INSECURE_TLS
        )
    except kubeconfig.KubeconfigError as error:
        raise UploadError(str(error)) from error


def start(text: str, *, actor: User) -> Upload:
    """Keep a kubeconfig until its contexts are chosen; raises UploadError, and keeps nothing."""
    parse(text)
    now = clock.now()
    upload = Upload(created_by=actor, created_at=now, expires_at=now + KEPT)
    upload.text = sealing.seal(text.encode(), purpose=_PURPOSE, row=str(upload.uuid))
    upload.save(force_insert=True)
    return upload


def of(user: User, uuid: UUID) -> Upload:
    """The upload, or NotVisible where it is another person's or over."""
    upload = Upload.objects.filter(pk=uuid, created_by=user, expires_at__gt=clock.now()).first()
    if upload is None:
        raise NotVisible(uuid)
    return upload


def choices(upload: Upload) -> list[Choice]:
    """Every context of the upload, with what its test said."""
    known = known_servers()
    return [
        choice_of(context, upload.tests.get(context.name), known) for context in _contexts(upload)
    ]


def test(upload: Upload, names: Iterable[str]) -> None:
    """Test the connections of these contexts, four at a time, and keep what came of it.

    Takes at most REQUEST_SECONDS; what was not tested by then says so.
    """
    wanted = set(names)
    chosen = [c for c in _contexts(upload) if c.name in wanted and not problem_of(c)]
    if not chosen:
        return
    results = _tested(chosen)
    with transaction.atomic():
        latest = Upload.objects.select_for_update().filter(pk=upload.pk).first()
        if latest is not None:
            latest.tests = {**latest.tests, **results}
            latest.save(update_fields=["tests"])
            upload.tests = latest.tests


def add(upload: Upload, selection: Selection, *, actor: User) -> list[Cluster]:
    """Add the chosen contexts, all or none; the upload is gone then.

    Tests those that have not answered yet. Raises UploadError where one does not answer, unless the
    selection takes them anyway; an address that is not allowed is never taken.
    """
    contexts = {context.name: context for context in _contexts(upload)}
    chosen = [contexts[name] for name in selection.contexts if name in contexts]
    if not chosen:
        raise UploadError("choose at least one context")
    if not selection.even_if_unreachable:
        test(upload, _silent(chosen, upload))
    _refuse_bad(chosen, upload, selection)
    with transaction.atomic():
        added = [
            clusters.add(
                name=selection.names.get(context.name) or context.name,
                credentials=credentials_of(context),
                interval_seconds=selection.interval_seconds,
                group=selection.group,
                actor=actor,
            )
            for context in chosen
        ]
        Upload.objects.filter(pk=upload.pk).delete()
        erasing.erase_deleted()
    return added


def single_credentials(text: str, server: str) -> Credentials:
    """The credentials of a kubeconfig for the cluster at `server`; raises UploadError.

    With one usable context, its own, whatever its server: a cluster may have moved. With several,
    those of the one that has the server.
    """
    contexts = parse(text)
    usable = [context for context in contexts if not problem_of(context)]
    if len(usable) == 1:
        return credentials_of(usable[0])
    if usable:
        return _of_server(usable, server)
    raise UploadError("; ".join(f"{context.name}: {problem_of(context)}" for context in contexts))


def _of_server(contexts: list[Context], server: str) -> Credentials:
    same = [c for c in contexts if server and c.credentials and c.credentials.server == server]
    if len(same) == 1:
        return credentials_of(same[0])
    found = ", ".join(context.name for context in same) if same else "none"
    raise UploadError(
        "contexts: there are several; keep only the one of this cluster. With its server "
        f"{server}: {found}"
    )


def test_credentials(name: str, credentials: Credentials) -> dict[str, Any]:
    """What a connection test of these credentials says, as in Choice.test."""
    with _a_place() as is_free:
        if not is_free:
            return _answer(message=_BUSY)
        return _test(name, credentials, TEST_DEADLINE_SECONDS)


def is_address_allowed(credentials: Credentials) -> bool:
    """True where the server's address may be connected to, whether it answers or not."""
    try:
        reading.check_server(credentials.server)
    except reading.ReadError:
        return False
    return True


def clean_up() -> None:
    """Remove the uploads whose time is over."""
    with transaction.atomic():
        removed, _ = Upload.objects.filter(expires_at__lte=clock.now()).delete()
        if removed:
            erasing.erase_deleted()


def _contexts(upload: Upload) -> tuple[Context, ...]:
    try:
        text = sealing.open_sealed(bytes(upload.text), purpose=_PURPOSE, row=str(upload.uuid))
    except sealing.SealError as error:
        raise UploadError(str(error)) from error
    return parse(text.decode())


def problem_of(context: Context) -> str:
    """Why the context can't be added on this server, "" where it can."""
    if context.credentials and context.credentials.insecure and not settings.ALLOW_INSECURE_TLS:
        return (
            "insecure-skip-tls-verify: this server connects only to apiservers that it can tell "
            "from others. Embed the CA (certificate-authority-data), or have an administrator set "
            "AUTHZVIZ_ALLOW_INSECURE_TLS."
        )
    if context.credentials and context.credentials.exec_plugin:
        return (
            "its credentials come from a command, and authzviz runs none. Add the kubeconfig of a "
            "ServiceAccount that may only read; `authzviz reader` prints its role."
        )
    return context.problem


KnownServers = dict[str, tuple[str, ...]]


def known_servers() -> KnownServers:
    """The names of the clusters that are read already, in their order, by their servers."""
    read = Cluster.objects.filter(source__in=LIVE).order_by("name")
    known: KnownServers = {}
    for server, name in read.values_list("server", "name"):
        known[server] = (*known.get(server, ()), name)
    return known


def choice_of(context: Context, result: dict[str, Any] | None, known: KnownServers) -> Choice:
    """The context for the page, with what its test said; `known` is as from `known_servers`."""
    credentials = context.credentials
    expire_at = expires_at(credentials) if credentials else None
    return Choice(
        name=context.name,
        server=credentials.server if credentials else "",
        user=context.user,
        problem=problem_of(context),
        known_as=known.get(credentials.server, ()) if credentials else (),
        expires_at=expire_at,
        is_tls_verified=not (credentials and credentials.insecure),
        test=result,
    )


def credentials_of(context: Context) -> Credentials:
    """Its credentials; raises UploadError where it can't be added."""
    problem = problem_of(context)
    if problem or context.credentials is None:
        raise UploadError(f"{context.name}: {problem}")
    return context.credentials


def _tested(contexts: list[Context]) -> dict[str, dict[str, Any]]:
    """What the tests of these contexts say, by context, within REQUEST_SECONDS."""
    with _a_place() as is_free:
        if not is_free:
            return {context.name: _answer(message=_BUSY) for context in contexts}
        until = time.monotonic() + REQUEST_SECONDS

        def in_time(context: Context) -> dict[str, Any]:
            seconds = min(TEST_DEADLINE_SECONDS, until - time.monotonic())
            if seconds <= 0:
                return _answer(message=_NO_TIME)
            return _test(context.name, credentials_of(context), seconds)

        with ThreadPoolExecutor(max_workers=4) as pool:
            answers = pool.map(in_time, contexts)
            return {c.name: answer for c, answer in zip(contexts, answers, strict=True)}


def _test(name: str, credentials: Credentials, seconds: float) -> dict[str, Any]:
    try:
        return _answer(reading.read(credentials, name=name, deadline_seconds=seconds))
    except reading.ReadError as error:
        return _answer(message=str(error))


@contextmanager
def _a_place() -> Iterator[bool]:
    """Whether one more request may test; never waits, as waiting holds a thread, too."""
    is_free = _PLACES.acquire(blocking=False)
    try:
        yield is_free
    finally:
        if is_free:
            _PLACES.release()


def _silent(contexts: list[Context], upload: Upload) -> list[str]:
    """The names of those whose last test was not answered, or that were not tested."""
    names = [context.name for context in contexts]
    return [name for name in names if not upload.tests.get(name, {}).get("is_answered")]


def _refuse_bad(chosen: list[Context], upload: Upload, selection: Selection) -> None:
    """Raise UploadError where one of the chosen can't be added as things are."""
    for context in chosen:
        server = credentials_of(context).server
        try:
            reading.check_server(server)
        except reading.ReadError as error:
            raise UploadError(f"{context.name}: {error}") from error
    if selection.even_if_unreachable:
        return
    if silent := _silent(chosen, upload):
        raise UploadError(
            f"{', '.join(silent)} did not answer, so nothing was added. Leave out what does not "
            "answer, or tick “Add even if it does not answer”."
        )


def _answer(snapshot: Snapshot | None = None, message: str = "") -> dict[str, Any]:
    return {
        "is_answered": snapshot is not None,
        "message": message,
        "version": (snapshot.version.value or "") if snapshot else "",
        "reads": facts.read_summaries(snapshot) if snapshot else [],
    }
