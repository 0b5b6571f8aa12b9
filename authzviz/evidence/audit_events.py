"""One line of an audit log -> its events, with no more of them than evidence rests on.

Source: kubernetes v1.37.2 staging k8s.io/apiserver pkg/apis/audit/v1/types.go.
"""

from __future__ import annotations

import msgspec


class User(msgspec.Struct, frozen=True, gc=False):
    """Who asks, as the apiserver authenticated it."""

    username: str = ""
    groups: tuple[str, ...] | None = None


class ObjectReference(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What is asked for; `name` of a create is that of what came to be."""

    resource: str = ""
    namespace: str = ""
    name: str = ""
    api_group: str = ""
    subresource: str = ""


class Annotations(msgspec.Struct, frozen=True, gc=False):
    """What the authorizers said; None where the event carries nothing of it."""

    decision: str | None = msgspec.field(name="authorization.k8s.io/decision", default=None)
    reason: str = msgspec.field(name="authorization.k8s.io/reason", default="")


class Status(msgspec.Struct, frozen=True, gc=False):
    """The HTTP status that was answered."""

    code: int = 0


class Event(msgspec.Struct, frozen=True, gc=False):
    """One audit event; an EventList, as webhooks get it, has `items` instead."""

    kind: str = ""
    stage: str = ""
    verb: str = ""
    audit_id: str = msgspec.field(name="auditID", default="")
    uri: str = msgspec.field(name="requestURI", default="")
    user: User | None = None
    impersonated: User | None = msgspec.field(name="impersonatedUser", default=None)
    source_ips: tuple[str, ...] | None = msgspec.field(name="sourceIPs", default=None)
    user_agent: str = msgspec.field(name="userAgent", default="")
    object_ref: ObjectReference | None = msgspec.field(name="objectRef", default=None)
    status: Status | None = msgspec.field(name="responseStatus", default=None)
    at: str = msgspec.field(name="stageTimestamp", default="")
    received_at: str = msgspec.field(name="requestReceivedTimestamp", default="")
    annotations: Annotations | None = None
    items: tuple[Event, ...] | None = None


class NotAnEvent(Exception):
    """The line is no JSON, or holds no audit event; the text says which, in a few words."""


_decode = msgspec.json.Decoder(Event).decode


def events_of(line: bytes) -> tuple[Event, ...]:
    """The events of a line: one, or all of an EventList. Raises NotAnEvent, and nothing else."""
    try:
        event = _decode(line)
    except msgspec.ValidationError:
        raise NotAnEvent(NO_EVENT) from None
    except (msgspec.DecodeError, RecursionError):
        raise NotAnEvent(NO_JSON) from None
    if event.kind == "Event":
        return (event,)
    if event.kind == "EventList":
        return event.items or ()
    raise NotAnEvent(NO_EVENT)


NO_JSON = "not JSON"
NO_EVENT = "JSON, but no audit event"
