"""CertificateSigningRequests: who asked for what certificate of late, and what became of it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from authzviz.engine.model import Read, SigningRequest
from authzviz.engine.permissions import LIST_SIGNING_REQUESTS
from authzviz.engine.versions import minor_of
from authzviz.kube.lists import Kind, PageDecoder, attempt, expect, with_gaps
from authzviz.kube.objects import moment

if TYPE_CHECKING:
    from authzviz.kube.connection import Connection

NEWEST = 50
_FIRST = 1000
_MAX_BYTES = 8 << 20
_V1_SINCE = 19
# What decides where several hold. Source: kubernetes v1.37.2 staging k8s.io/api certificates/v1.
_STATES = (("Denied", "denied"), ("Failed", "failed"), ("Approved", "approved"))


class _Metadata(msgspec.Struct, gc=False, rename="camel"):
    name: str
    creation_timestamp: str


class _Spec(msgspec.Struct, gc=False, rename="camel"):
    request: str
    signer_name: str = ""
    username: str = ""


class _Condition(msgspec.Struct, gc=False):
    type: str


class _Status(msgspec.Struct, gc=False):
    conditions: tuple[_Condition, ...] | None = None


class _Json(msgspec.Struct, gc=False):
    metadata: _Metadata
    spec: _Spec
    status: _Status = msgspec.field(default_factory=_Status)


def read_signing_requests(connection: Connection, version: str) -> Read[tuple[SigningRequest, ...]]:
    """The newest 50, newest first; `version` is the apiserver's, which decides the API's version.

    An apiserver gives no order: of more than 1,000 those first by name are looked at, with a gap
    that says so. No verdict hangs on them.
    """
    minor = minor_of(version)
    api = "v1beta1" if minor is not None and minor < _V1_SINCE else "v1"
    path = f"/apis/certificates.k8s.io/{api}/certificatesigningrequests"
    gaps: list[str] = []
    read = attempt(
        f"GET {path}", LIST_SIGNING_REQUESTS.words, lambda: _newest(connection, path, gaps)
    )
    return with_gaps(read, gaps)


def _newest(connection: Connection, path: str, gaps: list[str]) -> tuple[SigningRequest, ...]:
    kind = Kind("CertificateSigningRequestList", _Json, _same)
    answer = connection.get(f"{path}?limit={_FIRST}", max_bytes=_MAX_BYTES)
    found, token = PageDecoder(kind, connection)(expect(connection, answer), 0, gaps)
    if token:
        gaps.append(f"more than {_FIRST} requests: only the first by name were looked at")
    dated = [(when, each) for each in found if (when := moment(each.metadata.creation_timestamp))]
    dated.sort(key=lambda pair: pair[0], reverse=True)
    return tuple(_to_request(when, each) for when, each in dated[:NEWEST])


def _same(found: _Json) -> _Json:
    return found


def _to_request(when: datetime, found: _Json) -> SigningRequest:
    name, groups = _subject(found.spec.request)
    return SigningRequest(
        name=found.metadata.name,
        signer=found.spec.signer_name,
        requestor=found.spec.username,
        created_at=when,
        state=_state(found.status.conditions or ()),
        common_name=name,
        organizations=groups,
    )


def _state(conditions: Iterable[_Condition]) -> str:
    types = {condition.type for condition in conditions}
    return next((state for type_, state in _STATES if type_ in types), "pending")


def _subject(request: str) -> tuple[str, tuple[str, ...]]:
    """CN and Os that a request asks for, "" and none where it can't be read."""
    # Importing what reads X.509 takes longer than a whole poll, and most clusters have no request.
    from authzviz.evidence.certificate_facts import NotUnderstood
    from authzviz.evidence.pasted import understand
    from authzviz.evidence.x509_reading import request_of

    try:
        ders = understand(base64.b64decode(request, validate=True)).ders
        found = request_of(ders[0]) if ders else None
    except (NotUnderstood, binascii.Error, ValueError):
        return "", ()
    return (found.identity.user, found.organizations) if found else ("", ())
