"""The address of a server, parsed more strictly than any library does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

_URL = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<path>(?:/[A-Za-z0-9._~-]*)*)"
)
_RESOURCE = re.compile(
    r"(?P<path>(?:/[A-Za-z0-9._~%!$&'()*+,;=:@-]*)*)(?P<query>\?[A-Za-z0-9._~%!$&'()*+,;=:@/?-]*)?"
)
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_MAX_LENGTH, _MAX_RESOURCE = 450, 2000
_NUMERIC = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")


@dataclass(frozen=True, slots=True)
class ServerUrl:
    """An https server: host without brackets, lower case; path without a slash at its end."""

    host: str
    port: int
    path: str = ""

    @property
    def is_address(self) -> bool:
        """True where the host is an IP address, not a name."""
        return ":" in self.host or _NUMERIC.fullmatch(self.host.rpartition(".")[2]) is not None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"https://{host}:{self.port}{self.path}"


def parse_https(text: str) -> ServerUrl:
    """The server that an https URL names; a path is kept, as behind a proxy of many clusters.

    Raises ValueError with what is wrong: another scheme, a user name, a query, spaces, control or
    non-ASCII characters, or a number in place of an address (0x7f.1, 127.1, 2852039166).
    """
    if len(text) > _MAX_LENGTH:
        raise ValueError(f"is longer than {_MAX_LENGTH} characters")
    match = _URL.fullmatch(text)
    if match is None:
        raise ValueError(_complaint(text))
    if match["scheme"] != "https":
        raise ValueError(f"must begin with https://, not {match['scheme']}://")
    port = int(match["port"] or 443)
    if not 0 < port < 65536:
        raise ValueError(f"{port} is not a port")
    path = match["path"].rstrip("/")
    if any(part in {".", ".."} for part in path.split("/")):
        raise ValueError("must not have . or .. in its path")
    return ServerUrl(_host(match["host"]), port, path)


def parse_webhook(text: str) -> tuple[ServerUrl, str]:
    """The server that a webhook's URL names, without a path, and what is asked of it: path and
    query, either of which may hold a secret. Source: RFC 3986, 3.3 and 3.4.

    Raises ValueError with what is wrong, naming nothing of path or query.
    """
    scheme, separator, rest = text.partition("://")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    server = parse_https(f"{scheme}{separator}{authority}")
    resource = rest[len(authority) :]
    if len(resource) > _MAX_RESOURCE:
        raise ValueError(f"is longer than {_MAX_RESOURCE} characters")
    match = _RESOURCE.fullmatch(resource)
    if match is None:
        raise ValueError("must hold nothing but a path and a query, without spaces or a fragment")
    if any(part in {".", ".."} for part in match["path"].split("/")):
        raise ValueError("must not have . or .. in its path")
    return server, (match["path"] or "/") + (match["query"] or "")


def _complaint(text: str) -> str:
    if not text.isascii() or any(ord(c) < 33 or ord(c) == 127 for c in text):
        return "must hold no spaces, control or non-ASCII characters"
    if "://" not in text:
        return "must be a URL that begins with https://"
    if "@" in text or "\\" in text:
        return "must hold no user name, @ or backslash"
    if "?" in text or "#" in text:
        return "must hold no query or fragment"
    return "is not the URL of a server"


def _host(text: str) -> str:
    if text.startswith("["):
        try:
            return str(IPv6Address(text[1:-1]))
        except ValueError:
            raise ValueError(f"{text} is not an IPv6 address") from None
    labels = text.lower().split(".")
    if _NUMERIC.fullmatch(labels[-1]):
        # Resolvers take 127.1, 0x7f.1 and 2130706433 for 127.0.0.1: only the usual form is meant.
        try:
            return str(ip_address(text))
        except ValueError:
            raise ValueError(f"{text} is neither a host name nor an IP address") from None
    if len(text) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError(f"{text} is not a host name")
    return text.lower()
