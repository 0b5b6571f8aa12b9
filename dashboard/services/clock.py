"""The time that leases and due times are measured by."""

from datetime import datetime

from django.db import connection
from django.utils import timezone


def now() -> datetime:
    """The database's time, which all workers share; with SQLite that is this machine's."""
    if connection.vendor == "sqlite":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return datetime.fromisoformat(str(cursor.fetchone()[0]))
