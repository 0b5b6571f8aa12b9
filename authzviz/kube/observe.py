"""One apiserver, asked about itself: its flags, what it decides, and what it counts."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from authzviz.engine.apiserver import Observed
from authzviz.engine.permissions import PROBE_NODE
from authzviz.engine.read import Outcome
from authzviz.engine.versions import minor_of
from authzviz.kube.dry_run import read_restriction
from authzviz.kube.flagz import read_flagz
from authzviz.kube.metrics import read_metrics
from authzviz.kube.remembered import NOTHING, Remembered
from authzviz.kube.reviews import read_reviews

if TYPE_CHECKING:
    from authzviz.kube.connection import Connection

# Under this /metrics is left out: what was read so far must still be judged and stored.
_METRICS_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Manner:
    """How apiservers are asked, the same for each.

    `nobody` is a name that no node and no object has, `version` the gitVersion, "" where unknown.
    """

    nobody: str
    version: str = ""
    may_impersonate: bool = False
    remembered: Remembered = NOTHING


def made_up_name() -> str:
    """A name that no node and no object has, another one each time: no cache knows its answer."""
    return f"authzviz-{os.urandom(5).hex()}"


def observe(connection: Connection, manner: Manner) -> Observed:
    """What the apiserver answers at once."""
    flagz = read_flagz(connection)
    reviews, rules = read_reviews(connection, manner.nobody)
    return Observed(reviews, rules, flagz=flagz)


def observe_more(connection: Connection, name: str, observed: Observed, manner: Manner) -> Observed:
    """The same with the dry run, where that may be, and /metrics, where there is time for them.

    /metrics are read anew after ten minutes, or once the apiserver named `name` answers otherwise.
    """
    if manner.may_impersonate:
        minor = minor_of(manner.version)
        restriction = read_restriction(connection, PROBE_NODE, minor)
        observed = replace(observed, restriction=restriction)
    metrics = manner.remembered.metrics_of(name, observed, datetime.now(UTC))
    if metrics is None and connection.limits.left() > _METRICS_SECONDS:
        # Where reviews were answered they tell of the Node authorizer, and 3 MB are saved.
        is_needed = observed.reviews.outcome is not Outcome.OK
        metrics = read_metrics(connection, with_node_graph=is_needed)
    return replace(observed, metrics=metrics)


def has_told(observed: Observed) -> bool:
    """True where at least one question about the apiserver was answered."""
    reads = (observed.flagz, observed.reviews, observed.metrics, observed.restriction)
    return any(read is not None and read.outcome is Outcome.OK for read in reads)
