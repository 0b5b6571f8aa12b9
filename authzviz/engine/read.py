"""One read of a cluster: its value, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)


class Outcome(StrEnum):
    """How a read ended. There is no "empty": an empty list that was read is OK."""

    OK = "ok"
    FORBIDDEN = "forbidden"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Read(Generic[T_co]):
    """One read of the cluster: its value, or why there is none.

    `value` is None unless `outcome` is OK. `gaps` names items that were served but could not be
    understood: then the list is not whole, and nothing may be concluded from what is absent.
    `permission` is what would allow the read ("list
    clusterrolebindings.rbac.authorization.k8s.io"), said whatever the outcome.
    """

    outcome: Outcome
    source: str
    permission: str
    value: T_co | None = None
    why: str = ""
    gaps: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """True where absence means something: read, and every item understood."""
        return self.outcome is Outcome.OK and not self.gaps
