"""Clusters that are no more, as far as what people did tells of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AnonymousUser

from dashboard.models import AuditEvent, Role, User
from dashboard.services import clusters

_MOST_LOOKED_AT = 1000
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Removal:
    """A cluster that someone removed; its name, when that was and who did it."""

    name: str
    at: datetime
    by: str


def removal_of(user: User | AnonymousUser, slug: str) -> Removal | None:
    """The latest removal of a cluster with this address; None where nothing tells of one, or for
    whoever isn't signed in.
    """
    if not (isinstance(user, User) and user.is_active):
        return None
    removed = AuditEvent.objects.filter(action=clusters.REMOVED).order_by("-at", "-pk")
    found = removed.values_list("about", "at", "actor_name")[:_MOST_LOOKED_AT]
    return next((Removal(*one) for one in found if clusters.slug_of(one[0]) == slug), None)


def who_may_invite(user: User | AnonymousUser) -> tuple[str, ...]:
    """Some of those who can give this person another role; nobody for whoever isn't signed in."""
    if not (isinstance(user, User) and user.is_active):
        return ()
    admins = User.objects.filter(role=Role.ADMIN.value, is_active=True).exclude(pk=user.pk)
    return tuple(admins.order_by("username").values_list("username", flat=True)[:_MOST_NAMED])
