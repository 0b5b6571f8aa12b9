"""ClusterRole system:node is compared by what it allows, not by how its rules are written."""

from __future__ import annotations

import pytest

from authzviz.engine.default_role import MOST_RIGHTS, against_default
from authzviz.engine.fresh import fresh_roles
from authzviz.engine.model import PolicyRule, Role
from authzviz.engine.versions import NEWEST_MINOR, OLDEST_MINOR
from tests.engine.build import NODE_ROLE, rule

RULES = NODE_ROLE.rules
EVERYTHING = rule("*", "*", "*")
CASES: dict[str, tuple[tuple[PolicyRule, ...], tuple[str, ...], tuple[str, ...]]] = {
    "the default, in other words": (RULES, (), ()),
    "twice": (RULES + RULES, (), ()),
    "a rule less": (RULES[1:], ("create tokenreviews.authentication.k8s.io",), ()),
    "a verb more": ((*RULES, rule("get list", "jobs", "batch")), (), ("get, list jobs.batch",)),
    "a named object": (
        (*RULES, rule("delete", "secrets", names="a b c d")),
        (),
        ("delete secrets named a, b, c",),
    ),
    "names of what is allowed anyway": ((*RULES, rule("get", "secrets", names="a")), (), ()),
    "a path": ((*RULES, rule("get", urls="/metrics")), (), ("get /metrics",)),
    "everything": ((EVERYTHING,), (), ("* *.*",)),
}


@pytest.mark.parametrize(("rules", "missing", "extra"), CASES.values(), ids=CASES)
def test_a_role_differs_by_what_it_allows(
    rules: tuple[PolicyRule, ...], missing: tuple[str, ...], extra: tuple[str, ...]
) -> None:
    found = against_default(Role("system:node", rules=rules), 28)

    assert (found.missing, found.extra) == (missing, extra)


@pytest.mark.parametrize("minor", range(OLDEST_MINOR, NEWEST_MINOR + 1))
def test_each_version_has_its_own_default(minor: int) -> None:
    role = next(role for role in fresh_roles(minor) if role.name == "system:node")
    found = against_default(role, minor)

    assert (found.missing, found.extra) == ((), ())


def test_a_huge_role_is_cut_off() -> None:
    many = tuple(f"r{number}" for number in range(1000))
    role = Role("system:node", rules=(PolicyRule(many, many, many),))

    assert sum(words.count(",") + 1 for words in against_default(role, 28).extra) == MOST_RIGHTS
