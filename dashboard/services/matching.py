"""Finding the cluster of the fleet that something pasted is of: by its nodes or its servers."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.db.models import QuerySet

from authzviz.evidence.origin import Origin, address_of
from dashboard.models import Cluster, CurrentState
from dashboard.services import facts

MOST_NAMED = 20

CHOSEN = "you chose it"
_BY_SERVER = "the log names its server"
_BY_BOTH = "the log names its server, and it has the node"
_BY_NODE = "no other cluster that you may see has a node of that name"
_BY_NODES = "no other cluster that you may see has as many of these nodes"


@dataclass(frozen=True, slots=True)
class Named:
    """A cluster as a link needs it."""

    slug: str
    name: str


@dataclass(frozen=True, slots=True)
class Match:
    """The one cluster that fits, and why; or None, and the several that fit: the first of them, and
    how many more there are.
    """

    cluster: Cluster | None = None
    why: str = ""
    several: tuple[Named, ...] = ()
    left_out: int = 0


def match_of(found: Collection[int], why: str) -> Match:
    """The match where these clusters fit, for that reason if it is one. One query, or none."""
    if len(found) == 1:
        return Match(with_state(next(iter(found))), why)
    if not found:
        return Match()
    named = Cluster.objects.filter(pk__in=list(found)[:MOST_NAMED]).values_list("slug", "name")
    several = tuple(Named(slug, name) for slug, name in named.order_by("name"))
    return Match(several=several, left_out=len(found) - len(several))


def by_origin(visible: QuerySet[Cluster], origin: Origin) -> Match:
    """The cluster of `visible` that a log is of: whose server it names, or with most of its nodes.

    Three queries, however many clusters; each cluster's nodes are looked through.
    """
    servers = with_servers(visible, origin.servers) if origin.servers else set()
    counts = with_nodes(visible, origin.nodes) if origin.nodes else {}
    most = max(counts.values(), default=0)
    owners = {pk for pk, count in counts.items() if count == most}
    if servers:
        both = servers & owners
        return match_of(both or servers, _BY_BOTH if both else _BY_SERVER)
    return match_of(owners, _BY_NODE if len(origin.nodes) == 1 else _BY_NODES)


def with_nodes(visible: QuerySet[Cluster], names: Iterable[str]) -> dict[int, int]:
    """How many of these nodes each cluster has, by its key; those with none are left out.

    One query, and nothing is decoded.
    """
    marks = facts.marks_of(names)
    states = CurrentState.objects.filter(cluster__in=visible).values_list("pk", "passing")
    counts = (
        (pk, facts.count_nodes(bytes(passing), marks))
        for pk, passing in states.iterator(chunk_size=100)
    )
    return {pk: count for pk, count in counts if count}


def with_servers(visible: QuerySet[Cluster], servers: frozenset[tuple[str, int]]) -> set[int]:
    """The keys of the clusters that are read at one of these addresses. One query."""
    rows = visible.values_list("pk", "server", "apiserver_urls")
    return {pk for pk, server, urls in rows if servers.intersection(_addresses(server, *urls))}


def with_state(pk: int) -> Cluster:
    """The cluster with its state and snapshot: one query for all that is held against it."""
    return Cluster.objects.select_related("current__snapshot").get(pk=pk)


def _addresses(*urls: str) -> Iterable[tuple[str, int]]:
    for url in urls:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            continue
        if host:
            yield address_of(host, port)
