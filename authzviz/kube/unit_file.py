"""A systemd unit's command line, with continuation lines, Environment= and quotes.

Source: systemd.service(5), "Command lines", and systemd.syntax(7).
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

_SECTION = re.compile(r"\[[A-Za-z][A-Za-z0-9-]*\]")
_WHOLE_VARIABLE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?")
_BRACED = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class UnitUnreadable(ValueError):
    """The unit's command can't be told; the text says why."""


@dataclass(frozen=True, slots=True)
class UnitCommand:
    """The words of ExecStart=, variables of the unit's own Environment= put in.

    `unset` are the variables that stand for words of their own and are set elsewhere; `files` the
    EnvironmentFile= entries, which are never followed.
    """

    words: tuple[str, ...]
    unset: tuple[str, ...]
    files: tuple[str, ...]


def is_unit(text: str) -> bool:
    """True where the text's first line with content is a section's head, such as [Unit]."""
    lines = (line.strip() for line in text.splitlines())
    first = next((line for line in lines if line and line[0] not in "#;"), "")
    return bool(_SECTION.fullmatch(first))


def command_of(text: str) -> UnitCommand:
    """The command that the unit starts. Raises UnitUnreadable where there is none."""
    settings = _settings(text)
    words: list[str] = []
    environment: dict[str, str] = {}
    files: list[str] = []
    for name, value in settings:
        if name == "ExecStart":
            words = _words(value.lstrip("@-:+!|")) if value else []
        elif name == "Environment":
            assigned = (word.partition("=") for word in _words(value))
            environment.update({variable: said for variable, _, said in assigned})
        elif name == "EnvironmentFile" and value:
            files.append(value.removeprefix("-"))
    if not words:
        raise UnitUnreadable("has no ExecStart=")
    return _expanded(words, environment, tuple(files))


def _settings(text: str) -> list[tuple[str, str]]:
    """Every assignment of section [Service], continuation lines joined."""
    section, pending, found = "", "", list[tuple[str, str]]()
    for raw in text.splitlines():
        line = raw.strip()
        if line.startswith(("#", ";")):
            continue  # also between continuation lines
        if line.endswith("\\"):
            pending += line[:-1] + " "
            continue
        line, pending = pending + line, ""
        if _SECTION.fullmatch(line):
            section = line
        elif section == "[Service]" and "=" in line:
            name, _, value = line.partition("=")
            found.append((name.strip(), value.strip()))
    return found


def _words(value: str) -> list[str]:
    try:
        return shlex.split(value)
    except ValueError:
        raise UnitUnreadable("has a line with an open quote") from None


def _expanded(words: list[str], environment: dict[str, str], files: tuple[str, ...]) -> UnitCommand:
    expanded: list[str] = []
    unset: list[str] = []
    for word in words:
        whole = _WHOLE_VARIABLE.fullmatch(word)
        if whole is None:
            expanded.append(_BRACED.sub(lambda found: _value(found, environment), word))
        elif whole[1] in environment:
            value = environment[whole[1]]
            expanded += [value] if word.startswith("${") else _words(value)
        else:
            unset.append(whole[1])
    return UnitCommand(tuple(expanded), tuple(unset), files)


def _value(found: re.Match[str], environment: dict[str, str]) -> str:
    return environment.get(found[1], found[0])
