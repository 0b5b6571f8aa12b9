"""Signing requests as rows, ready for the template."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from authzviz.engine.model import SigningRequest
from dashboard.visible import made_visible
from dashboard.words import Word

STATES = {
    "approved": Word("approved", "good", "check"),
    "pending": Word("pending", "warning", "clock"),
    "denied": Word("denied", "critical", "x"),
    "failed": Word("failed", "critical", "x"),
}
_UNHEARD_OF = Word("unknown", "unsure", "question-mark")
_SIGNERS = {
    "kubernetes.io/kube-apiserver-client-kubelet": "kubelet client",
    "kubernetes.io/kubelet-serving": "kubelet serving",
    "kubernetes.io/kube-apiserver-client": "client",
}


@dataclass(frozen=True, slots=True)
class RequestRow:
    """One CertificateSigningRequest."""

    name: str
    state: Word
    subject: str
    requestor: str
    signer: str
    created_at: datetime


def request_rows(requests: tuple[SigningRequest, ...]) -> tuple[RequestRow, ...]:
    """Signing requests as rows, in their order, every name in them made visible."""
    return made_visible(tuple(map(_request_row, requests)))


def _request_row(asked: SigningRequest) -> RequestRow:
    names = [f"O={name}" for name in asked.organizations]
    return RequestRow(
        name=asked.name,
        state=STATES.get(asked.state, _UNHEARD_OF),
        subject=", ".join([f"CN={asked.common_name}", *names]) if asked.common_name else "",
        requestor=asked.requestor,
        signer=_SIGNERS.get(asked.signer, asked.signer),
        created_at=asked.created_at,
    )
