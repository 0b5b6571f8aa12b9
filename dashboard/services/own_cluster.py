"""The cluster that this server itself runs in, offered to be read with the pod's own account.

Only to an admin: what is used is not theirs but the server's. Nothing of it is stored.
"""

from __future__ import annotations

from dataclasses import dataclass

from authzviz.kube import in_cluster
from dashboard.models import Cluster, Source, User


@dataclass(frozen=True, slots=True)
class Offer:
    """This cluster as a page offers it; `problem` says why it can't be added, "" where it can."""

    server: str
    namespace: str
    problem: str = ""


def may_be_added_by(user: User) -> bool:
    """True where this server runs in a pod, and `user` may use its service account."""
    return user.may_invite and in_cluster.is_there()


def offer(user: User) -> Offer | None:
    """This cluster; None where there is none, it is in the fleet, or `user` may not add it."""
    if not may_be_added_by(user) or Cluster.objects.filter(source=Source.IN_CLUSTER).exists():
        return None
    try:
        account = in_cluster.load()
    except in_cluster.InClusterError as error:
        return Offer("", "", str(error))
    return Offer(account.credentials.server, account.namespace)
