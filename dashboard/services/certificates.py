"""Checking a certificate that someone pasted, against a cluster where one fits. Keeps nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet

from authzviz.engine.model import Lease, Node, SigningRequest, Snapshot
from authzviz.evidence import certificate as evidence
from authzviz.evidence.certificate_checks import node_named
from authzviz.evidence.certificate_facts import Certificate, CheckedCertificate, Form, Signed
from dashboard.models import Cluster, User
from dashboard.services import access, clock, facts, reading
from dashboard.services.matching import CHOSEN, Match, match_of, with_nodes
from dashboard.visible import visible

CertificateError = evidence.NotUnderstood

_BY_AUTHORITY = "its CA signed the certificate"
_BY_NODE = "no other cluster that you may see has a node of that name"
_BY_BOTH = "its CA signed the certificate, and it has a node of that name"
_SEVERAL = "Several clusters fit. Choose one, and give it again, to have it held against its nodes:"
_NONE = "No cluster fits, by its CA or its nodes. Choose one to have it held against its nodes."
_UNREAD = "has not been read yet, so the certificate was looked at alone."


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found out; `cluster` is None where none fits, and `why` then says so, else why it is
    this one. `match` names those that fit where they are several. `node` and `lease` are those of
    the node that the certificate names, `requests` the recent signing requests for it, None where
    they were not read.
    """

    checked: CheckedCertificate
    at: datetime
    cluster: Cluster | None
    why: str
    match: Match
    read_at: datetime | None = None
    node: Node | None = None
    lease: Lease | None = None
    leases_at: datetime | None = None
    is_lease_known: bool = False
    requests: tuple[SigningRequest, ...] | None = None


def check(user: User | AnonymousUser, given: bytes, slug: str = "") -> Answer:
    """The answer for what was given, held against the cluster `slug`, else against the one that
    fits.

    Raises CertificateError for what is no certificate, NotVisible for a cluster that is none.
    """
    chosen = Match(access.visible_to(user, slug), CHOSEN) if slug else None
    certificate = evidence.read_certificate(given)
    now = clock.now()
    match = chosen or _fitting(user, certificate)
    cluster = match.cluster
    state = getattr(cluster, "current", None) if cluster else None
    if cluster is None or state is None:
        checked = evidence.check_certificate(certificate, now=now)
        alone = _SEVERAL if match.several else _NONE
        return Answer(checked, now, cluster, _UNREAD if cluster else alone, match)
    snapshot = facts.current_snapshot(state)
    against = evidence.Cluster(cluster.name, snapshot, _authorities(cluster))
    checked = evidence.check_certificate(certificate, now=now, cluster=against)
    name = checked.names_node
    return Answer(
        checked=checked,
        at=now,
        cluster=cluster,
        why=match.why,
        match=match,
        read_at=snapshot.read_at,
        node=next((node for node in snapshot.nodes.value or () if node.name == name), None),
        lease=next((lease for lease in snapshot.leases.value or () if lease.node == name), None),
        leases_at=snapshot.server_time or snapshot.read_at,
        is_lease_known=snapshot.leases.is_whole,
        requests=_requests(snapshot, certificate),
    )


def choices(user: User | AnonymousUser) -> list[tuple[str, str]]:
    """Slug and name, made visible, of every cluster that someone may choose."""
    found = access.visible_clusters(user).order_by("name").values_list("slug", "name")
    return [(slug, visible(name)) for slug, name in found]


def _requests(snapshot: Snapshot, certificate: Certificate) -> tuple[SigningRequest, ...] | None:
    """The recent requests that the same user made, or that ask for the same CN."""
    if snapshot.signing_requests is None or snapshot.signing_requests.value is None:
        return None
    user = certificate.identity.user
    return tuple(
        asked
        for asked in snapshot.signing_requests.value
        if user and user in (asked.common_name, asked.requestor)
    )


def _fitting(user: User | AnonymousUser, certificate: Certificate) -> Match:
    """The one cluster whose CA signed it or that has its node, and why, or those that fit.

    Time: every cluster that `user` may see is looked at, and of it only what is needed.
    """
    found = access.visible_clusters(user)
    signers = list(_signers(found, certificate))
    name = node_named(certificate)
    if len(signers) == 1 or not name:
        return match_of(signers, _BY_AUTHORITY)
    if signers:
        found = found.filter(pk__in=signers)
    owners = with_nodes(found, (name,))
    return match_of(owners or signers, _BY_BOTH if signers else _BY_NODE)


def _signers(found: QuerySet[Cluster], certificate: Certificate) -> Iterator[int]:
    if certificate.form is not Form.CERTIFICATE:
        return
    from authzviz.evidence.x509_reading import signed_by

    answers: dict[str, Signed] = {}
    needed = ("uuid", "source", "credentials")
    for cluster in found.exclude(credentials=None).only(*needed).iterator(chunk_size=100):
        authorities = _authorities(cluster)
        if authorities and authorities not in answers:
            answers[authorities] = signed_by(certificate.ders, authorities)
        if answers.get(authorities) is Signed.YES:
            yield cluster.pk


def _authorities(cluster: Cluster) -> str:
    """The CA that the cluster's kubeconfig holds, as PEM; "" for none. Public, unlike the rest."""
    if cluster.credentials is None:
        return ""
    try:
        authorities = reading.open_credentials(cluster).ca_data
    except reading.ReadError:
        return ""
    return authorities.reveal() if authorities else ""
