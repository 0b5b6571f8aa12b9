"""What changed about apiservers between two snapshots, in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from authzviz.engine.model import (
    ApiServer,
    Flag,
    FlagSource,
    Observed,
    OwnRules,
    Review,
    Snapshot,
)
from tests.engine.build import (
    NODE_RBAC,
    RBAC,
    cluster,
    ok,
    server,
)
from tests.engine.differing import Case, partly, said


def on(*servers: ApiServer) -> Snapshot:
    """A cluster with these apiservers and the same addresses whatever their number."""
    return cluster(*servers, endpoints=("203.0.113.0",))


def answering(**answers: bool) -> ApiServer:
    """An apiserver that answers questions about a kubelet so."""
    reviews = tuple(Review(name.replace("_", "-"), allowed) for name, allowed in answers.items())
    return replace(NODE_RBAC, observed=Observed(ok(reviews), ok(OwnRules(()))))


def opaque(error: str = "") -> ApiServer:
    """An apiserver of which only this tells that a webhook is asked."""
    error = f"{error} authorizer does not support user rule resolution" if error else ""
    observed = Observed(ok(()), ok(OwnRules((), is_incomplete=bool(error), error=error)))
    return ApiServer("cp1", None, "", why="not shown", observed=observed)


def plugins(*names: str, name: str = "cp1") -> ApiServer:
    listed = ",".join(names)
    return server(
        "--authorization-mode=Node,RBAC", f"--enable-admission-plugins={listed}", name=name
    )


def gated(gates: str) -> ApiServer:
    return server(
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        f"--feature-gates={gates}",
    )


def contradicted() -> ApiServer:
    """Its flags say Node,RBAC; the plugin that they name lets a kubelet through."""
    observed = Observed(ok(()), ok(OwnRules(())), restriction=ok(value=False))
    return replace(NODE_RBAC, observed=observed)


CP2 = replace(NODE_RBAC, name="cp2")
CONFLICT = replace(
    NODE_RBAC, other_sources=(FlagSource("an annotation", (Flag("authorization-mode", "RBAC"),)),)
)
UNREADABLE = ApiServer("cp1", None, "", why="no mirror pod")
ALLOW = server("--authorization-mode=AlwaysAllow", "--enable-admission-plugins=NodeRestriction")
REVERSED = server("--authorization-mode=RBAC,Node", "--enable-admission-plugins=NodeRestriction")


APISERVERS: dict[str, Case] = {
    "nothing": (on(NODE_RBAC), on(NODE_RBAC), []),
    "the Node authorizer comes": (
        on(RBAC),
        on(NODE_RBAC),
        [
            (
                "Apiserver cp1: the authorizers were RBAC, and are Node,RBAC",
                "the Node authorizer serves kubelets; what RBAC still grants them adds to it",
            )
        ],
    ),
    "the Node authorizer goes": (
        on(NODE_RBAC),
        on(RBAC),
        [
            (
                "Apiserver cp1: the authorizers were Node,RBAC, and are RBAC",
                "kubelets get only what RBAC grants them",
            )
        ],
    ),
    "everything is allowed": (
        on(RBAC),
        on(ALLOW),
        [
            (
                "Apiserver cp1: the authorizers were RBAC, and are AlwaysAllow",
                "whoever gets past authentication may do everything",
            )
        ],
    ),
    "not everything is allowed any more": (
        on(ALLOW),
        on(RBAC),
        [
            (
                "Apiserver cp1: the authorizers were AlwaysAllow, and are RBAC",
                "what nothing else allows is refused",
            )
        ],
    ),
    "the order": (
        on(NODE_RBAC),
        on(REVERSED),
        [("Apiserver cp1: the authorizers were Node,RBAC, and are RBAC,Node", "")],
    ),
    "all alike": (
        on(RBAC, replace(RBAC, name="cp2")),
        on(NODE_RBAC, CP2),
        [
            (
                "All 2 apiservers: the authorizers were RBAC, and are Node,RBAC",
                "the Node authorizer serves kubelets; what RBAC still grants them adds to it",
            )
        ],
    ),
    "two of three": (
        on(RBAC, replace(RBAC, name="cp2"), replace(RBAC, name="cp3")),
        on(NODE_RBAC, CP2, replace(RBAC, name="cp3")),
        [
            (
                "Apiservers cp1 and cp2: the authorizers were RBAC, and are Node,RBAC",
                "the Node authorizer serves kubelets; what RBAC still grants them adds to it",
            )
        ],
    ),
    "flags can't be read any more": (
        on(NODE_RBAC),
        on(UNREADABLE),
        [
            (
                (
                    "Apiserver cp1: the authorizers were Node,RBAC, and are authorizers that"
                    " can't be told"
                ),
                "",
            ),
            ("Apiserver cp1: NodeRestriction was on; whether it still is can't be told", ""),
        ],
    ),
    "flags can be read": (
        on(UNREADABLE),
        on(NODE_RBAC),
        [
            (
                (
                    "Apiserver cp1: the authorizers were authorizers that can't be told, and are"
                    " Node,RBAC"
                ),
                "",
            ),
            ("Apiserver cp1: NodeRestriction is on; what it was before can't be told", ""),
        ],
    ),
    "NodeRestriction goes": (
        on(NODE_RBAC),
        on(plugins("PodSecurity")),
        [
            (
                "Apiserver cp1: NodeRestriction was on, and is off",
                "a kubelet may change other nodes and their pods",
            ),
            ("Apiserver cp1: the flags now list admission plugin PodSecurity", ""),
        ],
    ),
    "other plugins go": (
        on(plugins("NodeRestriction", "PodSecurity", "Priority")),
        on(NODE_RBAC),
        [
            (
                (
                    "Apiserver cp1: the flags no longer list admission plugins PodSecurity and"
                    " Priority"
                ),
                "",
            )
        ],
    ),
    "a feature gate": (
        on(NODE_RBAC),
        on(gated("DynamicResourceAllocation=false")),
        [
            (
                (
                    "Apiserver cp1: feature gate DynamicResourceAllocation was left at its default,"
                    " and is set to false"
                ),
                "",
            )
        ],
    ),
    "one of two feature gates": (
        on(gated("NodeLease=true")),
        on(gated("NodeLease=true,DynamicResourceAllocation=false")),
        [
            (
                (
                    "Apiserver cp1: feature gate DynamicResourceAllocation was left at its default,"
                    " and is set to false"
                ),
                "",
            )
        ],
    ),
    "flags and answers differ": (
        on(NODE_RBAC),
        on(contradicted()),
        [
            (
                (
                    "Apiserver cp1: the authorizers were Node,RBAC, and are authorizers that"
                    " can't be told"
                ),
                "",
            ),
            (
                "Apiserver cp1: NodeRestriction was on, and is off",
                "a kubelet may change other nodes and their pods",
            ),
            (
                (
                    "Apiserver cp1: what it answers is not what its flags say: its flags (mirror"
                    " pod kube-system/kube-apiserver-cp1) say that NodeRestriction is on, but it"
                    " is off: a kubelet's Lease of another name was let through (dry run of its"
                    " creation)"
                ),
                "",
            ),
        ],
    ),
    "flags and answers agree again": (
        on(contradicted()),
        on(NODE_RBAC),
        [
            (
                (
                    "Apiserver cp1: the authorizers were authorizers that can't be told, and are"
                    " Node,RBAC"
                ),
                "",
            ),
            (
                "Apiserver cp1: NodeRestriction was off, and is on",
                "a kubelet changes only its own Node and its own pods from now on",
            ),
            ("Apiserver cp1: what it answers is what its flags say again", ""),
        ],
    ),
    "two places differ": (
        on(NODE_RBAC),
        on(CONFLICT),
        [
            (
                (
                    "Apiserver cp1: two places show different flags: mirror pod"
                    " kube-system/kube-apiserver-cp1 has NodeRestriction on, an annotation has it"
                    " off"
                ),
                "",
            ),
            (
                (
                    "Apiserver cp1: two places show different flags: mirror pod"
                    " kube-system/kube-apiserver-cp1 says Node,RBAC, an annotation says RBAC"
                ),
                "",
            ),
        ],
    ),
    "a webhook comes that no flag shows": (
        on(opaque()),
        on(opaque("webhook")),
        [("Apiserver cp1: of its authorizers, now Webhook can't be looked into", "")],
    ),
    "the webhook goes": (
        on(opaque("webhook")),
        on(opaque()),
        [("Apiserver cp1: of its authorizers, now none can't be looked into", "")],
    ),
    "an answer": (
        on(answering(a=True, b=False, c=True)),
        on(answering(a=False, b=True, c=True, d=True)),
        [
            ("Apiserver cp1: it allows a kubelet what it refused before: b", ""),
            ("Apiserver cp1: it refuses a kubelet what it allowed before: a", ""),
        ],
    ),
    "one comes": (
        on(NODE_RBAC),
        on(NODE_RBAC, CP2),
        [("Apiserver cp2 is new, with Node,RBAC and NodeRestriction on", "")],
    ),
    "one that tells nothing comes": (
        on(),
        on(UNREADABLE),
        [
            (
                (
                    "Apiserver cp1 is new, with authorizers that can't be told and NodeRestriction"
                    " that can't be told"
                ),
                "",
            )
        ],
    ),
    "one goes": (on(NODE_RBAC, CP2), on(NODE_RBAC), [("Apiserver cp2 is gone", "")]),
    "another name of one is none": (on(NODE_RBAC), on(NODE_RBAC, replace(CP2, is_alias=True)), []),
    "one comes to a list that was not whole": (
        partly(on(NODE_RBAC), "apiservers"),
        partly(on(NODE_RBAC, CP2), "apiservers"),
        [("Apiserver cp2 is seen, with Node,RBAC; whether it is new can't be told", "")],
    ),
    "one is missing in a list that is not whole": (
        partly(on(NODE_RBAC, CP2), "apiservers"),
        partly(on(NODE_RBAC), "apiservers"),
        [("Apiserver cp2 is not seen any more; whether it is gone can't be told", "")],
    ),
    "addresses": (
        cluster(NODE_RBAC, endpoints=("192.0.2.1", "192.0.2.2")),
        cluster(NODE_RBAC, endpoints=("192.0.2.3",)),
        [
            (
                (
                    "EndpointSlice default/kubernetes lists 1 address of apiservers: 192.0.2.3"
                    " came, 192.0.2.1 and 192.0.2.2 went"
                ),
                "",
            )
        ],
    ),
    "addresses that went": (
        cluster(NODE_RBAC, endpoints=("192.0.2.1", "192.0.2.2", "192.0.2.3")),
        cluster(NODE_RBAC, endpoints=("192.0.2.1", "192.0.2.2")),
        [
            (
                "EndpointSlice default/kubernetes lists 2 addresses of apiservers: 192.0.2.3 went",
                "",
            )
        ],
    ),
}


@pytest.mark.parametrize(("before", "after", "says"), APISERVERS.values(), ids=APISERVERS)
def test_apiservers(before: Snapshot, after: Snapshot, says: list[tuple[str, str]]) -> None:
    assert said(before, after) == says
