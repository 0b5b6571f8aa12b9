"""Uploading an audit log: read while it arrives, with nothing kept but what it proves."""

from __future__ import annotations

import gzip
import io
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings as configured
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.urls import reverse
from pytest_django import Settings

from authzviz.evidence.audit import Proof
from dashboard.models import AuditEvent, AuditLogEvidence, Cluster, User
from dashboard.services import audit_logs, audit_uploads
from dashboard.streaming import CutOff, StreamedForm
from tests.dashboard.showing import Page, show
from tests.evidence.audit_events import AGENT, KUBELET, NODE_FIRST, event, log
from tests.plans.clusters import judged, read

pytestmark = pytest.mark.django_db

_FILLING = b"x" * 2**20
USED = log(*[event() for _ in range(3)])


@pytest.fixture
def granted(db: None) -> Cluster:
    """A cluster where Node is asked first and the old binding is left."""
    return show(judged(NODE_FIRST), "granted", read=replace(read(NODE_FIRST), server_time=None))


def upload(client: Client, cluster: Cluster, *files: bytes, **more: Any) -> Any:
    logs = [SimpleUploadedFile(f"audit-{n}.log", each) for n, each in enumerate(files)]
    return client.post(address(cluster), {"logs": logs}, **more)


def address(cluster: Cluster) -> str:
    return reverse("cluster_audit_log", args=(cluster.slug,))


def refusal(answer: Any) -> str:
    assert answer.status_code == 422
    assert not AuditLogEvidence.objects.exists()
    return Page(answer.content.decode()).text


def test_what_a_log_proves_is_kept_and_shown(as_editor: Client, granted: Cluster) -> None:
    answer = upload(as_editor, granted, USED, gzip.compress(USED))
    assert answer.status_code == 302
    page = Page(as_editor.get(answer["Location"]).content.decode()).text

    row = AuditLogEvidence.objects.get()
    assert (row.proof, row.files) == (Proof.BREAKS.value, ["audit-0.log", "audit-1.log"])
    assert row.size_bytes == len(USED) + len(gzip.compress(USED))
    assert "2 files read. Nothing of the log itself is kept." in page
    assert f"{AGENT} no kubelet" in page
    assert "list nodes" in page
    assert "Undo" in page
    act = AuditEvent.objects.get(action=audit_logs.UPLOADED)
    assert act.detail["files"] == ["audit-0.log", "audit-1.log"]


def test_a_script_is_told_in_json(as_editor: Client, granted: Cluster) -> None:
    good = upload(as_editor, granted, USED, headers={"Accept": "application/json"})
    bad = upload(as_editor, granted, b"PK\3\4" + b"x" * 600, headers={"Accept": "application/json"})

    assert (good.status_code, good.json()) == (200, {"refusal": ""})
    assert bad.status_code == 422
    assert "zip archive" in bad.json()["refusal"]


BOMB = gzip.compress(b"0" * (80 << 20))
REFUSED = {
    "no event": (b"\0\1\2 binary\n" * 3, "no audit event is in it"),
    "an archive": (b"PK\3\4" + b"x" * 600, "audit-0.log: it is a zip archive"),
    "a gzip bomb": (BOMB, "unpacks to more than"),
    "empty": (b"", "no audit event is in it"),
    "cut off at once": (gzip.compress(USED)[:20], "cut off: the gzip file ends in the middle"),
}


@pytest.mark.parametrize(("content", "why"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_log_is_refused_kindly(
    as_editor: Client, granted: Cluster, content: bytes, why: str
) -> None:
    said = refusal(upload(as_editor, granted, content))

    assert why in said


def long_line(total: int) -> Iterator[bytes]:
    yield form_of("", log(event()) + b'{"kind": "', is_whole=False)
    for _ in range(total // len(_FILLING)):
        yield _FILLING
    yield b'"}\n' + log(event()) + f"\r\n--{BOUNDARY}--\r\n".encode()


class Made(io.RawIOBase):
    """A body that is made while it is read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = b""

    def read(self, size: int = -1, /) -> bytes:
        self._left = self._left or next(self._pieces, b"")
        given, self._left = self._left[:size], self._left[size:]
        return given


def test_a_line_of_a_gigabyte_is_skipped_in_little_memory(
    as_editor: Client, granted: Cluster
) -> None:
    total = 2**30
    length = sum(len(piece) for piece in long_line(0)) + total
    tracemalloc.start()
    try:
        answer = as_editor.generic("POST", address(granted), **sent(Made(long_line(total)), length))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert answer.status_code == 302
    assert peak < 100 * 2**20
    page = Page(as_editor.get(address(granted)).content.decode()).text
    assert "1: longer than 16 MiB" in page


def test_events_of_the_future_are_left_out_and_said(as_editor: Client, granted: Cluster) -> None:
    future = event(at=datetime(2999, 1, 1, tzinfo=UTC))
    upload(as_editor, granted, USED + log(future))

    page = Page(as_editor.get(address(granted)).content.decode()).text

    assert "1: dated in the future, or before there were audit logs" in page


def test_without_a_file_one_is_asked_for(as_editor: Client, granted: Cluster) -> None:
    assert audit_uploads.NO_FILE in refusal(as_editor.post(address(granted), {"logs": ""}))
    assert audit_uploads.NO_FILE in refusal(
        as_editor.post(address(granted), "a=1", content_type="application/x-www-form-urlencoded")
    )


def test_more_than_the_setting_is_refused_packed_or_not(
    as_editor: Client, granted: Cluster, settings: Settings
) -> None:
    settings.AUDIT_LOG_MB = 1
    line = log(event())
    many = line * (2 * 2**20 // len(line))

    plain = refusal(upload(as_editor, granted, many))
    packed = refusal(upload(as_editor, granted, gzip.compress(many)))

    assert "at most 1 MiB" in plain
    for said in (plain, packed):
        assert "authzviz evidence" in said


def test_a_cluster_that_was_never_read_has_nothing_to_hold_it_against(
    as_editor: Client, cluster: Cluster
) -> None:
    assert audit_uploads.UNREAD in refusal(upload(as_editor, cluster, USED))


def test_an_upload_that_takes_too_long_is_refused(
    as_editor: Client, granted: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_uploads, "MOST_SECONDS", -1.0)

    assert audit_uploads.TOO_SLOW in refusal(upload(as_editor, granted, USED))


def test_no_more_are_read_at_once_than_there_are_places(
    as_editor: Client, granted: Cluster
) -> None:
    taken = [audit_uploads._PLACES.acquire(blocking=False) for _ in range(audit_uploads.AT_ONCE)]
    try:
        assert all(taken)
        assert audit_uploads.BUSY in refusal(upload(as_editor, granted, USED))
    finally:
        for _ in taken:
            audit_uploads._PLACES.release()

    assert upload(as_editor, granted, USED).status_code == 302


class Untouchable(io.BytesIO):
    """A body of which nothing may be read beyond what the fields before the first file take."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.given = 0

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(size)
        self.given += len(found)
        return found


BOUNDARY = "frontier"
TYPE = f"multipart/form-data; boundary={BOUNDARY}"


def form_of(token: str, content: bytes, *, is_whole: bool = True) -> bytes:
    """A form as a browser sends it."""
    field = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n'
    file = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="logs"; filename="a.log"\r\n\r\n'
    end = f"\r\n--{BOUNDARY}--\r\n" if is_whole else ""
    return f"{field}{token}\r\n{file}".encode() + content + end.encode()


def sent(stream: io.IOBase, length: int) -> dict[str, Any]:
    """What makes a request of the body, announced as that long."""
    return {"wsgi.input": stream, "CONTENT_LENGTH": str(length), "CONTENT_TYPE": TYPE}


WHO = {"no token": ("admin", 403), "a viewer": ("viewer", 403), "a visitor": ("", 302)}


@pytest.mark.parametrize(("role", "status"), WHO.values(), ids=WHO)
def test_nothing_is_read_of_the_files_of_whoever_may_not_upload(
    granted: Cluster, role: str, status: int
) -> None:
    client = Client(enforce_csrf_checks=role == "admin")
    if role:
        user = User.objects.create_user("me", role=role)
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    body = form_of("wrong", USED * 2_000)
    stream = Untouchable(body)

    answer = client.generic(
        "POST",
        address(granted),
        **sent(stream, len(body)),
    )

    assert answer.status_code == status
    assert len(body) > 1_000_000
    assert stream.given <= 300_000


def test_the_token_before_the_files_is_enough(granted: Cluster, editor: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(editor, backend="django.contrib.auth.backends.ModelBackend")
    client.get(address(granted))
    token = client.cookies[configured.CSRF_COOKIE_NAME].value

    answer = client.generic("POST", address(granted), form_of(token, USED), TYPE)

    assert answer.status_code == 302
    assert AuditLogEvidence.objects.get().files == ["a.log"]


ODD = {"longer than any token": b"x" * 9_000, "no UTF-8": b"\xff\xfe"}


@pytest.mark.parametrize("token", ODD.values(), ids=ODD)
def test_an_odd_field_before_the_files_is_refused(
    granted: Cluster, editor: User, token: bytes
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(editor, backend="django.contrib.auth.backends.ModelBackend")
    body = form_of("token", USED).replace(b"token\r\n", token + b"\r\n", 1)

    answer = client.generic("POST", address(granted), body, TYPE)

    assert answer.status_code in (400, 403)
    assert not AuditLogEvidence.objects.exists()


def test_nothing_is_kept_of_an_upload_that_is_cut_off(as_editor: Client, granted: Cluster) -> None:
    body = form_of("", USED, is_whole=False)

    answer = as_editor.generic(
        "POST",
        address(granted),
        **sent(io.BytesIO(body), len(body) + 1_000),
    )

    assert answer.status_code == 400
    assert not AuditLogEvidence.objects.exists()


def test_a_file_that_nobody_reads_is_skipped() -> None:
    body = form_of("t", b"one")[: -len(f"--{BOUNDARY}--\r\n")] + form_of("u", b"two")
    request = RequestFactory().generic("POST", "/", body, TYPE)
    form = StreamedForm(request)
    request.upload_handlers = [form]

    assert request.POST.getlist("csrfmiddlewaretoken") == ["t"]
    assert [(file.field, file.name) for file in form.files()] == [("logs", "a.log")] * 2
    assert list(form.files()) == []


def test_a_body_that_ends_too_early_is_told_apart_from_its_end() -> None:
    body = form_of("t", b"one", is_whole=False)
    request = RequestFactory().generic("POST", "/", **sent(io.BytesIO(body), len(body) + 9))
    form = StreamedForm(request)
    request.upload_handlers = [form]

    with pytest.raises(CutOff):
        read_all(form, request)
    form.drain()


def read_all(form: StreamedForm, request: HttpRequest) -> None:
    assert request.POST is not None
    for file in form.files():
        for _ in file.chunks:
            pass


HOSTILE = '<script>alert(1)</script>"\u202e$(reboot)\n'


def test_names_in_a_log_are_shown_for_what_they_are(as_editor: Client, granted: Cluster) -> None:
    named = event(agent=HOSTILE, ref={"namespace": HOSTILE, "resource": HOSTILE})
    file = SimpleUploadedFile("<b>\u202eevil.log", log(named))
    as_editor.post(address(granted), {"logs": [file]})

    page = as_editor.get(address(granted)).content.decode()

    assert "<script>alert" not in page
    assert "<b>" not in page
    assert "\u202e" not in page
    assert not Page(page).faults()


def test_a_viewer_sees_the_proof_but_no_form(
    as_editor: Client, as_viewer: Client, granted: Cluster
) -> None:
    upload(as_editor, granted, USED)

    page = as_viewer.get(address(granted)).content.decode()

    assert AGENT in page
    assert 'type="file"' not in page
    assert "/remove/" not in page


def test_an_older_upload_is_shown_and_one_is_removed_and_put_back(
    as_editor: Client, granted: Cluster
) -> None:
    upload(as_editor, granted, USED)
    first = AuditLogEvidence.objects.get()
    upload(as_editor, granted, log(event(reason="", agent=KUBELET)))
    older = Page(as_editor.get(f"{address(granted)}?upload={first.pk}").content.decode()).text
    assert "Only the newest upload counts for the plan." in older
    url = reverse("audit_log_remove", args=(granted.slug, first.pk))

    removed = Page(as_editor.post(url, follow=True).content.decode())

    assert "Removed." in removed.text
    assert AGENT not in removed.text
    undo = next(form["action"] for form in removed.all("form") if "/undo/" in form["action"])
    as_editor.post(undo)
    assert audit_logs.upload_of(granted, first.pk) is not None
    assert as_editor.get(f"{address(granted)}?upload=999999").status_code == 404
    gone = reverse("audit_log_remove", args=(granted.slug, 999999))
    assert as_editor.post(gone).status_code == 404


def test_evidence_for_other_grants_looks_old(as_editor: Client, granted: Cluster) -> None:
    upload(as_editor, granted, USED)
    AuditLogEvidence.objects.update(grants={"ClusterRoleBinding system:node": "other"})

    page = Page(as_editor.get(address(granted)).content.decode()).text

    assert "It does not count any more: what ClusterRoleBinding system:node grants" in page
