"""People: who is here, what they may do, and who is invited."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from dashboard.forms import InviteForm, RoleForm
from dashboard.models import Role, User
from dashboard.services import access, accounts
from dashboard.services.accounts import AccountError


@require_GET
@never_cache
def people(request: HttpRequest) -> HttpResponse:
    """Everyone, and the open invitations; for admins."""
    access.admin(request.user)
    return _page(request, InviteForm())


@require_POST
@never_cache
def invite(request: HttpRequest) -> HttpResponse:
    """Make an invitation and show its link, this once."""
    user = access.admin(request.user)
    form = InviteForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    invitation, token = accounts.invite(
        role=form.cleaned_data["role"], note=form.cleaned_data["note"], actor=user
    )
    link = request.build_absolute_uri(reverse("invitation", args=(token,)))
    return _page(request, InviteForm(), new_link=link, new_invitation=invitation)


@require_POST
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Make an open invitation worthless."""
    accounts.withdraw(pk, actor=access.admin(request.user))
    messages.success(request, "The invitation is withdrawn.")
    return redirect("people")


@require_POST
def set_role(request: HttpRequest, pk: int) -> HttpResponse:
    """Change what someone may do."""
    actor = access.admin(request.user)
    user = _someone(pk)
    form = RoleForm(request.POST)
    if form.is_valid():
        try:
            accounts.set_role(user, form.cleaned_data["role"], actor=actor)
            messages.success(request, f"{user.username} {user.role_title} now.")
        except AccountError as error:
            messages.error(request, str(error))
    return redirect("people")


@require_POST
def set_active(request: HttpRequest, pk: int) -> HttpResponse:
    """Let someone in again where `is_active` is "true", else not any more."""
    actor = access.admin(request.user)
    user = _someone(pk)
    try:
        accounts.set_active(user, is_active=request.POST.get("is_active") == "true", actor=actor)
    except AccountError as error:
        messages.error(request, str(error))
    return redirect("people")


@require_GET
def profile(request: HttpRequest) -> HttpResponse:
    """Who one is, and the way to another password."""
    return render(request, "profile.html", {"person": access.person(request.user)})


def _someone(pk: int) -> User:
    user = User.objects.filter(pk=pk).first()
    if user is None:
        raise access.NotVisible("person")
    return user


def _page(
    request: HttpRequest, form: InviteForm, status: int = 200, **more: object
) -> HttpResponse:
    context = {
        "people": User.objects.order_by("username"),
        "invitations": accounts.open_invitations(),
        "roles": list(Role),
        "form": form,
        "is_local": settings.AUTHZVIZ_LOCAL,
        **more,
    }
    return render(request, "people.html", context, status=status)
