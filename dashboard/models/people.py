"""People, and the one-time links that let them in."""

from __future__ import annotations

from enum import StrEnum

from django.contrib.auth.models import AbstractUser
from django.db import models


class Role(StrEnum):
    """What someone may do: each role may all that the ones before it may."""

    VIEWER = "viewer"
    EDITOR = "editor"
    ADMIN = "admin"

    @property
    def words(self) -> str:
        """The role in words."""
        return {"viewer": "may look", "editor": "may change", "admin": "may change and invite"}[
            self
        ]


class User(AbstractUser):
    """A person. `role` holds a Role; kept out of `choices`, so that a new one is no migration."""

    role = models.CharField(max_length=16, default=Role.VIEWER.value)

    @property
    def may_change(self) -> bool:
        """True for whoever may change clusters."""
        return self.is_active and self.role in (Role.EDITOR, Role.ADMIN)

    @property
    def may_invite(self) -> bool:
        """True for whoever may invite people and change their roles."""
        return self.is_active and self.role == Role.ADMIN

    @property
    def role_title(self) -> str:
        """What this person may do, in words."""
        return Role(self.role).words


class Invitation(models.Model):
    """A one-time link that makes its bearer a user. Only the token's hash is kept."""

    token_hash = models.CharField(max_length=64, unique=True)
    role = models.CharField(max_length=16)
    note = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="invited")
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)
    used_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="invitations")

    def __str__(self) -> str:
        return f"invitation {self.pk} ({self.role})"

    @property
    def role_title(self) -> str:
        """What whoever accepts may do, in words."""
        return Role(self.role).words


class SignInLink(models.Model):
    """A one-time link that signs one user in. Only the token's hash is kept."""

    token_hash = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(User, models.CASCADE)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"sign-in link {self.pk} of {self.user_id}"
