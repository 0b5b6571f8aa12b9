"""Of a change to a cluster that was not read as a whole is said only what holds whatever it hides:
nothing is healed, kept or closed on a guess.
"""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from django.test import Client
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from authzviz.engine import judge
from authzviz.engine.assessment import Decision
from authzviz.engine.change import Change, full_name
from authzviz.engine.model import Binding, RoleRef, Snapshot
from authzviz.engine.whatif import WhatIf, whatif
from dashboard.shown.whatif_words import headline_of
from tests.dashboard.showing import page, show
from tests.engine.build import (
    CORE_ROLE,
    LEGACY_BINDING,
    NODE_RBAC,
    NODES,
    RBAC,
    cluster,
    crb,
    server,
    unread,
)
from tests.engine.random_rbac import SNAPSHOTS, bindings_of

OUTAGE, GOOD = cluster(RBAC), cluster(NODE_RBAC)
WEBHOOK = cluster(server("--authorization-mode=RBAC,Webhook"))
NODE_ON = Change(("Node", "RBAC"), ("NodeRestriction",))
NO_FLAGS = replace(OUTAGE, apiservers=unread(OUTAGE.apiservers))
HIDDEN_ROLE = replace(
    cluster(NODE_RBAC, bindings=(crb("x", "hidden", NODES),)),
    cluster_roles=replace(GOOD.cluster_roles, gaps=("broken",)),
)
CORE = Change(
    added=(Binding("core", RoleRef("ClusterRole", "core")),), added_subjects=(("core", NODES),)
)

SAID: dict[str, tuple[Snapshot, Change, str, str]] = {
    "refused now, and a webhook decides then": (
        OUTAGE,
        Change(("RBAC", "Webhook")),
        "It can't be told whether the kubelets would get what they need.",
        "What was not read, or no API shows, decides.",
    ),
    "a webhook decided, and the Node authorizer does then": (
        WEBHOOK,
        NODE_ON,
        "Kubelets keep all they need.",
        "",
    ),
    "healed, and a webhook may give more": (
        OUTAGE,
        Change(("Node", "RBAC", "Webhook")),
        "It heals the kubelets: they get all they need.",
        "Whether a stolen certificate reads other Secrets can't be told.",
    ),
    "healed, and who else is bound was not read": (
        replace(OUTAGE, role_bindings=unread(OUTAGE.role_bindings)),
        NODE_ON,
        "It heals the kubelets: they get all they need.",
        "Whether a stolen certificate reads other Secrets can't be told.",
    ),
    "healed in part": (
        cluster(RBAC, cluster_roles=(CORE_ROLE,)),
        CORE,
        "It heals the kubelets: they get what they can't do without.",
        "It hands out no Secrets beyond those of a kubelet's own pods.",
    ),
    "nothing is gained that some do without": (
        cluster(RBAC, cluster_roles=(CORE_ROLE,), bindings=(crb("core", "core", NODES),)),
        Change(admission_plugins=()),
        "The kubelets would keep what they get now, and could do more than now.",
        "What that is stands below, among rights opened.",
    ),
    "half of flags that nobody read": (
        NO_FLAGS,
        Change(("Node", "RBAC")),
        "It can't be told whether the kubelets would get what they need.",
        "Flags that were not read can only be changed as a whole: give modes and plugins.",
    ),
    "a binding whose role was not read": (
        HIDDEN_ROLE,
        Change(dropped=("x",)),
        "Kubelets keep all they need.",
        "",
    ),
    "not known now, and refused then": (
        WEBHOOK,
        Change(("RBAC",)),
        "The kubelets would be refused what they can't do without.",
        "",
    ),
    "the same flags, and what a start adds to a role was not read": (
        HIDDEN_ROLE,
        Change(("Node", "RBAC")),
        "Kubelets keep all they need.",
        "can't be told for sure",
    ),
    "nothing, whatever decides": (
        replace(GOOD, role_bindings=unread(GOOD.role_bindings)),
        Change(kubernetes_version="1.29"),
        "Nothing changes for kubelets.",
        "",
    ),
}


@pytest.mark.parametrize(("snapshot", "change", "said", "more"), SAID.values(), ids=SAID)
def test_the_headline_says_what_is_sure(
    snapshot: Snapshot, change: Change, said: str, more: str
) -> None:
    found = headline_of(whatif(snapshot, change))

    assert found.said == said
    assert more in found.more


HIDE = ("apiservers", "cluster_roles", "cluster_role_bindings", "roles", "role_bindings", "version")
CHANGES = (
    NODE_ON,
    Change(("Node", "RBAC")),
    Change(("RBAC",)),
    Change(("RBAC", "Webhook")),
    Change(admission_plugins=("NodeRestriction",)),
    Change(kubernetes_version="1.29"),
)


# Shrinking such a world takes minutes, and tells no more.
@settings(max_examples=40, phases=(Phase.reuse, Phase.generate))
@given(SNAPSHOTS, st.sampled_from(HIDE), st.data())
def test_the_headline_holds_whatever_was_not_read(
    world: Snapshot, hidden: str, data: st.DataObject
) -> None:
    known = replace(world, **{hidden: unread(getattr(world, hidden))})  # type: ignore[arg-type]
    names = [full_name(binding) for binding in bindings_of(known)]
    bound = st.sampled_from(names).flatmap(
        lambda name: st.sampled_from(
            (Change(dropped=(name,)), Change(added_subjects=((name, NODES),)))
        )
    )
    change = data.draw(st.sampled_from(CHANGES) | bound if names else st.sampled_from(CHANGES))

    found = headline_of(whatif(known, change))

    truth = _truth(whatif(world, change))
    said = f"{found.said} {found.more}"
    claims = [claim for claim in truth if re.search(claim, said)]
    assert [claim for claim in claims if not truth[claim]] == [], said


def _truth(told: WhatIf) -> dict[str, bool]:
    """What the headline may claim of a change, and whether it is so."""
    answers = [answer for path in told.after.paths for answer in path.answers]
    every_secret = any(kind.radius_after.is_every_secret for kind in told.nodes)
    all_served = all(a.decision in (Decision.ALLOW, Decision.CONDITIONAL) for a in answers)
    refused = any(a.is_core and a.decision is Decision.NO for a in answers)
    changed = any(
        (*kind.needs_lost, *kind.needs_gained, *kind.rights_closed, *kind.rights_opened)
        for kind in told.nodes
    )
    return {
        "^Nothing changes": not changed and told.before.possible == told.after.possible,
        "^It heals": any(need.is_core for kind in told.nodes for need in kind.needs_gained),
        "kubelets: they get all|keep all they need": all_served,
        "no longer read|no Secrets beyond": not every_secret,
        "breaks|doesn't heal|be refused what": refused,
        "would lose": any(kind.needs_lost for kind in told.nodes),
        "still reads all|hands .* all Secrets": every_secret,
    }


def test_a_page_of_what_was_not_read_promises_nothing(as_viewer: Client) -> None:
    found = replace(OUTAGE, role_bindings=unread(OUTAGE.role_bindings))
    show(judge(found), "alpha", read=found)

    asked = {"modes": ["RBAC", "Webhook"]}
    shown = page(as_viewer.get("/clusters/alpha/what-if/", asked))

    assert "Whether it reads all Secrets can't be told" in shown.text
    assert "Can't be told: " in shown.text
    assert "Nobody answers what it needs" not in shown.text
    assert "It does not read all Secrets" not in shown.text


def test_a_legacy_binding_that_goes_closes_what_is_known() -> None:
    found = whatif(
        replace(
            cluster(NODE_RBAC, bindings=(LEGACY_BINDING,)), role_bindings=unread(GOOD.role_bindings)
        ),
        Change(dropped_subjects=(("system:node", NODES),)),
    )

    assert headline_of(found).said == "Kubelets keep all they need."
    assert headline_of(found).more.endswith("can't be told for sure.")
