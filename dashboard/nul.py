"""Texts as PostgreSQL keeps them: it takes no U+0000, which a hostile cluster's names may hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.types.json import Jsonb

NUL, INSTEAD = "\0", "\N{REPLACEMENT CHARACTER}"


def keep_out(connection: BaseDatabaseWrapper) -> None:
    """Have every text that goes there go with U+FFFD in place of U+0000: what is stored, and what
    is asked for. Safe to call again for the same connection.
    """
    if _execute not in connection.execute_wrappers:
        connection.execute_wrappers.append(_execute)


def without(value: object) -> object:
    """The same text, list or JSON with every U+0000 in it replaced; anything else as it is."""
    if isinstance(value, str):
        return value.replace(NUL, INSTEAD)
    if isinstance(value, dict):
        return {without(key): without(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without(item) for item in value]
    if isinstance(value, tuple):
        return tuple(without(item) for item in value)
    if isinstance(value, Jsonb):
        return Jsonb(without(value.obj), dumps=value.dumps)
    return value


def _execute(
    execute: Callable[..., Any],
    sql: str,
    params: object,
    many: bool,
    context: dict[str, Any],
) -> object:
    return execute(sql, without(params), many, context)
