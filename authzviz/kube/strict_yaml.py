"""YAML as kubeconfigs use it, and nothing more: mappings, lists, texts, true, false, null."""

from __future__ import annotations

from collections.abc import Iterator

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

MAX_BYTES = 1 << 20
_MAX_DEPTH = 24
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NODES = (
    ScalarEvent,
    MappingStartEvent,
    MappingEndEvent,
    SequenceStartEvent,
    SequenceEndEvent,
)
_PLAIN = {"true": True, "false": False, "null": None, "~": None, "": None}

Value = dict[str, "Value"] | list["Value"] | str | bool | None


class YamlRefused(ValueError):
    """The text is no YAML, or holds what is not taken; says where, and never quotes the text."""


def parse(text: str | bytes) -> Value:
    """The value of one document. Numbers and dates stay texts, yes and on are texts.

    Read from the parser's events, so that aliases, anchors, tags, duplicate keys, deep nesting
    and more than 1 MiB are refused before anything is built. Raises YamlRefused.
    """
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if len(raw) > MAX_BYTES:
        raise YamlRefused("this is larger than 1 MiB")
    try:
        events = _events(raw)
        value = _value(next(events, None), events, 0)
        if next(events, None) is not None:
            raise YamlRefused("this holds more than one document")
    except (yaml.YAMLError, UnicodeError) as error:
        raise YamlRefused(_why(error)) from None
    return value


def _events(raw: bytes) -> Iterator[Event]:
    for event in yaml.parse(raw, Loader=_LOADER):
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None):
            raise YamlRefused(f"{_line(event)}: anchors and aliases are not taken")
        if getattr(event, "tag", None):
            raise YamlRefused(f"{_line(event)}: tags are not taken")
        if isinstance(event, _NODES):
            yield event
        elif isinstance(event, DocumentStartEvent) and event.version:
            raise YamlRefused(f"{_line(event)}: directives are not taken")


def _value(event: Event | None, events: Iterator[Event], depth: int) -> Value:
    if depth > _MAX_DEPTH:
        raise YamlRefused(f"{_line(event)}: is nested too deeply")
    if isinstance(event, MappingStartEvent):
        return _mapping(events, depth)
    if isinstance(event, SequenceStartEvent):
        found: list[Value] = []
        while not isinstance(item := next(events), SequenceEndEvent):
            found.append(_value(item, events, depth + 1))
        return found
    if isinstance(event, ScalarEvent):
        if "\0" in event.value:
            raise YamlRefused(f"{_line(event)}: holds a NUL character")
        is_plain = event.style is None or event.style == ""
        return _PLAIN.get(event.value, event.value) if is_plain else str(event.value)
    return None


def _mapping(events: Iterator[Event], depth: int) -> Value:
    found: dict[str, Value] = {}
    while not isinstance(key := next(events), MappingEndEvent):
        if not isinstance(key, ScalarEvent):
            raise YamlRefused(f"{_line(key)}: a key must be a plain text")
        if "\0" in key.value:
            raise YamlRefused(f"{_line(key)}: holds a NUL character")
        if key.value in found or key.value == "<<":
            raise YamlRefused(f"{_line(key)}: a key stands twice, or merges")
        found[key.value] = _value(next(events), events, depth + 1)
    return found


def _line(event: Event | None) -> str:
    mark = getattr(event, "start_mark", None)
    return f"line {mark.line + 1}" if mark else "at its end"


def _why(error: Exception) -> str:
    # The problem is one of libyaml's fixed texts; str(error) would quote the line, token and all.
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None)
    where = f"line {mark.line + 1}: " if mark else ""
    return f"{where}this is not YAML" + (f" ({problem})" if problem and mark else "")
