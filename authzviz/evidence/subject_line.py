"""Subjects as programs print them -> CN and O: openssl old and new, RFC 2253 and 4514, and the
fields of `kubectl describe csr`, openssl's multiline and cfssl's JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

_KINDS = {
    "cn": "CN",
    "commonname": "CN",
    "2.5.4.3": "CN",
    "o": "O",
    "organization": "O",
    "organizationname": "O",
    "2.5.4.10": "O",
}
_SUBJECT = re.compile(r"\s*subject\s*[=:][ \t]*(.*)", re.IGNORECASE)
_ISSUER = re.compile(r"\s*issuer\s*[=:][ \t]*(.*)", re.IGNORECASE)
_TIME = re.compile(r"\s*not ?(before|after)\s*[=:]\s*(.*)", re.IGNORECASE)
_FIELD = re.compile(
    r"\s*(common ?name|organization(?:name)?)\s*[=:][ \t]*(\S.*)", re.IGNORECASE | re.ASCII
)
_MOMENT = re.compile(
    r"([A-Z][a-z]{2})\s+(\d{1,2}) (\d\d):(\d\d):(\d\d)(?:\.\d+)? (\d{4}) GMT", re.ASCII
)
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_TYPE = r"(?:[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+)"
_SLASH = re.compile(rf"/(?={_TYPE}=)")
_PAIR = re.compile(rf"\s*({_TYPE})\s*=\s*(.*)", re.DOTALL)
_BYTE = re.compile(r"\\x([0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class Line:
    """A subject, and what was printed beside it: the issuer as it stands there, and the times."""

    common_names: tuple[str, ...]
    organizations: tuple[str, ...]
    issuer: str = ""
    not_before: datetime | None = None
    not_after: datetime | None = None


def parse(text: str) -> Line | None:
    """The subject that this text tells, None where it tells none."""
    told = text.strip()
    if told.startswith("{"):
        return _of_json(told)
    lines = told.splitlines()
    pairs = list(_pairs_of(lines))
    names = tuple(value for kind, value in pairs if kind == "CN" and value)
    organizations = tuple(value for kind, value in pairs if kind == "O" and value)
    if not names and not organizations:
        return None
    times = {
        found[1].lower(): _moment(found[2]) for line in lines if (found := _TIME.fullmatch(line))
    }
    issuers = [found[1].strip() for line in lines if (found := _ISSUER.fullmatch(line))]
    return Line(
        names,
        organizations,
        issuer=issuers[0] if issuers else "",
        not_before=times.get("before"),
        not_after=times.get("after"),
    )


def _pairs_of(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Kind and value of every attribute: of the line that says it is a subject, of a list of
    fields, or of the only line there is.
    """
    subjects = [found[1] for line in lines if (found := _SUBJECT.fullmatch(line)) and found[1]]
    if subjects:
        yield from _attributes(subjects[0])
        return
    fields = [found for line in lines if (found := _FIELD.fullmatch(line))]
    if fields:
        for found in fields:
            yield _KINDS[found[1].lower().replace(" ", "")], found[2].strip()
    elif len(lines) == 1:
        yield from _attributes(lines[0])


def _attributes(name: str) -> Iterator[tuple[str, str]]:
    name = name.strip()
    is_old = name.startswith("/")
    for part in _SLASH.split(name) if is_old else _parts(name):
        pair = _PAIR.fullmatch(part)
        kind = _KINDS.get(pair[1].lower(), "") if pair else ""
        if pair and kind:
            yield kind, _old_value(pair[2]) if is_old else _value(pair[2])


def _parts(name: str) -> Iterator[str]:
    """The name, cut at each comma, plus or semicolon that is neither escaped nor quoted."""
    start, is_quoted, is_escaped = 0, False, False
    for at, letter in enumerate(name):
        if is_escaped:
            is_escaped = False
        elif letter == "\\":
            is_escaped = True
        elif letter == '"':
            is_quoted = not is_quoted
        elif letter in ",+;" and not is_quoted:
            yield name[start:at]
            start = at + 1
    yield name[start:]


def _value(written: str) -> str:
    """The value, its escapes undone: two hex digits are a byte of UTF-8, all else is itself.

    Source: RFC 4514, section 2.4 and 3.
    """
    raw = bytearray()
    at = 0
    written = _stripped(written)
    while at < len(written):
        letter = written[at]
        if letter == "\\" and (digits := re.match(r"[0-9A-Fa-f]{2}", written[at + 1 : at + 3])):
            raw.append(int(digits[0], 16))
            at += 3
            continue
        if letter == "\\" and at + 1 < len(written):
            at += 1
            letter = written[at]
        elif letter == '"':
            letter = ""
        raw += letter.encode("utf-8", "replace")
        at += 1
    return raw.decode("utf-8", "replace")


def _stripped(written: str) -> str:
    """Without the blanks around it; one that is escaped is part of the value."""
    short = written.strip()
    is_escaped = short.endswith("\\") and not short.endswith("\\\\")
    return f"{short} " if is_escaped and len(written.rstrip()) < len(written) else short


def _old_value(written: str) -> str:
    """The value as openssl's old form has it: bytes that are not ASCII as \\xD1."""
    raw = b""
    end = 0
    for found in _BYTE.finditer(written):
        raw += written[end : found.start()].encode("utf-8", "replace")
        raw += bytes([int(found[1], 16)])
        end = found.end()
    return (raw + written[end:].encode("utf-8", "replace")).decode("utf-8", "replace").strip()


def _of_json(text: str) -> Line | None:
    """The subject of a request as cfssl has it, or of any object with its field "subject"."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(found.get("subject"), dict):
        found = found["subject"]
    names = [value for key in ("CN", "commonName", "common_name") for value in _texts(found, key)]
    groups = [value for key in ("O", "organization") for value in _texts(found, key)]
    entries = found.get("names")
    for entry in entries if isinstance(entries, list) else ():
        groups += _texts(entry, "O") if isinstance(entry, dict) else []
    return Line(tuple(names), tuple(groups)) if names or groups else None


def _texts(found: dict[str, object], key: str) -> list[str]:
    value = found.get(key)
    values = value if isinstance(value, list) else [value]
    return [text for text in values if isinstance(text, str) and text]


def _moment(written: str) -> datetime | None:
    """The time as openssl prints it ("Nov 24 09:00:00 2027 GMT"), None for another form."""
    found = _MOMENT.fullmatch(written.strip())
    if found is None or found[1] not in _MONTHS:
        return None
    month = _MONTHS.index(found[1]) + 1
    day, hour, minute, second, year = (int(found[number]) for number in range(2, 7))
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
