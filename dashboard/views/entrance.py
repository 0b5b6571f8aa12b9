"""The ways in that are no password: one-time links. Opening one uses nothing up, as mail scanners
and previews open links too; its button does.
"""

from __future__ import annotations

from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from dashboard.forms import AcceptForm, posted
from dashboard.models import User
from dashboard.services import accounts
from dashboard.services.access import NotVisible

_BACKEND = "django.contrib.auth.backends.ModelBackend"


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def sign_in_link(request: HttpRequest, token: str) -> HttpResponse:
    """Show the button, and sign in by it.

    The referrer policy stays same-origin: with none at all a browser names no origin when it sends
    the form, and the form is refused.
    """
    if request.method == "POST":
        try:
            return _enter(request, accounts.use_sign_in_link(token))
        except NotVisible:
            return _worthless(request)
    if not accounts.has_sign_in_link(token):
        return _worthless(request)
    return render(request, "sign_in_link.html")


@login_not_required
@sensitive_post_parameters("password1", "password2")
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Ask for a name and a password, and let the new user in."""
    try:
        found = accounts.open_invitation(token)
        form = AcceptForm(posted(request)[0])
        if request.method == "POST" and form.is_valid():
            user = accounts.accept(
                token,
                username=form.cleaned_data["username"],
                password=form.cleaned_data["password1"],
            )
            return _enter(request, user)
    except NotVisible:
        return _worthless(request)
    context = {"invitation": found, "form": form}
    status = 422 if form.errors else 200
    return render(request, "invitation.html", context, status=status)


def _enter(request: HttpRequest, user: User) -> HttpResponse:
    login(request, user, backend=_BACKEND)
    return redirect("fleet")


def _worthless(request: HttpRequest) -> HttpResponse:
    """One answer for a link that is used, over or unknown: which of them is nobody's business."""
    return render(request, "link_over.html", status=404)
