"""Which transition of a workflow closes an issue or opens it again.

A workflow names its statuses and transitions as it likes: what a status means is its category.
Source: developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues, "Get transitions"
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from authzviz.tickets.errors import TicketRejected

_AS_DONE = ("done", "close", "resolve", "complete", "fix")
_AS_DROPPED = ("won't", "wont", "reject", "cancel", "duplicate", "declin", "abandon", "invalid")
_AS_OPEN = ("reopen", "re-open", "to do", "open", "backlog")


@dataclass(frozen=True, slots=True)
class Transition:
    """A transition that the issue's workflow offers now.

    `wants` are the names of fields that it requires and that nobody can give, `resolutions` those
    that it offers, () where it asks for none.
    """

    id: str
    name: str
    status: str
    is_open: bool
    wants: tuple[str, ...] = ()
    resolutions: tuple[str, ...] = ()

    def is_called(self, name: str) -> bool:
        """Whether that is its name or that of the status it leads to."""
        return name.casefold() in {self.name.casefold(), self.status.casefold()}

    def request(self) -> dict[str, Any]:
        """What Jira is asked for."""
        asked: dict[str, Any] = {"transition": {"id": self.id}}
        if self.resolutions:
            best = min(self.resolutions, key=lambda name: _rank(name, is_open=False))
            asked["fields"] = {"resolution": {"name": best}}
        return asked


def transitions_of(answer: Any) -> tuple[Transition, ...]:
    """What "Get transitions" answers, with the fields expanded."""
    return tuple(map(_transition, answer["transitions"]))


def is_open(status: Any) -> bool:
    """Whether an issue in that status is open."""
    return bool(status["statusCategory"]["key"] != "done")


def chosen(
    offered: Iterable[Transition], names: tuple[str, ...], *, wanted_open: bool
) -> Transition:
    """The transition to take, of those named where some are named: as a rule one that leads there
    at once, else the first of the names. Raises TicketRejected with what stands in the way.
    """
    offered = tuple(offered)
    there = [one for one in offered if one.is_open is wanted_open]
    if names:
        there = [one for one in (*there, *offered) if _place(one, names) < len(names)]
        there.sort(key=lambda one: (one.is_open is not wanted_open, _place(one, names)))
    else:
        there.sort(key=lambda one: _rank(f"{one.name} {one.status}", is_open=wanted_open))
    free = [one for one in there if not one.wants]
    if free:
        return free[0]
    raise TicketRejected(_in_the_way(there, offered, names, wanted_open=wanted_open))


def _transition(raw: Mapping[str, Any]) -> Transition:
    fields: Mapping[str, Any] = raw.get("fields") or {}
    resolution: Mapping[str, Any] = fields.get("resolution") or {}
    resolutions = tuple(str(one["name"]) for one in resolution.get("allowedValues") or ())
    wants = tuple(
        str(field.get("name") or name)
        for name, field in fields.items()
        if field.get("required")
        and not field.get("hasDefaultValue")
        and not (name == "resolution" and resolutions)
    )
    to = raw["to"]
    return Transition(
        str(raw["id"]), str(raw["name"]), str(to["name"]), is_open(to), wants, resolutions
    )


def _place(one: Transition, names: tuple[str, ...]) -> int:
    places = (place for place, name in enumerate(names) if one.is_called(name))
    return next(places, len(names))


def _rank(name: str, *, is_open: bool) -> int:
    """Lower is better: done rather than rejected, though both are closed."""
    name = name.casefold()
    if not is_open and any(word in name for word in _AS_DROPPED):
        return len(_AS_OPEN) + 1
    words = _AS_OPEN if is_open else _AS_DONE
    return next((place for place, word in enumerate(words) if word in name), len(_AS_OPEN))


def _in_the_way(
    there: list[Transition],
    offered: tuple[Transition, ...],
    names: tuple[str, ...],
    *,
    wanted_open: bool,
) -> str:
    does = "reopens" if wanted_open else "closes"
    if there:
        wants = ", ".join(there[0].wants)
        return f"Jira: “{there[0].name}” {does} the issue and requires what is not known: {wants}"
    now = ", ".join(f"“{one.name}”" for one in offered) or "none"
    if names:
        told = ", ".join(f"“{name}”" for name in names)
        return f"Jira offers no transition {told} now, only: {now}"
    return f"Jira offers no transition that {does} the issue from where it is, only: {now}"
