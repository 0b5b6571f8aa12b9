"""Tickets: all of them as a list, each by itself, and what may be done with them."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers

from dashboard import asked
from dashboard.models import Ticket, User
from dashboard.services import (
    access,
    listed_tickets,
    spreadsheet,
    ticket_bulk,
    ticket_list,
    ticket_words,
    undoing,
)
from dashboard.services.bulk import Done
from dashboard.services.ticket_list import NothingChosen, Wanted
from dashboard.services.tickets import TicketError
from dashboard.shown.ticket import TicketPage, ticket_page
from dashboard.shown.tickets import done_words, query_of, ticket_lines, tickets_page
from dashboard.tasks import send_tickets
from dashboard.ticket_forms import CommentForm, WhoseForm
from dashboard.views.parts import attached, template_for

_MOST_LETTERS = 8000


@require_GET
@vary_on_headers("HX-Request")
def tickets(request: HttpRequest) -> HttpResponse:
    """The tickets that the address asks for; a file with &format=csv. htmx gets only what changes,
    and nothing where that would show what `seen` stands for.
    """
    user, want = access.person(request.user), wanted(request.GET)
    if request.GET.get("format") == "csv":
        return attached(
            spreadsheet.as_csv(ticket_lines(ticket_list.exported(user, want))), "tickets"
        )
    page = tickets_page(ticket_list.listed(user, want), want)
    template = template_for(request, "tickets.html", "tickets")
    if "#" in template and request.GET.get("seen") == page.token:
        return HttpResponse(status=204)
    return render(request, template, {"page": page})


@require_GET
@vary_on_headers("HX-Request")
def ticket(request: HttpRequest, pk: int) -> HttpResponse:
    """One ticket; htmx gets what changes, and nothing where `seen` stands for that."""
    found = access.ticket_visible_to(access.person(request.user), pk)
    details = ticket_list.details_of(found)
    page = ticket_page(found, details)
    template = template_for(request, "ticket.html", "ticket")
    if "#" in template and request.GET.get("seen") == page.token:
        return HttpResponse(status=204)
    if page.is_to_be_sent:
        page = ticket_page(found, details, _planned(found))
    return render(request, template, {"page": page, **_forms(request, page)})


@require_POST
def act(request: HttpRequest, pk: int) -> HttpResponse:
    """Do `act` with the ticket, and back to it; where it was taken back, to its cluster."""
    found = access.ticket_editable_by(request.user, pk)
    name = request.POST.get("act", "")
    if name in {"comment", "change"}:
        return _write(request, found, name)
    done = _done(request, name, [found], access.editor(request.user))
    if done and done.changed and name == "take-back":
        return redirect(found.cluster) if found.cluster else redirect("tickets")
    return redirect("ticket", pk=pk)


@require_POST
def act_on_many(request: HttpRequest) -> HttpResponse:
    """Do `act` with the tickets `c` and `ticked`, or where `all` is given with all that `query`
    finds, and back there.
    """
    user = access.editor(request.user)
    want = wanted(QueryDict(request.POST.get("query", "").removeprefix("?")[:_MOST_LETTERS]))
    try:
        if "all" in request.POST:
            chosen = ticket_list.found(user, want)
        else:
            chosen = ticket_list.chosen(user, _ticked(request))
    except NothingChosen as error:
        messages.error(request, f"Nothing was changed: {error}.")
    else:
        _done(request, request.POST.get("act", ""), chosen, user)
    return redirect(reverse("tickets") + query_of(want).link(page=want.page))


def _forms(request: HttpRequest, page: TicketPage) -> dict[str, Form]:
    """What people write into a ticket that is kept here; nothing for whoever may not."""
    if not page.is_ours or not access.person(request.user).may_change:
        return {}
    usual = {"assignee": page.assignee, "due_on": page.due_on}
    return {"writing": CommentForm(), "whose": WhoseForm(initial=usual)}


def _write(request: HttpRequest, ticket: Ticket, name: str) -> HttpResponse:
    """Do what a form of a ticket that is kept here asks for; the page again with what is wrong."""
    form: CommentForm | WhoseForm
    form = CommentForm(request.POST) if name == "comment" else WhoseForm(request.POST)
    user = access.editor(request.user)
    if form.is_valid():
        try:
            if isinstance(form, CommentForm):
                listed_tickets.comment(ticket, form.cleaned_data["text"], user)
            else:
                typed = form.cleaned_data
                listed_tickets.change(ticket, typed["assignee"], typed["due_on"], user)
        except TicketError as error:
            messages.error(request, f"Nothing was changed: {error}.")
        return redirect("ticket", pk=ticket.pk)
    page = ticket_page(ticket, ticket_list.details_of(ticket), _planned(ticket))
    forms = _forms(request, page)
    forms |= {"writing" if name == "comment" else "whose": form} if forms else {}
    return render(request, "ticket.html", {"page": page, **forms}, status=422)


def _planned(ticket: Ticket) -> tuple[str, str]:
    """What is to be sent, where nothing was yet; nothing for a cluster that is gone. It takes as
    long as many pages.
    """
    if ticket.remote_id or ticket.cluster_id is None:
        return "", ""
    return ticket_words.filled_for(
        ticket.cluster_id,
        ticket_words.wording_of(ticket),
        page_url=ticket.page_url,
        opened_by=ticket.opened_by_name,
    )


def _done(request: HttpRequest, name: str, chosen: Sequence[Ticket], user: User) -> Done | None:
    """Do it, and say what came of it or why nothing did."""
    try:
        done = ticket_bulk.act(name, chosen, actor=user)
    except TicketError as error:
        messages.error(request, f"Nothing was changed: {error}.")
        return None
    for tracker in {ticket.tracker_id for ticket in chosen}:
        send_tickets(tracker)
    say = messages.success if done.changed else messages.warning
    say(request, done_words(name, done), extra_tags=undoing.offer(done.batch))
    return done


def _ticked(request: HttpRequest) -> list[int]:
    """The keys of all ticks, which come in one field, and those of boxes on the page."""
    given = [*request.POST.get("ticked", "").split(), *request.POST.getlist("c")]
    keys = (int(key) for key in given if key.isascii() and key.isdecimal() and len(key) <= 18)
    return list(dict.fromkeys(keys))


def wanted(query: QueryDict) -> Wanted:
    """What the query of an address asks for; anything unknown in it falls back to the default."""
    sort, state = query.get("sort", ""), query.get("state", "")
    return Wanted(
        search=asked.text(query, "search"),
        state=state if state in ticket_list.STATES else "",
        tracker=asked.number(query, "tracker"),
        group=asked.text(query, "group"),
        batch=asked.uuid(query, "batch"),
        sort=sort if sort.removeprefix("-") in ticket_list.SORTS else ticket_list.DEFAULT_SORT,
        page=max(1, asked.number(query, "page")),
    )
