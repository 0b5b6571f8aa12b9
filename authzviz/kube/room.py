"""How much memory one cluster's answers may take, told before they are decoded.

A decoder turns two bytes into a value of two hundred, so that a cap on bytes bounds nothing. What
decoding may take is estimated from above by what every value needs in the text: an object its
brace, the others a comma; and all that is kept of a cluster is counted.
"""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from functools import lru_cache

import msgspec

from authzviz.engine.model import Binding, PolicyRule, Role
from authzviz.kube.errors import ReadFailed

MAX_BYTES = 56 << 20
# Decoding makes at most so many bytes of one; measured.
_MOST_OF_A_BYTE = 60
_WINDOW = 1 << 20
_QUOTE = re.compile(rb'[^\\]"')
_WIDE = re.compile(rb"\\u(?!00)")
_SHORT_TEXT = 49
# What judging makes of a binding that may reach a node; measured.
_JUDGED = 900


class Room:
    """What is still free of the memory that one cluster may take."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self.left = max_bytes

    def keep(self, size: int) -> None:
        """Count `size` bytes as kept. Raises ReadFailed when that is too much."""
        if size > self.left:
            raise ReadFailed(
                "too large: what this cluster tells takes more than the"
                f" {self._max_bytes >> 20} MiB of memory that one cluster is given"
            )
        self.left -= size

    def check(self, body: bytearray, *, per_object: int, per_value: int) -> None:
        """Raise ReadFailed where decoding `body` may take more than is left.

        `per_object` and `per_value` are the most bytes that an object and any other value of its
        kind become.
        """
        size = len(body)
        if size * _MOST_OF_A_BYTE <= self.left:
            return
        if not all(_QUOTE.search(body, at, at + _WINDOW) for at in range(0, size, _WINDOW)):
            raise ReadFailed("unexpected answer: a megabyte without the names of a list's fields")
        needed = size + per_object * body.count(b"{")
        needed += per_value * body.count(b",") if per_value else 0
        if needed + 4 * size > self.left and needed + size * _text_width(body) > self.left:
            raise ReadFailed(
                f"too large: an answer of {size / 1e6:.1f} MB would take more than what is left of"
                f" the {self._max_bytes >> 20} MiB of memory that one cluster is given"
            )


def held(value: object) -> int:
    """How many bytes a value of the engine holds, what it shares with others included."""
    if isinstance(value, str):
        return _SHORT_TEXT + (len(value) if value.isascii() else 4 * len(value))
    if not value:
        return 0  # (), None and False are there but once
    if isinstance(value, (tuple, list)):
        return 56 + sum([8 + held(one) for one in value])
    if isinstance(value, dict):
        return 64 + sum([100 + held(key) + held(one) for key, one in value.items()])
    if isinstance(value, msgspec.Struct):
        return 40 + sum([8 + held(getattr(value, name)) for name in value.__struct_fields__])
    if is_dataclass(value) and not isinstance(value, type):
        names = _names(type(value))
        return 40 + sum([8 + held(getattr(value, name)) for name in names])
    return 32


def held_by_role(role: Role) -> int:
    """As `held`, five times as fast: there are many rules."""
    return 300 + held(role.name) + held(role.namespace) + sum(map(_held_by_rule, role.rules))


def held_by_binding(binding: Binding) -> int:
    """As `held`, five times as fast: there are many bindings. With the grants that judging makes
    of those that reach nodes, which take more than the binding itself.
    """
    # References to a role are shared by most, subjects are not.
    size = 140 + held(binding.name) + held(binding.namespace) + len(binding.role_ref.name)
    for subject in binding.subjects:
        size += 64 + held(subject.kind) + held(subject.name) + held(subject.namespace)
        if subject.name.startswith("system:"):
            size += _JUDGED
    return size


def _held_by_rule(rule: PolicyRule) -> int:
    size = 110
    for texts in (
        rule.verbs,
        rule.api_groups,
        rule.resources,
        rule.resource_names,
        rule.non_resource_urls,
    ):
        if texts:
            size += 56 + sum([8 + held(text) for text in texts])
    return size


@lru_cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _text_width(body: bytearray) -> int:
    """The bytes that a character takes, as wide as the widest of its text."""
    return 1 if body.isascii() and not _WIDE.search(body) else 4
