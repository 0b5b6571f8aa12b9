"""Explaining a pasted log: from a line to the fix."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from dashboard.forms import posted
from dashboard.models import User
from dashboard.pasting import LogForm
from dashboard.services import access, certificates
from dashboard.services import explain as explain_service
from dashboard.services.explain import Answer, LogRefused
from dashboard.shown.explain import EXAMPLE, explain_page
from dashboard.uploading import LogUploadHandler
from dashboard.views.parts import template_for
from dashboard.visible import visible

_MOST_LETTERS = 80


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def explain(request: HttpRequest) -> HttpResponse:
    """Ask for a log, and explain what was refused in it. Nothing of it is kept or logged.

    The token is checked behind this: how a form is read has to be said before anything reads it.
    """
    request.upload_handlers = [LogUploadHandler(request)]
    return _explain(request)


@csrf_protect
@sensitive_post_parameters("log")
@never_cache
@vary_on_headers("HX-Request")
def _explain(request: HttpRequest) -> HttpResponse:
    user = access.person(request.user)
    choices = certificates.choices(user)
    chosen = request.GET.get("cluster", "")
    initial = {"cluster": chosen, "log": EXAMPLE if "example" in request.GET else ""}
    form = LogForm(*posted(request), clusters=choices, initial=initial)
    answer, refusal = _answered(form, user)
    if form.is_bound:
        form = LogForm(clusters=choices, initial=form.kept)
    if answer is None:
        form.focus()
    context = {
        "form": form,
        "page": explain_page(answer) if answer else None,
        "refusal": refusal,
        "is_too_large": refusal == explain_service.TOO_LARGE,
        "command": explain_service.FIND_LINES,
        "unknown": "" if not chosen or chosen in dict(choices) else visible(chosen)[:_MOST_LETTERS],
    }
    # htmx swaps no part of an answer that says 422.
    template = template_for(request, "explain.html", "answer")
    is_page = template == "explain.html"
    return render(request, template, context, status=422 if refusal and is_page else 200)


def _answered(form: LogForm, user: User) -> tuple[Answer | None, str]:
    """The answer, or why there is none; neither where nothing was asked."""
    if not form.is_bound:
        return None, ""
    if not form.is_valid():
        return None, " ".join(str(error) for errors in form.errors.values() for error in errors)
    try:
        raw = form.cleaned_data["raw"]
        text = explain_service.text_of(raw) if raw else form.cleaned_data["log"]
        return explain_service.explain(user, text, form.cleaned_data["cluster"]), ""
    except LogRefused as error:
        return None, str(error)
