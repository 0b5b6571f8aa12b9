"""People: invitations, one-time sign-in links, roles."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import QuerySet

from dashboard.models import Invitation, Role, SignInLink, User
from dashboard.services import audit, clock
from dashboard.services.access import NotVisible

INVITATION_LASTS = timedelta(days=7)
LINK_LASTS = timedelta(hours=1)


class AccountError(Exception):
    """What was asked for can't be done; the message is for people."""


def invite(*, role: Role, note: str, actor: User) -> tuple[Invitation, str]:
    """An invitation, and its token: shown once, kept only as a hash."""
    token = secrets.token_urlsafe(32)
    now = clock.now()
    with transaction.atomic():
        invitation = Invitation.objects.create(
            token_hash=_hash(token),
            role=role.value,
            note=note,
            created_at=now,
            created_by=actor,
            expires_at=now + INVITATION_LASTS,
        )
        audit.record("person invited", actor=actor, about=note, role=role.value)
    return invitation, token


def open_invitation(token: str) -> Invitation:
    """The invitation of this token; NotVisible where there is none, or it is used or over."""
    invitation = Invitation.objects.filter(
        token_hash=_hash(token), used_at=None, expires_at__gt=clock.now()
    ).first()
    if invitation is None:
        raise NotVisible("invitation")
    return invitation


def open_invitations() -> QuerySet[Invitation]:
    """Every invitation that can still be accepted, the newest first."""
    return Invitation.objects.filter(used_at=None, expires_at__gt=clock.now()).order_by("-pk")


def accept(token: str, *, username: str, password: str) -> User:
    """The new user; the invitation is used up by the same transaction."""
    with transaction.atomic():
        invitation = open_invitation(token)
        user = User.objects.create_user(username, password=password, role=invitation.role)
        used = Invitation.objects.filter(pk=invitation.pk, used_at=None).update(
            used_at=clock.now(), used_by=user
        )
        if used != 1:
            raise NotVisible("invitation")
        audit.record("invitation accepted", actor=user, about=username, role=invitation.role)
    return user


def withdraw(invitation_id: int, *, actor: User) -> None:
    """Make an open invitation worthless."""
    with transaction.atomic():
        invitation = Invitation.objects.filter(pk=invitation_id, used_at=None).first()
        if invitation is None:
            raise NotVisible("invitation")
        audit.record("invitation withdrawn", actor=actor, about=invitation.note)
        invitation.delete()


def sign_in_token() -> tuple[User, str]:
    """The first active admin, made where there is none, and a one-time token to sign in with."""
    now = clock.now()
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        user = User.objects.filter(role=Role.ADMIN, is_active=True).order_by("pk").first()
        if user is None:
            user = User(username=_free_username("admin"), role=Role.ADMIN.value)
            user.set_unusable_password()
            user.save()
            audit.record("first admin made", actor=None, about=user.username)
        SignInLink.objects.create(
            token_hash=_hash(token), user=user, created_at=now, expires_at=now + LINK_LASTS
        )
        audit.record("sign-in link made", actor=None, about=user.username)
    return user, token


def has_sign_in_link(token: str) -> bool:
    """True where the token is good for signing in; doesn't use it up."""
    return _open_links(token).exists()


def use_sign_in_link(token: str) -> User:
    """The user whose link it is, used up by this; NotVisible where it is used, over or unknown."""
    with transaction.atomic():
        link = _open_links(token).select_related("user").first()
        if link is None:
            raise NotVisible("sign-in link")
        # By columns of its own alone: with a join PostgreSQL tests `used_at` in a subquery, which
        # it doesn't look at again after it waited for another who used the link.
        unused = SignInLink.objects.filter(pk=link.pk, used_at=None)
        if unused.update(used_at=clock.now()) != 1:
            raise NotVisible("sign-in link")
        audit.record("signed in by link", actor=link.user, about=link.user.username)
    return link.user


def set_role(user: User, role: Role, *, actor: User) -> None:
    """Change what someone may do. Raises AccountError where no admin would be left."""
    with transaction.atomic():
        _keep_an_admin(user, stays_admin=role is Role.ADMIN)
        before = user.role
        user.role = role.value
        user.save(update_fields=["role"])
        if role is not Role.ADMIN:
            _withdraw_those_of(user, actor=actor)
        audit.record("role changed", actor=actor, about=user.username, before=before, to=role.value)


def set_active(user: User, *, is_active: bool, actor: User) -> None:
    """Let someone in, or not any more: then their sessions end at once."""
    with transaction.atomic():
        _keep_an_admin(user, stays_admin=is_active)
        user.is_active = is_active
        user.save(update_fields=["is_active"])
        if not is_active:
            SignInLink.objects.filter(user=user).delete()
            _end_sessions(user)
            _withdraw_those_of(user, actor=actor)
        action = "person let in again" if is_active else "person deactivated"
        audit.record(action, actor=actor, about=user.username)


def clean_up() -> None:
    """Remove sessions and sign-in links that are over."""
    now = clock.now()
    Session.objects.filter(expire_date__lt=now).delete()
    SignInLink.objects.filter(expires_at__lt=now).delete()


def _withdraw_those_of(user: User, *, actor: User) -> None:
    """Make every open invitation of the user worthless: whoever made it may have kept the link."""
    for invitation in open_invitations().filter(created_by=user):
        audit.record("invitation withdrawn", actor=actor, about=invitation.note)
        invitation.delete()


def _end_sessions(user: User) -> None:
    """Remove every session of the user: one who is let in again signs in again."""
    for session in Session.objects.filter(expire_date__gt=clock.now()).iterator():
        if session.get_decoded().get(SESSION_KEY) == str(user.pk):
            session.delete()


def _open_links(token: str) -> QuerySet[SignInLink]:
    return SignInLink.objects.filter(
        token_hash=_hash(token),
        used_at=None,
        expires_at__gt=clock.now(),
        user__is_active=True,
    )


def _keep_an_admin(user: User, *, stays_admin: bool) -> None:
    admins = User.objects.select_for_update().filter(role=Role.ADMIN, is_active=True)
    if not stays_admin and set(admins.values_list("pk", flat=True)) == {user.pk}:
        raise AccountError("there has to be an admin: make someone else one first")


def _free_username(name: str) -> str:
    taken = set(User.objects.filter(username__startswith=name).values_list("username", flat=True))
    return next(
        free for free in (name, *(f"{name}{n}" for n in range(2, 1000))) if free not in taken
    )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
