"""Trackers: where tickets go, with which credentials, and how they begin."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from authzviz.tickets.errors import TicketRejected
from authzviz.tickets.registry import KINDS
from authzviz.tickets.setup import Kind
from dashboard.forms import posted
from dashboard.models import Tracker, User
from dashboard.services import access, tracker_acts, trackers
from dashboard.services.sealing import SealError
from dashboard.services.tracker_acts import Given, Tested, TrackerSettingsError
from dashboard.shown.trackers import TrackerRow, tracker_rows
from dashboard.tasks import send_tickets
from dashboard.tracker_forms import TrackerForm

_INSIST = "even_if_refused"


@require_GET
@never_cache
def tracker_list(request: HttpRequest) -> HttpResponse:
    """Every tracker with how it does, and the kinds that can be added; for admins."""
    access.admin(request.user)
    context = {
        "rows": tracker_rows(tracker_acts.every()),
        "kinds": [kind for kind in KINDS.values() if kind.id != trackers.BUILTIN],
    }
    return render(request, "trackers.html", context)


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def add(request: HttpRequest, kind: str) -> HttpResponse:
    """Add a tracker of that kind, after a test."""
    user = access.admin(request.user)
    if kind not in KINDS or kind == trackers.BUILTIN:
        raise access.NotVisible(kind)
    form = TrackerForm(posted(request)[0], kind=KINDS[kind])
    if request.method == "POST" and form.is_valid():
        saved = _saved(form, KINDS[kind], None, user)
        if saved is not None:
            tracker, tested = saved
            _say(request, f"{tracker.name} is added", tested)
            return redirect("tracker", pk=tracker.pk)
    context = {"form": form, "kind": KINDS[kind]}
    return render(request, "tracker_add.html", context, status=422 if form.errors else 200)


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def tracker(request: HttpRequest, pk: int) -> HttpResponse:
    """What is told of a tracker, to change; its secrets are never shown."""
    user = access.admin(request.user)
    found = tracker_acts.one(pk)
    try:
        kind = trackers.kind_of(found)
    except TicketRejected as error:
        messages.error(request, f"{found.name}: {error.message}.")
        return redirect("trackers")
    form = TrackerForm(posted(request)[0], kind=kind, tracker=found)
    if request.method == "POST" and form.is_valid():
        saved = _saved(form, kind, found, user)
        if saved is not None:
            send_tickets(pk)
            _say(request, "Saved", saved[1])
            return redirect("tracker", pk=pk)
    return _page(request, tracker_acts.one(pk), form, kind)


@require_POST
@never_cache
def test(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask the tracker who we are there, and show what it says."""
    access.admin(request.user)
    found = tracker_acts.one(pk)
    tested = tracker_acts.test_stored(found)
    if tested.is_good:
        send_tickets(pk)
    say = messages.success if tested.is_good else messages.error
    say(request, f"{found.name}: {tested.words}.")
    return redirect("tracker", pk=pk)


@require_POST
def make_default(request: HttpRequest, pk: int) -> HttpResponse:
    """Send the tickets of one click there."""
    user = access.admin(request.user)
    found = tracker_acts.one(pk)
    tracker_acts.make_default(found, actor=user)
    messages.success(request, f"Tickets go to {found.name} unless another is chosen.")
    return redirect("trackers")


@require_POST
def pause(request: HttpRequest, pk: int) -> HttpResponse:
    """Send nothing there where `is_paused` is "true", else go on."""
    user = access.admin(request.user)
    found = tracker_acts.one(pk)
    is_paused = request.POST.get("is_paused") == "true"
    tracker_acts.set_paused(found, is_paused=is_paused, actor=user)
    if not is_paused:
        send_tickets(pk)
    words = "Nothing is sent there until it is resumed." if is_paused else "It is used again."
    messages.success(request, words)
    return redirect("tracker", pk=pk)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask whether to forget the tracker, and do it."""
    user = access.admin(request.user)
    found = tracker_acts.one(pk)
    if request.method != "POST":
        context = {"tracker": found, "row": _row_of(found)}
        return render(request, "tracker_remove.html", context)
    try:
        tracker_acts.remove(found, actor=user)
    except TrackerSettingsError as error:
        messages.error(request, f"Nothing was removed: {error}.")
    else:
        messages.success(request, f"{found.name} is removed, and its credentials are gone.")
    return redirect("trackers")


def _saved(
    form: TrackerForm, kind: Kind, known: Tracker | None, user: User
) -> tuple[Tracker, Tested] | None:
    """The tracker, added or changed, and what its test said; None, with the reason in the form,
    where it can't be.
    """
    given = form.given()
    try:
        secrets = tracker_acts.known_secrets(known, kind, given)
        tested = tracker_acts.test(kind, given.values, secrets)
        if not tested.is_good and not form.cleaned_data["even_if_refused"]:
            form.refuse(f"Nothing was saved: {tested.words}.{_again(kind, given)}", _INSIST)
            return None
        if known is None:
            known = tracker_acts.add(kind, given, secrets, actor=user)
        else:
            tracker_acts.change(known, given, secrets, actor=user)
        tracker_acts.note(known, tested)
    except TrackerSettingsError as error:
        form.refuse(f"{error}.".capitalize(), error.field)
        return None
    except SealError as error:
        form.refuse(f"{error}.")
        return None
    return known, tested


def _again(kind: Kind, given: Given) -> str:
    """Which fields come back empty."""
    typed = [field.title for field in kind.fields if field.name in given.secrets]
    return f" Type it again, as it is not shown: {', '.join(typed)}." if typed else ""


def _say(request: HttpRequest, done: str, tested: Tested) -> None:
    if tested.is_good:
        messages.success(request, f"{done}: {tested.words}.")
    else:
        messages.warning(request, f"{done}, though its test failed: {tested.words}.")


def _page(request: HttpRequest, found: Tracker, form: TrackerForm, kind: Kind) -> HttpResponse:
    context = {"form": form, "kind": kind, "tracker": found, "row": _row_of(found)}
    return render(request, "tracker.html", context, status=422 if form.errors else 200)


def _row_of(found: Tracker) -> TrackerRow:
    return tracker_rows(tracker_acts.every().filter(pk=found.pk))[0]
