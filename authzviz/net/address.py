"""Which addresses may be connected to, judged on the address itself and on any IPv4 within it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network


class AddressForbidden(ValueError):
    """The policy does not allow an address. The text names the address and why."""


def _networks(text: str) -> tuple[IPNetwork, ...]:
    return tuple(ip_network(part) for part in text.split())


# Never connected to, whatever the settings: what only a machine itself or its cloud listens on.
_NEVER = {
    "unspecified": _networks("0.0.0.0/8 ::/128"),
    "link-local": _networks("169.254.0.0/16 fe80::/10"),
    "multicast": _networks("224.0.0.0/4 ff00::/8"),
    "reserved": _networks("240.0.0.0/4 fec0::/10 64:ff9b:1::/48"),
    # Alibaba, Azure, Oracle, AWS over IPv6, Google over IPv6; the others are link-local.
    "a metadata service": _networks(
        "100.100.100.200/32 168.63.129.16/32 192.0.0.192/32 fd00:ec2::254/128 fd20:ce::254/128"
    ),
}
_LOOPBACK = _networks("127.0.0.0/8 ::1/128")
_PRIVATE = _networks(
    "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 192.0.0.0/24 198.18.0.0/15 fc00::/7"
)
_V4_MAPPED, _V4_COMPATIBLE, _NAT64, _SIX_TO_FOUR, _TEREDO = _networks(
    "::ffff:0:0/96 ::/96 64:ff9b::/96 2002::/16 2001::/32"
)  # order matters: unpacked above


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """Which addresses may be connected to.

    `loopback` and `private` switch those ranges. `cidrs`, where not empty, narrows everything but
    loopback to these networks. `own` are services of the server itself (its database, its broker)
    by address and port, refused on that port alone; all loopback addresses count as one.
    Link-local, metadata, multicast and unspecified addresses are refused whatever is set, also
    inside IPv4-mapped, NAT64, 6to4 and Teredo forms.
    """

    loopback: bool = False
    private: bool = True
    cidrs: tuple[IPNetwork, ...] = ()
    own: tuple[tuple[IPAddress, int], ...] = ()

    @classmethod
    def narrowed(
        cls,
        cidrs: str,
        *,
        loopback: bool = False,
        own: tuple[tuple[IPAddress, int], ...] = (),
    ) -> AddressPolicy:
        """A policy limited to `cidrs`, separated by commas or spaces; empty narrows nothing.

        Raises ValueError that names a network which is none.
        """
        return cls(loopback=loopback, cidrs=_networks(cidrs.replace(",", " ")), own=own)

    def check(self, address: str | IPAddress, port: int) -> IPAddress:
        """The address, if it may be connected to on that port.

        Raises AddressForbidden where it may not, or is no address at all.
        """
        try:
            parsed = ip_address(address)
        except ValueError:
            raise AddressForbidden(f"{address} is not an IP address") from None
        for form in (parsed, *_embedded(parsed)):
            why = self._objection(form, port)
            if why:
                inside = "" if form == parsed else f" (it holds {form})"
                raise AddressForbidden(f"{parsed} may not be connected to: {why}{inside}")
        if self.cidrs and not _in(parsed, _LOOPBACK) and not _in(parsed, self.cidrs):
            raise AddressForbidden(
                f"{parsed} may not be connected to: it is outside the allowed networks"
            )
        return parsed

    def _objection(self, address: IPAddress, port: int) -> str:
        for what, networks in _NEVER.items():
            if _in(address, networks):
                return f"{what} address" if " " not in what else what
        if _in(address, _LOOPBACK) and not self.loopback:
            return "loopback address"
        if _in(address, _PRIVATE) and not self.private:
            return "private address"
        if any(port == its_port and _is_same(address, its) for its, its_port in self.own):
            return f"port {port} there is this server's own database or broker"
        return ""


# What the person who types a command may reach: also this machine.
COMMAND_LINE = AddressPolicy(loopback=True)


def _in(address: IPAddress, networks: tuple[IPNetwork, ...]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _is_same(address: IPAddress, other: IPAddress) -> bool:
    return address == other or (_in(address, _LOOPBACK) and _in(other, _LOOPBACK))


def _embedded(address: IPAddress) -> Iterator[IPv4Address]:
    """Every IPv4 address that a gateway or the kernel would take out of this one."""
    if isinstance(address, IPv4Address):
        return
    low = int(address) & 0xFFFFFFFF
    if address in _V4_MAPPED or address in _NAT64 or (address in _V4_COMPATIBLE and low > 1):
        yield IPv4Address(low)
    elif address in _SIX_TO_FOUR:
        yield IPv4Address((int(address) >> 80) & 0xFFFFFFFF)
    elif address in _TEREDO:
        yield IPv4Address((int(address) >> 64) & 0xFFFFFFFF)
        yield IPv4Address(low ^ 0xFFFFFFFF)
