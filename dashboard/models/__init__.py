"""What the dashboard stores. What may be done with it is in `dashboard.services`."""

from dashboard.models.audit import AuditEvent
from dashboard.models.cluster import LIVE, Cluster, Source
from dashboard.models.facts import CurrentState, StoredSnapshot, VerdictChange
from dashboard.models.people import Invitation, Role, SignInLink, User
from dashboard.models.plan import AuditLogEvidence, LeaseWatch, PlanState, StartedPlan, StepTick
from dashboard.models.risk import AcceptedRisk
from dashboard.models.running import CacheEntry, Heartbeat
from dashboard.models.ticket import (
    ListedTicket,
    Ticket,
    TicketEvent,
    TicketState,
    Tracker,
    Wording,
)
from dashboard.models.upload import Upload
from dashboard.models.view import SavedView

__all__ = [
    "LIVE",
    "AcceptedRisk",
    "AuditEvent",
    "AuditLogEvidence",
    "CacheEntry",
    "Cluster",
    "CurrentState",
    "Heartbeat",
    "Invitation",
    "LeaseWatch",
    "ListedTicket",
    "PlanState",
    "Role",
    "SavedView",
    "SignInLink",
    "Source",
    "StartedPlan",
    "StepTick",
    "StoredSnapshot",
    "Ticket",
    "TicketEvent",
    "TicketState",
    "Tracker",
    "Upload",
    "User",
    "VerdictChange",
    "Wording",
]
