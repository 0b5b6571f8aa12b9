"""How a ticket is said in few words, and which of its links may be followed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from authzviz.net.url import parse_https
from authzviz.tickets.registry import KINDS
from dashboard.models import TicketState
from dashboard.services.ticket_marks import Place, TicketMark
from dashboard.visible import visible
from dashboard.words import SENT, TICKETS, Word

_LINK = re.compile(
    r"https://(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:[/?#][!-\[\]-~]*)?"
)
_API = "api."
BY = {"product": "authzviz", "people": "people"}
"""Who closed a ticket, by Ticket.closed_by."""


@dataclass(frozen=True, slots=True)
class TicketTag:
    """A ticket in few words: `words` with its tracker, `short` without. `site_url` leads to it in
    the tracker, "" where it is not there, has no address, or one that is not the tracker's own.
    """

    pk: int
    words: str
    short: str
    place: str
    tone: str
    site_url: str


def ticket_tag(mark: TicketMark) -> TicketTag:
    """The ticket as a tag, every name in it made visible."""
    place = visible(mark.place.name)
    name = f"Ticket {key_words(mark.key)}" if mark.key else "Ticket"
    words, short = _said(mark)
    by = f" by {BY[mark.closed_by]}" if mark.state == "closed" and mark.closed_by in BY else ""
    return TicketTag(
        pk=mark.pk,
        words=words.format(name, place) + by,
        short=short.format(name),
        place=place,
        tone=_TONES.get(mark.state, ""),
        site_url=site_url(mark.url, mark.place),
    )


def state_word(state: str, place: Place) -> Word:
    """The word of a ticket's state in that tracker; its own name where another version wrote it."""
    if state in SENT and not place.reads_back:
        return SENT[state]
    return TICKETS.get(state) or Word(visible(state), "unsure", "question-mark")


def key_words(key: str) -> str:
    """What the tracker calls the ticket, as people write it: #17, OPS-17. Mails and webhooks have
    ids of ours, of which the marker is what people can look for.
    """
    if key.startswith("authzviz-"):
        return visible(key.partition(".")[0])
    return f"#{key}" if key.isdecimal() and key.isascii() else visible(key)


def site_url(url: str, place: Place) -> str:
    """The ticket's URL where a person may follow it: https, to the host that people told of the
    tracker, or where its API is on a host "api.…", to that without. "" for anything else that a
    tracker answers.
    """
    found = _LINK.fullmatch(url)
    if found is None:
        return ""
    own = _host(place)
    hosts = {own, own.removeprefix(_API)} if own else set()
    return url if found["host"].strip("[]").lower() in hosts else ""


def _host(place: Place) -> str:
    kind = KINDS.get(place.kind)
    defaults = {field.name: field.default for field in kind.fields} if kind else {}
    try:
        return parse_https(place.site.strip() or defaults.get("url", "")).host
    except ValueError:
        return ""


def _said(mark: TicketMark) -> tuple[str, str]:
    if mark.state in SENT and not mark.place.reads_back:
        said = SENT[mark.state].label.lower()
        return f"{{}} {said} to {{}}", f"{{}} {said}"
    if mark.state == TicketState.QUEUED and mark.is_sending:
        return "{} being sent to {}", "{} being sent"
    return _SAID.get(mark.state, ("{} in {}", "{}"))


# The ticket's name, and its tracker's.
_SAID = {
    TicketState.QUEUED.value: ("{} queued for {}", "{} queued"),
    TicketState.UNKNOWN.value: ("{} sent to {}, outcome unknown", "{} sent, outcome unknown"),
    TicketState.OPEN.value: ("{} open in {}", "{} open"),
    TicketState.CLOSED.value: ("{} closed in {}", "{} closed"),
    TicketState.REJECTED.value: ("{} rejected by {}", "{} rejected"),
    TicketState.GONE.value: ("{} gone from {}", "{} gone"),
}
# Of a tag only what needs a person has a colour.
_TONES = {
    TicketState.UNKNOWN.value: "warning",
    TicketState.REJECTED.value: "critical",
    TicketState.GONE.value: "warning",
}
