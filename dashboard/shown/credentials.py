"""What a cluster's credentials may, lack and hold in excess, in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from authzviz.engine.access import Excess, Lack, access_of
from authzviz.engine.phrases import counted
from dashboard.services.pages import LastRead
from dashboard.visible import made_visible


@dataclass(frozen=True, slots=True)
class CredentialsCard:
    """The credentials' part of a cluster's page.

    `why` says why not all that they hold is known, "" where it is.
    """

    lacks: tuple[Lack, ...]
    held: tuple[Lack, ...]
    untold: tuple[Lack, ...]
    excess: tuple[Excess, ...]
    excess_left_out: int
    why: str
    expire_at: datetime | None
    expires_soon: bool

    @property
    def words(self) -> str:
        """How far they suffice, in a sentence."""
        needed = [lack for lack in self.lacks if not lack.is_optional]
        if needed:
            are = "is" if len(needed) == 1 else "are"
            return f"{counted(len(needed), 'permission')} of the least role {are} lacking."
        if self.untold:
            return "Nothing is known to be lacking."
        return "Everything that is needed can be read."

    @property
    def tone(self) -> str:
        """The tone of `words`."""
        if any(not lack.is_optional for lack in self.lacks):
            return "warning"
        return "unsure" if self.untold else "good"


def credentials_card(facts: LastRead) -> CredentialsCard | None:
    """The card; None where it was read by credentials that nobody keeps."""
    if not facts.snapshot.is_live or facts.row.cluster.is_recorded:
        return None
    access = made_visible(access_of(facts.snapshot))
    return CredentialsCard(
        lacks=access.lacks,
        held=access.held,
        untold=access.untold,
        excess=access.excess,
        excess_left_out=access.excess_left_out,
        why=access.why,
        expire_at=facts.row.cluster.credentials_expire_at,
        expires_soon=facts.row.expires_soon,
    )
