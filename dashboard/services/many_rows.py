"""Many new rows that differ in a few columns, in one statement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import connection
from django.db.models import Field, Model


def insert(like: Model, each: Iterable[Mapping[str, object]]) -> None:
    """Add a row like `like` for each of these, which all say in what it differs, by attribute.

    What breaks a unique constraint is left out. It takes a tenth of the time of bulk_create, which
    prepares every column of every row.
    """
    each = list(each)
    if not each:
        return
    varied = [field for field in like._meta.concrete_fields if field.attname in each[0]]
    # What is null in all of them needs no column.
    same = [
        field
        for field in like._meta.concrete_fields
        if field not in varied and getattr(like, field.attname) is not None
    ]
    values = [_stored(field, field.pre_save(like, add=True)) for field in same]
    columns = [[_stored(field, row[field.attname]) for row in each] for field in varied]
    table = connection.ops.quote_name(like._meta.db_table)
    names = ", ".join(connection.ops.quote_name(str(field.column)) for field in (*same, *varied))
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # The values that differ go as one array for each column: psycopg would send, and
            # PostgreSQL plan, a statement for each row.
            arrays = ", ".join(f"%s::{field.db_type(connection)}[]" for field in varied)
            alike = "%s, " * len(same)
            cursor.execute(
                f"INSERT INTO {table} ({names}) SELECT {alike}each.*"  # noqa: S608
                f" FROM unnest({arrays}) AS each ON CONFLICT DO NOTHING",
                [*values, *columns],
            )
        else:
            places = ", ".join(["%s"] * (len(same) + len(varied)))
            cursor.executemany(
                f"INSERT INTO {table} ({names}) VALUES ({places}) ON CONFLICT DO NOTHING",  # noqa: S608
                [(*values, *own) for own in zip(*columns, strict=True)],
            )


def _stored(field: Field[Any, Any], value: object) -> Any:
    return field.get_db_prep_save(value, connection)
