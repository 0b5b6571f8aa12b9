"""Recent signing requests: newest first, whatever is in them, and never in a verdict's way."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from authzviz import engine
from authzviz.engine.model import Outcome, Read, SigningRequest
from authzviz.kube import bundle
from tests.evidence.certificates import make, pem, request
from tests.kube.reading import with_answers
from tests.replay import Reply, json_reply, status_reply

V1 = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
V1BETA1 = "/apis/certificates.k8s.io/v1beta1/certificatesigningrequests"
SIGNER = "kubernetes.io/kube-apiserver-client-kubelet"


def packed(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def asked(
    name: str, *conditions: str, at: str = "2026-11-24T09:00:00Z", text: str = ""
) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "creationTimestamp": at},
        "spec": {
            "request": packed(text or request()),
            "signerName": SIGNER,
            "username": "system:bootstrap:abcdef",
        },
        "status": {"conditions": [{"type": type_} for type_ in conditions]},
    }


def listed(*items: dict[str, Any], token: str = "") -> Reply:
    head = {"kind": "CertificateSigningRequestList", "metadata": {"continue": token}}
    return json_reply({**head, "items": list(items)})


def read(answer: Reply) -> Read[tuple[SigningRequest, ...]]:
    found = with_answers({V1: answer}).signing_requests
    assert found is not None
    return found


def requests(answer: Reply) -> tuple[SigningRequest, ...]:
    return read(answer).value or ()


def test_who_asked_for_what_is_told() -> None:
    (found,) = requests(listed(asked("csr-1", "Approved")))

    assert (found.name, found.signer, found.state) == ("csr-1", SIGNER, "approved")
    assert found.requestor == "system:bootstrap:abcdef"
    assert (found.common_name, found.organizations) == ("system:node:node1", ("system:nodes",))
    assert found.created_at.isoformat() == "2026-11-24T09:00:00+00:00"


STATES = {
    "pending": ((), "pending"),
    "denied": (("Denied",), "denied"),
    "approved and failed": (("Approved", "Failed"), "failed"),
    "of another kind": (("Strange",), "pending"),
}


@pytest.mark.parametrize(("conditions", "state"), STATES.values(), ids=STATES)
def test_what_became_of_it_is_told(conditions: tuple[str, ...], state: str) -> None:
    (found,) = requests(listed(asked("csr-1", *conditions)))

    assert found.state == state


def test_the_newest_fifty_stand_first() -> None:
    items = [asked(f"csr-{n:02}", at=f"2026-11-24T09:{n:02}:00Z") for n in range(60)]

    found = requests(listed(*items))

    assert [each.name for each in found[:2]] == ["csr-59", "csr-58"]
    assert len(found) == 50


def test_more_than_were_looked_at_is_a_gap() -> None:
    found = read(listed(asked("csr-1"), token="more"))

    assert len(found.value or ()) == 1
    assert found.gaps == ("more than 1000 requests: only the first by name were looked at",)


UNREADABLE = {
    "nothing": "nothing",
    "a certificate": pem(make()),
    "a damaged one": request().replace("M", "N"),
    "a subject line": "CN=system:node:node1",
    "a key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
}


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
def test_a_request_that_cannot_be_read_has_no_subject(text: str) -> None:
    (found,) = requests(listed(asked("csr-1", text=text)))

    assert (found.name, found.common_name, found.organizations) == ("csr-1", "", ())


def test_an_odd_item_is_a_gap_and_one_without_a_time_is_left_out() -> None:
    odd = {"metadata": {"name": "odd"}}
    timeless = asked("timeless", at="yesterday")

    found = read(listed(odd, timeless, asked("csr-1")))

    assert [each.name for each in found.value or ()] == ["csr-1"]
    assert any("odd" in gap for gap in found.gaps)


def test_an_old_apiserver_is_asked_the_old_way() -> None:
    old = {"/version": json_reply({"gitVersion": "v1.18.20"}), V1BETA1: listed(asked("csr-1"))}
    found = with_answers({**old}).signing_requests

    assert found is not None
    assert found.source == f"GET {V1BETA1}"
    assert [each.name for each in found.value or ()] == ["csr-1"]


@pytest.mark.parametrize("status", [403, 404, 500])
def test_without_them_the_verdict_stands(status: int) -> None:
    refused = with_answers({V1: status_reply(status, V1)})
    allowed = with_answers({V1: listed(asked("csr-1"))})
    found = refused.signing_requests

    assert found is not None
    assert found.outcome is (Outcome.FORBIDDEN if status == 403 else Outcome.FAILED)
    assert found.permission == "list certificatesigningrequests.certificates.k8s.io"
    with_them, without = engine.judge(allowed), engine.judge(refused)
    assert (without.verdict, without.missing) == (with_them.verdict, with_them.missing)


def test_a_bundle_keeps_them() -> None:
    found = with_answers({V1: listed(asked("csr-1"))})

    assert bundle.load(bundle.to_bytes(found)).signing_requests == found.signing_requests
