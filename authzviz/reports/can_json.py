"""`authzviz can`: one line of JSON for each decision, in the order asked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from authzviz.engine.assessment import Decision

if TYPE_CHECKING:
    from authzviz.engine.decide import Said


def can_json(said: Said) -> str:
    """Return the decision as a line without its end.

    `by` is who allows or, where it is conditional, would; nobody does in the other cases. All but
    ASCII is escaped, so that no name obeys or deceives a terminal.
    """
    has_author = said.decision in (Decision.ALLOW, Decision.CONDITIONAL)
    by = said.by if has_author else ""
    return json.dumps({"decision": said.decision, "by": by, "reason": said.because})
