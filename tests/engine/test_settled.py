"""What a change would do to a cluster whose chain only its apiservers' answers tell."""

from __future__ import annotations

from dataclasses import replace

import pytest

from authzviz.engine.assessment import Verdict
from authzviz.engine.change import Change
from authzviz.engine.model import ApiServer, Snapshot
from authzviz.engine.whatif import whatif
from tests.engine import answers
from tests.engine.answers import asked, of_node, open_to_nodes, restricted
from tests.engine.build import LEGACY_BINDING, NODE_RBAC, RBAC, cluster, ok
from tests.engine.test_sources import OTHER, SAME

V = Verdict
DROP = Change(dropped=("system:node",))
TARGET = Change(("Node", "RBAC"), ("NodeRestriction",))


def bound(*servers: ApiServer) -> Snapshot:
    return cluster(*servers, bindings=(LEGACY_BINDING,))


CASES: dict[str, tuple[Snapshot, Change, Verdict, set[Verdict]]] = {
    "the binding goes": (
        bound(restricted(answers.NODE_RBAC_BOUND)),
        DROP,
        V.OVER_GRANTED,
        {V.NODE_AUTHORIZER},
    ),
    "the binding goes, and NodeRestriction was never told": (
        bound(asked(answers.NODE_RBAC_BOUND)),
        DROP,
        V.OVER_GRANTED,
        {V.UNRESTRICTED, V.NODE_AUTHORIZER},
    ),
    "the binding goes, and NodeRestriction is off": (
        bound(open_to_nodes(answers.NODE_RBAC_BOUND)),
        DROP,
        V.OVER_GRANTED,
        {V.UNRESTRICTED},
    ),
    "the binding goes, and the chain was told in part": (
        bound(restricted(answers.NODE_RBAC_BOUND, None)),
        DROP,
        V.OVER_GRANTED,
        {V.ALWAYS_ALLOW, V.REFUSED, V.UNRESTRICTED, V.NODE_AUTHORIZER},
    ),
    "both flags are given": (
        bound(restricted(answers.RBAC_BOUND)),
        TARGET,
        V.LEGACY_BINDING,
        {V.OVER_GRANTED},
    ),
    "modes are given, plugins were told": (
        cluster(restricted(answers.RBAC)),
        Change(("Node", "RBAC")),
        V.REFUSED,
        {V.NODE_AUTHORIZER},
    ),
    "flags that agree stay": (
        cluster(replace(RBAC, other_sources=(OTHER,), observed=restricted(answers.RBAC).observed)),
        Change(("Node", "RBAC")),
        V.REFUSED,
        {V.NODE_AUTHORIZER},
    ),
    "flags that were contradicted go": (
        cluster(replace(RBAC, observed=restricted(answers.NODE_RBAC, None).observed)),
        Change(admission_plugins=()),
        V.UNKNOWN,
        {V.UNRESTRICTED, V.NODE_AUTHORIZER},
    ),
    "an alias is changed with the others": (
        cluster(RBAC, replace(restricted(answers.RBAC), name="main", is_alias=True)),
        TARGET,
        V.REFUSED,
        {V.NODE_AUTHORIZER},
    ),
    "what nodes were answered is past": (
        replace(
            cluster(RBAC),
            node_reviews=ok(
                (
                    *of_node("", lease="-", secret="-"),
                    *of_node("node1", lease="+", secret="-"),
                )
            ),
        ),
        TARGET,
        V.MIXED,
        {V.NODE_AUTHORIZER},
    ),
    "nothing is changed": (
        cluster(replace(NODE_RBAC, other_sources=(SAME,))),
        Change(),
        V.NODE_AUTHORIZER,
        {V.NODE_AUTHORIZER},
    ),
}


@pytest.mark.parametrize(("snapshot", "change", "before", "after"), CASES.values(), ids=CASES)
def test_what_a_change_would_do_where_answers_tell(
    snapshot: Snapshot, change: Change, before: Verdict, after: set[Verdict]
) -> None:
    found = whatif(snapshot, change)

    assert (found.before.verdict, set(found.after.possible)) == (before, after)
    ids = {finding.id for finding in (*found.findings_gone, *found.findings_new)}
    assert not ids & {"model-differs", "flags-contradicted", "sources-differ"}
