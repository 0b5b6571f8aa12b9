"""What uploaded audit logs prove of a cluster: kept, held against today's grants, taken away."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

import msgspec
from django.db import transaction
from django.db.models import QuerySet

from authzviz.engine.assessment import ApiServerState, Assessment
from authzviz.evidence.audit import AuditEvidence, Proof
from authzviz.plans.servers import asks_node_late
from dashboard.models import AuditLogEvidence, Cluster, CurrentState, User
from dashboard.services import audit, clock, facts

UPLOADED, REMOVED = "audit log uploaded", "audit log removed"
RESTORED = "audit log restored"
MOST_USES = 2_000
MOST_FILES = 200
MOST_NAME_LETTERS = 200
# As long as an act can be undone, and a day more.
_KEPT_AFTER_REMOVAL = timedelta(hours=48)

NODE_NOT_FIRST = (
    "by now not every apiserver asks the Node authorizer before RBAC, so these grants allow every "
    "request of a kubelet"
)
OTHER_VERSION = "another version of authzviz stored it, which this one can't read"
_OTHER_GRANTS = "it is for other grants than today's: it was not asked about {}"
_MORE_GRANTED = "what {} grants has changed since"
_ALL_REMOVED = (
    "the grants that it found in use are gone, and others may allow the same now: only a log from "
    "after that tells"
)


class AuditLogError(Exception):
    """What was asked for can't be done; the message is for people."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One upload: what it proves of today's grants, and why it doesn't count, "" where it does.

    `evidence` is None where another version stored it.
    """

    row: AuditLogEvidence
    evidence: AuditEvidence | None
    why_not: str = ""

    @property
    def counts(self) -> bool:
        """True where it tells of the grants that there are today."""
        return not self.why_not


@dataclass(frozen=True, slots=True)
class Given:
    """What was uploaded: the names of the files, and their bytes as they arrived."""

    files: tuple[str, ...]
    size_bytes: int


def newest_evidence(cluster: Cluster, assessment: Assessment | None = None) -> AuditEvidence | None:
    """What the newest upload proves of today's grants; None where there is none, or it does not
    count any more. `assessment` is the cluster's current one, which else is asked for.
    """
    standing = newest(cluster, assessment)
    return standing.evidence if standing and standing.counts else None


def newest(cluster: Cluster, assessment: Assessment | None = None) -> Standing | None:
    """The newest upload as it stands today, with why it doesn't count; None where there is none."""
    row = uploads_of(cluster).first()
    return standing_of(row, assessment or current_assessment(cluster)) if row else None


def uploads_of(cluster: Cluster) -> QuerySet[AuditLogEvidence]:
    """Every upload that nobody took away, the newest first."""
    return AuditLogEvidence.objects.filter(cluster=cluster, removed_at=None)


def standing_of(row: AuditLogEvidence, assessment: Assessment | None) -> Standing:
    """The upload, held against what the cluster grants as `assessment` has it."""
    try:
        evidence = facts.unpack(bytes(row.evidence), AuditEvidence)
    except msgspec.ValidationError:
        return Standing(row, None, OTHER_VERSION)
    if assessment is None or evidence.proof is Proof.PROVES_NOTHING:
        return Standing(row, evidence)
    today = granted(assessment)
    if today and is_node_surely_late(assessment.apiservers):
        return Standing(row, evidence, NODE_NOT_FIRST)
    unasked = sorted(set(today) - set(evidence.bindings))
    if unasked:
        return Standing(row, evidence, _OTHER_GRANTS.format(_some(unasked)))
    changed = _changed(row.grants, today)
    if changed:
        return Standing(row, evidence, _MORE_GRANTED.format(_some(changed)))
    left = tuple(use for use in evidence.uses if use.binding in today)
    if evidence.proof is Proof.BREAKS and not left and not evidence.left_out:
        return Standing(row, evidence, _ALL_REMOVED)
    return Standing(row, replace(evidence, uses=left))


def granted(assessment: Assessment) -> dict[str, str]:
    """For each binding that grants more than the Node authorizer would, a hash of what it grants
    to whom.
    """
    rules: dict[str, list[str]] = {}
    for grant in assessment.grants:
        if grant.beyond_node_authorizer:
            text = "\n".join((grant.role, grant.subject, *sorted(grant.beyond)))
            rules.setdefault(grant.binding, []).append(text)
    return {name: _hash(sorted(texts)) for name, texts in rules.items()}


def is_node_surely_late(servers: tuple[ApiServerState, ...]) -> bool:
    """True where an apiserver is known to ask RBAC before Node, or not to ask Node at all."""
    return any(asks_node_late(server) for server in servers)


def store(
    cluster: Cluster,
    evidence: AuditEvidence,
    given: Given,
    *,
    assessment: Assessment | None,
    actor: User,
) -> AuditLogEvidence:
    """Keep what the logs prove; the logs themselves are gone by then. Of more than MOST_USES uses,
    those that were made most often; the requests of the others are counted in `left_out`.
    """
    files = [_text(name[:MOST_NAME_LETTERS]) for name in given.files[:MOST_FILES]]
    grants = granted(assessment) if assessment else {}
    with transaction.atomic():
        row = AuditLogEvidence.objects.create(
            cluster=cluster,
            evidence=facts.pack(_bounded(evidence)),
            proof=evidence.proof.value,
            grants={_text(name): mark for name, mark in grants.items()},
            files=files,
            size_bytes=given.size_bytes,
            first_at=evidence.reach.first,
            last_at=evidence.reach.last,
            uploaded_at=clock.now(),
            uploaded_by=actor,
            uploaded_by_name=actor.get_username(),
        )
        _record(UPLOADED, row, actor)
        _follow(cluster)
    return row


def _bounded(evidence: AuditEvidence) -> AuditEvidence:
    """The evidence with as many uses as are kept."""
    cut = sum(use.count for use in evidence.uses[MOST_USES:])
    return replace(evidence, uses=evidence.uses[:MOST_USES], left_out=evidence.left_out + cut)


def upload_of(cluster: Cluster, pk: int) -> AuditLogEvidence | None:
    """The upload of that number, None where the cluster has none such."""
    return uploads_of(cluster).filter(pk=pk).first()


def remove(row: AuditLogEvidence, *, actor: User) -> None:
    """Take an upload away; raises AuditLogError where that was done already."""
    _mark(row, REMOVED, is_removed=True, actor=actor)


def restore(row: AuditLogEvidence, *, actor: User) -> None:
    """Put an upload back that was taken away; raises AuditLogError where it was not."""
    _mark(row, RESTORED, is_removed=False, actor=actor)


def clean_up() -> None:
    """Forget the uploads that were taken away too long ago to be put back."""
    long_ago = clock.now() - _KEPT_AFTER_REMOVAL
    AuditLogEvidence.objects.filter(removed_at__lt=long_ago).delete()


def _mark(row: AuditLogEvidence, action: str, *, is_removed: bool, actor: User) -> None:
    as_before = AuditLogEvidence.objects.filter(pk=row.pk, removed_at__isnull=is_removed)
    with transaction.atomic():
        if not as_before.update(removed_at=clock.now() if is_removed else None):
            raise AuditLogError("it was removed already" if is_removed else "it is not removed")
        _record(action, row, actor)
        _follow(row.cluster)


def _follow(cluster: Cluster) -> None:
    """Have the plan that runs know of it at once, not with the next poll."""
    from dashboard.services import following  # which asks here what counts

    following.follow_again(cluster.pk)


def _record(action: str, row: AuditLogEvidence, actor: User) -> None:
    audit.record(
        action,
        actor=actor,
        cluster=row.cluster,
        upload=row.pk,
        files=list(row.files[:10]),
        proof=row.proof,
    )


def current_assessment(cluster: Cluster) -> Assessment | None:
    """What is made of the cluster's last good read; None where there was none."""
    state = CurrentState.objects.filter(cluster=cluster).select_related("snapshot").first()
    return facts.current_assessment(state) if state else None


def _changed(then: Mapping[str, str], today: Mapping[str, str]) -> list[str]:
    return sorted(name for name, mark in today.items() if then.get(_text(name), mark) != mark)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _hash(texts: list[str]) -> str:
    return hashlib.sha256("\0".join(texts).encode(errors="surrogatepass")).hexdigest()[:16]


def _text(name: str) -> str:
    # PostgreSQL takes neither U+0000 nor half a letter.
    named = name.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return named.encode(errors="replace").decode()
