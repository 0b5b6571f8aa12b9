"""A host's addresses are resolved once, all checked, and only they are connected to."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from authzviz.net import COMMAND_LINE, AddressForbidden, AddressPolicy
from authzviz.net.pinned import (
    BudgetSpent,
    DeadlineOver,
    Limits,
    NameUnresolved,
    Route,
    resolve,
)


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield int(listening.getsockname()[1])


def limits(seconds: float = 10.0) -> Limits:
    return Limits(seconds, 1000)


class FakeDns:
    """Gives one answer after the other, the last one for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, *_: object) -> list[str]:
        self.asked += 1
        return self.answers[min(self.asked, len(self.answers)) - 1]


def test_b13_one_disallowed_record_forbids_the_host(port: int) -> None:
    dns = FakeDns(["203.0.113.7", "127.0.0.1"])

    with pytest.raises(AddressForbidden, match=r"127\.0\.0\.1"):
        Route(AddressPolicy(), limits(), dns).connect("kube.example.com", port)


def test_b14_a_name_rebound_before_the_connection_is_refused(port: int) -> None:
    dns = FakeDns(["203.0.113.7"], ["127.0.0.1"])
    dns("kube.example.com", port)  # when it was saved

    with pytest.raises(AddressForbidden, match="loopback"):
        Route(AddressPolicy(), limits(), dns).connect("kube.example.com", port)


def test_b14_a_name_rebound_between_two_connections_changes_nothing(port: int) -> None:
    dns = FakeDns(["127.0.0.1"], ["169.254.169.254"])
    route = Route(COMMAND_LINE, limits(), dns)

    for _ in range(2):
        with route.connect("kube.example.com", port) as connected:
            assert connected.getpeername() == ("127.0.0.1", port)
    assert dns.asked == 1


def test_a_dead_address_gives_way_to_the_next(port: int) -> None:
    route = Route(COMMAND_LINE, limits(), FakeDns(["::1", "127.0.0.1"]))

    with route.connect("kube.example.com", port) as connected:
        assert connected.getpeername()[0] == "127.0.0.1"


def test_nothing_listening_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        free = listening.getsockname()[1]

    with pytest.raises(ConnectionRefusedError):
        Route(COMMAND_LINE, limits(), FakeDns(["127.0.0.1"])).connect("kube.example.com", free)


def test_a_host_without_addresses_is_unresolved() -> None:
    with pytest.raises(NameUnresolved):
        Route(COMMAND_LINE, limits(), FakeDns([])).connect("kube.example.com", 443)


def test_the_system_resolver_says_what_it_does_not_know() -> None:
    with pytest.raises(NameUnresolved):
        resolve("a" * 300, 443)


def test_no_time_left_connects_to_nothing() -> None:
    with pytest.raises(DeadlineOver):
        Route(COMMAND_LINE, limits(0), FakeDns(["127.0.0.1"])).connect("kube.example.com", 443)


def test_a_read_gets_no_more_time_than_the_work_has() -> None:
    work = Limits(5, 10)

    work.begin_read(60)

    assert 0 < work.read_left() <= 5


def test_more_bytes_than_the_budget_are_an_error() -> None:
    work = Limits(5, 10)
    work.spend(10)

    with pytest.raises(BudgetSpent):
        work.spend(1)
