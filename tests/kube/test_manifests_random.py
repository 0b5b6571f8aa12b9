"""Whatever is in an object: the YAML that is shown of it is the object that was read."""

from __future__ import annotations

import msgspec
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from authzviz.engine.model import Binding, Flag, PolicyRule, Role, RoleRef, Subject
from authzviz.kube import flags, objects
from authzviz.kube.manifests import of_binding, of_flags, of_role, to_yaml

ODD = (
    *("=", "y", "no", "1e3", "0o7", "1_0", "0x1", "null", "~", "-", "2001-01-01", "1:30", "a: b"),
    *("<<", "*", "&a", "%x", "@", "`", "'", '"', "#", "\n", "\x85", "\u2028", "\u202e", "\x00"),
)
TEXT = st.text(max_size=8) | st.sampled_from(ODD)
TEXTS = st.lists(TEXT, max_size=3).map(tuple)
RULES = st.lists(st.builds(PolicyRule, TEXTS, TEXTS, TEXTS, TEXTS, TEXTS), max_size=2).map(tuple)
ROLES = st.builds(Role, TEXT, TEXT, RULES, st.booleans())
SUBJECTS = st.builds(Subject, st.sampled_from(("User", "Group", "ServiceAccount")), TEXT, TEXT)
BINDINGS = st.builds(
    Binding,
    TEXT,
    st.builds(RoleRef, st.sampled_from(("Role", "ClusterRole")), TEXT),
    TEXT,
    st.lists(SUBJECTS, max_size=2).map(tuple),
    st.booleans(),
)


@settings(max_examples=100)
@given(ROLES)
def test_a_role_is_what_was_read(role: Role) -> None:
    read = msgspec.convert(yaml.safe_load(to_yaml(of_role(role))), objects.RoleJson)

    assert objects.to_role(read) == role


@settings(max_examples=100)
@given(BINDINGS)
def test_a_binding_is_what_was_read(binding: Binding) -> None:
    read = msgspec.convert(yaml.safe_load(to_yaml(of_binding(binding))), objects.BindingJson)

    assert objects.to_binding(read) == binding


VALUES = st.sampled_from(("", "Node,RBAC", "true", "a=b"))


@settings(max_examples=50)
@given(st.lists(st.builds(Flag, st.sampled_from(sorted(flags.KEPT)), VALUES), min_size=1))
def test_flags_are_what_was_read(given_: list[Flag]) -> None:
    shown = yaml.safe_load(to_yaml(of_flags(tuple(given_))))

    assert flags.of_container(shown["command"], ()) == tuple(given_)


def test_what_other_readers_take_for_a_number_is_quoted() -> None:
    role = Role(
        "1e3",
        rules=(
            PolicyRule(
                ("y", "0o7"),
            ),
        ),
    )

    text = to_yaml(of_role(role))

    assert [odd for odd in ("'1e3'", "'y'", "'0o7'") if odd not in text] == []
