"""What a plan takes away, and what is left to allow a request without it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from itertools import product

from authzviz.engine import node
from authzviz.engine.assessment import Assessment, Decision
from authzviz.engine.gates import BY_DEFAULT
from authzviz.engine.grants import describe_binding, describe_subject
from authzviz.engine.identity import NODES_GROUP, Identity
from authzviz.engine.judging import judged_minor
from authzviz.engine.model import Binding, Read, Snapshot, Subject
from authzviz.engine.rbac import index
from authzviz.engine.request import Request
from authzviz.engine.rights import Rights
from authzviz.evidence.audit_reasons import Allowed
from authzviz.evidence.audit_requests import short
from authzviz.evidence.removals import Removal, removals_of

_KEPT_ANSWERS = 20_000


class Remaining:
    """What still allows a request of anybody once the plan's grants are gone."""

    def __init__(self, snapshot: Snapshot, assessment: Assessment) -> None:
        removals = removals_of(snapshot, assessment)
        self.bindings = tuple(dict.fromkeys(grant.binding for grant, _, _ in removals))
        self._removed = {
            Allowed(grant.binding, grant.subject): grant.binding for grant, _, _ in removals
        }
        self._users = {s.name for _, _, s in removals if s.kind == "User"}
        self._groups = {s.name for _, _, s in removals if s.kind == "Group"}
        self._now = Rights(index(snapshot))
        self._later = Rights(index(_without(snapshot, removals)))
        self._rules = tuple(_rules(snapshot, assessment))
        self._known = {
            Allowed(describe_binding(binding), describe_subject(subject))
            for read in (snapshot.cluster_role_bindings, snapshot.role_bindings)
            for binding in read.value or ()
            for subject in binding.subjects
        }
        # The same few thousand requests make up most of a log.
        self.still_allows = lru_cache(_KEPT_ANSWERS)(self._still_allows)
        self.allows_now = lru_cache(_KEPT_ANSWERS)(self._allows_now)
        self.by_node = lru_cache(_KEPT_ANSWERS)(self._by_node)

    def identity(self, user: str, groups: tuple[str, ...]) -> Identity:
        """Who that is to RBAC: groups that nothing is bound to, of which there may be many, are
        left out, and each is named once.
        """
        bound = self._now.rbac.groups
        known = (group for group in groups if group in bound or group == NODES_GROUP)
        return Identity(short(user), tuple(dict.fromkeys(known)))

    def concerns(self, identity: Identity) -> bool:
        """True where some removed grant reaches this identity."""
        return identity.user in self._users or not self._groups.isdisjoint(identity.groups)

    def is_kept(self, named: Allowed) -> bool:
        """True where the binding and its subject stay, and with them what they allow."""
        return named in self._known and named not in self._removed

    def removed(self, named: Allowed) -> str:
        """The binding, where the plan takes this subject off it; else ""."""
        return self._removed.get(named, "")

    def _still_allows(self, identity: Identity, request: Request) -> bool:
        """True where what stays of RBAC is known to allow the request."""
        return self._later.decide(identity, request).decision is Decision.ALLOW

    def _allows_now(self, identity: Identity, request: Request) -> str:
        """The binding by which RBAC allows the request today, "" where it doesn't."""
        said = self._now.decide(identity, request)
        return said.through if said.decision is Decision.ALLOW else ""

    def _by_node(self, identity: Identity, request: Request) -> Decision:
        """What the Node authorizer says, relations aside: NO or ALLOW only where every version and
        gate that may be in force agrees.
        """
        name = identity.node_name
        if name is None:
            return Decision.NO
        said = {
            node.decide(name, request, minor, settings).decision for minor, settings in self._rules
        }
        return said.pop() if len(said) == 1 else Decision.CONDITIONAL


def _rules(
    snapshot: Snapshot, assessment: Assessment
) -> Iterable[tuple[int, tuple[tuple[str, bool], ...]]]:
    """The versions and gates by whose rules some apiserver may answer."""
    minor, is_told = judged_minor(snapshot)
    gates = {state.feature_gates for state in assessment.apiservers} or {BY_DEFAULT}
    for settings in gates:
        minors = (minor,) if is_told else node.changing_minors(settings)
        yield from product(minors, (settings,))


def _without(snapshot: Snapshot, removals: Iterable[Removal]) -> Snapshot:
    gone: dict[int, set[Subject]] = {}
    for _, binding, subject in removals:
        gone.setdefault(id(binding), set()).add(subject)

    def left(read: Read[tuple[Binding, ...]]) -> Read[tuple[Binding, ...]]:
        if read.value is None:
            return read
        kept = tuple(
            replace(each, subjects=tuple(s for s in each.subjects if s not in gone[id(each)]))
            if id(each) in gone
            else each
            for each in read.value
        )
        return replace(read, value=kept)

    return replace(
        snapshot,
        cluster_role_bindings=left(snapshot.cluster_role_bindings),
        role_bindings=left(snapshot.role_bindings),
    )
