"""Only the Leases of nodes, and the apiserver's own time: what is read while a step is taken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from authzviz.engine.model import Lease, Outcome, Read
from authzviz.kube.connection import Connection
from authzviz.kube.errors import ReadFailed, ReadForbidden
from authzviz.kube.nodes import read_all_leases, read_leases

if TYPE_CHECKING:
    from authzviz.kube.credentials import Credentials
    from authzviz.net import AddressPolicy

# A Lease is 500 bytes, and no cluster has more than 20,000 nodes.
MAX_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class Renewals:
    """The Leases of kube-node-lease, and the apiserver's clock as it gave them, None where it told
    none. Not `is_whole` where one of them can't be understood: then none is known to be gone.
    """

    at: datetime | None
    leases: tuple[Lease, ...]
    is_whole: bool = True


def read_renewals(
    credentials: Credentials,
    *,
    policy: AddressPolicy,
    deadline_seconds: float,
    is_first: bool,
) -> Renewals:
    """The Leases now: as they are stored where `is_first`, else from the apiserver's cache, which
    costs it less and may be a moment behind.

    Raises KubeError where there is no list.
    """
    with Connection(
        credentials, policy, deadline_seconds=deadline_seconds, max_bytes=MAX_BYTES
    ) as connection:
        read = read_all_leases(connection) if is_first else read_leases(connection)
        return Renewals(connection.server_time, _value(read), is_whole=read.is_whole)


def _value(read: Read[tuple[Lease, ...]]) -> tuple[Lease, ...]:
    if read.outcome is Outcome.FORBIDDEN:
        raise ReadForbidden(f"it may not {read.permission}: {read.why}")
    if read.value is None:
        raise ReadFailed(read.why)
    return read.value
