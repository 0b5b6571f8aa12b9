"""Writing down who did what. Call it in the transaction of the act itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias
from uuid import UUID, uuid4

from dashboard.models import AuditEvent, Cluster, User
from dashboard.services import clock

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
    undone = _undone.get()
    if undone is not None:
        detail[UNDOES] = str(undone)
    AuditEvent.objects.create(
        at=clock.now(),
        actor=actor,
        actor_name=actor.get_username() if actor else "command line",
        action=action,
        cluster=cluster,
        about=about or (cluster.name if cluster else ""),
        detail=detail,
        batch=_batch.get(),
    )
