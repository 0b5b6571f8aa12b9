"""Keys that tell the findings of a cluster apart."""

from __future__ import annotations

from dataclasses import replace

from authzviz.engine import judge
from authzviz.engine.assessment import Finding, Severity
from authzviz.engine.finding_keys import binding_of, keyed
from tests.engine.build import LEGACY_BINDING, NODE_RBAC, cluster

OVER_GRANTED = judge(cluster(NODE_RBAC, bindings=(LEGACY_BINDING,)))
BINDING = OVER_GRANTED.grants[0].binding


def finding(title: str, id_: str = "beyond") -> Finding:
    return Finding(id_, Severity.HIGH, title, "detail")


def test_a_key_outlives_counts_and_wording() -> None:
    before = replace(OVER_GRANTED, findings=(finding(f"{BINDING} reaches 3 nodes"),))
    after = replace(OVER_GRANTED, findings=(finding(f"{BINDING} reaches every node"),))

    assert list(keyed(before)) == list(keyed(after))
    assert all(len(key) == 32 for key in keyed(before))


def test_no_two_findings_share_a_key() -> None:
    twice = (finding("one"), finding("two"), finding("three", "other"), finding(f"{BINDING} more"))
    found = keyed(replace(OVER_GRANTED, findings=twice))

    assert list(found.values()) == list(twice)


def test_a_finding_is_about_the_binding_that_its_title_names() -> None:
    longer = replace(OVER_GRANTED.grants[0], binding=f"{BINDING} and more")
    grants = (*OVER_GRANTED.grants, longer)

    assert binding_of(finding(f"{BINDING} and more gives all"), grants) == longer.binding
    assert binding_of(finding("NodeRestriction is off"), grants) == ""
