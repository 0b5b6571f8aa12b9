"""The flags that apiservers are to get, as values: what a play makes its variables from."""

from __future__ import annotations

from authzviz.plans.ground import Ground, wanted_modes, wanted_plugins
from authzviz.plans.plan import HostFlags
from authzviz.plans.servers import Server


def host_flags(ground: Ground) -> tuple[HostFlags, ...]:
    """An entry for each apiserver that isn't known to have what it needs."""
    return tuple(_of(server) for server in ground.servers if not server.is_done)


def _of(server: Server) -> HostFlags:
    is_read = server.read is not None and server.read.flags is not None
    return HostFlags(
        apiserver=server.name,
        port=server.port,
        modes=wanted_modes(server.state) if is_read else None,
        plugins=wanted_plugins(server.state) if is_read else None,
        is_file_configured=server.is_file_configured,
    )
