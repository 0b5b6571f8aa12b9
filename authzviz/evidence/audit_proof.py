"""What was counted -> what it proves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from authzviz.evidence.audit import AuditEvidence, Proof, Stranger, Use
from authzviz.evidence.audit_agents import is_kubelet
from authzviz.evidence.audit_reach import Gap, gaps_of, reach_of, span_in_words, times_of
from authzviz.evidence.audit_surroundings import Order, Surroundings
from authzviz.evidence.audit_tally import Counted, StrangerTally, Tally, UseKey
from authzviz.evidence.audit_times import moment

_SETTLED_AFTER = timedelta(minutes=10)
_MAX_REASONS = 3
_FEW = 5


def evidence_of(tally: Tally, around: Surroundings, *, files: int) -> AuditEvidence:
    """The evidence of all that was counted in so many files."""
    why_nothing = _why_it_proves_nothing(tally, around)
    since = moment(tally.order.last) if tally.order.count and not why_nothing else None
    gaps = gaps_of(tally, around, since, files)
    uses = _uses(tally, is_order_known=not why_nothing, since=tally.order.last)
    proof, because = _proof(tally, around, uses, gaps, why_nothing)
    return AuditEvidence(
        proof=proof,
        because=because,
        bindings=around.bindings,
        uses=uses,
        reach=reach_of(tally, around, gaps, since),
        left_out=tally.left_out.count,
        strangers=tuple(_strangers(tally)),
        notes=tuple(_notes(tally)),
    )


def _why_it_proves_nothing(tally: Tally, around: Surroundings) -> str:
    """Why an allowance by RBAC says nothing of Node, in a clause; "" where it does."""
    if around.order is Order.NOT_NODE_FIRST:
        return around.why
    if tally.order.count:
        answered = moment(tally.by_node.last) if tally.by_node.count else None
        if answered is None or answered - moment(tally.order.last) < _SETTLED_AFTER:
            return "to the end of the log RBAC answers requests that Node allows to every kubelet"
        return ""
    if around.order is Order.NOT_TOLD and not tally.by_node.count and tally.times.first:
        return f"{around.why}, and nothing in the log was answered by Node"
    return ""


def _proof(
    tally: Tally,
    around: Surroundings,
    uses: tuple[Use, ...],
    gaps: list[Gap],
    why_nothing: str,
) -> tuple[Proof, str]:
    if not around.bindings:
        if around.is_rbac_whole:
            return Proof.NOTHING_BREAKS, "There is no grant beyond the Node authorizer to remove."
        return Proof.TOO_LITTLE, "Not all bindings were read: what is to be removed is not known."
    if why_nothing:
        return Proof.PROVES_NOTHING, (
            f"The log can't tell what Node would allow: {why_nothing}. Put Node before RBAC on"
            " every apiserver first; what is listed would be refused even then."
        )
    if uses or tally.left_out.count:
        return Proof.BREAKS, _breaks(uses, tally.left_out.count)
    short = [gap.text for gap in gaps if gap.matters]
    if short:
        more = f"; and {len(short) - _MAX_REASONS} more" if len(short) > _MAX_REASONS else ""
        reasons = "; ".join(short[:_MAX_REASONS])
        return Proof.TOO_LITTLE, (
            f"Nothing in the log needs these grants, and it does not reach far enough: {reasons}"
            f"{more}."
        )
    times = times_of(tally)
    span = span_in_words(moment(times.last) - moment(tally.order.last or times.first))
    return Proof.NOTHING_BREAKS, (
        f"In {span} no request of any of {len(around.nodes or ())} nodes needed these grants."
    )


def _breaks(uses: tuple[Use, ...], left_out: int) -> str:
    requests = _requests(sum(use.count for use in uses) + left_out)
    agents = list(dict.fromkeys(use.user_agent or "a program without a user agent" for use in uses))
    return f"{requests} would have been refused without these grants, by {_some(agents)}."


def _uses(tally: Tally, *, is_order_known: bool, since: str) -> tuple[Use, ...]:
    """All uses, most often first. What hangs on a relation to a pod, and nobody knows whether Node
    would have known it, is none: where RBAC is asked first that is what every kubelet does.
    """
    found: dict[UseKey, Counted] = {}
    for key, counted in tally.uses.items():
        found[key] = Counted()
        found[key].merge(counted)
    for of_object in tally.doubts.values() if is_order_known else ():
        for key, counted in of_object.items():
            if counted.last > since:
                found.setdefault(key, Counted()).merge(counted)
    uses = (_use(key, counted) for key, counted in found.items() if counted.count)
    return tuple(sorted(uses, key=_most_often_first))


def _use(key: UseKey, counted: Counted) -> Use:
    user, binding, agent, verb, resource, namespace = key
    return Use(
        user=user,
        binding=binding,
        user_agent=agent,
        verb=verb,
        resource=resource,
        namespace=namespace,
        count=counted.count,
        first=moment(counted.first),
        last=moment(counted.last),
        is_kubelet=is_kubelet(agent),
    )


def _most_often_first(use: Use) -> tuple[object, ...]:
    return (
        -use.count,
        use.user_agent,
        use.user,
        use.verb,
        use.resource,
        use.namespace,
        use.binding,
    )


def _strangers(tally: Tally) -> Iterator[Stranger]:
    """Those that make the most requests first."""
    by_count = sorted(tally.strangers.items(), key=lambda each: (-each[1].count, each[0]))
    for agent, seen in by_count:
        yield Stranger(
            user_agent=agent,
            users=len(seen.users),
            example=min(seen.users, default=""),
            count=seen.count,
            first=moment(seen.first),
            last=moment(seen.last),
            is_elsewhere=_is_elsewhere(tally, seen),
        )


def _is_elsewhere(tally: Tally, seen: StrangerTally) -> bool:
    """True where a request came from an address that the kubelet itself did not use."""
    return any(
        user in tally.kubelets and address not in tally.kubelets[user]
        for user, address in seen.addresses
    )


def _notes(tally: Tally) -> Iterator[str]:
    if tally.settled:
        yield (
            f"{_requests(tally.settled)} of kubelets allowed by RBAC before Node knew of the pod,"
            " and the same by Node later: not counted."
        )
    if tally.refused_by_admission:
        yield (
            f"{_requests(tally.refused_by_admission)} with kubelets' credentials allowed and then"
            " refused with 403, as NodeRestriction does: these fail already."
        )
    if tally.forbidden:
        yield (
            f"{_requests(tally.forbidden)} with kubelets' credentials refused by all authorizers:"
            " these fail already."
        )
    if tally.of_gone_bindings:
        yield (
            f"{_requests(tally.of_gone_bindings)} allowed by bindings that are not there any more"
            " as the log names them: counted only where a grant that is to be removed allows the"
            " same now."
        )
    if tally.before_since:
        yield f"{tally.before_since} events from before {tally.since}Z were passed over, as asked."
    yield from _notes_on_identities(tally)


def _notes_on_identities(tally: Tally) -> Iterator[str]:
    others = sorted(tally.other_kubelets)
    if others:
        yield (
            "Kubelets that ask under another name than a node's, which Node never allows:"
            f" {_some(others)}."
        )
    shared = sorted(user for user, addresses in tally.kubelets.items() if len(addresses) > 1)
    if shared:
        yield (
            "Kubelets of one name that ask from several addresses (one certificate on several"
            f" nodes, a node with several addresses, or a proxy): {_some(shared)}."
        )


def _requests(count: int) -> str:
    return "1 request" if count == 1 else f"{count} requests"


def _some(names: list[str]) -> str:
    return ", ".join(names[:_FEW]) + (", and more" if len(names) > _FEW else "")
