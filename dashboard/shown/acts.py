"""What people did, in words: one entry for each kind of act that is written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dashboard.models import AuditEvent
from dashboard.services import audit
from dashboard.services.clusters import labels_text
from dashboard.visible import visible

MOST_LETTERS = 200
_NAMES = {"before": "was", "to": "is"}
# What stands beside it, or says nothing to a person.
_UNSAID = frozenset({"read_at", "risk", "upload", "plan", "tick", "ticket", audit.UNDOES})


@dataclass(frozen=True, slots=True)
class Act:
    """A kind of act: what one chooses it by, what goes on after the person's name, where {} is what
    it was done to, and an icon. `noun` is for several of them.
    """

    title: str
    words: str
    icon: str
    noun: str = "cluster"


ACTS = {
    "cluster added": Act("Cluster added", "added {}", "plus"),
    "recording added": Act("Recording added", "added the recording {}", "archive"),
    "bundle added": Act("Bundle added", "added {} from a bundle", "file-upload"),
    "bundle replaced": Act("Bundle replaced", "uploaded another bundle of {}", "file-upload"),
    "bundle downloaded": Act("Bundle downloaded", "downloaded the bundle of {}", "archive"),
    "cluster renamed": Act("Cluster renamed", "renamed {}", "tag"),
    "cluster labelled": Act("Labels changed", "changed the labels of {}", "tag"),
    "cluster grouped": Act("Group changed", "changed the group of {}", "sitemap"),
    "cluster interval set": Act("Interval changed", "changed how often to read {}", "clock"),
    "cluster apiservers set": Act(
        "Apiservers listed", "changed the listed apiservers of {}", "server"
    ),
    "NodeRestriction probe turned on": Act(
        "Probe turned on", "turned on the NodeRestriction probe of {}", "shield-half"
    ),
    "NodeRestriction probe turned off": Act(
        "Probe turned off", "turned off the NodeRestriction probe of {}", "shield-off"
    ),
    "cluster paused": Act("Reading paused", "paused reading {}", "player-pause"),
    "cluster resumed": Act("Reading resumed", "resumed reading {}", "player-play"),
    "cluster polled": Act("Read at once", "asked to read {} at once", "refresh"),
    "cluster credentials replaced": Act(
        "Credentials replaced", "replaced the credentials of {}", "key"
    ),
    "cluster removed": Act("Cluster removed", "removed {}", "trash"),
    "risk accepted": Act("Risk accepted", "accepted a risk of {}", "shield-half"),
    "risk withdrawn": Act("Risk withdrawn", "withdrew an accepted risk of {}", "shield-x"),
    "audit log uploaded": Act("Audit log uploaded", "uploaded an audit log of {}", "file-upload"),
    "audit log removed": Act(
        "Audit log removed", "removed what an audit log of {} proved", "trash"
    ),
    "audit log restored": Act(
        "Audit log restored", "put back what an audit log of {} proved", "archive"
    ),
    "plan started": Act("Plan started", "started the plan of {}", "player-play", "plan"),
    "plan left": Act("Plan left", "left the plan of {}", "x", "plan"),
    "plan resumed": Act("Plan resumed", "took up the plan of {} again", "player-play", "plan"),
    "plan renewed": Act("Plan renewed", "made a new plan of {} while one ran", "refresh", "plan"),
    "step ticked": Act("Step ticked", "ticked a step of {}", "check", "step"),
    "step tick taken back": Act(
        "Tick taken back", "took back the tick of a step of {}", "x", "step"
    ),
    "leases watched": Act("Leases watched", "began to watch the leases of {}", "eye"),
    "leases watched no more": Act(
        "Watch ended", "stopped watching the leases of {}", "player-pause"
    ),
    "ticket opened": Act("Ticket opened", "opened a ticket for {}", "plus", "ticket"),
    "ticket retried": Act("Ticket retried", "tried the ticket of {} again", "refresh", "ticket"),
    "ticket taken back": Act("Ticket taken back", "took back the ticket of {}", "x", "ticket"),
    "ticket let go": Act(
        "Ticket not followed", "stopped following the ticket of {}", "player-pause", "ticket"
    ),
    "ticket commented": Act(
        "Ticket commented", "commented on the ticket of {}", "info-circle", "ticket"
    ),
    "ticket changed": Act(
        "Ticket changed", "changed who does the ticket of {}, or when", "user", "ticket"
    ),
    "ticket closed": Act("Ticket closed", "closed the ticket of {}", "check", "ticket"),
    "ticket reopened": Act("Ticket reopened", "reopened the ticket of {}", "refresh", "ticket"),
    "view saved": Act("View saved", "saved the view {}", "eye", "view"),
    "view removed": Act("View removed", "removed the view {}", "trash", "view"),
    "tracker added": Act("Tracker added", "added the tracker {}", "plus", "tracker"),
    "tracker changed": Act(
        "Tracker changed", "changed the settings of the tracker {}", "settings", "tracker"
    ),
    "tracker credentials replaced": Act(
        "Tracker credentials replaced",
        "replaced the credentials of the tracker {}",
        "key",
        "tracker",
    ),
    "tracker made the default": Act(
        "Default tracker chosen", "made {} the default tracker", "check", "tracker"
    ),
    "tracker paused": Act("Tracker paused", "paused the tracker {}", "player-pause", "tracker"),
    "tracker resumed": Act("Tracker resumed", "resumed the tracker {}", "player-play", "tracker"),
    "tracker removed": Act("Tracker removed", "removed the tracker {}", "trash", "tracker"),
    "person invited": Act("Person invited", "invited {}", "users", "invitation"),
    "invitation accepted": Act(
        "Invitation accepted", "accepted an invitation", "user", "invitation"
    ),
    "invitation withdrawn": Act(
        "Invitation withdrawn", "withdrew the invitation of {}", "x", "invitation"
    ),
    "first admin made": Act("First admin made", "made the first admin, {}", "user", "admin"),
    "sign-in link made": Act("Sign-in link made", "made a sign-in link for {}", "link", "link"),
    "signed in by link": Act("Signed in by link", "signed in by a one-time link", "user", "link"),
    "role changed": Act("Role changed", "changed what {} may do", "users", "role"),
    "person deactivated": Act("Person deactivated", "deactivated {}", "ban", "account"),
    "person let in again": Act("Person let in again", "let {} in again", "check", "account"),
}


def act_of(action: str) -> Act:
    """The words of an act; its own name where an older or newer version wrote it down."""
    return ACTS.get(action) or Act(action, visible(action) + ": {}", "info-circle")


def details(event: AuditEvent) -> tuple[tuple[str, str], ...]:
    """What it was before and is since, and what else is known, each made visible and cut."""
    return tuple(
        (_NAMES.get(name) or visible(name), visible(words)[:MOST_LETTERS])
        for name, value in sorted(event.detail.items(), key=_place)
        if name not in _UNSAID and (words := value_words(value))
    )


def _place(detail: tuple[str, object]) -> int:
    """Where a detail stands among the others: PostgreSQL keeps them in an order of its own."""
    order = [*_NAMES]
    return order.index(detail[0]) if detail[0] in order else len(order)


def value_words(value: object) -> str:
    """A stored value as people write it; "" where there is none."""
    if isinstance(value, Mapping):
        return labels_text({str(name): str(one) for name, one in value.items()})
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, int):
        return f"every {value} s"
    return "" if value is None else str(value)
