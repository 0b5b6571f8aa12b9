"""How far an audit log reaches, and what it leaves out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from authzviz.engine.identity import NODE_USER_PREFIX
from authzviz.evidence.audit import LogReach, Occasion
from authzviz.evidence.audit_files import CUT_OFF, DAMAGED
from authzviz.evidence.audit_surroundings import Surroundings
from authzviz.evidence.audit_tally import Tally
from authzviz.evidence.audit_times import HOLE, Times, moment

MIN_SPAN = timedelta(days=7)
"""What a kubelet itself asks for is known, and Node allows it; agents are not known, and what they
do weekly (backups, reports, restarts by a cron job) shows only in a week.
"""

MAX_AGE = timedelta(days=7)
"""How long before the cluster was read the log may end: an agent that came since is not in it."""

MAX_HOLES = timedelta(hours=1)
"""How much may be missing in all, as for a restart of the only apiserver: more is a lost file."""

MAX_REJECTED = 1_000
"""One line in so many may be unusable."""

_MAX_NAMED = 100
_FEW = 3


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that the log leaves out, in a clause; not `matters` where it can't hide a use."""

    text: str
    matters: bool = True


def reach_of(
    tally: Tally, around: Surroundings, gaps: list[Gap], proves_since: datetime | None
) -> LogReach:
    """The reach as it is shown."""
    times = times_of(tally)
    unseen = unseen_of(tally, around)
    seen = {user for user in tally.kubelets if user.startswith(NODE_USER_PREFIX)}
    total = None if around.nodes is None else len(around.nodes)
    return LogReach(
        first=moment(times.first) if times.first else None,
        last=moment(times.last) if times.last else None,
        events=tally.events,
        of_kubelets=tally.of_kubelets,
        nodes_seen=len(seen) if total is None else total - len(unseen),
        nodes_total=total,
        nodes_unseen=tuple(unseen[:_MAX_NAMED]),
        gaps=tuple(f"{gap.text[:1].upper()}{gap.text[1:]}." for gap in gaps),
        rejected=tuple(sorted((why, count) for why, count in tally.rejected.items() if count)),
        occasions=_occasions(tally),
        proves_since=proves_since,
    )


def times_of(tally: Tally) -> Times:
    """The times of kubelets' events, where there are any; else those of all."""
    return tally.times if tally.times.first else tally.all_times


def unseen_of(tally: Tally, around: Surroundings) -> list[str]:
    """The nodes of the cluster none of whose kubelets' events are in the log, in order."""
    nodes = around.nodes or ()
    return sorted(node for node in nodes if NODE_USER_PREFIX + node not in tally.kubelets)


def gaps_of(
    tally: Tally, around: Surroundings, proves_since: datetime | None, files: int
) -> list[Gap]:
    """All that the log leaves out, what matters most first."""
    if not tally.events:
        return [Gap("no audit event is in it"), *_of_lines(tally)]
    found = [
        *_of_policy(tally),
        *_of_nodes(tally, around),
        *_of_time(tally, around, proves_since),
        *_of_lines(tally),
        *_of_apiservers(around, files),
    ]
    return sorted(found, key=lambda gap: not gap.matters)


def _of_policy(tally: Tally) -> Iterator[Gap]:
    if not tally.of_kubelets:
        yield Gap(
            "no event of a kubelet is in it: the audit policy leaves out Group system:nodes, or"
            " these are another cluster's files"
        )
        return
    if tally.unanswered == tally.of_kubelets:
        yield Gap(
            "only the stage RequestReceived is in it: what the authorizers said comes with"
            " ResponseComplete, which the policy's omitStages leaves out"
        )
        return
    if tally.without_reason:
        yield Gap(
            f"{tally.without_reason} events of kubelets carry no annotation"
            " authorization.k8s.io/decision: something took it away on the way"
        )
    times = tally.times
    if times.first and moment(times.last) - moment(times.first) > HOLE:
        yield from _of_kinds(tally.kinds)


def _of_kinds(kinds: set[tuple[str, str]]) -> Iterator[Gap]:
    """What every kubelet does within minutes, and the log doesn't show."""
    verbs = {verb for verb, _ in kinds}
    resources = {resource for _, resource in kinds}
    if "watch" not in verbs:
        yield Gap("no watch request of a kubelet is in it: the policy leaves out the verb watch")
    if resources.isdisjoint(("secrets", "configmaps")):
        yield Gap(
            "no read of a Secret or ConfigMap by a kubelet is in it: the policy leaves them out, or"
            " no node has a pod that uses one"
        )
    if ("get", "nodes") not in kinds:
        yield Gap(
            "no get of a Node by a kubelet is in it: the policy leaves it out, and an agent that"
            " reads other nodes with a kubelet's credentials would not be seen"
        )
    if kinds.isdisjoint((("update", "leases"), ("patch", "leases"))):
        yield Gap(
            "no renewal of a Lease is in it: the policy leaves it out, which hides nothing that"
            " Node doesn't allow",
            matters=False,
        )


def _of_nodes(tally: Tally, around: Surroundings) -> Iterator[Gap]:
    if around.nodes is None:
        yield Gap("the nodes were not read: whose kubelets are missing nobody can tell")
        return
    unseen = unseen_of(tally, around)
    if unseen and tally.of_kubelets:
        named = ", ".join(unseen[:_FEW])
        more = ", and more" if len(unseen) > _FEW else ""
        yield Gap(f"{len(unseen)} of {len(around.nodes)} nodes are not in it: {named}{more}")


def _of_time(tally: Tally, around: Surroundings, proves_since: datetime | None) -> Iterator[Gap]:
    times = times_of(tally)
    if not times.first:
        return
    first, last = moment(times.first), moment(times.last)
    if proves_since is not None:
        yield Gap(
            f"until {_shown(proves_since)} RBAC was asked before Node: only what is later counts",
            matters=False,
        )
        first = proves_since
    if last - first < MIN_SPAN:
        days = MIN_SPAN.days
        yield Gap(f"it spans {span_in_words(last - first)}, and {days} days are wanted")
    if around.read_at - last > MAX_AGE:
        age = span_in_words(around.read_at - last)
        yield Gap(f"it ends {age} before the cluster was read: what came since is not in it")
    yield from _of_holes(tally.times.holes())


def _of_holes(holes: list[tuple[datetime, datetime]]) -> Iterator[Gap]:
    if not holes:
        return
    missing = sum((end - start for start, end in holes), timedelta())
    start, end = max(holes, key=lambda hole: hole[1] - hole[0])
    times = "once" if len(holes) == 1 else f"{len(holes)} times"
    yield Gap(
        f"nothing of any kubelet for {span_in_words(missing)} in all ({times}, the longest from"
        f" {_shown(start)} to {_shown(end)}): a file is missing, or no apiserver ran",
        matters=missing > MAX_HOLES,
    )


def _of_lines(tally: Tally) -> Iterator[Gap]:
    rejected = sum(tally.rejected.values())
    if not rejected:
        return
    is_cut = bool(tally.rejected[CUT_OFF] or tally.rejected[DAMAGED])
    words = ", ".join(f"{count} {why}" for why, count in sorted(tally.rejected.items()) if count)
    yield Gap(
        f"not all of it could be used: {words}",
        matters=is_cut or rejected * MAX_REJECTED > tally.events,
    )


def _of_apiservers(around: Surroundings, files: int) -> Iterator[Gap]:
    count = around.apiservers
    if count < 2:
        return
    given = f", and {files} file{'s were' if files > 1 else ' was'} given" if files < count else ""
    yield Gap(
        f"no event names the apiserver that wrote it, and {count} write logs: it is whole only with"
        f" the files of all{given}",
        matters=False,
    )


def _occasions(tally: Tally) -> tuple[Occasion, ...]:
    kinds = tally.kinds
    return (
        Occasion(
            "a kubelet renewed its certificate", ("create", "certificatesigningrequests") in kinds
        ),
        Occasion("a kubelet started", ("create", "nodes") in kinds),
        Occasion("a pod was taken off a node", ("delete", "pods") in kinds),
        Occasion("a volume was attached", ("get", "volumeattachments") in kinds),
        Occasion("kubelets of several versions ran", len(tally.versions - {""}) > 1),
    )


def span_in_words(span: timedelta) -> str:
    """The time span as people say it, rounded down: "3 days", "5 hours", "12 minutes"."""
    seconds = max(0, int(span.total_seconds()))
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length:
            count = seconds // length
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "less than a minute"


def _shown(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
