"""Who may see and change what: the only way from a person to a cluster."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db.models import F, FilteredRelation, Q, QuerySet

from dashboard.models import Cluster, User

# What only one page or the other unpacks, and what no row of a list shows.
UNPACKED_LATER = ("assessment", "passing", "remembered", "reads")


class NotVisible(ObjectDoesNotExist):
    """What was asked for does not exist for whoever asks."""


def person(user: User | AnonymousUser) -> User:
    """The signed-in person, or NotVisible: middleware lets nobody else this far."""
    if not isinstance(user, User):
        raise NotVisible
    return user


def visible_clusters(user: User | AnonymousUser) -> QuerySet[Cluster]:
    """Every cluster that `user` may see."""
    if isinstance(user, User) and user.is_active:
        return Cluster.objects.all()
    return Cluster.objects.none()


def visible_to(user: User | AnonymousUser, slug: str) -> Cluster:
    """The cluster with its state but for what is packed, or NotVisible where it is hidden or
    unknown.
    """
    later = (f"current__{name}" for name in UNPACKED_LATER)
    found = with_running_plan(visible_clusters(user)).select_related("current").defer(*later)
    cluster = found.filter(slug=slug).first()
    if cluster is None:
        raise NotVisible(slug)
    return cluster


def with_running_plan(clusters: QuerySet[Cluster]) -> QuerySet[Cluster]:
    """Each with how far its running plan is, as plan_phase and so on; None where none runs. At most
    one runs, so that no cluster comes twice.
    """
    running = FilteredRelation("started_plans", condition=Q(started_plans__state="running"))
    return clusters.annotate(running=running).annotate(
        plan_phase=F("running__phase"),
        plan_done=F("running__steps_done"),
        plan_total=F("running__steps_total"),
        plan_ground=F("running__ground"),
        plan_revision=F("running__revision"),
    )


def editable_by(user: User | AnonymousUser, slug: str) -> Cluster:
    """The cluster, or NotVisible; PermissionDenied for whoever may only look at it."""
    cluster = visible_to(user, slug)
    editor(user)
    return cluster


def editor(user: User | AnonymousUser) -> User:
    """`user`, who may change clusters; PermissionDenied otherwise."""
    if not (isinstance(user, User) and user.may_change):
        raise PermissionDenied("This needs someone who may change clusters.")
    return user


def admin(user: User | AnonymousUser) -> User:
    """`user`, who may invite; PermissionDenied otherwise."""
    if not (isinstance(user, User) and user.may_invite):
        raise PermissionDenied("This needs someone who may change and invite.")
    return user
