"""What is not there, and what is not allowed: honest, and with a way on."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.services import gone


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """No such page; of a cluster that was removed, when and by whom."""
    match = request.resolver_match
    slug = str(match.kwargs.get("slug", "")) if match else ""
    context = {"slug": slug, "removal": gone.removal_of(request.user, slug) if slug else None}
    return render(request, "404.html", context, status=404)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What this person may not do, what it needs, and who can give that."""
    context = {"reason": str(exception), "admins": gone.who_may_invite(request.user)}
    return render(request, "403.html", context, status=403)
