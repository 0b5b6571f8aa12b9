"""Writing down who did what. Call it in the transaction of the act itself."""

from __future__ import annotations

from dashboard.models import AuditEvent, Cluster, User
from dashboard.services import clock


def record(
    action: str,
    *,
    actor: User | None,
    cluster: Cluster | None = None,
    about: str = "",
    **detail: str,
) -> None:
    """Add a row; `actor` is None for the command line. `detail` may hold no secret."""
    AuditEvent.objects.create(
        at=clock.now(),
        actor=actor,
        actor_name=actor.get_username() if actor else "command line",
        action=action,
        cluster=cluster,
        about=about or (cluster.name if cluster else ""),
        detail=detail,
    )
