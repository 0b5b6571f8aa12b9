"""Writing down who did what. Call it in the transaction of the act itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeAlias
from uuid import UUID, uuid4

from dashboard.models import AuditEvent, Cluster, User
from dashboard.services import clock, many_rows

Value: TypeAlias = str | int | list[str] | dict[str, str] | None
"""What a detail may be: as it is stored in JSON, so that it can be put back."""

UNDOES = "undoes"
"""The detail that names the act which was undone."""

_batch: ContextVar[UUID | None] = ContextVar("batch", default=None)
_undone: ContextVar[UUID | None] = ContextVar("undone", default=None)


@contextmanager
def together(*, undoes: UUID | None = None) -> Iterator[UUID]:
    """What is recorded within is one act of a person, to be told and undone as one: its mark.

    `undoes` is the mark of the act that this one undoes.
    """
    batch = uuid4()
    tokens = _batch.set(batch), _undone.set(undoes)
    try:
        yield batch
    finally:
        _batch.reset(tokens[0])
        _undone.reset(tokens[1])


def record(
    action: str,
    *,
    actor: User | None,
    cluster: Cluster | None = None,
    about: str = "",
    **detail: Value,
) -> None:
    """Add a row; `actor` is None for the command line. `detail` may hold no secret.

    What can be undone holds as `before` and `to` what is stored, not words for it.
    """
    AuditEvent.objects.create(**_row(action, actor, cluster, about, detail))


def record_many(
    action: str, done: Iterable[tuple[Cluster, Mapping[str, Value]]], *, actor: User
) -> None:
    """Add a row for each of these clusters, with its detail, as `record` does."""
    usual = _row(action, actor, None, "", {})
    rows = (
        {"cluster_id": cluster.pk, "about": cluster.name, "detail": {**usual["detail"], **detail}}
        for cluster, detail in done
    )
    many_rows.insert(AuditEvent(**usual), rows)


def _row(
    action: str, actor: User | None, cluster: Cluster | None, about: str, detail: dict[str, Value]
) -> dict[str, Any]:
    undone = _undone.get()
    return {
        "at": clock.now(),
        "actor": actor,
        "actor_name": actor.get_username() if actor else "command line",
        "action": action,
        "cluster": cluster,
        "about": about or (cluster.name if cluster else ""),
        "detail": {**detail, UNDOES: str(undone)} if undone is not None else detail,
        "batch": _batch.get(),
    }
