"""What a kubelet asks for, by version, and that the Node authorizer answers it."""

from __future__ import annotations

import pytest

from authzviz.engine import node
from authzviz.engine.assessment import Decision
from authzviz.engine.needs import Need, further_needs_of, needs_of
from authzviz.engine.versions import NEWEST_MINOR, OLDEST_MINOR

CORE = ("register-node", "read-node", "report-status")


def ids(needs: tuple[Need, ...]) -> list[str]:
    return [need.id for need in needs]


@pytest.mark.parametrize("minor", range(OLDEST_MINOR, NEWEST_MINOR + 1))
def test_the_node_authorizer_answers_every_need(minor: int) -> None:
    needs = (*needs_of("n1", minor), *further_needs_of("n1", minor))
    refused = [
        (need.id, request)
        for need in needs
        for request in need.requests
        if node.decide("n1", request, minor).decision is Decision.NO
    ]

    assert refused == []
    assert len(set(ids(needs))) == len(needs)
    assert all(need.title and need.why and need.without and need.requests for need in needs)


def test_the_core_keeps_a_node_ready() -> None:
    core = {minor: [n.id for n in needs_of("n1", minor) if n.is_core] for minor in (7, 13, 14, 37)}

    assert core == {7: [*CORE], 13: [*CORE], 14: [*CORE, "renew-lease"], 37: [*CORE, "renew-lease"]}
    assert not any(need.is_core for need in further_needs_of("n1", 37))


def test_the_status_is_patched_and_never_updated() -> None:
    (need,) = [need for need in needs_of("n1", 37) if need.id == "report-status"]

    assert [(r.verb, r.full_resource, r.name) for r in need.requests] == [
        ("patch", "nodes/status", "n1")
    ]


FIRST = {
    "renew-lease": 14,
    "request-tokens": 12,
    "register-csi": 14,
    "watch-secrets": 12,
    "resize-volumes": 11,
    "allocate-devices": 34,
    "read-accounts": 34,
    "certify-pods": 37,
    "read-trust": 37,
}


@pytest.mark.parametrize(("id_", "first"), FIRST.items(), ids=FIRST)
def test_a_need_begins_with_its_version(id_: str, first: int) -> None:
    def asked(minor: int) -> bool:
        return id_ in ids((*needs_of("n1", minor), *further_needs_of("n1", minor)))

    assert (asked(first - 1), asked(first)) == (False, True)


def test_a_need_ends_with_its_version() -> None:
    gone = ("find-glusterfs" in ids(further_needs_of("n1", minor)) for minor in (25, 26))

    assert tuple(gone) == (True, False)
