"""Every kube-apiserver of a cluster: who they are, each asked by itself where it can be reached.

What one connection hears is one apiserver's word, and behind a balancer nobody knows which one's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from authzviz.engine.apiserver import ApiServer, FlagSource, Observed, Unasked
from authzviz.engine.permissions import GET_FLAGZ, LIST_STATIC_PODS
from authzviz.engine.read import Outcome, Read
from authzviz.kube.apiservers import Pods
from authzviz.kube.connection import Connection, address_of
from authzviz.kube.errors import KubeError
from authzviz.kube.flagz import FLAGZ_SOURCE
from authzviz.kube.observe import Manner, has_told, observe, observe_more
from authzviz.kube.remembered import NO_TIME
from authzviz.net.url import parse_https

if TYPE_CHECKING:
    from authzviz.kube.credentials import Credentials
    from authzviz.net import AddressPolicy

_MOST_ASKED = 16
_CONNECT_SECONDS = 2.0
_MOST_SECONDS = 8.0
# What has to be left for the main connection once the others have been asked.
_RESERVE_SECONDS = 3.0
_MAX_BYTES = 16 << 20
_PROVIDERS = ("-eks-", "-gke.")


@dataclass(slots=True)
class Place:
    """One apiserver and where it is asked by itself, "" for nowhere.

    `is_main` for what answers the main connection. `is_spare` for an address that is one of the
    others', unknown which: where it can't be reached, nothing is lost.
    """

    server: ApiServer
    url: str = ""
    by_operator: bool = False
    is_main: bool = False
    is_spare: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """What the cluster and its operator say of where apiservers are."""

    pods: Pods
    addresses: tuple[str, ...]
    urls: tuple[str, ...] = ()
    version: str = ""


@dataclass(frozen=True, slots=True)
class Guide:
    """How to get to an apiserver by itself, with the credentials of all."""

    credentials: Credentials
    policy: AddressPolicy
    main: Connection
    manner: Manner
    max_bytes: int = field(default=_MAX_BYTES)


def places_of(listed: Listed, main: Connection) -> list[Place]:
    """Every apiserver that something shows, with the one that `main` talks to among them."""
    places = [Place(pod) for pod in listed.pods.read.value or ()]
    _add_urls(places, listed.urls)
    _add_addresses(places, listed)
    _add_main(places, listed, main)
    return places


def _add_urls(places: list[Place], urls: Iterable[str]) -> None:
    for url in dict.fromkeys(urls):
        try:
            server = parse_https(url)
        except ValueError as problem:
            why = f"its URL {problem}"
            places.append(Place(ApiServer(url, None, "", unasked=Unasked(why, _now()))))
            continue
        host_port = address_of(server.host, server.port)
        address = host_port if server.is_address else ""
        place = _at(places, address)
        if place is None:
            place = Place(ApiServer(host_port, None, "", address=address))
            places.append(place)
        place.url, place.by_operator = str(server), True


def _add_addresses(places: list[Place], listed: Listed) -> None:
    """The addresses that the apiservers list, each its own or one of the pods'.

    A provider's control plane counts as one, whatever its addresses. What an operator lists stands
    for all, unless there are more.
    """
    addresses = listed.addresses
    if _is_managed(listed) or len(addresses) < 2 or len(addresses) <= len(listed.urls):
        return
    left = []
    for address in addresses:
        place = _at(places, address)
        if place is None:
            left.append(address)
        elif not place.url:
            place.url = f"https://{address}"
    # Pods may show other addresses of the same hosts: which is whose can't be told then.
    are_known = len(left) <= sum(not place.url for place in places)
    for address in left:
        name = f"the apiserver that answers at {address}" if are_known else _named(address)
        server = ApiServer(name, None, "", address=address, is_alias=are_known)
        places.append(Place(server, f"https://{address}", is_spare=are_known))


def _add_main(places: list[Place], listed: Listed, main: Connection) -> None:
    here = address_of(main.server.host, main.server.port)
    place = _at(places, main.peer) or _at(places, here) or _of_name(places, here)
    if place is None and _is_one(listed):
        place = places[0] if places else _new(places, ApiServer(_named(here), None, ""))
        address = next(iter(listed.addresses), place.server.address)
        place.server = replace(place.server, address=address)
    if place is None:
        name = f"the apiserver that answers at {main.server.host}"
        place = _new(places, ApiServer(name, None, "", is_alias=True))
    place.is_main = True


def _is_one(listed: Listed) -> bool:
    """True where nothing shows that there is more than one apiserver."""
    pods = listed.pods.read.value or ()
    if listed.urls or len(pods) > 1:
        return False
    return len(listed.addresses) < 2 or (not pods and _is_managed(listed))


def _is_managed(listed: Listed) -> bool:
    return any(mark in listed.version for mark in _PROVIDERS)


def _new(places: list[Place], server: ApiServer) -> Place:
    places.append(Place(server))
    return places[-1]


def _at(places: list[Place], address: str) -> Place | None:
    return next((p for p in places if address and p.server.address == address), None)


def _of_name(places: list[Place], name: str) -> Place | None:
    return next((place for place in places if place.server.name == name), None)


def _named(address: str) -> str:
    return f"kube-apiserver at {address}"


def _now() -> datetime:
    return datetime.now(UTC)


def ask_others(places: list[Place], guide: Guide) -> None:
    """Ask each apiserver but the main connection's by itself, as far as the time goes."""
    others = [place for place in places if place.url and not place.is_main]
    for number, place in enumerate(others):
        why = _why_not(place, guide, number)
        if why is not None:
            place.server = replace(place.server, unasked=why)
            continue
        try:
            observed = _asked(place, guide)
        except KubeError as error:
            unasked = Unasked(error.message, _now())
            place.server = replace(place.server, unasked=unasked)
        else:
            place.server = told_by(place.server, observed)


def _why_not(place: Place, guide: Guide, number: int) -> Unasked | None:
    """Why the apiserver is not even tried."""
    if guide.credentials.insecure and not place.by_operator:
        return Unasked(
            "insecure-skip-tls-verify is set: whoever answers at that address would be trusted",
            _now(),
        )
    if number >= _MOST_ASKED:
        return Unasked(f"only {_MOST_ASKED} apiservers are asked by themselves", _now())
    known = guide.manner.remembered.unasked_of(place.server.name, _now())
    if known is None and guide.main.limits.left() < _RESERVE_SECONDS + _CONNECT_SECONDS:
        return Unasked(NO_TIME, _now())
    return known


def _asked(place: Place, guide: Guide) -> Observed:
    """What the apiserver tells of itself. Raises KubeError where it can't be reached."""
    seconds = min(_MOST_SECONDS, guide.main.limits.left() - _RESERVE_SECONDS)
    credentials = replace(
        guide.credentials, server=place.url, tls_server_name=_certificate_name(place, guide)
    )
    with Connection(
        credentials, guide.policy, deadline_seconds=seconds, max_bytes=guide.max_bytes
    ) as connection:
        connection.reach(_CONNECT_SECONDS)
        observed = observe(connection, guide.manner)
        return observe_more(connection, place.server.name, observed, guide.manner)


def _certificate_name(place: Place, guide: Guide) -> str:
    """The name that its certificate has to hold: the one that all replicas have in common, but for
    a URL of the operator's, which has a name of its own.
    """
    host = "" if place.by_operator else guide.main.server.host
    return guide.credentials.tls_server_name or host


def told_by(server: ApiServer, observed: Observed) -> ApiServer:
    """The apiserver with what it told: the running process outranks what a pod or a file says."""
    told = replace(server, observed=observed, unasked=None)
    flagz = observed.flagz
    if flagz is None or flagz.value is None:
        return told
    others = server.other_sources
    if server.flags is not None:
        others = (FlagSource(server.evidence, server.flags, server.defaults), *others)
    return replace(
        told, flags=flagz.value, evidence="/flagz", why="", defaults="", other_sources=others
    )


def read_of(places: list[Place], pods: Pods) -> Read[tuple[ApiServer, ...]]:
    """The read of all apiservers: what some told, or why nothing did."""
    servers = [_explained(place.server, pods) for place in places if _counts(place, places)]
    has_flags = any(server.flags is not None for server in servers)
    is_told = any(server.observed and has_told(server.observed) for server in servers)
    pods_read = pods.read
    if pods_read.value:
        return replace(pods_read, value=tuple(servers))
    source, permission = f"{pods_read.source}, {FLAGZ_SOURCE}", GET_FLAGZ.words
    if has_flags:
        source = FLAGZ_SOURCE
    elif pods_read.outcome is not Outcome.OK:
        permission = f"{LIST_STATIC_PODS.words}, or {GET_FLAGZ.words}"
    if has_flags or is_told:
        return Read(Outcome.OK, source, permission, tuple(servers), gaps=pods_read.gaps)
    flagz = [server.observed.flagz for server in servers if server.observed]
    outcomes = {pods_read.outcome, *(read.outcome for read in flagz if read)}
    outcome = Outcome.FORBIDDEN if Outcome.FORBIDDEN in outcomes else Outcome.FAILED
    why = next((server.why for server in servers if server.observed), pods.why_none)
    return Read(outcome, source, permission, why=why)


def _counts(place: Place, places: list[Place]) -> bool:
    """False for an alias that tells nothing new: each apiserver was asked, or it wasn't reached."""
    if place.is_spare:
        return place.server.observed is not None
    if not place.server.is_alias:
        return True
    others = [other.server for other in places if not other.server.is_alias]
    return not (others and all(other.observed for other in others))


def _explained(server: ApiServer, pods: Pods) -> ApiServer:
    """The apiserver with why its flags are not known, where they are not."""
    if server.flags is not None:
        return server
    reasons = [server.why or pods.why_none]
    flagz = server.observed.flagz if server.observed else None
    if flagz is not None:
        reasons.append(f"{GET_FLAGZ.words}: {flagz.why}")
    if server.unasked is not None:
        reasons.append(f"not asked by itself: {server.unasked.why}")
    return replace(server, why="; ".join(reasons))
