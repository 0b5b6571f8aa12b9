"""One act on many clusters: in one transaction, told and undone as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from dashboard.models import Cluster, User
from dashboard.services import access, audit, clusters, fleet
from dashboard.services.clusters import ClusterError
from dashboard.services.fleet_query import Wanted

MOST_AT_ONCE = 1000
_TOO_MANY = f"at most {MOST_AT_ONCE} clusters are changed at once"


@dataclass(frozen=True, slots=True)
class Skipped:
    """Clusters, by name, that stayed as they were, all for the same reason."""

    why: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """What came of an act: `changed` are keys; `batch` marks what was written down of it."""

    changed: tuple[int, ...]
    skipped: tuple[Skipped, ...]
    batch: UUID


Apply = Callable[[Cluster, User], None]


def chosen(user: User, slugs: Sequence[str], *, columns: Sequence[str] = ()) -> list[Cluster]:
    """Those clusters that are there, by name, with all columns or just with these. Raises
    ClusterError where there is none, and where there are too many.
    """
    wanted = set(slugs)
    if len(wanted) > MOST_AT_ONCE:
        raise ClusterError(_TOO_MANY)
    found = access.visible_clusters(user).filter(slug__in=wanted)
    clusters_found = _by_name(found, columns)
    if not clusters_found:
        raise ClusterError("no cluster is ticked")
    return clusters_found


def found(user: User, want: Wanted, *, columns: Sequence[str] = ()) -> list[Cluster]:
    """All clusters that `want` finds, on whatever page; raises ClusterError as `chosen` does."""
    keys = [lean.pk for lean in fleet.found_by(user, want)]
    if len(keys) > MOST_AT_ONCE:
        raise ClusterError(_TOO_MANY)
    if not keys:
        raise ClusterError("no cluster is found any more")
    return _by_name(access.visible_clusters(user).filter(pk__in=keys), columns)


def _by_name(clusters: QuerySet[Cluster], columns: Sequence[str]) -> list[Cluster]:
    some = clusters.only(*columns) if columns else clusters.defer("credentials")
    return list(some.order_by("name"))


def act(name: str, every: Sequence[Cluster], text: str, *, actor: User) -> Done:
    """Do that to each of the clusters where it can be done.

    Raises ClusterError where there is no such act, or `text` isn't what it needs: then nothing was
    done.
    """
    if name not in ACTS:
        raise ClusterError("there is no such act")
    apply = ACTS[name](text)
    changed = []
    skipped: dict[str, list[str]] = {}
    with transaction.atomic(), audit.together() as batch:
        for cluster in every:
            key, title = cluster.pk, cluster.name
            try:
                apply(cluster, actor)
            except ClusterError as error:
                skipped.setdefault(str(error), []).append(title)
            else:
                changed.append(key)
    return Done(
        changed=tuple(changed),
        skipped=tuple(Skipped(why, tuple(names)) for why, names in skipped.items()),
        batch=batch,
    )


def _read(_: str) -> Apply:
    return lambda cluster, actor: clusters.poll_now(cluster, actor=actor)


def _pause(_: str, *, is_paused: bool = True) -> Apply:
    def apply(cluster: Cluster, actor: User) -> None:
        if cluster.is_paused is is_paused and not cluster.is_recorded:
            raise ClusterError("paused already" if is_paused else "not paused")
        clusters.set_paused(cluster, is_paused=is_paused, actor=actor)

    return apply


def _group(text: str) -> Apply:
    group = clusters.group_name(text)

    def apply(cluster: Cluster, actor: User) -> None:
        if cluster.group == group:
            raise ClusterError("in it already" if group else "in no group")
        clusters.set_group(cluster, group, actor=actor)

    return apply


def _label(text: str) -> Apply:
    labels = _labels(text)

    def apply(cluster: Cluster, actor: User) -> None:
        merged = {**cluster.labels, **labels}
        if merged == cluster.labels:
            raise ClusterError("labelled so already")
        # Once more, for how many one cluster may have.
        merged = clusters.parse_labels(clusters.labels_text(merged))
        clusters.set_labels(cluster, merged, actor=actor)

    return apply


def _unlabel(text: str) -> Apply:
    names = _labels(text)

    def apply(cluster: Cluster, actor: User) -> None:
        left = {name: value for name, value in cluster.labels.items() if name not in names}
        if left == cluster.labels:
            raise ClusterError("not labelled so")
        clusters.set_labels(cluster, left, actor=actor)

    return apply


def _interval(text: str) -> Apply:
    if text not in map(str, clusters.INTERVALS):
        raise ClusterError("choose how often they are read")
    seconds = int(text)

    def apply(cluster: Cluster, actor: User) -> None:
        if cluster.is_recorded:
            raise ClusterError(clusters.READ_ONCE)
        if cluster.interval_seconds == seconds:
            raise ClusterError("read so often already")
        clusters.set_interval(cluster, seconds, actor=actor)

    return apply


def _remove(_: str) -> Apply:
    return lambda cluster, actor: clusters.remove(cluster, actor=actor)


def _labels(text: str) -> dict[str, str]:
    labels = clusters.parse_labels(text)
    if not labels:
        raise ClusterError("write the label that is meant: name=value")
    return labels


ACTS: dict[str, Callable[[str], Apply]] = {
    "read": _read,
    "pause": _pause,
    "resume": partial(_pause, is_paused=False),
    "group": _group,
    "label": _label,
    "unlabel": _unlabel,
    "interval": _interval,
    "remove": _remove,
}
"""What may be done to many clusters. Each takes the text that goes with it and gives what does it
to one cluster; both raise ClusterError, the latter where the cluster stays as it is.
"""
