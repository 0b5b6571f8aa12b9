"""What has to hold before anything is changed, checked on what was read."""

from __future__ import annotations

from collections.abc import Callable

from authzviz.engine.assessment import Assessment
from authzviz.engine.model import Snapshot
from authzviz.plans import checks_cluster, checks_grants, checks_nodes
from authzviz.plans.plan import UNSEEN, State

Stand = tuple[State, str]
Check = Callable[[Snapshot, Assessment], Stand]

_CHECKS: dict[str, Check] = {
    "apiservers": checks_cluster.apiservers,
    "control-plane": checks_cluster.control_plane,
    "version": checks_cluster.version,
    "permissions": checks_cluster.permissions,
    "distribution": checks_cluster.distribution,
    "answers": checks_cluster.answers,
    "opaque": checks_cluster.opaque,
    "order": checks_cluster.order,
    "always-allow": checks_cluster.always_allow,
    "inherited": checks_cluster.inherited,
    "nodes": checks_nodes.nodes,
    "names": checks_nodes.names,
    "identity": checks_nodes.identity,
    "static-pods": checks_nodes.static_pods,
    "other-users": checks_grants.other_users,
    "extra-grants": checks_grants.extra_grants,
}
IDS = tuple(_CHECKS)


def check(id_: str, snapshot: Snapshot, assessment: Assessment) -> Stand:
    """How the check of that id stands, and why in a sentence; manual for one that nobody knows.
    "order:NAME" is that check of the apiserver of that name alone.

    DONE is for what was seen to hold, never for what was not read; TODO for what was seen not to,
    and `because` then says what to do. MANUAL is for what no read shows.
    """
    id_, _, name = id_.partition(":")
    if name and id_ == "order":
        return checks_cluster.order_at(name, assessment)
    known = _CHECKS.get(id_)
    if known is None:
        return UNSEEN
    return known(snapshot, assessment)
