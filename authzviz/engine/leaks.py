"""What an apiserver's answers tell of what authorizers that no API shows give to kubelets."""

from __future__ import annotations

from authzviz.engine import node
from authzviz.engine.apiserver import Review
from authzviz.engine.assessment import Decision, Switch
from authzviz.engine.gates import Settings
from authzviz.engine.probes import CORE, GET_SECRET, LEAKS, UPDATE_LEASE, Probe
from authzviz.engine.told import is_by_rbac
from authzviz.engine.versions import OLDEST_MINOR

_LEASES_SINCE = 14
"""From then on no node stays Ready without its Lease."""


def leaked(reviews: tuple[Review, ...], minor: int | None, settings: Settings) -> Switch:
    """Off where a kubelet that nobody has was refused all that none should get, on where
    something other than RBAC and Node gives it some of that.

    What the Node authorizer of that version allows by itself proves nothing; `minor` is None where
    the version isn't known.
    """
    answers = {review.probe: review for review in reviews if not review.node}
    found = {_leak(answers.get(probe.id), probe, minor, settings) for probe in (GET_SECRET, *LEAKS)}
    if Switch.ON in found:
        return Switch.ON
    return Switch.UNKNOWN if Switch.UNKNOWN in found else Switch.OFF


def _leak(review: Review | None, probe: Probe, minor: int | None, settings: Settings) -> Switch:
    if review is None or review.error or is_by_rbac(review):
        return Switch.UNKNOWN
    if not review.allowed:
        return Switch.OFF
    if _is_nodes_own(probe, OLDEST_MINOR if minor is None else minor, settings):
        return Switch.UNKNOWN if minor is None else Switch.OFF
    return Switch.ON


def _is_nodes_own(probe: Probe, minor: int, settings: Settings) -> bool:
    _, request = probe.about("node", "other")
    return node.decide("node", request, minor, settings).decision is Decision.ALLOW


def served(reviews: tuple[Review, ...], minor: int | None) -> Switch:
    """On where a kubelet that nobody has gets all that none can do without, off where it was
    refused some of that.
    """
    answers = {review.probe: review for review in reviews if not review.node}
    said = [answers.get(probe.id) for probe in CORE if minor is None or _is_needed(probe, minor)]
    # Of a version that isn't known, a refused Lease proves nothing.
    refused = {r.probe for r in said if r and not r.allowed and not r.error}
    if refused - (_LEASE if minor is None else frozenset()):
        return Switch.OFF
    return Switch.ON if all(r and r.allowed for r in said) else Switch.UNKNOWN


_LEASE = frozenset((UPDATE_LEASE.id,))


def _is_needed(probe: Probe, minor: int) -> bool:
    return probe is not UPDATE_LEASE or minor >= _LEASES_SINCE
