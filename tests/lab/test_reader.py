"""`authzviz reader` grants what a poll needs, and nothing more: tried on a live cluster."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from authzviz.engine.access import access_of
from authzviz.engine.model import Outcome, Read
from authzviz.engine.permissions import PROBE_NODE
from authzviz.kube.collect import collect
from authzviz.net import COMMAND_LINE
from authzviz.reports.reader_role import Reader
from tests.lab.cluster import group
from tests.lab.reader import (
    PATIENCE_SECONDS,
    credentials_of,
    objects_of,
    read_until,
    roles_of,
    take_away,
)

if TYPE_CHECKING:
    from authzviz.engine.model import Snapshot
    from authzviz.engine.permissions import Permission
    from tests.lab.plugin import ClusterFactory, KubeletFactory

MINOR = 37
DEPTHS = {"of a poll": False, "with pods": True}
DRY_RUN = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases?dryRun=All"
# What every user has by default, and what would hide that the role has it, too.
_FOR_EVERYBODY = ("system:basic-user", "system:public-info-viewer", "system:discovery")
# What no read of its own needs: a closer look at some nodes, and where flags are looked for first.
_WITHOUT_READ = {"get nodes", "list pods in kube-system"}


@pytest.mark.parametrize("with_pods", DEPTHS.values(), ids=DEPTHS)
def test_everything_is_read_with_it_and_nothing_in_it_is_superfluous(
    cluster: ClusterFactory, kubelet: KubeletFactory, with_pods: bool
) -> None:
    live = cluster("live", authorization_mode="Node,RBAC", admission_plugins="NodeRestriction")
    kubelet(live, "node1").wait_until_ready()
    for binding in _FOR_EVERYBODY:
        live.remove_subjects(binding)
    reader = Reader(MINOR, with_pods=with_pods)
    live.apply(objects_of(reader))
    credentials = credentials_of(live, reader)

    whole = read_until(credentials, lambda found: not _unread(found), with_pods=with_pods)

    access = access_of(whole)
    assert _unread(whole) == {}
    assert [node.name for node in whole.nodes.value or ()] == ["node1"]
    assert (access.lacks, access.excess, access.untold) == ((), (), ())
    for lost in reader.permissions:
        take_away(live, reader, lost)
        less = read_until(credentials, partial(_lacks, lost), with_pods=with_pods)
        assert _lacks(lost, less), f"{lost.words} is superfluous"
        live.apply(roles_of(reader))


def test_the_probe_may_ask_one_thing_and_nothing_else(cluster: ClusterFactory) -> None:
    live = cluster("live", authorization_mode="Node,RBAC", admission_plugins="NodeRestriction")
    # Even on such a cluster, the right to be one node that isn't there reads no Secret.
    live.set_subject("system:node", group("system:nodes"))
    reader = Reader(MINOR, with_probe=True)
    live.apply(objects_of(reader))
    api = live.api(live.service_account(reader.name, reader.namespace))
    node = f"system:node:{PROBE_NODE}"
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "other", "namespace": "kube-node-lease"},
    }

    live.process.wait_until(
        lambda: "can only access node lease" in api.request("POST", DRY_RUN, lease, user=node).body,
        "NodeRestriction's refusal",
        seconds=PATIENCE_SECONDS,
    )

    found = collect(
        credentials_of(live, reader), name="live", policy=COMMAND_LINE, may_impersonate=True
    )
    seen = [server.observed for server in found.apiservers.value or ()]
    assert [each.restriction.value for each in seen if each and each.restriction] == [True]

    for user, groups in ((node, ["system:nodes"]), ("system:node:node1", []), (node, [])):
        for path in ("/api/v1/secrets", "/api/v1/namespaces/kube-system/secrets"):
            answer = api.request("GET", path, user=user, groups=groups)
            assert (answer.status, "impersonate" in answer.body) == (403, True)


def _unread(snapshot: Snapshot) -> dict[str, str]:
    reads = {**snapshot.reads, **snapshot.reads_about_pods}
    return {name: read.why for name, read in reads.items() if not read.is_whole}


def _as_reads_say(permission: Permission) -> str:
    """The permission in words, without the object that it is for: most reads don't name it."""
    return replace(permission, name="").words


def _lacks(permission: Permission, snapshot: Snapshot) -> bool:
    """True where the permission is missed, by the read that needs it if it has one."""
    words = {permission.words, _as_reads_say(permission)}
    refused = {each.permission for each in _reads(snapshot) if each.outcome is Outcome.FORBIDDEN}
    is_told = permission.words in [lack.permission for lack in access_of(snapshot).lacks]
    return is_told and not words.isdisjoint(refused | _WITHOUT_READ)


def _reads(snapshot: Snapshot) -> list[Read[Any]]:
    """Every read of the snapshot, those of single apiservers too."""
    places = [snapshot, *(server.observed for server in snapshot.apiservers.value or ())]
    values = [getattr(place, field.name) for place in places if place for field in fields(place)]
    return [value for value in values if isinstance(value, Read)]
