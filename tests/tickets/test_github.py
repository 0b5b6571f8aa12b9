"""How GitHub is set up, and that what is asked of it is checked."""

from __future__ import annotations

import pytest

from authzviz.tickets.errors import TicketRejected
from authzviz.tickets.github import _api_url
from authzviz.tickets.registry import KINDS
from tests.replay import TOKEN, Asked
from tests.tickets.fake_github import FakeGitHub, complaints_of, operation_of
from tests.tickets.stage import Stage

SCOPES = {"": True, "repo": True, "read:org, repo": True, "public_repo": True, "read:org": False}


@pytest.mark.parametrize(("scopes", "may_write"), SCOPES.items(), ids=[repr(one) for one in SCOPES])
def test_of_a_classic_token_a_check_knows_whether_it_may_write(
    scopes: str, may_write: bool
) -> None:
    fake = FakeGitHub()
    fake.scopes = scopes
    values = {"url": "{url}/api/v3", "repository": "ops/fleet"}
    with Stage(KINDS["github"], fake, values, {"token": TOKEN}).standing() as stage:
        if may_write:
            assert ("first ticket" in stage.port().check()) is (not scopes)
            return
        with pytest.raises(TicketRejected, match="scope repo"):
            stage.port().check()


ADDRESSES = {
    "https://api.github.com": "https://api.github.com",
    "https://github.com": "https://api.github.com",
    "https://github.com/": "https://api.github.com",
    "https://ghe.example": "https://ghe.example/api/v3",
    "https://ghe.example/": "https://ghe.example/api/v3",
    "https://ghe.example/api/v3": "https://ghe.example/api/v3",
    "https://api.corp.ghe.com": "https://api.corp.ghe.com",
}


@pytest.mark.parametrize(("told", "url"), ADDRESSES.items(), ids=list(ADDRESSES))
def test_the_api_is_found_where_the_address_for_people_was_told(told: str, url: str) -> None:
    assert _api_url(told) == url


BODIES: dict[str, tuple[str, bytes, str]] = {
    "without a title": ("/repos/o/r/issues", b'{"body":"x"}', "'title' is a required property"),
    "labels of another type": ("/repos/o/r/issues", b'{"title":"x","labels":[1]}', "not valid"),
    "an unknown field": ("/repos/o/r/issues", b'{"title":"x","due_on":"2031"}', "due_on"),
    "a comment without text": ("/repos/o/r/issues/1/comments", b"{}", "required"),
}


@pytest.mark.parametrize(("path", "body", "complaint"), BODIES.values(), ids=BODIES)
def test_the_schemas_catch_what_github_would_refuse(path: str, body: bytes, complaint: str) -> None:
    said = complaints_of(operation_of("POST", path), Asked("POST", path, {}, body))

    assert any(complaint in one for one in said)
