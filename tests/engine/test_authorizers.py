"""The Node authorizer and RBAC, request by request."""

from __future__ import annotations

import pytest

from authzviz.engine.identity import Identity
from authzviz.engine.model import PolicyRule, Role, Subject
from authzviz.engine.rbac import covers, index
from authzviz.engine.request import Request
from authzviz.engine.versions import NEWEST_MINOR, OLDEST_MINOR, clamp, minor_of
from tests.engine.build import cluster, crb, rb, rule

VERSIONS = {
    "v1.28.15": 28,
    "v1.28.15-eks-abc": 28,
    "v1.37.2+k3s1": 37,
    "1.9.0": 9,
    "v1.30": 30,
    "v1.28-dirty": 28,
    "v2.0.0": None,
    "v1.x": None,
    "v1.1234": None,
    "": None,
}


@pytest.mark.parametrize(("text", "minor"), VERSIONS.items(), ids=VERSIONS)
def test_minor_of_a_version(text: str, minor: int | None) -> None:
    assert minor_of(text) == minor


def test_versions_beyond_those_known_are_judged_as_the_nearest() -> None:
    assert (clamp(3), clamp(28), clamp(99)) == (OLDEST_MINOR, 28, NEWEST_MINOR)


def asks(text: str, namespace: str = "", name: str = "", selector: str = "") -> Request:
    """A request from "verb group/resource/subresource", the group "core" being empty."""
    verb, _, rest = text.partition(" ")
    group, _, resource = rest.partition("/")
    resource, _, subresource = resource.partition("/")
    group = "" if group == "core" else group
    return Request(verb, resource, group, subresource, namespace, name, selector)


RULES: dict[str, tuple[PolicyRule, Request, bool]] = {
    "exact": (rule("get", "pods"), asks("get core/pods", "t", "p"), True),
    "other verb": (rule("get", "pods"), asks("list core/pods", "t"), False),
    "every verb": (rule("*", "pods"), asks("list core/pods", "t"), True),
    "other group": (rule("get", "pods", "apps"), asks("get core/pods", "t"), False),
    "every group": (rule("get", "pods", "*"), asks("get core/pods", "t"), True),
    "every resource": (rule("get", "*"), asks("get core/pods/log", "t"), True),
    "resource without its subresource": (rule("get", "pods"), asks("get core/pods/log"), False),
    "subresource": (rule("get", "pods/log"), asks("get core/pods/log"), True),
    "subresource of everything": (rule("get", "*/log"), asks("get core/pods/log"), True),
    "other subresource of everything": (rule("get", "*/log"), asks("get core/pods/exec"), False),
    "subresource of everything, asked for none": (
        rule("get", "*/log"),
        asks("get core/log"),
        False,
    ),
    "name": (rule("get", "pods", names="a b"), asks("get core/pods", "t", "b"), True),
    "other name": (rule("get", "pods", names="a"), asks("get core/pods", "t", "b"), False),
    "name on a list": (rule("list", "pods", names="a"), asks("list core/pods", "t"), False),
    "path": (rule("get", urls="/version"), Request("get", path="/version"), True),
    "path below": (rule("get", urls="/api/*"), Request("get", path="/api/v1"), True),
    "path above": (rule("get", urls="/api/*"), Request("get", path="/api"), False),
    "every path": (rule("get", urls="*"), Request("get", path="/metrics"), True),
    "resources don't cover paths": (rule("*", "*", "*"), Request("get", path="/metrics"), False),
}


@pytest.mark.parametrize(("rule_", "request_", "is_covered"), RULES.values(), ids=RULES)
def test_what_a_rule_covers(rule_: PolicyRule, request_: Request, is_covered: bool) -> None:
    assert covers(rule_, request_) is is_covered


def allows(identity: Identity, request: Request) -> bool:
    snapshot = cluster(
        bindings=(
            crb("a", "cluster-admin", Subject("Group", "admins")),
            crb("b", "cluster-admin", Subject("Odd", "ann")),
        ),
        roles=(Role("pods", "team", (rule("get", "pods"), rule("get", urls="/metrics"))),),
        role_bindings=(
            rb("c", "team", "pods", Subject("ServiceAccount", "own"), Subject("User", "ann")),
            rb("d", "other", "pods", Subject("ServiceAccount", "guest", "team")),
            rb("e", "other", "cluster-admin", Subject("User", "ann"), kind="ClusterRole"),
        ),
    )
    return any(reach.allows(request) for reach in index(snapshot).of(identity))


GRANTED: dict[str, tuple[Identity, Request, bool]] = {
    "group": (Identity("x", ("admins",)), asks("list core/nodes"), True),
    "role in its namespace": (Identity("ann"), asks("get core/pods", "team", "p"), True),
    "role elsewhere": (Identity("ann"), asks("get core/pods", "third", "p"), False),
    "cluster role in a namespace": (Identity("ann"), asks("list core/secrets", "other"), True),
    "cluster role, whole cluster": (Identity("ann"), asks("list core/secrets"), False),
    "no path by a role binding": (Identity("ann"), Request("get", path="/metrics"), False),
    "service account of the binding's namespace": (
        Identity("system:serviceaccount:team:own"),
        asks("get core/pods", "team", "p"),
        True,
    ),
    "role of another namespace": (
        Identity("system:serviceaccount:team:guest"),
        asks("get core/pods", "other", "p"),
        False,
    ),
    "letters in another case": (Identity("Ann"), asks("get core/pods", "team", "p"), False),
}


@pytest.mark.parametrize(("identity", "request_", "is_allowed"), GRANTED.values(), ids=GRANTED)
def test_what_bindings_grant(identity: Identity, request_: Request, is_allowed: bool) -> None:
    assert allows(identity, request_) is is_allowed
