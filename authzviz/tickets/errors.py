"""What can go wrong between us and a tracker; what matters is whether anything was done there."""

from __future__ import annotations


class TrackerError(Exception):
    """Something about a tracker that a person can act on; `message` holds no secret."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class TicketRejected(TrackerError):
    """The tracker refuses this, and will again: nothing was done.

    `is_of_tracker` where it refuses whatever is sent (credentials, project), not this ticket.
    """

    def __init__(self, message: str, *, is_of_tracker: bool = False) -> None:
        super().__init__(message)
        self.is_of_tracker = is_of_tracker


class TrackerUnavailable(TrackerError):
    """Nothing was done, and later it may be. `wait_seconds` is what the tracker asked for, clamped;
    None where it said nothing.
    """

    def __init__(self, message: str, *, wait_seconds: float | None = None) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


class TrackerLimited(TrackerUnavailable):
    """The tracker takes no more for now (429, or what it says instead)."""


class OutcomeUnknown(TrackerError):
    """It was sent and no whole answer came: whether it was done has to be looked up."""


class TicketGone(TrackerError):
    """The tracker has no such ticket: removed, moved, or hidden from these credentials."""
