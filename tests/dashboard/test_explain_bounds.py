"""What the page that explains logs takes at most, and what it makes of odd requests."""

from __future__ import annotations

import pytest
from django.test import Client

from dashboard.services import explain
from tests.dashboard.showing import page
from tests.dashboard.test_explain import LEASE, MB, URL, explained

pytestmark = pytest.mark.django_db


def test_large_logs_take_turns(as_viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explain, "_PATIENCE_SECONDS", 0)
    log = f"{LEASE}\n" + "x\n" * MB
    with explain._PLACE:
        assert "Other large logs are being read" in explained(as_viewer, log, status=422).text
        assert "may not get leases" in explained(as_viewer).text

    assert "may not get leases" in explained(as_viewer, log).text


def test_of_those_who_wait_for_a_turn_most_are_told_at_once(as_viewer: Client) -> None:
    log = f"{LEASE}\n" + "x\n" * MB
    with explain._PLACE, explain._QUEUE, explain._QUEUE:
        assert "Other large logs are being read" in explained(as_viewer, log, status=422).text

    assert "may not get leases" in explained(as_viewer, log).text


def test_a_text_is_read_as_utf_8_whatever_the_request_says(as_viewer: Client) -> None:
    body = f'--x\r\nContent-Disposition: form-data; name="log"\r\n\r\n{LEASE}\r\n--x--\r\n'
    kind = "multipart/form-data; boundary=x; charset=punycode"

    found = page(as_viewer.generic("POST", URL, body, kind))

    assert "The kubelet of node1 may not get leases" in found.text


def test_a_letter_that_is_none_is_written_out(as_viewer: Client) -> None:
    found = explained(as_viewer, LEASE.replace("node1", r"\ud800\u202e"))

    assert "\N{MATHEMATICAL LEFT ANGLE BRACKET}U+D800" in found.text


def test_a_form_of_too_many_fields_is_refused(as_viewer: Client) -> None:
    fields = {f"field{number}": "" for number in range(40)}

    assert as_viewer.post(URL, {"log": LEASE, **fields}).status_code == 400
