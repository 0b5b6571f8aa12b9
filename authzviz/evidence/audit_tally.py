"""What the events of an audit log add up to; memory is bounded, whatever they hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from authzviz.engine.assessment import Decision
from authzviz.engine.identity import NODE_USER_PREFIX, NODES_GROUP, Identity
from authzviz.engine.request import Request
from authzviz.evidence import audit_reasons
from authzviz.evidence.audit_agents import is_kubelet, version_of
from authzviz.evidence.audit_events import Event, ObjectReference, User
from authzviz.evidence.audit_grants import Remaining
from authzviz.evidence.audit_reasons import Allowed
from authzviz.evidence.audit_requests import LONGEST, request_of, resource_in_words, short
from authzviz.evidence.audit_times import Clock, Times

MAX_USES = 10_000
"""Kinds of use that are told apart; requests of any further kind are only counted."""

_MAX_DOUBTS = 10_000
_MAX_STRANGERS = 500
_MAX_USERS = 20_000
_MAX_KINDS = 2_000
_MAX_ADDRESSES = 4
_MAX_IDS = 50_000
_MAX_REASONS = 5_000
_LONGEST_REASON = 4_000

# What every version of Node allows every kubelet without looking at pods.
_ALWAYS_BY_NODE = frozenset(("leases", "nodes", "services", "events"))

UseKey = tuple[str, str, str, str, str, str]
"""User, binding, user agent, verb, resource, namespace."""

_Object = tuple[str, str, str, str]
_NOBODY = User()
_FORBIDDEN = 403
_ANSWERED = frozenset(("ResponseComplete", "ResponseStarted", "Panic"))
# A watch may well outlast the log.
_COUNTED_AT = {"watch": "ResponseStarted"}


@dataclass(slots=True)
class Counted:
    """How many, and when for the first and the last time ("2026-11-24T16:04:39")."""

    count: int = 0
    first: str = ""
    last: str = ""

    def add(self, second: str, *, is_new: bool = True) -> None:
        """Count one more; not `is_new` for another stage of one that is counted."""
        self.count += is_new
        if not self.first or second < self.first:
            self.first = second
        self.last = max(self.last, second)

    def merge(self, other: Counted) -> None:
        """Count all of the other, too."""
        self.first = min(self.first or other.first, other.first or self.first)
        self.last = max(self.last, other.last)
        self.count += other.count


@dataclass(slots=True)
class StrangerTally(Counted):
    """What one program that is no kubelet did with kubelets' credentials."""

    users: set[str] = field(default_factory=set)
    addresses: set[tuple[str, str]] = field(default_factory=set)


@dataclass(slots=True)
class Tally:
    """What was seen so far.

    `doubts` are requests of kubelets' own programs that hang on a relation to a pod, by use and
    object: where Node answers the same later, it only learned of the pod after the kubelet did.
    `order` counts what Node allows in every version and RBAC was seen to allow: RBAC is asked
    first. `by_node` counts what was allowed without a word, as Node does. Events before `since` are
    passed over.
    """

    remaining: Remaining
    clock: Clock
    rejected: Counter[str]
    since: str = ""
    before_since: int = 0
    events: int = 0
    of_kubelets: int = 0
    unanswered: int = 0
    without_reason: int = 0
    refused_by_admission: int = 0
    forbidden: int = 0
    settled: int = 0
    of_gone_bindings: int = 0
    left_out: Counted = field(default_factory=Counted)
    order: Counted = field(default_factory=Counted)
    by_node: Counted = field(default_factory=Counted)
    times: Times = field(default_factory=Times)
    all_times: Times = field(default_factory=Times)
    uses: dict[UseKey, Counted] = field(default_factory=dict)
    doubts: dict[_Object, dict[UseKey, Counted]] = field(default_factory=dict)
    strangers: dict[str, StrangerTally] = field(default_factory=dict)
    kubelets: dict[str, set[str]] = field(default_factory=dict)
    kinds: set[tuple[str, str]] = field(default_factory=set)
    versions: set[str] = field(default_factory=set)
    other_kubelets: dict[str, int] = field(default_factory=dict)
    _ids: dict[int, None] = field(default_factory=dict)
    _named: Callable[[str], Allowed | None] = field(init=False)

    def __post_init__(self) -> None:
        self._named = lru_cache(_MAX_REASONS)(audit_reasons.allowed_by)

    def add(self, event: Event) -> None:
        """Count one event."""
        second = self.clock.second_of(event.at or event.received_at)
        if not second:
            self.rejected[NO_TIME] += 1
            return
        if second < self.since:
            self.before_since += 1
            return
        self.events += 1
        is_possible = self.clock.is_possible(second)
        if is_possible:
            self.all_times.add(second)
        else:
            # It tells nothing of how far the log reaches, but what it uses it uses.
            self.rejected[IMPOSSIBLE_TIME] += 1
        user = event.impersonated or event.user or _NOBODY
        if user.username.startswith(NODE_USER_PREFIX) or (
            user.groups is not None and NODES_GROUP in user.groups
        ):
            self._add_of_kubelet(event, user, second, is_possible=is_possible)
        else:
            self._add_of_other(event, user, second)

    def _add_of_other(self, event: Event, user: User, second: str) -> None:
        if event.user_agent.startswith("kubelet/") and event.impersonated is None:
            _count(self.other_kubelets, user.username)
        annotations = event.annotations
        if annotations is None or not annotations.reason.startswith(audit_reasons.PREFIX):
            return
        identity = self.remaining.identity(user.username, user.groups or ())
        if self.remaining.concerns(identity):
            self._add_allowed_by_rbac(event, identity, second, "")

    def _add_of_kubelet(self, event: Event, user: User, second: str, *, is_possible: bool) -> None:
        self.of_kubelets += 1
        if event.stage not in _ANSWERED:
            self.unanswered += 1
            return
        annotations = event.annotations
        if annotations is None or annotations.decision is None:
            self.without_reason += 1
            return
        is_own = event.impersonated is None and is_kubelet(event.user_agent[:LONGEST])
        if is_possible:
            self._add_seen(event, user.username, second, is_own=is_own)
        if annotations.decision == "forbid":
            self.forbidden += 1
            return
        if event.status is not None and event.status.code == _FORBIDDEN:
            self.refused_by_admission += 1
        if annotations.reason:
            identity = self.remaining.identity(user.username, user.groups or ())
            own = event.user_agent[:LONGEST] if is_own else ""
            self._add_allowed_by_rbac(event, identity, second, own)
        else:
            self._add_by_node(event, user.username, second, is_possible=is_possible)

    def _add_by_node(self, event: Event, user: str, second: str, *, is_possible: bool) -> None:
        if is_possible:
            self.by_node.add(second)
        for counted in self.doubts.pop(_object(user, event.object_ref), {}).values():
            self.settled += counted.count

    def _add_seen(self, event: Event, user: str, second: str, *, is_own: bool) -> None:
        """Count what the log shows at all, whoever allowed it."""
        address = event.source_ips[0] if event.source_ips else ""
        if not is_own:
            self._add_stranger(event, user, second, address)
            return
        self.times.add(second)
        addresses = self.kubelets.get(user)
        if addresses is None:
            if len(self.kubelets) < _MAX_USERS:
                self.kubelets[short(user)] = {short(address)}
        elif address not in addresses and len(addresses) < _MAX_ADDRESSES:
            addresses.add(short(address))
        if len(self.kinds) < _MAX_KINDS:
            ref = event.object_ref
            if ref is not None:
                what = f"{ref.resource}/{ref.subresource}" if ref.subresource else ref.resource
                self.kinds.add((short(event.verb), short(what)))
        if len(self.versions) < _MAX_ADDRESSES:
            self.versions.add(version_of(event.user_agent[:LONGEST]))

    def _add_stranger(self, event: Event, user: str, second: str, address: str) -> None:
        agent = short(event.user_agent)
        stranger = self.strangers.get(agent)
        if stranger is None:
            if len(self.strangers) >= _MAX_STRANGERS:
                return
            stranger = self.strangers[agent] = StrangerTally()
        stranger.add(second, is_new=event.stage == _COUNTED_AT.get(event.verb, "ResponseComplete"))
        if len(stranger.users) < _MAX_USERS // 10:
            stranger.users.add(short(user))
            if len(stranger.addresses) < _MAX_USERS // 10:
                stranger.addresses.add((short(user), short(address)))

    def _add_allowed_by_rbac(
        self, event: Event, identity: Identity, second: str, own_agent: str
    ) -> None:
        """Count a request that RBAC allowed; `own_agent` is the user agent of a kubelet's own
        program, "" for any other.
        """
        reason = event.annotations.reason if event.annotations else ""
        named = self._named(reason) if len(reason) <= _LONGEST_REASON else None
        if named is None:
            return
        request = request_of(event)
        node_says = self.remaining.by_node(identity, request)
        if node_says is Decision.ALLOW:
            if request.resource in _ALWAYS_BY_NODE:
                self.order.add(second)
            return
        binding = self._binding_at_stake(named, identity, request)
        if not binding:
            return
        key = (
            short(identity.user),
            binding,
            own_agent or short(event.user_agent),
            request.verb,
            short(resource_in_words(request)),
            request.namespace,
        )
        is_new = self._is_new(event.audit_id, key)
        if own_agent and node_says is Decision.CONDITIONAL:
            self._doubt(_object(identity.user, event.object_ref), key, second, is_new=is_new)
        else:
            self._use(key, second, is_new=is_new)

    def _binding_at_stake(self, named: Allowed, identity: Identity, request: Request) -> str:
        """The binding that the plan changes and without which the request is refused; "" where the
        plan refuses it to nobody.
        """
        remaining = self.remaining
        if remaining.is_kept(named):
            return ""
        removed = remaining.removed(named)
        if not removed:
            # Of a binding that is gone, or has no such subject any more: what holds today counts.
            self.of_gone_bindings += 1
            removed = remaining.allows_now(identity, request)
            if removed not in remaining.bindings:
                return ""
        return "" if remaining.still_allows(identity, request) else removed

    def _use(self, key: UseKey, second: str, *, is_new: bool) -> None:
        counted = self.uses.get(key)
        if counted is None:
            if len(self.uses) >= MAX_USES:
                self.left_out.add(second, is_new=is_new)
                return
            counted = self.uses[key] = Counted()
        counted.add(second, is_new=is_new)

    def _doubt(self, about: _Object, key: UseKey, second: str, *, is_new: bool) -> None:
        of_object = self.doubts.get(about)
        if of_object is None:
            if len(self.doubts) >= _MAX_DOUBTS:
                self._use(key, second, is_new=is_new)
                return
            of_object = self.doubts[about] = {}
        if key in of_object or len(of_object) < _MAX_ADDRESSES:
            of_object.setdefault(key, Counted()).add(second, is_new=is_new)
        else:
            self._use(key, second, is_new=is_new)

    def _is_new(self, audit_id: str, key: UseKey) -> bool:
        """True but for another stage of the same request, or a copy of it in another file."""
        if not audit_id:
            return True
        seen = hash((audit_id, key))
        if seen in self._ids:
            return False
        if len(self._ids) >= _MAX_IDS:
            del self._ids[next(iter(self._ids))]
        self._ids[seen] = None
        return True


NO_TIME = "an event without a time"
IMPOSSIBLE_TIME = "dated in the future, or before there were audit logs"


def _count(counts: dict[str, int], name: str) -> None:
    name = short(name)
    if name in counts or len(counts) < _MAX_STRANGERS:
        counts[name] = counts.get(name, 0) + 1


def _object(user: str, ref: ObjectReference | None) -> _Object:
    if ref is None:
        return (user, "", "", "")
    return (short(user), short(ref.resource), short(ref.namespace), short(ref.name))
