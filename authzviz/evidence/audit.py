"""What an audit log proves about the grants of a cluster: who used them, and how far it reaches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Proof(StrEnum):
    """What the log says about taking the grants away.

    BREAKS: requests were allowed by them. NOTHING_BREAKS: none was, and the log reaches far enough.
    TOO_LITTLE: none was, and it doesn't. PROVES_NOTHING: RBAC is asked before Node, or Node not at
    all, so that every request of a kubelet is allowed by them.
    """

    BREAKS = "breaks"
    NOTHING_BREAKS = "nothing-breaks"
    TOO_LITTLE = "too-little"
    PROVES_NOTHING = "proves-nothing"


@dataclass(frozen=True, slots=True)
class Use:
    """Requests of one kind that one grant allowed, and that would be refused without it.

    `binding` is as Grant.binding has it. `resource` is "RESOURCE.GROUP/SUBRESOURCE", or a path.
    Not `is_kubelet` where the user agent is none of a kubelet's: an agent that uses its
    credentials.
    """

    user: str
    binding: str
    user_agent: str
    verb: str
    resource: str
    namespace: str
    count: int
    first: datetime
    last: datetime
    is_kubelet: bool


@dataclass(frozen=True, slots=True)
class Stranger:
    """A program that is no kubelet and uses credentials of kubelets, whoever allows its requests.

    `users` are how many kubelets' credentials, `example` one of them. `is_elsewhere` where requests
    came from another address than the kubelet's own.
    """

    user_agent: str
    users: int
    example: str
    count: int
    first: datetime
    last: datetime
    is_elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class Occasion:
    """Something that happens to kubelets now and then, and whether the log shows one."""

    what: str
    is_seen: bool


@dataclass(frozen=True, slots=True)
class LogReach:
    """How far the log reaches: its time span, and which nodes' kubelets it shows.

    `nodes_total` is None where the nodes were not read; `nodes_unseen` names at most a hundred.
    `gaps` say in sentences what the audit policy or the files leave out; `rejected` counts lines by
    why they could not be used. `first` and `last` are of kubelets' events, where there are any.
    `proves_since` is from when on the log shows that Node is asked before RBAC, where that is later
    than `first`.
    """

    first: datetime | None
    last: datetime | None
    events: int
    of_kubelets: int
    nodes_seen: int
    nodes_total: int | None
    nodes_unseen: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    rejected: tuple[tuple[str, int], ...] = ()
    occasions: tuple[Occasion, ...] = ()
    proves_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class AuditEvidence:
    """All that the log says: the uses, most often first, and what they prove, with the reason in a
    sentence. `bindings` are those that were asked about, as Grant.binding has them.

    `left_out` counts requests of further uses, where there are too many kinds of them to list.
    `notes` are sentences about what else was seen.
    """

    proof: Proof
    because: str
    bindings: tuple[str, ...]
    uses: tuple[Use, ...]
    reach: LogReach
    left_out: int = 0
    strangers: tuple[Stranger, ...] = ()
    notes: tuple[str, ...] = ()
