"""The life of a cluster in the fleet. Every act writes its audit row in the same transaction."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

from django.db import transaction
from django.utils.text import slugify

from authzviz.kube.credentials import Credentials, expires_at
from authzviz.net.url import parse_https
from dashboard.models import (
    AuditEvent,
    Cluster,
    CurrentState,
    Source,
    StartedPlan,
    StoredSnapshot,
    User,
    VerdictChange,
)
from dashboard.services import access, audit, clock, erasing, polling, reading, ticket_following

_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.\-/]{0,61}[A-Za-z0-9])?")
# Addresses under /clusters/ that are no cluster.
_TAKEN_SLUGS = frozenset({"add", "compare", "remove-samples", "act"})
ADDED, RECORDING_ADDED, BUNDLE_ADDED = "cluster added", "recording added", "bundle added"
# How often a cluster may be read, in seconds.
INTERVALS = {
    30: "every 30 seconds",
    60: "every minute",
    300: "every 5 minutes",
    900: "every 15 minutes",
    3600: "every hour",
}
REMOVED = "cluster removed"
MOST_APISERVER_URLS = 16
MOST_GROUP_LETTERS = 80

READ_ONCE = "this cluster was read once, into a file: it can't be read again"


class ClusterError(Exception):
    """What was asked for can't be done; the message is for people."""


def parse_labels(text: str) -> dict[str, str]:
    """The labels in "env=prod, team=core", separated by commas or lines.

    Raises ClusterError that names the part that is no label. A label without "=" has an empty
    value.
    """
    labels: dict[str, str] = {}
    for part in re.split(r"[,\n]", text):
        name, _, value = (piece.strip() for piece in part.partition("="))
        if not name and not value:
            continue
        if not _LABEL.fullmatch(name) or (value and not _LABEL.fullmatch(value)):
            raise ClusterError(
                f"{part.strip()[:80]!r} is no label: write name=value, with letters, digits, "
                "dashes, dots, slashes and underscores"
            )
        labels[name] = value
    if len(labels) > 20:
        raise ClusterError("a cluster has at most 20 labels")
    return labels


def labels_text(labels: dict[str, str]) -> str:
    """`labels` as `parse_labels` reads them."""
    return ", ".join(f"{name}={value}" if value else name for name, value in labels.items())


def add(
    *,
    name: str,
    credentials: Credentials,
    interval_seconds: int,
    actor: User | None,
    group: str = "",
) -> Cluster:
    """A new cluster that is due at once; its name gets a number where another has it already."""
    with transaction.atomic():
        cluster = new_cluster(name, interval_seconds=interval_seconds, actor=actor)
        cluster.group = group_name(group)
        _give_credentials(cluster, credentials)
        cluster.next_poll_at = clock.now()
        cluster.save()
        audit.record(ADDED, actor=actor, cluster=cluster, server=cluster.server)
    return cluster


def add_own(*, name: str, interval_seconds: int, actor: User) -> Cluster:
    """The cluster that this server runs in, due at once. No credentials are kept: each poll takes
    the pod's own. Raises ClusterError where there are none, or the cluster is in the fleet.
    """
    try:
        server = reading.own_credentials().server
        reading.check_server(server, own_server=server)
    except reading.ReadError as error:
        raise ClusterError(str(error)) from error
    with transaction.atomic():
        if Cluster.objects.filter(source=Source.IN_CLUSTER).exists():
            raise ClusterError("this cluster is in the fleet already")
        cluster = new_cluster(
            name, interval_seconds=interval_seconds, actor=actor, source=Source.IN_CLUSTER
        )
        cluster.server = server
        cluster.next_poll_at = clock.now()
        cluster.save()
        audit.record(ADDED, actor=actor, cluster=cluster, server=server, source=cluster.source)
    return cluster


def new_cluster(
    name: str, *, interval_seconds: int, actor: User | None, source: Source = Source.KUBECONFIG
) -> Cluster:
    """A cluster that is not saved yet, with a free name and a free slug."""
    name = _free_name(name.strip()[:100] or "cluster")
    return Cluster(
        name=name,
        slug=_free_slug(name),
        source=source.value,
        interval_seconds=interval_seconds,
        created_at=clock.now(),
        created_by=actor,
    )


def rename(cluster: Cluster, name: str, *, actor: User) -> None:
    """Give the cluster another name; its address stays, so that links keep working.

    Raises ClusterError where another cluster has the name.
    """
    name = name.strip()
    if name == cluster.name:
        return
    with transaction.atomic():
        if Cluster.objects.filter(name=name).exclude(pk=cluster.pk).exists():
            raise ClusterError(f"another cluster is called {name!r}")
        audit.record("cluster renamed", actor=actor, cluster=cluster, before=cluster.name, to=name)
        cluster.name = name
        cluster.save(update_fields=["name"])


def set_labels(cluster: Cluster, labels: dict[str, str], *, actor: User | None) -> None:
    """Replace the cluster's labels."""
    if labels == cluster.labels:
        return
    with transaction.atomic():
        before = cluster.labels
        cluster.labels = labels
        cluster.save(update_fields=["labels"])
        audit.record("cluster labelled", actor=actor, cluster=cluster, before=before, to=labels)


def group_name(text: str) -> str:
    """The name of the group that `text` means."""
    return " ".join(text.split())[:MOST_GROUP_LETTERS]


def set_group(cluster: Cluster, group: str, *, actor: User) -> None:
    """Put the cluster into the group of that name, "" for none."""
    group = group_name(group)
    if group == cluster.group:
        return
    with transaction.atomic():
        before = cluster.group
        cluster.group = group
        cluster.save(update_fields=["group"])
        audit.record("cluster grouped", actor=actor, cluster=cluster, before=before, to=group)


def set_interval(cluster: Cluster, seconds: int, *, actor: User) -> None:
    """Read the cluster every `seconds` from now on."""
    if seconds == cluster.interval_seconds:
        return
    with transaction.atomic():
        before = cluster.interval_seconds
        cluster.interval_seconds = seconds
        cluster.next_poll_at = polling.next_slot(clock.now(), seconds, cluster.uuid.int)
        cluster.save(update_fields=["interval_seconds", "next_poll_at"])
        audit.record(
            "cluster interval set", actor=actor, cluster=cluster, before=before, to=seconds
        )


def apiserver_urls(text: str, cluster: Cluster) -> tuple[str, ...]:
    """The apiservers of `cluster` in `text`, one https URL a line, in their usual form.

    Raises ClusterError that names the line which is none, or may not be connected to.
    """
    lines = list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
    if len(lines) > MOST_APISERVER_URLS:
        raise ClusterError(f"at most {MOST_APISERVER_URLS} apiservers are asked by themselves")
    if not lines:
        return ()
    _refuse_untellable(cluster)
    own = cluster.server if cluster.is_own else ""
    # Each may wait for DNS: all of them together no longer than one.
    with ThreadPoolExecutor(max_workers=len(lines)) as pool:
        found = list(pool.map(lambda line: _checked_url(line, own), lines))
    return tuple(dict.fromkeys(found))


def set_apiserver_urls(cluster: Cluster, urls: tuple[str, ...], *, actor: User) -> None:
    """Ask these apiservers each by itself from now on; `urls` are as `apiserver_urls` gave them."""
    before = tuple(cluster.apiserver_urls)
    if urls == before:
        return
    with transaction.atomic():
        cluster.apiserver_urls = list(urls)
        cluster.save(update_fields=["apiserver_urls"])
        audit.record(
            "cluster apiservers set",
            actor=actor,
            cluster=cluster,
            before=list(before),
            to=list(urls),
        )


def set_probes_node_restriction(cluster: Cluster, *, is_on: bool, actor: User) -> None:
    """Let reads of the cluster probe NodeRestriction by impersonating a node, or stop that.

    Raises PermissionDenied where someone who is no admin turns it on.
    """
    if is_on == cluster.probes_node_restriction:
        return
    if is_on:
        access.admin(actor)
    with transaction.atomic():
        cluster.probes_node_restriction = is_on
        cluster.save(update_fields=["probes_node_restriction"])
        action = "NodeRestriction probe turned " + ("on" if is_on else "off")
        audit.record(action, actor=actor, cluster=cluster)


def set_paused(cluster: Cluster, *, is_paused: bool, actor: User) -> None:
    """Stop reading the cluster, or read it again at once; what is known stays, and gets old.

    Raises ClusterError for what is never read again.
    """
    if cluster.is_recorded:
        raise ClusterError(READ_ONCE)
    if is_paused == cluster.is_paused:
        return
    with transaction.atomic():
        cluster.is_paused = is_paused
        cluster.save(update_fields=["is_paused"])
        if not is_paused:
            polling.poll_soon(cluster)
        action = "cluster paused" if is_paused else "cluster resumed"
        audit.record(action, actor=actor, cluster=cluster)


def replace_credentials(cluster: Cluster, credentials: Credentials, *, actor: User) -> None:
    """Read the cluster with other credentials from now on. History stays; the old credentials are
    gone, and what is being read with them right now comes to nothing.

    With another server, NodeRestriction is probed no more: that was allowed for the one so far.
    With credentials that don't know the cluster's CA, no listed apiserver is asked any more.
    """
    if cluster.is_recorded:
        raise ClusterError("it was read once and has no credentials: add the cluster itself")
    if cluster.is_own:
        raise ClusterError("it is read with this pod's own service account: nothing is stored")
    with transaction.atomic():
        before = cluster.server
        _give_credentials(cluster, credentials)
        if cluster.server != before:
            set_probes_node_restriction(cluster, is_on=False, actor=actor)
        if not reading.knows_its_ca(credentials):
            set_apiserver_urls(cluster, (), actor=actor)
        cluster.save(
            update_fields=["credentials", "server", "credentials_expire_at", "is_tls_verified"]
        )
        erasing.erase_deleted()
        polling.drop_running(cluster.pk)
        polling.poll_soon(cluster)
        audit.record(
            "cluster credentials replaced",
            actor=actor,
            cluster=cluster,
            before=before,
            server=cluster.server,
        )


def poll_now(cluster: Cluster, *, actor: User) -> None:
    """Make the cluster due at once. Raises ClusterError for what was read once, or is paused."""
    if cluster.is_recorded:
        raise ClusterError(READ_ONCE)
    if cluster.is_paused:
        raise ClusterError("the cluster is paused: resume it first")
    with transaction.atomic():
        polling.poll_soon(cluster)
        audit.record("cluster polled", actor=actor, cluster=cluster)


def remove(cluster: Cluster, *, actor: User) -> None:
    """Remove the cluster with its credentials and history; the audit rows stay, and the tickets
    that trackers have of it.

    A poll that runs right now finds no row to store its result in.
    """
    with transaction.atomic():
        audit.record(REMOVED, actor=actor, about=cluster.name, server=cluster.server)
        _remove_past(cluster)
        ticket_following.cluster_removed(cluster.pk, cluster.name)
        cluster.delete()
        erasing.erase_deleted()


def _remove_past(cluster: Cluster) -> None:
    """Remove what would take Django an object for each row, while all who write wait for it."""
    VerdictChange.objects.filter(cluster=cluster).delete()
    CurrentState.objects.filter(cluster=cluster).delete()
    StartedPlan.objects.filter(cluster=cluster).delete()
    # Nothing points at them by now, which is what delete() would look for one by one.
    snapshots = StoredSnapshot.objects.filter(cluster=cluster)
    snapshots._raw_delete(snapshots.db)


def has_ever_had_any() -> bool:
    """True where a cluster is or was in the fleet: what someone removed isn't to come back."""
    return AuditEvent.objects.filter(action__in=(ADDED, RECORDING_ADDED, BUNDLE_ADDED)).exists()


def _refuse_untellable(cluster: Cluster) -> None:
    """Raise ClusterError where another server could pass for an apiserver and get the token."""
    try:
        credentials = reading.open_credentials(cluster)
    except reading.ReadError as error:
        raise ClusterError(str(error)) from error
    if not reading.knows_its_ca(credentials):
        raise ClusterError(
            "these credentials don't hold the cluster's own CA, so another server could pass for "
            "an apiserver and be sent the token: replace them by some with the CA first"
        )


def _checked_url(line: str, own_server: str) -> str:
    try:
        url = str(parse_https(line))
    except ValueError as error:
        raise ClusterError(f"{line[:100]!r}: {error}") from error
    try:
        reading.check_server(url, own_server=own_server)
    except reading.ReadError as error:
        raise ClusterError(f"{url}: {error}") from error
    return url


def _give_credentials(cluster: Cluster, credentials: Credentials) -> None:
    cluster.server = credentials.server
    cluster.credentials = reading.seal(credentials, cluster)
    cluster.credentials_expire_at = expires_at(credentials)
    cluster.is_tls_verified = not credentials.insecure


def _free_name(name: str) -> str:
    taken = set(Cluster.objects.filter(name__startswith=name).values_list("name", flat=True))
    number = 2
    free = name
    while free in taken:
        free = f"{name} ({number})"
        number += 1
    return free


def slug_of(name: str) -> str:
    """The address that a cluster of this name gets where no other has it."""
    return slugify(re.sub(r"[^\w-]+", "-", name))[:60].strip("-") or "cluster"


def _free_slug(name: str) -> str:
    # Names of contexts are full of dots, slashes and colons; what they part stays apart.
    base = slug_of(name)
    taken = (
        set(Cluster.objects.filter(slug__startswith=base).values_list("slug", flat=True))
        | _TAKEN_SLUGS
    )
    number = 2
    free = base
    while free in taken:
        free = f"{base}-{number}"
        number += 1
    return free
