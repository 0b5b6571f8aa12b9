"""One act on all clusters that are ticked, or on all that an address finds."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from dashboard.models import Cluster, User
from dashboard.services import access, bulk, fleet, fleet_query, undoing
from dashboard.services.access import person
from dashboard.services.clusters import ClusterError
from dashboard.shown.fleet import done_words
from dashboard.tasks import send_poll

# The scheduler sends what is due within seconds; a few needn't wait for it.
_SENT_AT_ONCE = 20
# More than the page takes, so that it says that these are too many; and no endless address.
_MOST_COMPARED = 100


@require_POST
def act(request: HttpRequest) -> HttpResponse:
    """Do `act` to the clusters `c` and `ticked`, or where `all` is given to all that `query` finds,
    and back there. Comparing is for everybody; removing asks first.
    """
    user = person(request.user)
    name = request.POST.get("act", "")
    want = fleet_query.of_text(request.POST.get("query", ""))
    if name == "compare":
        compared = _slugs_found(user, want) if "all" in request.POST else _ticked(request)
        pairs = [("c", slug) for slug in compared[:_MOST_COMPARED]]
        return redirect(f"{reverse('compare')}?{urlencode(pairs)}")
    access.editor(user)
    try:
        chosen = chosen_clusters(request, user, want)
        if name == "remove" and "confirmed" not in request.POST:
            slugs = " ".join(cluster.slug for cluster in chosen)
            context = {"clusters": chosen, "ticked": slugs, "want": want}
            return render(request, "clusters_remove.html", context)
        _do(request, name, chosen, user)
    except ClusterError as error:
        messages.error(request, f"Nothing was changed: {error}.")
    return redirect(reverse("fleet") + want.link)


def chosen_clusters(
    request: HttpRequest, user: User, want: fleet_query.Wanted, *, columns: Sequence[str] = ()
) -> list[Cluster]:
    """The clusters that are ticked, or where `all` is given all that `want` finds, by name, with
    all columns or just with these. Raises ClusterError where there are none, or too many.
    """
    if "all" in request.POST:
        return bulk.found(user, want, columns=columns)
    return bulk.chosen(user, _ticked(request), columns=columns)


def _slugs_found(user: User, want: fleet_query.Wanted) -> list[str]:
    """In the order of the page that they were found on."""
    return [lean.slug for lean in fleet.found_by(user, want)]


def _ticked(request: HttpRequest) -> list[str]:
    """The slugs of all ticks in the order they were made, which come in one field: of fields a form
    may have no more than Django lets in. And those of boxes on the page, which are all that there
    is without a script.
    """
    slugs = [*request.POST.get("ticked", "").split(), *request.POST.getlist("c")]
    return list(dict.fromkeys(slugs))


def _do(request: HttpRequest, name: str, chosen: list[Cluster], user: User) -> None:
    text = request.POST.get(f"{name}_text", "")
    done = bulk.act(name, chosen, text, actor=user)
    if name in {"read", "resume"}:
        for key in done.changed[:_SENT_AT_ONCE]:
            send_poll(key)
    words = done_words(name, text, done)
    if not done.changed:
        messages.warning(request, words)
    else:
        messages.success(request, words, extra_tags=undoing.offer(done.batch))
