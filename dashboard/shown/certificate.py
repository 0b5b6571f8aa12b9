"""A checked certificate in words, ready for the template."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from authzviz.evidence.certificate_checks import in_words
from authzviz.evidence.certificate_facts import Check, Form, Mark
from dashboard.services.certificates import Answer
from dashboard.services.matching import Named
from dashboard.shown.cluster_nodes import NodeRow, node_row
from dashboard.shown.signing_requests import RequestRow, request_rows
from dashboard.visible import made_visible
from dashboard.words import SEVERITIES, Word

MARKS = {
    Mark.OK: Word("Right", "good", "check"),
    Mark.UNKNOWN: Word("Can't be told", "unsure", "question-mark"),
}
FORMS = {
    Form.CERTIFICATE: "a certificate",
    Form.REQUEST: "a signing request, which is no certificate yet",
    Form.SUBJECT: "a subject alone: of the rest, nothing is known",
}


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One check with its mark: a word beside a colour and an icon."""

    id: str
    mark: Word
    title: str
    detail: str
    todo: str


@dataclass(frozen=True, slots=True)
class Moment:
    """A time in words ("in 29 days", "3 days ago"), and exactly."""

    words: str
    exact: str
    machine: str


@dataclass(frozen=True, slots=True)
class CertificatePage:
    """What certificates.html shows of one certificate; `slug` is "" where no cluster fits, or where
    `several` do, and `left_out` more.
    """

    sentence: str
    mark: Word
    given: str
    user: str
    groups: tuple[str, ...]
    node: str
    names_node: str
    served: str
    subject: str
    issuer: str
    serial: str
    others: int
    begins: Moment | None
    ends: Moment | None
    checks: tuple[CheckRow, ...]
    cluster: str
    slug: str
    why: str
    several: tuple[Named, ...]
    left_out: int
    read_at: datetime | None
    is_old: bool
    nodes: tuple[NodeRow, ...]
    requests: tuple[RequestRow, ...] | None


def certificate_page(answer: Answer) -> CertificatePage:
    """The page of an answer, every name in it made visible."""
    checked, cluster = answer.checked, answer.cluster
    certificate = checked.certificate
    worst = checked.checks[0]
    nodes: tuple[NodeRow, ...] = ()
    if answer.node and answer.leases_at:
        known = answer.is_lease_known
        row = node_row(answer.node, answer.lease, answer.leases_at, is_lease_known=known)
        nodes = (row,)
    return made_visible(
        CertificatePage(
            sentence=checked.sentence,
            mark=_mark(worst),
            given=FORMS[certificate.form],
            user=checked.identity.user,
            groups=checked.identity.groups,
            node=checked.node,
            names_node=checked.names_node,
            served=checked.served,
            subject=certificate.subject,
            issuer=certificate.issuer,
            serial=certificate.serial,
            others=max(0, len(certificate.ders) - 1),
            begins=_moment(certificate.not_before, answer.at),
            ends=_moment(certificate.not_after, answer.at),
            checks=tuple(map(_check_row, checked.checks)),
            cluster=cluster.name if cluster else "",
            slug=cluster.slug if cluster else "",
            why=answer.why,
            several=answer.match.several,
            left_out=answer.match.left_out,
            read_at=answer.read_at,
            is_old=bool(cluster and (cluster.is_recorded or cluster.is_stale(answer.at))),
            nodes=nodes,
            requests=None if answer.requests is None else request_rows(answer.requests),
        )
    )


def _check_row(check: Check) -> CheckRow:
    return CheckRow(
        id=check.id,
        mark=_mark(check),
        title=check.title,
        detail=check.detail,
        todo=check.todo,
    )


def _mark(check: Check) -> Word:
    return SEVERITIES[check.severity] if check.mark is Mark.PROBLEM else MARKS[check.mark]


def _moment(when: datetime | None, now: datetime) -> Moment | None:
    if when is None:
        return None
    exact = when.astimezone(UTC)
    span = in_words(when - now)
    return Moment(
        words=f"in {span}" if when > now else f"{span} ago",
        exact=f"{exact:%Y-%m-%d %H:%M:%S} UTC",
        machine=exact.isoformat(timespec="seconds"),
    )
