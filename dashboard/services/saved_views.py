"""Views of the fleet with a name: what an address asks for, kept for everybody."""

from __future__ import annotations

from django.db import transaction

from dashboard.models import SavedView, User
from dashboard.services import access, audit, clock, fleet_query

MOST_VIEWS = 50
MOST_LETTERS = 60
_MOST_QUERY_LETTERS = 1000


class ViewError(Exception):
    """What was asked for can't be done; the message is for people."""


def every() -> tuple[SavedView, ...]:
    """All views by name; one query."""
    return tuple(SavedView.objects.order_by("name")[:MOST_VIEWS])


def view(key: int) -> SavedView:
    """The view with that key; raises NotVisible where there is none."""
    found = SavedView.objects.filter(pk=key).first()
    if found is None:
        raise access.NotVisible(str(key))
    return found


def save(name: str, text: str, *, actor: User) -> SavedView:
    """The query `text` under that name; of it only what means something is kept.

    Raises ViewError where there is no name, nothing to keep, or no room.
    """
    name = " ".join(name.split())
    query = fleet_query.of_text(text).view
    problem = _problem(name, query)
    if problem:
        raise ViewError(problem)
    with transaction.atomic():
        if SavedView.objects.count() >= MOST_VIEWS:
            raise ViewError(f"At most {MOST_VIEWS} views are kept: remove one first.")
        values = {"query": query, "created_at": clock.now(), "created_by": actor}
        view, is_new = SavedView.objects.get_or_create(name=name, defaults=values)
        if not is_new:
            raise ViewError(f"Another view is called {name!r}.")
        audit.record("view saved", actor=actor, about=name, query=query)
    return view


def remove(view: SavedView, *, actor: User) -> None:
    """Forget that view; no cluster changes."""
    with transaction.atomic():
        audit.record("view removed", actor=actor, about=view.name, query=view.query)
        view.delete()


def _problem(name: str, query: str) -> str:
    if not name or len(name) > MOST_LETTERS:
        return f"Give the view a name of at most {MOST_LETTERS} letters."
    if not query:
        return "This is the whole fleet as it always is: filter, sort or group it first."
    if len(query) > _MOST_QUERY_LETTERS:
        return "That is too much for one view: choose less."
    return ""
