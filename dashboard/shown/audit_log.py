"""What uploaded audit logs prove, in words: about which grants, by which requests, how far."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from authzviz.engine.phrases import age, counted
from authzviz.evidence.audit import AuditEvidence, LogReach, Proof, Stranger, Use
from dashboard.models import AuditLogEvidence
from dashboard.services.audit_logs import Standing
from dashboard.visible import made_visible, visible
from dashboard.words import Word

MOST_USES = 200
MOST_BINDINGS = 20
MOST_NODES = 20
MOST_STRANGERS = 50
MOST_REASONS = 20
MOST_FILES = 10
MOST_LETTERS = 160

PROOFS = {
    Proof.BREAKS: Word("Something would break", "warning", "alert-triangle"),
    Proof.NOTHING_BREAKS: Word("Nothing would break", "good", "check"),
    Proof.TOO_LITTLE: Word("Too little to tell", "caution", "alert-circle"),
    Proof.PROVES_NOTHING: Word("Proves nothing", "unsure", "question-mark"),
}
_UNKNOWN = Word("Can't be read", "unsure", "question-mark")
ENOUGH = {
    Proof.BREAKS: "Give each of those agents an account of its own first. Then upload a log from "
    "after that: none of these requests may be in it any more.",
    Proof.NOTHING_BREAKS: "That is enough: the grants can be removed as the plan says.",
    Proof.TOO_LITTLE: "Enough is a log of every apiserver, with every node's kubelet in it, that "
    "spans the renewal of a kubelet's certificate, a reboot, a drain, the attachment of a volume "
    "and, best, an upgrade.",
    Proof.PROVES_NOTHING: "Have every apiserver ask the Node authorizer before RBAC first. Then "
    "upload a log from after that.",
}


@dataclass(frozen=True, slots=True)
class UseRow:
    """Requests that would be refused: who makes them, what they ask, how often and when."""

    user: str
    agent: str
    asks: str
    where: str
    binding: str
    count: int
    first: datetime
    last: datetime
    is_kubelet: bool


@dataclass(frozen=True, slots=True)
class StrangerRow:
    """A program that is no kubelet and uses kubelets' credentials; `of` says whose."""

    agent: str
    of: str
    count: int
    first: datetime
    last: datetime
    is_elsewhere: bool


@dataclass(frozen=True, slots=True)
class Reach:
    """How far the log reaches, in words. `occasions` says of each thing that happens to kubelets
    now and then whether it is in the log.
    """

    span: str
    first: datetime | None
    last: datetime | None
    events: int
    of_kubelets: int
    nodes: str
    unseen: tuple[str, ...]
    unseen_left_out: int
    gaps: tuple[str, ...]
    rejected: tuple[tuple[str, int], ...]
    occasions: tuple[tuple[str, bool], ...]
    proves_since: datetime | None


@dataclass(frozen=True, slots=True)
class UploadRow:
    """One upload among the others."""

    pk: int
    proof: Word
    at: datetime
    by: str
    files: str
    size: str
    first: datetime | None
    last: datetime | None
    is_shown: bool


@dataclass(frozen=True, slots=True)
class Proven:
    """What one upload proves; `why_not` says why that doesn't count any more, "" where it does."""

    upload: UploadRow
    because: str
    enough: str
    why_not: str
    bindings: tuple[str, ...]
    bindings_left_out: int
    uses: tuple[UseRow, ...]
    uses_left_out: int
    agents: int
    requests_left_out: int
    strangers: tuple[StrangerRow, ...]
    strangers_left_out: int
    notes: tuple[str, ...]
    reach: Reach


@dataclass(frozen=True, slots=True)
class AuditLogPage:
    """What cluster_audit_log.html shows; `proven` is None where nothing was uploaded yet, and
    `unreadable` says why where an upload can't be read.
    """

    proven: Proven | None
    unreadable: str
    uploads: tuple[UploadRow, ...]
    uploads_left_out: int
    is_newest: bool


def audit_log_page(
    standing: Standing | None, uploads: Iterable[AuditLogEvidence], total: int
) -> AuditLogPage:
    """The upload that is asked for, and the list of all."""
    chosen = standing.row.pk if standing else None
    rows = tuple(_upload_row(row, is_shown=row.pk == chosen) for row in uploads)
    proven = proven_of(standing) if standing else None
    return AuditLogPage(
        proven=proven,
        unreadable=standing.why_not if standing and proven is None else "",
        uploads=rows,
        uploads_left_out=max(0, total - len(rows)),
        is_newest=not rows or rows[0].pk == chosen,
    )


def proven_of(standing: Standing) -> Proven | None:
    """What an upload proves, every name in it made visible and cut; None where it can't be read."""
    if standing.evidence is None:
        return None
    evidence: AuditEvidence = made_visible(standing.evidence)
    uses, bindings = evidence.uses, evidence.bindings
    return Proven(
        upload=_upload_row(standing.row, is_shown=True),
        because=_cut(evidence.because, 6 * MOST_LETTERS),
        enough="" if standing.why_not else ENOUGH[evidence.proof],
        why_not=visible(standing.why_not),
        bindings=tuple(_cut(name) for name in bindings[:MOST_BINDINGS]),
        bindings_left_out=max(0, len(bindings) - MOST_BINDINGS),
        uses=tuple(_use_row(use) for use in uses[:MOST_USES]),
        uses_left_out=max(0, len(uses) - MOST_USES),
        agents=len({use.user_agent for use in uses if not use.is_kubelet}),
        requests_left_out=evidence.left_out,
        strangers=tuple(_stranger_row(one) for one in evidence.strangers[:MOST_STRANGERS]),
        strangers_left_out=max(0, len(evidence.strangers) - MOST_STRANGERS),
        notes=tuple(_cut(note, 2 * MOST_LETTERS) for note in evidence.notes[:MOST_REASONS]),
        reach=_reach(evidence.reach),
    )


def _use_row(use: Use) -> UseRow:
    return UseRow(
        user=_cut(use.user),
        agent=_cut(use.user_agent) or "no user agent",
        asks=_cut(f"{use.verb} {use.resource}"),
        where=_cut(use.namespace),
        binding=_cut(use.binding),
        count=use.count,
        first=use.first,
        last=use.last,
        is_kubelet=use.is_kubelet,
    )


def _stranger_row(one: Stranger) -> StrangerRow:
    others = one.users - 1
    more = f" and {counted(others, 'other')}" if others > 0 else ""
    return StrangerRow(
        agent=_cut(one.user_agent) or "no user agent",
        of=f"{_cut(one.example)}{more}",
        count=one.count,
        first=one.first,
        last=one.last,
        is_elsewhere=one.is_elsewhere,
    )


def _reach(reach: LogReach) -> Reach:
    return Reach(
        span=_span(reach.first, reach.last),
        first=reach.first,
        last=reach.last,
        events=reach.events,
        of_kubelets=reach.of_kubelets,
        nodes=_nodes(reach),
        unseen=tuple(_cut(name) for name in reach.nodes_unseen[:MOST_NODES]),
        unseen_left_out=_unseen_left_out(reach),
        gaps=tuple(_cut(gap, 2 * MOST_LETTERS) for gap in reach.gaps[:MOST_REASONS]),
        rejected=tuple((_cut(why), number) for why, number in reach.rejected[:MOST_REASONS]),
        occasions=tuple((one.what, one.is_seen) for one in reach.occasions),
        proves_since=reach.proves_since,
    )


def _span(first: datetime | None, last: datetime | None) -> str:
    return "" if first is None or last is None else age((last - first).total_seconds())


def _nodes(reach: LogReach) -> str:
    if reach.nodes_total is None:
        return f"kubelets of {counted(reach.nodes_seen, 'node')}; how many there are was not read"
    return f"kubelets of {reach.nodes_seen:,} of {counted(reach.nodes_total, 'node')}"


def _unseen_left_out(reach: LogReach) -> int:
    unseen = max(len(reach.nodes_unseen), (reach.nodes_total or 0) - reach.nodes_seen)
    return unseen - min(len(reach.nodes_unseen), MOST_NODES) if reach.nodes_unseen else 0


def _upload_row(row: AuditLogEvidence, *, is_shown: bool) -> UploadRow:
    known = {proof.value: word for proof, word in PROOFS.items()}
    return UploadRow(
        pk=row.pk,
        proof=known.get(row.proof, _UNKNOWN),
        at=row.uploaded_at,
        by=visible(row.uploaded_by_name),
        files=_files(row.files),
        size=size_words(row.size_bytes),
        first=row.first_at,
        last=row.last_at,
        is_shown=is_shown,
    )


def size_words(size: int) -> str:
    """How large that is: "813 bytes", "12 MB", "1.3 GB"."""
    for unit, of in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= of:
            return f"{size / of:.1f} {unit}" if size < 10 * of else f"{size / of:,.0f} {unit}"
    return counted(size, "byte")


def _files(names: list[str]) -> str:
    shown = ", ".join(_cut(visible(name), 60) for name in names[:MOST_FILES])
    more = len(names) - MOST_FILES
    return f"{shown} and {more:,} more" if more > 0 else shown


def _cut(text: str, most: int = MOST_LETTERS) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
