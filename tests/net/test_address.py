"""Which addresses may be connected to, at every form an address can take."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from authzviz.net import COMMAND_LINE, AddressForbidden, AddressPolicy

DEFAULT = AddressPolicy()
NARROWED = AddressPolicy.narrowed("10.1.0.0/16, 2001:db8::/32")

ALLOWED = {
    "public": (DEFAULT, "203.0.113.7"),
    "public IPv6": (DEFAULT, "2606:4700::1111"),
    "private": (DEFAULT, "10.0.0.1"),
    "carrier grade NAT beside the metadata address": (DEFAULT, "100.100.100.201"),
    "unique local IPv6": (DEFAULT, "fd00:ec2::253"),
    "loopback on the command line": (COMMAND_LINE, "127.0.0.1"),
    "IPv6 loopback on the command line": (COMMAND_LINE, "::1"),
    "inside the networks": (NARROWED, "10.1.2.3"),
    "inside the IPv6 networks": (NARROWED, "2001:db8::5"),
    "mapped private": (DEFAULT, "::ffff:10.0.0.1"),
    "loopback beside the networks": (
        AddressPolicy.narrowed("10.1.0.0/16", loopback=True),
        "127.0.0.1",
    ),
}
FORBIDDEN = {
    "B9 metadata": (COMMAND_LINE, "169.254.169.254", "link-local"),
    "B11 mapped metadata": (COMMAND_LINE, "::ffff:169.254.169.254", "it holds 169.254.169.254"),
    "B11 NAT64 metadata": (COMMAND_LINE, "64:ff9b::a9fe:a9fe", "it holds 169.254.169.254"),
    "B11 local NAT64": (COMMAND_LINE, "64:ff9b:1::a9fe:a9fe", "reserved"),
    "B11 6to4 metadata": (COMMAND_LINE, "2002:a9fe:a9fe::1", "it holds 169.254.169.254"),
    "B11 Teredo metadata": (COMMAND_LINE, "2001:0:5601:5601::", "it holds"),
    "B11 compatible metadata": (COMMAND_LINE, "::169.254.169.254", "it holds"),
    "B11 metadata over IPv6": (COMMAND_LINE, "fd00:ec2::254", "metadata"),
    "B11 mapped loopback": (DEFAULT, "::ffff:127.0.0.1", "loopback"),
    "B12 Alibaba metadata": (COMMAND_LINE, "100.100.100.200", "metadata"),
    "B12 Azure wire server": (COMMAND_LINE, "168.63.129.16", "metadata"),
    "link-local IPv6": (COMMAND_LINE, "fe80::1", "link-local"),
    "link-local with a zone": (COMMAND_LINE, "fe80::1%eth0", "link-local"),
    "unspecified": (COMMAND_LINE, "0.1.2.3", "unspecified"),
    "unspecified IPv6": (COMMAND_LINE, "::", "unspecified"),
    "multicast": (COMMAND_LINE, "224.0.0.1", "multicast"),
    "broadcast": (COMMAND_LINE, "255.255.255.255", "reserved"),
    "loopback on a server": (DEFAULT, "127.8.8.8", "loopback"),
    "IPv6 loopback on a server": (DEFAULT, "::1", "loopback"),
    "private where that is off": (AddressPolicy(private=False), "192.168.1.1", "private"),
    "outside the networks": (NARROWED, "10.2.0.1", "outside the allowed networks"),
    "public outside the networks": (NARROWED, "203.0.113.7", "outside the allowed networks"),
    "metadata inside the networks": (
        AddressPolicy.narrowed("0.0.0.0/0"),
        "169.254.169.254",
        "link-local",
    ),
    "B10 no address": (COMMAND_LINE, "127.1", "is not an IP address"),
}


@pytest.mark.parametrize(("policy", "address"), ALLOWED.values(), ids=ALLOWED)
def test_an_allowed_address_comes_back(policy: AddressPolicy, address: str) -> None:
    assert policy.check(address, 443) == policy.check(str(policy.check(address, 443)), 443)


@pytest.mark.parametrize(("policy", "address", "why"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_a_forbidden_address_is_refused_with_why(
    policy: AddressPolicy, address: str, why: str
) -> None:
    with pytest.raises(AddressForbidden, match=why):
        policy.check(address, 443)


OWN = AddressPolicy(
    loopback=True,
    own=((ip_address("10.0.0.5"), 5432), (ip_address("127.0.0.1"), 6379)),
)
REFUSED_AS_OWN = {
    "database": ("10.0.0.5", 5432),
    "database, mapped": ("::ffff:10.0.0.5", 5432),
    "database, by NAT64": ("64:ff9b::a00:5", 5432),
    "broker": ("127.0.0.1", 6379),
    "broker, another loopback address": ("127.0.0.2", 6379),
    "broker, loopback over IPv6": ("::1", 6379),
}


@pytest.mark.parametrize(("address", "port"), REFUSED_AS_OWN.values(), ids=REFUSED_AS_OWN)
def test_the_servers_own_services_are_refused(address: str, port: int) -> None:
    with pytest.raises(AddressForbidden, match="own database or broker"):
        OWN.check(address, port)


@pytest.mark.parametrize(("address", "port"), [("10.0.0.5", 6443), ("127.0.0.1", 6443)])
def test_what_else_runs_beside_them_is_allowed(address: str, port: int) -> None:
    assert OWN.check(address, port) == ip_address(address)


def test_a_network_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.0/99"):
        AddressPolicy.narrowed("10.0.0.0/99")
