"""How an apiserver understands its own flags: lists, repeats, quotes."""

from __future__ import annotations

from authzviz.engine.model import Flag


class BadFlagError(ValueError):
    """A flag value with which no apiserver starts; its text says why."""


def values_of(flags: tuple[Flag, ...], name: str) -> tuple[str, ...] | None:
    """All values of a list flag, None where it is not given.

    Occurrences add up, and each is one record of CSV. Raises BadFlagError.
    Source: spf13/pflag string_slice.go (stringSliceValue.Set) over Go's encoding/csv.
    """
    given = [flag.value for flag in flags if flag.name == name]
    if not given:
        return None
    return tuple(value for text in given for value in split_record(text))


def split_record(text: str) -> tuple[str, ...]:
    """The fields of the first record of CSV in the text, as Go's encoding/csv reads them.

    Raises BadFlagError where Go would refuse.
    """
    fields: list[str] = []
    rest = text.lstrip("\r\n") if text.strip("\r\n") else ""
    if not rest:
        return ()
    while True:
        field, rest = _quoted(rest) if rest.startswith('"') else _bare(rest)
        fields.append(field)
        if not rest.startswith(","):
            return tuple(fields)
        rest = rest[1:]


def _bare(text: str) -> tuple[str, str]:
    end = min((i for i in (text.find(","), text.find("\n")) if i >= 0), default=len(text))
    field = text[:end].removesuffix("\r")
    if '"' in field:
        raise BadFlagError(f"a quote inside the unquoted value {field}")
    return field, text[end:]


def _quoted(text: str) -> tuple[str, str]:
    field, position = "", 1
    while True:
        end = text.find('"', position)
        if end < 0:
            raise BadFlagError(f"an open quote in {text}")
        field += text[position:end]
        follows = text[end + 1 : end + 2]
        if follows != '"':
            break
        field, position = field + '"', end + 2
    if follows not in ("", ",", "\n"):
        raise BadFlagError(f"text after the closing quote in {text}")
    return field, text[end + 1 :]
