"""Deleted means gone: what SQLite keeps of deleted rows for later is overwritten at once."""

from __future__ import annotations

import logging

from django.db import OperationalError, connection, transaction

log = logging.getLogger(__name__)

_PATIENCE_MILLISECONDS = 2_000


def erase_deleted() -> None:
    """Have what this transaction deletes erased as soon as it is committed.

    With secure_delete SQLite overwrites deleted rows, but in its write-ahead log the old pages stay
    until that is begun anew. PostgreSQL keeps them until its next vacuum; they are sealed there as
    they are here.
    """
    # Once for all of a transaction: a thousand removed clusters would each wait for who reads.
    asked = any(entry[1] is _empty_the_log for entry in connection.run_on_commit)
    if connection.vendor == "sqlite" and not asked:
        transaction.on_commit(_empty_the_log)


def _empty_the_log() -> None:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout")
        usual = int(cursor.fetchone()[0])
        # Others read meanwhile, each for a moment: nobody has to wait long for them.
        cursor.execute(f"PRAGMA busy_timeout={_PATIENCE_MILLISECONDS}")
        try:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            is_busy = bool(cursor.fetchone()[0])
        except OperationalError:  # what was deleted is deleted: that is no reason to fail
            is_busy = True
        finally:
            cursor.execute(f"PRAGMA busy_timeout={usual}")
    if is_busy:
        log.warning("the write-ahead log could not be emptied now; a later one does it")
