"""What a client certificate says, and what was found out about it, as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from authzviz.engine.assessment import Severity
from authzviz.engine.identity import AUTHENTICATED_GROUP, Identity


class NotUnderstood(ValueError):
    """What was given is no certificate and no subject of one; the text says why and what to give
    instead, and quotes nothing of it.
    """


class KeyRefused(NotUnderstood):
    """What was given holds a private key or another credential; nothing of it was kept."""


class Form(StrEnum):
    """What the facts were taken from."""

    CERTIFICATE = "certificate"
    REQUEST = "signing request"
    SUBJECT = "subject line"


class Mark(StrEnum):
    """How a check ended."""

    OK = "ok"
    PROBLEM = "problem"
    UNKNOWN = "unknown"


class Signed(StrEnum):
    """Whether a certificate is signed by one of the authorities of a cluster.

    BROKEN where its issuer has the name of one, whose key didn't sign it; UNREADABLE where none of
    the authorities can be read.
    """

    YES = "yes"
    NO = "no"
    BROKEN = "broken"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Usage:
    """What a certificate may be used for.

    `purposes` are the extended key usages by name or number, None where it has none (then it is
    good for all); `signs` whether its key usage holds digitalSignature, None where it has none.
    """

    purposes: tuple[str, ...] | None
    signs: bool | None
    is_authority: bool


@dataclass(frozen=True, slots=True)
class Certificate:
    """A client certificate, a request for one, or its subject alone, with what was told of it.

    Names are in the order in which the certificate has them. Times are UTC, None where not told.
    `usage` is None where it was not told either. `ders` is the certificate and those that came
    after it, as DER; empty for a line.
    """

    form: Form
    common_names: tuple[str, ...]
    organizations: tuple[str, ...]
    subject: str
    issuer: str = ""
    serial: str = ""
    not_before: datetime | None = None
    not_after: datetime | None = None
    usage: Usage | None = None
    ders: tuple[bytes, ...] = ()

    @property
    def identity(self) -> Identity:
        """Who an apiserver takes the holder for: the last CN is the user, each O a group.

        Source: kubernetes v1.37.2 staging k8s.io/apiserver pkg/authentication/request/x509/x509.go,
        CommonNameUserConversion, and Go's crypto/x509/pkix, Name.FillFromRDNSequence.
        """
        user = self.common_names[-1] if self.common_names else ""
        return Identity(user, (*dict.fromkeys(self.organizations), AUTHENTICATED_GROUP))


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: `detail` says what was seen, `todo` what to do, "" for nothing.

    `severity` is INFO for what is right, and for what can't be told.
    """

    id: str
    mark: Mark
    severity: Severity
    title: str
    detail: str
    todo: str = ""


@dataclass(frozen=True, slots=True)
class CheckedCertificate:
    """The answer for one certificate: `sentence` for a tired person, `checks` worst first.

    `node` is the node that the Node authorizer takes it for, "" for none; `names_node` the node
    that its CN names, whatever else is wrong. `served` says by which path it would be served.
    """

    certificate: Certificate
    identity: Identity
    node: str
    names_node: str
    mark: Mark
    sentence: str
    served: str
    checks: tuple[Check, ...]
    cluster: str = ""


def fine(id: str, title: str, detail: str) -> Check:  # noqa: A002 - the word of every finding
    """A check that found all right."""
    return Check(id, Mark.OK, Severity.INFO, title, detail)


def unsure(id: str, title: str, detail: str, todo: str = "") -> Check:  # noqa: A002
    """A check that can't be told."""
    return Check(id, Mark.UNKNOWN, Severity.INFO, title, detail, todo)


def problem(id: str, severity: Severity, title: str, detail: str, todo: str) -> Check:  # noqa: A002
    """A check that found something wrong."""
    return Check(id, Mark.PROBLEM, severity, title, detail, todo)
