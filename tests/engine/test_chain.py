"""What an apiserver's flags mean, and which no apiserver starts with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from authzviz.engine.assessment import Switch
from authzviz.engine.chain import over_all, state_of
from authzviz.engine.flags import BadFlagError, split_record
from tests.engine.build import server

ON, OFF, UNKNOWN = Switch.ON, Switch.OFF, Switch.UNKNOWN

CASES: dict[str, tuple[tuple[str, ...], tuple[str, ...] | None, Switch, Switch]] = {
    "no flag is AlwaysAllow": ((), ("AlwaysAllow",), OFF, OFF),
    "one flag": (("--authorization-mode=Node,RBAC",), ("Node", "RBAC"), ON, OFF),
    "a list flag adds up": (
        ("--authorization-mode=AlwaysAllow", "--authorization-mode=RBAC"),
        ("AlwaysAllow", "RBAC"),
        OFF,
        OFF,
    ),
    "quoted values": (('--authorization-mode="Node","RBAC"',), ("Node", "RBAC"), ON, OFF),
    "plugins add up": (
        (
            "--authorization-mode=RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--enable-admission-plugins=PodSecurity",
        ),
        ("RBAC",),
        OFF,
        ON,
    ),
    "NodeRestriction disabled": (
        ("--authorization-mode=RBAC", "--disable-admission-plugins=NodeRestriction"),
        ("RBAC",),
        OFF,
        OFF,
    ),
    "the old flag is the whole list": (
        ("--authorization-mode=RBAC", "--admission-control=NodeRestriction,ServiceAccount"),
        ("RBAC",),
        OFF,
        ON,
    ),
    "authorizers in a file": (
        ("--authorization-config=/a.yaml", "--enable-admission-plugins=NodeRestriction"),
        None,
        UNKNOWN,
        ON,
    ),
    "authorizers in a file, as /flagz shows it": (
        ("--authorization-config=/a.yaml", "--authorization-mode="),
        None,
        UNKNOWN,
        OFF,
    ),
    "authorizers in OpenShift's file": (
        ("--openshift-config=/config.yaml",),
        None,
        UNKNOWN,
        UNKNOWN,
    ),
}
IMPOSSIBLE: dict[str, tuple[str, ...]] = {
    "unknown mode": ("--authorization-mode=Nodes",),
    "mode in lower case": ("--authorization-mode=node,RBAC",),
    "space after the comma": ("--authorization-mode=Node, RBAC",),
    "one quoted value with a comma": ('--authorization-mode="Node,RBAC"',),
    "single quotes": ("--authorization-mode='Node,RBAC'",),
    "mode twice": ("--authorization-mode=Node", "--authorization-mode=RBAC,Node"),
    "empty": ("--authorization-mode=",),
    "both mode and file": ("--authorization-mode=RBAC", "--authorization-config=/a.yaml"),
    "plugin enabled and disabled": (
        "--enable-admission-plugins=NodeRestriction",
        "--disable-admission-plugins=NodeRestriction",
    ),
    "plugin with a space": ("--enable-admission-plugins=PodSecurity, NodeRestriction",),
    "empty plugin": ("--enable-admission-plugins=NodeRestriction,",),
    "old and new plugin flags": (
        "--admission-control=NodeRestriction",
        "--enable-admission-plugins=NodeRestriction",
    ),
}


@pytest.mark.parametrize(("flags", "modes", "node", "restriction"), CASES.values(), ids=CASES)
def test_what_flags_mean(
    flags: tuple[str, ...], modes: tuple[str, ...] | None, node: Switch, restriction: Switch
) -> None:
    state = state_of(server(*flags))

    assert state.authorization_modes == modes
    assert (state.node_authorizer, state.node_restriction) == (node, restriction)
    assert bool(state.why) == (modes is None)


@pytest.mark.parametrize("flags", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_flags_no_apiserver_starts_with_tell_nothing(flags: tuple[str, ...]) -> None:
    state = state_of(server(*flags))

    assert state.authorization_modes is None
    assert state.admission_plugins is None
    assert (state.node_authorizer, state.node_restriction) == (UNKNOWN, UNKNOWN)
    assert "can't start" in state.why


@pytest.mark.parametrize("why", ["", "no mirror pod"])
def test_unread_flags_say_why(why: str) -> None:
    state = state_of(replace(server(), flags=None, why=why))

    assert state.authorization_modes is None
    assert state.why == (why or "its flags could not be read")


@pytest.mark.parametrize(
    ("switches", "expected"),
    [
        ((ON, ON), ON),
        ((ON, OFF), Switch.MIXED),
        ((ON, UNKNOWN), UNKNOWN),
        ((ON, OFF, UNKNOWN), Switch.MIXED),
        ((UNKNOWN,), UNKNOWN),
    ],
)
def test_one_switch_for_all_apiservers(switches: tuple[Switch, ...], expected: Switch) -> None:
    assert over_all(switches) is expected


# As Go's encoding/csv reads one record.
RECORDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "empty": ("", ()),
    "one": ("a", ("a",)),
    "empty fields": (",a,", ("", "a", "")),
    "spaces stay": (" a ,b", (" a ", "b")),
    "quotes": ('"a,b","c""d"', ("a,b", 'c"d')),
    "only the first line": ("a,b\nc", ("a", "b")),
    "only the first line, quoted": ('"a"\nc', ("a",)),
}


@pytest.mark.parametrize(("text", "fields"), RECORDS.values(), ids=RECORDS)
def test_records_of_csv(text: str, fields: tuple[str, ...]) -> None:
    assert split_record(text) == fields


@pytest.mark.parametrize("text", ['a"b', '"a', '"a"b', ' "a"'])
def test_records_that_go_refuses(text: str) -> None:
    with pytest.raises(BadFlagError):
        split_record(text)
