"""What of an apiserver's answers tells something, without what differs from one poll to the next.

A reason names any one of several bindings, nodes are sampled at random, counters and times move:
none of that is a change of the cluster.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable

import msgspec

from authzviz.engine.apiserver import ApiServer, Metrics, Observed, OwnRules, Review
from authzviz.engine.chain import NODE_RESTRICTION
from authzviz.engine.read import Read

_KINDS = {
    "RBAC: allowed by": "RBAC",
    "no relationship found": "Node",
    "no path found to object": "Node",
    "can only get individual resources": "Node",
    "can only read resources of this type": "Node",
    "Everything is forbidden.": "AlwaysDeny",
}


def of_apiservers(read: Read[tuple[ApiServer, ...]]) -> object:
    """What the apiservers tell; one that is an alias of another counts only where it differs."""
    servers = read.value or ()
    known = [_of_observed(one.observed) for one in servers if one.observed and not one.is_alias]
    told = [
        _of_server(one)
        for one in servers
        if not (one.is_alias and one.observed and _of_observed(one.observed) in known)
    ]
    return read.outcome, read.gaps, read.value is not None, sorted(map(_text, told))


def of_node_reviews(read: Read[tuple[Review, ...]]) -> object:
    """Which different answers there are, and which of them is that of a node nobody has."""
    by_node: dict[str, list[Review]] = {}
    for review in read.value or ():
        by_node.setdefault(review.node, []).append(review)
    answers = {node: _text(_of_reviews(reviews)) for node, reviews in by_node.items()}
    return read.outcome, answers.get("", ""), sorted(set(answers.values()))


def _of_server(server: ApiServer) -> object:
    # Why an apiserver can't be reached is told differently each time.
    why = "" if server.unasked else server.why
    flags = dataclasses.replace(server, observed=None, unasked=None, why=why)
    observed = _of_observed(server.observed) if server.observed else None
    return flags, observed, server.unasked is not None


def _of_observed(observed: Observed) -> object:
    reviews, rules, metrics = observed.reviews, observed.rules, observed.metrics
    restriction, flagz = observed.restriction, observed.flagz
    return (
        (reviews.outcome, _of_reviews(reviews.value or ())),
        (rules.outcome, _of_rules(rules.value) if rules.value else None),
        (metrics.outcome, _of_metrics(metrics.value) if metrics.value else None)
        if metrics
        else None,
        (restriction.outcome, restriction.value) if restriction else None,
        flagz.outcome if flagz else None,
    )


def _of_reviews(reviews: Iterable[Review]) -> object:
    return sorted(
        (one.probe, one.allowed, one.denied, _kind(one.reason), bool(one.error)) for one in reviews
    )


def _kind(reason: str) -> str:
    found = {kind for mark, kind in _KINDS.items() if mark in reason}
    return ",".join(sorted(found)) or ("other" if reason else "")


def _of_rules(rules: OwnRules) -> object:
    words = sorted(set(re.findall(r"[^\s,;\[\]]+", rules.error)))
    return sorted(map(_text, rules.rules)), rules.is_incomplete, words


def _of_metrics(metrics: Metrics) -> object:
    plugins = metrics.admission_plugins
    is_restricted = NODE_RESTRICTION in plugins if plugins else None
    return metrics.authorizers, is_restricted, metrics.has_node_graph


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
