"""Every chain is told right on a live apiserver without its flags, by the reader that
`authzviz reader` makes; with less than that, never better than it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from authzviz import engine
from authzviz.engine.assessment import Assessment, Switch, Verdict
from authzviz.engine.model import Outcome, Snapshot
from authzviz.kube.collect import collect
from authzviz.net import COMMAND_LINE
from authzviz.reports.reader_role import Reader
from tests.lab.cluster import Flags, group
from tests.lab.reader import credentials_of, objects_of, read_until, roles_of, take_away
from tests.lab.webhook import webhook

if TYPE_CHECKING:
    from pathlib import Path

    from authzviz.kube.credentials import Credentials
    from tests.lab.cluster import Cluster
    from tests.lab.plugin import ClusterFactory, PeerFactory
    from tests.lab.rig import Lab

READER = Reader(minor=37)
# The lab has no static pods, so that without this nothing shows a flag.
NO_FLAGZ = "--feature-gates=ComponentFlagz=false"
RESTRICTED = "NodeRestriction"


@dataclass(frozen=True, slots=True)
class Chain:
    """How an apiserver is started, and what has to be told of it without that."""

    mode: str | None
    verdict: Verdict
    modes: tuple[str, ...] | None
    node: Switch
    webhook: str = ""
    is_bound: bool = False
    plugins: str | None = RESTRICTED
    finding: str = ""


ON, OFF, UNKNOWN = Switch.ON, Switch.OFF, Switch.UNKNOWN
CHAINS = {
    "no mode at all": Chain(None, Verdict.ALWAYS_ALLOW, ("AlwaysAllow",), UNKNOWN),
    "AlwaysAllow last": Chain(
        "RBAC,AlwaysAllow", Verdict.ALWAYS_ALLOW, ("RBAC", "AlwaysAllow"), UNKNOWN
    ),
    "RBAC": Chain("RBAC", Verdict.REFUSED, ("RBAC",), OFF),
    "RBAC, bound": Chain("RBAC", Verdict.LEGACY_BINDING, ("RBAC",), OFF, is_bound=True),
    "Node,RBAC": Chain("Node,RBAC", Verdict.NODE_AUTHORIZER, ("Node", "RBAC"), ON),
    "Node,RBAC without NodeRestriction": Chain(
        "Node,RBAC", Verdict.UNRESTRICTED, ("Node", "RBAC"), ON, plugins=None
    ),
    "Node,RBAC, bound": Chain(
        "Node,RBAC", Verdict.OVER_GRANTED, ("Node", "RBAC"), ON, is_bound=True
    ),
    "RBAC,Node, bound": Chain(
        "RBAC,Node", Verdict.OVER_GRANTED, ("RBAC", "Node"), ON, is_bound=True
    ),
    # Which of the two comes first makes no difference, and nothing tells.
    "RBAC,Node": Chain("RBAC,Node", Verdict.NODE_AUTHORIZER, ("Node", "RBAC"), ON),
    "AlwaysDeny last": Chain(
        "Node,RBAC,AlwaysDeny",
        Verdict.NODE_AUTHORIZER,
        ("Node", "RBAC", "AlwaysDeny"),
        ON,
    ),
    "a webhook that says it has no opinion": Chain(
        "Node,RBAC,Webhook",
        Verdict.NODE_AUTHORIZER,
        ("Node", "RBAC", "Webhook"),
        ON,
        webhook="nothing",
        finding="unread-authorizer",
    ),
    "a webhook that says nothing": Chain(
        "Node,RBAC,Webhook",
        Verdict.NODE_AUTHORIZER,
        ("Node", "RBAC", "Webhook"),
        ON,
        webhook="silent",
        finding="unread-authorizer",
    ),
    "a webhook that denies nodes, last": Chain(
        "Node,RBAC,Webhook",
        Verdict.NODE_AUTHORIZER,
        ("Node", "RBAC", "Webhook"),
        ON,
        webhook="deny",
        finding="unread-authorizer",
    ),
    "a webhook that allows nodes": Chain(
        "Node,RBAC,Webhook",
        Verdict.OVER_GRANTED,
        ("Node", "RBAC", "Webhook"),
        ON,
        webhook="allow",
        finding="unread-authorizer",
    ),
}


@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS)
def test_a_chain_is_told_without_flags(lab: Lab, tmp_path: Path, chain: Chain) -> None:
    with webhook(chain.webhook, tmp_path) as flags:
        live = _started(lab, chain, flags)
        judged = _judged(live)

    assert (judged.verdict, judged.authorization_modes, judged.node_authorizer) == (
        chain.verdict,
        chain.modes,
        chain.node,
    )
    assert chain.finding in ["", *(finding.id for finding in judged.findings)]


def test_a_webhook_that_denies_nodes_first_hides_the_node_authorizer(
    lab: Lab, tmp_path: Path
) -> None:
    chain = Chain("Webhook,Node,RBAC", Verdict.UNKNOWN, None, UNKNOWN, webhook="deny")
    with webhook(chain.webhook, tmp_path) as flags:
        judged = _judged(_started(lab, chain, flags))

    assert judged.node_authorizer is UNKNOWN
    # Every kubelet is refused, whatever stands behind the webhook.
    assert Verdict.NODE_AUTHORIZER not in judged.possible


def test_with_each_permission_less_it_is_never_told_better(cluster: ClusterFactory) -> None:
    live = cluster(
        authorization_mode="Node,RBAC", admission_plugins=RESTRICTED, other_flags=[NO_FLAGZ]
    )
    live.apply(objects_of(READER))
    credentials = credentials_of(live, READER)
    assert engine.judge(read_until(credentials, _is_whole)).verdict is Verdict.NODE_AUTHORIZER

    for lost in READER.permissions:
        take_away(live, READER, lost)
        less = read_until(credentials, lambda found: not _is_whole(found))
        judged = engine.judge(less)
        live.apply(roles_of(READER))
        read_until(credentials, _is_whole)

        if lost.words in DECISIVE:
            assert judged.verdict is Verdict.UNKNOWN, lost.words
            assert Verdict.NODE_AUTHORIZER in judged.possible, lost.words
            assert any(lost.words in each.permission for each in judged.missing), lost.words
        else:
            assert judged.verdict is Verdict.NODE_AUTHORIZER, lost.words


_RBAC = "rbac.authorization.k8s.io"
DECISIVE = {
    f"list clusterroles.{_RBAC}",
    f"list clusterrolebindings.{_RBAC}",
    f"list roles.{_RBAC}",
    f"list rolebindings.{_RBAC}",
    "create subjectaccessreviews.authorization.k8s.io",
    "get /metrics",
}


def test_a_half_rolled_change_is_mixed_until_the_last_apiserver_has_it(
    cluster: ClusterFactory, peer: PeerFactory
) -> None:
    old = cluster(authorization_mode="RBAC", admission_plugins=RESTRICTED, other_flags=[NO_FLAGZ])
    new = peer(old, authorization_mode="Node,RBAC")
    old.set_subject("system:node", group("system:nodes"))
    old.apply(objects_of(READER))
    credentials = credentials_of(old, READER)
    both = (old.url, new.url)
    read_until(credentials, _is_whole, apiserver_urls=both)

    half = _of_all(credentials, both)
    old.restart(authorization_mode="Node,RBAC")
    leaking = _of_all(credentials, both)
    old.remove_subjects("system:node")
    whole = engine.judge(
        read_until(
            credentials,
            lambda found: engine.judge(found).verdict is Verdict.NODE_AUTHORIZER,
            apiserver_urls=both,
        )
    )

    assert half.verdict is Verdict.MIXED
    assert {state.node_authorizer for state in half.apiservers} == {ON, OFF}
    assert all(url.removeprefix("https://") in half.cause for url in both)
    assert leaking.verdict is Verdict.OVER_GRANTED
    assert whole.verdict is Verdict.NODE_AUTHORIZER


def _of_all(credentials: Credentials, urls: tuple[str, ...]) -> Assessment:
    return engine.judge(collect(credentials, name="live", policy=COMMAND_LINE, apiserver_urls=urls))


def _started(lab: Lab, chain: Chain, flags: tuple[str, ...]) -> Cluster:
    live = lab.launch(
        "live",
        Flags(
            authorization_mode=chain.mode,
            admission_plugins=chain.plugins,
            others=(NO_FLAGZ, *flags),
        ),
    )
    live.wait_until_ready()
    if chain.is_bound:
        live.set_subject("system:node", group("system:nodes"))
    live.apply(objects_of(READER))
    return live


def _judged(live: Cluster) -> Assessment:
    found = read_until(credentials_of(live, READER), _is_whole)
    assert all(server.flags is None for server in found.apiservers.value or ())
    return engine.judge(found)


def _is_whole(found: Snapshot) -> bool:
    """True where all that decides was read; an apiserver without any flags is no gap here."""
    reads = [read for name, read in found.reads.items() if name != "apiservers"]
    for server in found.apiservers.value or ():
        seen = server.observed
        reads += [seen.reviews, seen.rules] if seen else []
        reads += [seen.metrics] if seen and seen.metrics else []
    reads += [found.node_reviews] if found.node_reviews else []
    return all(read.outcome is Outcome.OK for read in reads)
