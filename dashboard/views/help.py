"""The page that explains words, verdicts, findings and keys."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from dashboard.shown.help import help_page


@require_GET
def help_(request: HttpRequest) -> HttpResponse:
    """What the pages' words mean and what to do about each verdict and finding."""
    return render(request, "help.html", {"page": help_page()})
