"""What the credentials of a poll lack of the least role, and what they hold beyond it."""

from __future__ import annotations

from dataclasses import dataclass

from authzviz.engine.assessment import Severity
from authzviz.engine.distribution import distribution_of
from authzviz.engine.excess import Excess, excess_of
from authzviz.engine.judging import judged_minor
from authzviz.engine.least_role import EVER_PROBED, least_role
from authzviz.engine.model import Outcome, OwnRules, Read, Snapshot
from authzviz.engine.permissions import Permission
from authzviz.engine.rbac import Rbac, covers, index

__all__ = ["Access", "Excess", "Lack", "access_of", "own_excess"]

MOST_EXCESS = 10
_LISTED_NAMESPACES = ("", "kube-system")
"""What a SelfSubjectRulesReview in kube-system lists rules for."""


@dataclass(frozen=True, slots=True)
class Lack:
    """One permission of the least role that the credentials have not, and what hangs on it."""

    permission: str
    answers: str
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class Access:
    """What the credentials may, measured by the least role.

    `held` and `untold` are permissions like `lacks`: those that they have, and those that nothing
    read tells. `excess` is worst first, the first ten of it. `why` says why not all that they hold
    was listed, "" where it was; `excess` is true all the same.
    """

    lacks: tuple[Lack, ...]
    excess: tuple[Excess, ...]
    why: str = ""
    held: tuple[Lack, ...] = ()
    untold: tuple[Lack, ...] = ()
    excess_left_out: int = 0

    @property
    def is_known(self) -> bool:
        """True where all that they hold was listed."""
        return not self.why

    @property
    def severity(self) -> Severity | None:
        """The worst of the excess, None where there is none."""
        return self.excess[0].severity if self.excess else None


def access_of(snapshot: Snapshot) -> Access:
    """What the credentials that read this snapshot may, as far as the snapshot tells."""
    rules, why = _own_rules(snapshot)
    minor, _ = judged_minor(snapshot)
    wanted = least_role(
        minor,
        distribution_of(snapshot).name,
        with_pods=bool(snapshot.reads_about_pods),
        with_probe=_is_probed(snapshot),
    )
    evidence = _Evidence.of(snapshot, rules)
    found: dict[bool | None, list[Lack]] = {True: [], False: [], None: []}
    for each in wanted:
        lack = Lack(each.words, each.answers, each.is_optional)
        found[evidence.is_held(each)].append(lack)
    excess = own_excess(snapshot, index(snapshot))
    return Access(
        lacks=tuple(found[False]),
        excess=excess[:MOST_EXCESS],
        why=why,
        held=tuple(found[True]),
        untold=tuple(found[None]),
        excess_left_out=max(0, len(excess) - MOST_EXCESS),
    )


def own_excess(snapshot: Snapshot, rbac: Rbac) -> tuple[Excess, ...]:
    """All that the credentials are known to hold beyond the least role, worst first."""
    rules, _ = _own_rules(snapshot)
    probed = EVER_PROBED if _is_probed(snapshot) else ()
    return excess_of(rules.rules, rbac, probed) if rules else ()


def _is_probed(snapshot: Snapshot) -> bool:
    servers = snapshot.apiservers.value or ()
    return any(server.observed and server.observed.restriction for server in servers)


def _own_rules(snapshot: Snapshot) -> tuple[OwnRules | None, str]:
    """What the first apiserver that listed our rules said, and why that is not all."""
    why = "nobody asked what these credentials may do"
    for server in snapshot.apiservers.value or ():
        if server.observed is None:
            continue
        read = server.observed.rules
        if read.value is not None:
            # Without RBAC in the chain nothing is listed, whatever is allowed.
            nothing = "" if read.value.rules else "no authorizer listed a rule"
            incomplete = read.value.error or "the list is incomplete"
            return read.value, incomplete if read.value.is_incomplete else nothing
        why = read.why or "the read failed"
    return None, why


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What tells whether a permission is held: how reads ended, and the rules that were listed.

    `refused_alone` are the permissions of refused reads that hang on just one, `refused` those of
    all.
    """

    read: frozenset[_Key]
    refused_alone: frozenset[_Key]
    refused: frozenset[_Key]
    rules: OwnRules | None

    @staticmethod
    def of(snapshot: Snapshot, rules: OwnRules | None) -> _Evidence:
        read: set[_Key] = set()
        alone: set[_Key] = set()
        refused: set[_Key] = set()
        for each in _reads(snapshot):
            keys = {_key(words) for words in each.permission.split(", or ")}
            # Apiservers are found in several ways: that one led there doesn't say which.
            if each.outcome is Outcome.OK and len(keys) == 1 and each is not snapshot.apiservers:
                read |= keys
            if each.outcome is Outcome.FORBIDDEN:
                refused |= keys
                alone |= keys if len(keys) == 1 else set()
        return _Evidence(frozenset(read), frozenset(alone), frozenset(refused), rules)

    def is_held(self, permission: Permission) -> bool | None:
        """Whether the permission is there, None where nothing tells: a read itself weighs most."""
        key = _key(permission.words)
        if key in self.refused_alone:
            return False
        if key in self.read or self._is_listed(permission):
            return True
        if key in self.refused:
            return False
        is_list_whole = self.rules and self.rules.rules and not self.rules.is_incomplete
        if is_list_whole and permission.namespace in _LISTED_NAMESPACES:
            return False
        return None

    def _is_listed(self, permission: Permission) -> bool:
        rules = self.rules.rules if self.rules else ()
        is_there = permission.namespace in _LISTED_NAMESPACES
        # Elsewhere a rule of kube-system alone would be taken for one that holds everywhere.
        return is_there and any(covers(rule, permission.request) for rule in rules)


_Key = tuple[str, str, str]


def _key(words: str) -> _Key:
    """A permission in words as verb, resource and namespace: older bundles name no object."""
    what, _, namespace = words.partition(" in ")
    verb, _, kind = what.partition(" ")
    return verb, kind.partition(" ")[0], namespace


def _reads(snapshot: Snapshot) -> list[Read[object]]:
    found: list[Read[object] | None] = [
        *snapshot.reads.values(),
        *snapshot.reads_about_pods.values(),
        snapshot.declared,
        snapshot.node_reviews,
        snapshot.signing_requests,
    ]
    for server in snapshot.apiservers.value or ():
        if server.observed:
            seen = server.observed
            found += [seen.reviews, seen.rules, seen.metrics, seen.flagz]
    return [read for read in found if read is not None]
