"""What one poll leaves to the next, so that what is costly is not asked every time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from authzviz.engine.apiserver import ApiServer, Metrics, Observed, Unasked
from authzviz.engine.model import SigningRequest, Snapshot
from authzviz.engine.read import Outcome, Read
from authzviz.engine.told import is_by_rbac, told_by

AGAIN_AFTER = timedelta(minutes=10)
NO_TIME = "no time was left to ask it by itself"


@dataclass(frozen=True, slots=True)
class KnownServer:
    """One apiserver, by the name that ApiServer has.

    `told` is a digest of its flags and answers when its metrics were read: once they change, the
    metrics are those of another process, or of another state of it.
    """

    name: str
    told: str = ""
    metrics: Read[Metrics] | None = None
    unasked: Unasked | None = None


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the last poll saw. `signing_requests_at` is when those were read, None for never."""

    servers: tuple[KnownServer, ...] = ()
    signing_requests: Read[tuple[SigningRequest, ...]] | None = None
    signing_requests_at: datetime | None = None

    def metrics_of(self, name: str, observed: Observed, now: datetime) -> Read[Metrics] | None:
        """The metrics of that apiserver, where they are young enough and still of its state."""
        known = self._server(name)
        if known is None or known.metrics is None or known.metrics.value is None:
            return None
        is_young = _is_young(known.metrics.value.read_at, now)
        return known.metrics if is_young and known.told == _told(observed) else None

    def unasked_of(self, name: str, now: datetime) -> Unasked | None:
        """Why that apiserver could not be asked by itself, where that was tried just now."""
        known = self._server(name)
        if known is None or known.unasked is None:
            return None
        return known.unasked if _is_young(known.unasked.tried_at, now) else None

    def signing_requests_of(self, now: datetime) -> Read[tuple[SigningRequest, ...]] | None:
        """The signing requests, where they are young enough."""
        read_at = self.signing_requests_at
        return self.signing_requests if read_at and _is_young(read_at, now) else None

    def _server(self, name: str) -> KnownServer | None:
        return next((server for server in self.servers if server.name == name), None)


NOTHING = Remembered()


def of(snapshot: Snapshot, before: Remembered = NOTHING) -> Remembered:
    """What the next poll should know of this one, which knew of `before`."""
    requests, requests_at = snapshot.signing_requests, None
    if requests is not None and requests.outcome is Outcome.OK:
        is_old = requests == before.signing_requests
        requests_at = before.signing_requests_at if is_old else snapshot.read_at
    return Remembered(
        servers=tuple(_known(server) for server in snapshot.apiservers.value or ()),
        signing_requests=requests if requests_at else None,
        signing_requests_at=requests_at,
    )


def _known(server: ApiServer) -> KnownServer:
    observed, unasked = server.observed, server.unasked
    if unasked is not None and unasked.why == NO_TIME:
        unasked = None  # it was not tried: its turn comes with the next poll
    metrics = observed.metrics if observed else None
    return KnownServer(
        name=server.name,
        told=_told(observed) if observed else "",
        metrics=metrics if metrics and metrics.outcome is Outcome.OK else None,
        unasked=unasked,
    )


def _told(observed: Observed) -> str:
    reviews = observed.reviews.value or ()
    # The same is allowed with and without Node where RBAC allows it, too: only its words differ.
    answers = [(one.probe, one.allowed, one.denied, is_by_rbac(one)) for one in reviews]
    node = told_by(reviews, None).node
    flags = observed.flagz.value if observed.flagz else None
    return hashlib.sha256(msgspec.json.encode((flags, answers, node))).hexdigest()[:16]


def _is_young(moment: datetime, now: datetime) -> bool:
    return timedelta() <= now - moment < AGAIN_AFTER
