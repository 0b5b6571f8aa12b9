"""A kubelet's client certificate, or the subject of one -> who that is to an apiserver, by which
path it is served, what is wrong with it, and what to do. Nothing is stored, and no key is taken.
"""

from __future__ import annotations

from datetime import datetime

from authzviz.engine.assessment import Severity
from authzviz.engine.identity import MASTERS_GROUP, NODE_USER_PREFIX
from authzviz.evidence import subject_line
from authzviz.evidence.certificate_checks import checks_of, node_named, shown
from authzviz.evidence.certificate_cluster import Cluster, checks_against
from authzviz.evidence.certificate_facts import (
    Certificate,
    Check,
    CheckedCertificate,
    Form,
    KeyRefused,
    Mark,
    NotUnderstood,
)
from authzviz.evidence.pasted import PRINT_IT, understand

__all__ = [
    "PRINT_IT",
    "Certificate",
    "Check",
    "CheckedCertificate",
    "Cluster",
    "KeyRefused",
    "NotUnderstood",
    "check_certificate",
    "read_certificate",
]

_WORST_FIRST = tuple(Severity)
_MARKS = (Mark.PROBLEM, Mark.UNKNOWN, Mark.OK)
_NOT_UNDERSTOOD = (
    "That is neither a certificate nor the subject of one. Give the certificate as"
    f" `{PRINT_IT}` prints it, or a line such as: subject=O = system:nodes, CN ="
    " system:node:node1"
)


def read_certificate(given: bytes) -> Certificate:
    """The certificate, signing request or subject line that was given.

    Raises KeyRefused where a private key or other credential is in it, NotUnderstood for all else
    that is none of these, and nothing else, whatever the bytes.
    """
    pasted = understand(given)
    if pasted.form is Form.SUBJECT:
        return _of_line(pasted.text)
    from authzviz.evidence.x509_reading import certificate_of, request_of

    if pasted.form is Form.REQUEST:
        return request_of(pasted.ders[0])
    return certificate_of(pasted.ders)


def check_certificate(
    certificate: Certificate, *, now: datetime, cluster: Cluster | None = None
) -> CheckedCertificate:
    """What holds of the certificate at `now` (UTC), held against a cluster where one is given."""
    checks = list(checks_of(certificate, now))
    if cluster:
        checks += checks_against(certificate, cluster)
    checks.sort(key=lambda check: (_MARKS.index(check.mark), _WORST_FIRST.index(check.severity)))
    identity = certificate.identity
    return CheckedCertificate(
        certificate=certificate,
        identity=identity,
        node=identity.node_name or "",
        names_node=node_named(certificate),
        mark=checks[0].mark,
        sentence=_sentence(certificate, checks[0]),
        served=_served(certificate),
        checks=tuple(checks),
        cluster=cluster.name if cluster else "",
    )


def _of_line(text: str) -> Certificate:
    line = subject_line.parse(text)
    if line is None:
        raise NotUnderstood(_NOT_UNDERSTOOD)
    parts = [f"O={name}" for name in line.organizations]
    return Certificate(
        form=Form.SUBJECT,
        common_names=line.common_names,
        organizations=line.organizations,
        subject=",".join([*parts, *(f"CN={name}" for name in line.common_names)]),
        issuer=line.issuer,
        not_before=line.not_before,
        not_after=line.not_after,
    )


def _sentence(certificate: Certificate, worst: Check) -> str:
    node = certificate.identity.node_name
    what = worst.title[0].lower() + worst.title[1:] if worst.id != "served" else worst.title
    if worst.mark is Mark.PROBLEM and worst.severity is Severity.CRITICAL:
        if not node:
            return f"No apiserver takes this for a kubelet: {what}."
        if worst.id == "served":
            return f"This is the kubelet of {shown(node)} and nothing is wrong with it, but {what}."
        if worst.id in ("masters", "is-authority"):
            return f"This is the kubelet of {shown(node)}, and dangerous: {what}."
        return f"This is meant for the kubelet of {shown(node)} and will not work: {what}."
    said = f"This is the kubelet of {shown(node or '')}"
    if worst.mark is Mark.PROBLEM:
        return f"{said}, but {what}."
    if worst.mark is Mark.UNKNOWN:
        return f"{said}, as far as can be told: {what}."
    return f"{said}, and nothing is wrong with it."


def _served(certificate: Certificate) -> str:
    """By which path any cluster serves this identity, in words."""
    identity = certificate.identity
    if MASTERS_GROUP in identity.groups:
        return (
            "It is served by none: group system:masters may do everything, before any authorizer"
            " is asked."
        )
    if identity.node_name:
        return (
            "It is served by the Node authorizer, where it is on, as node"
            f" {shown(identity.node_name)}; by RBAC wherever a binding reaches Group system:nodes"
            " or this user."
        )
    if identity.user.startswith(NODE_USER_PREFIX):
        return (
            "It is served by RBAC alone: without Group system:nodes the Node authorizer takes it"
            " for nobody."
        )
    return (
        "It is served by RBAC alone, if a binding reaches this user or its groups: to the Node"
        " authorizer it is no kubelet."
    )
