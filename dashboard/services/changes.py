"""What changed from one stored snapshot to the next, in words: worked out once, as it is stored."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from authzviz.engine.assessment import Verdict
from authzviz.engine.diff import Change, difference
from authzviz.engine.model import Snapshot
from authzviz.kube import bundle
from dashboard.models import StoredSnapshot

MOST_CHANGES = 60
MOST_LETTERS = 400
UNREADABLE = "What changed can't be told: a snapshot of then can't be read any more"


def note(stored: StoredSnapshot, snapshot: Snapshot) -> None:
    """Write down what changed since the snapshot before `stored`, which holds `snapshot`.

    A bundle may be older than what is there: then what follows it changed since it.
    """
    _write(stored, snapshot)
    after = _neighbours(stored).exclude(_is_earlier(stored)).order_by("first_seen_at", "pk").first()
    if after is not None:
        _write(after, _loaded(after))


def note_missing(at_most: int = 5) -> int:
    """How many snapshots that an older version stored got their words: `at_most`, the others next
    time.
    """
    unnoted = list(StoredSnapshot.objects.filter(changes__isnull=True).order_by("-pk")[:at_most])
    for stored in unnoted:
        _write(stored, _loaded(stored))
    return len(unnoted)


def between(
    before: StoredSnapshot, after: StoredSnapshot, verdicts: tuple[Verdict, Verdict] | None
) -> tuple[Change, ...] | None:
    """What changed between two snapshots; None where one of them can't be read any more."""
    old, new = _loaded(before), _loaded(after)
    return None if old is None or new is None else difference(old, new, verdicts)


def _write(stored: StoredSnapshot, snapshot: Snapshot | None) -> None:
    earlier = _neighbours(stored).filter(_is_earlier(stored))
    before = earlier.order_by("-first_seen_at", "-pk").first()
    words: list[dict[str, str]] = []
    if before is not None:
        old = _loaded(before)
        words = [{"about": "", "words": UNREADABLE, "means": ""}]
        if old is not None and snapshot is not None:
            words = _in_words(difference(old, snapshot))
    StoredSnapshot.objects.filter(pk=stored.pk).update(changes=words)


def _in_words(found: tuple[Change, ...]) -> list[dict[str, str]]:
    """The changes as they are stored, the first of very many, with an end in each."""
    words = [
        {"about": str(one.about), "words": _cut(one.words), "means": _cut(one.means)}
        for one in found[:MOST_CHANGES]
    ]
    if len(found) > MOST_CHANGES:
        more = f"{len(found) - MOST_CHANGES} more changes"
        words.append({"about": "", "words": more, "means": ""})
    return words


def _cut(text: str) -> str:
    # Names may be as long as they like, and hold U+0000, which PostgreSQL does not take.
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS - 1]}…"


def _neighbours(stored: StoredSnapshot) -> QuerySet[StoredSnapshot]:
    return StoredSnapshot.objects.filter(cluster_id=stored.cluster_id).exclude(pk=stored.pk)


def _is_earlier(stored: StoredSnapshot) -> Q:
    at = stored.first_seen_at
    return Q(first_seen_at__lt=at) | Q(first_seen_at=at, pk__lt=stored.pk)


def _loaded(stored: StoredSnapshot) -> Snapshot | None:
    try:
        return bundle.load(bytes(stored.bundle))
    except bundle.BundleError:
        return None
