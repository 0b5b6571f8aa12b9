"""Who may see and change what: the only way from a person to a cluster."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db.models import F, FilteredRelation, Q, QuerySet

from dashboard.models import Cluster, Ticket, User
from dashboard.services import ticket_marks

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
    """The cluster with its tickets, and its state but for what is packed; NotVisible where it is
    hidden or unknown. Two queries.
    """
    later = (f"current__{name}" for name in UNPACKED_LATER)
    found = with_running_plan(visible_clusters(user)).select_related("current").defer(*later)
    cluster = ticket_marks.with_tickets(found).filter(slug=slug).first()
    if cluster is None:
        raise NotVisible(slug)
    return cluster


def visible_tickets(user: User | AnonymousUser) -> QuerySet[Ticket]:
    """Every ticket that `user` may see: of visible clusters, and of those that are gone."""
    if isinstance(user, User) and user.is_active:
        return Ticket.objects.all()
    return Ticket.objects.none()


def ticket_visible_to(user: User | AnonymousUser, pk: int) -> Ticket:
    """The ticket with its tracker and cluster, or NotVisible where it is hidden or unknown."""
    tickets = visible_tickets(user).select_related("tracker", "cluster__current", "wording")
    later = (f"cluster__current__{name}" for name in UNPACKED_LATER)
    ticket = tickets.defer("cluster__credentials", *later).filter(pk=pk).first()
    if ticket is None:
        raise NotVisible(str(pk))
    return ticket


def ticket_editable_by(user: User | AnonymousUser, pk: int) -> Ticket:
    """The ticket, or NotVisible; PermissionDenied for whoever may only look at it."""
    ticket = ticket_visible_to(user, pk)
    editor(user)
    return ticket


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
