"""Explaining a log that someone pasted, held against a cluster where one fits. Keeps nothing."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from threading import BoundedSemaphore

from django.contrib.auth.models import AnonymousUser

from authzviz.engine.assessment import Assessment, Decision, Switch, Verdict
from authzviz.engine.authorize import Authorization, authorization_of
from authzviz.engine.decide import Said
from authzviz.engine.identity import (
    ANONYMOUS_USER,
    AUTHENTICATED_GROUP,
    SERVICE_ACCOUNT_PREFIX,
    Identity,
    impersonated,
    kubelet_of,
)
from authzviz.engine.judging import judged_minor
from authzviz.engine.versions import NEWEST_MINOR
from authzviz.evidence.explain import explain_refusals, read_log
from authzviz.evidence.explanation import Explained, Explanation
from authzviz.evidence.lines import MAX_BYTES
from authzviz.evidence.origin import Origin, origin_of
from authzviz.evidence.refusals import RefusedBy
from dashboard.models import Cluster, CurrentState, StoredSnapshot, User, VerdictChange
from dashboard.services import access, clock, facts
from dashboard.services.matching import CHOSEN, MOST_NAMED, Match, Named, by_origin

MOST_EXPLAINED = 200
FIND_LINES = "journalctl -u kubelet --since=-1h | grep -iE 'forbidden|unauthorized'"
TOO_LARGE = (
    f"That is more than {MAX_BYTES // 1_000_000} MB, which is the most that is read at once. Give"
    " the last hour, or only the lines that matter; on the node, this finds them:"
)
_NOTHING = "Nothing was given."
_DAMAGED = (
    "That file is damaged or cut off: its gzip can't be unpacked. Unpack it, and give a part."
)
_MOST_GZIPS = 1_000
_TOO_MANY_GZIPS = (
    f"That file is more than {_MOST_GZIPS:,} gzips in a row. Unpack it, and give the part that"
    " matters."
)
_NO_TEXT = "That file is no text. Give the log as text, or as text packed by gzip (.gz)."
_BUSY = "Other large logs are being read. Try again in a moment, or give only the last lines."
_GZIP = b"\x1f\x8b"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_PIECE_BYTES = 16 * 2**10
_LARGE = 1_000_000
_PATIENCE_SECONDS = 20
# A large log takes many times its size in memory, and seconds of a processor: one at a time.
_PLACE = BoundedSemaphore(1)
# Who waits keeps a thread from all other pages: more than these are told so at once.
_QUEUE = BoundedSemaphore(2)


class LogRefused(Exception):
    """The log can't be read; the message is for people."""


@dataclass(frozen=True, slots=True)
class Held:
    """The cluster that a log is held against, by its facts of `read_at`, which `is_old` where they
    are not live.

    `says` has for each explanation what its authorizers say to the request, None where nobody was
    asked. `latest` is the snapshot with the last change of its facts, `turned` the last change of
    its verdict; None where there was none.
    """

    cluster: Cluster
    why: str
    read_at: datetime
    is_old: bool
    verdict: str
    summary: str
    assessment: Assessment
    says: tuple[Said | None, ...]
    latest: StoredSnapshot | None
    turned: VerdictChange | None


@dataclass(frozen=True, slots=True)
class Answer:
    """A log explained; `held` is None where no cluster fits or it was not read yet, `unread` is
    that one. `several` fit, and `left_out` more. `refusing` are clusters that refuse their kubelets
    now, for a log that fits none.
    """

    explained: Explained
    origin: Origin
    held: Held | None = None
    unread: Cluster | None = None
    several: tuple[Named, ...] = ()
    left_out: int = 0
    refusing: tuple[Named, ...] = ()


def text_of(raw: bytes) -> str:
    """The text of a file, plain or gzipped. Raises LogRefused."""
    plain = _unpacked(raw) if raw.startswith(_GZIP) else raw
    if len(plain) > MAX_BYTES:
        raise LogRefused(TOO_LARGE)
    if plain.startswith(_UTF_16):  # as PowerShell writes it
        return plain.decode("utf-16", "replace")
    text = plain.decode("utf-8", "replace").replace("\r\n", "\n")
    # One letter in three unreadable is no log with a few odd bytes in it.
    if text.count("\N{REPLACEMENT CHARACTER}") * 3 > len(text):
        raise LogRefused(_NO_TEXT)
    return text


def explain(user: User | AnonymousUser, text: str, slug: str = "") -> Answer:
    """The log explained, held against the cluster `slug`, else against the one that fits.

    Raises LogRefused, and NotVisible for a cluster that is none. Time: O(letters), and at most
    MOST_EXPLAINED refusals are explained.
    """
    chosen = Match(access.visible_to(user, slug), CHOSEN) if slug else None
    if not text.strip():
        raise LogRefused(_NOTHING)
    if len(text) > MAX_BYTES:
        raise LogRefused(TOO_LARGE)
    with _taking_turns(text):
        log = read_log(text, MOST_EXPLAINED)
        origin = origin_of(text, log)
    visible = access.visible_clusters(user)
    match = chosen or (by_origin(visible, origin) if log.refusals else Match())
    state = getattr(match.cluster, "current", None)
    if match.cluster is None or state is None:
        return Answer(
            explain_refusals(log, NEWEST_MINOR),
            origin,
            unread=match.cluster,
            several=match.several,
            left_out=match.left_out,
            refusing=() if match.several or match.cluster else _refusing(user, origin),
        )
    snapshot = facts.current_snapshot(state)
    explained = explain_refusals(log, judged_minor(snapshot)[0])
    judged = facts.current_assessment(state)
    authorization = authorization_of(snapshot)
    says = tuple(
        _said(each, authorization, judged.node_restriction) for each in explained.explanations
    )
    return Answer(explained, origin, held=_held(match.cluster, match.why, state, judged, says))


@contextmanager
def _taking_turns(text: str) -> Iterator[None]:
    if len(text) <= _LARGE:
        yield
    elif not _has_turn():
        raise LogRefused(_BUSY)
    else:
        try:
            yield
        finally:
            _PLACE.release()


def _has_turn() -> bool:
    """Take the one place for large logs, or wait for it; False where that is in vain."""
    if _PLACE.acquire(blocking=False):
        return True
    if not _QUEUE.acquire(blocking=False):
        return False
    try:
        return _PLACE.acquire(timeout=_PATIENCE_SECONDS)
    finally:
        _QUEUE.release()


def _unpacked(raw: bytes) -> bytes:
    """What was gzipped, at most one byte more than is read; logs may be several files in a row."""
    plain = BytesIO()
    at = number = 0
    while raw.startswith(_GZIP, at) and plain.tell() <= MAX_BYTES:
        number += 1
        if number > _MOST_GZIPS:
            raise LogRefused(_TOO_MANY_GZIPS)
        at = _unpack_one(raw, at, plain)
    return plain.getvalue()


def _unpack_one(raw: bytes, at: int, plain: BytesIO) -> int:
    """Add what the gzip that begins at `at` holds; where it ends.

    Piece by piece, since what follows it is copied each time: files may be thousands in a row.
    """
    unpacker = zlib.decompressobj(wbits=31)
    while not unpacker.eof and (left := MAX_BYTES + 1 - plain.tell()) > 0:
        piece = raw[at : at + _PIECE_BYTES]
        if not piece:
            raise LogRefused(_DAMAGED)
        try:
            plain.write(unpacker.decompress(piece, left))
        except zlib.error:
            raise LogRefused(_DAMAGED) from None
        at += len(piece) - len(unpacker.unused_data) - len(unpacker.unconsumed_tail)
    return at


def _held(
    cluster: Cluster,
    why: str,
    state: CurrentState,
    assessment: Assessment,
    says: tuple[Said | None, ...],
) -> Held:
    snapshots = cluster.snapshots.defer("bundle").exclude(changes=None).exclude(changes=[])
    return Held(
        cluster=cluster,
        why=why,
        read_at=state.read_at,
        is_old=cluster.is_recorded or cluster.is_stale(clock.now()),
        verdict=state.verdict,
        summary=state.summary,
        assessment=assessment,
        says=says,
        latest=snapshots.order_by("-first_seen_at", "-pk").first(),
        turned=cluster.verdict_changes.exclude(previous="").order_by("-at", "-pk").first(),
    )


def _said(each: Explanation, authorization: Authorization, restriction: Switch) -> Said | None:
    """What the cluster says to the request today; None where no authorizer is asked, or the line
    doesn't tell all of it.
    """
    if each.refused_by is RefusedBy.NODE_RESTRICTION:
        return _RESTRICTED[restriction]
    is_told = each.asked.verb and (each.asked.resource or each.asked.path)
    if not each.user or not is_told:
        return None
    said = authorization.decide(_identity(each), each.asked)
    if said.decision is Decision.NO and not _are_groups_told(each):
        # What one of its groups may do stands in no line.
        return Said(Decision.UNKNOWN, because=f"{_ALONE}: {said.because}")
    return said


_ALONE = "the line doesn't tell the user's groups, which may be allowed; for the user alone"


def _are_groups_told(each: Explanation) -> bool:
    """True where the groups are in the line, or follow from the name."""
    is_named = each.user.startswith(SERVICE_ACCOUNT_PREFIX) or each.user == ANONYMOUS_USER
    return each.groups is not None or bool(each.node) or is_named


def _identity(each: Explanation) -> Identity:
    if each.groups is not None:
        return Identity(each.user, tuple(dict.fromkeys((*each.groups, AUTHENTICATED_GROUP))))
    if each.node:
        return kubelet_of(each.node)
    return impersonated(each.user, ())


_RESTRICTED = {
    Switch.ON: Said(Decision.NO, "NodeRestriction", because="NodeRestriction is on"),
    Switch.OFF: Said(Decision.ALLOW, "its authorizers", because="NodeRestriction is off"),
    Switch.MIXED: Said(
        Decision.UNKNOWN, because="NodeRestriction is on for some of its apiservers only"
    ),
    Switch.UNKNOWN: Said(Decision.UNKNOWN, because="whether NodeRestriction is on was not seen"),
}


def _refusing(user: User | AnonymousUser, origin: Origin) -> tuple[Named, ...]:
    """Clusters that refuse their kubelets now: those whose name the node's begins with go first.

    A kubelet that is refused from its first day on has no Node that it could be found by.
    """
    found = access.visible_clusters(user).filter(current__verdict=Verdict.REFUSED.value)
    rows = [Named(*row) for row in found.order_by("name").values_list("slug", "name")]
    node = origin.nodes[0] if origin.nodes else ""
    rows.sort(key=lambda row: not node.startswith(f"{row.name.lower()}-"))
    return tuple(rows[:MOST_NAMED])
