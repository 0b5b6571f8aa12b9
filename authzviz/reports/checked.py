"""One cluster as `authzviz check` saw it: what every report is made from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from authzviz.engine.assessment import Assessment, Verdict


@dataclass(frozen=True, slots=True)
class Checked:
    """A cluster and its assessment; `assessment` is None where not even /version was answered, and
    `error` then says why in a sentence. `read_at` is the snapshot's time, `source` the file that it
    was read from, "" for a live cluster. `age_seconds` is how old a bundle is, None where it is no
    bundle.
    """

    name: str
    server: str
    read_at: datetime | None
    assessment: Assessment | None
    error: str = ""
    source: str = ""
    age_seconds: float | None = None

    @property
    def verdict(self) -> Verdict:
        """The verdict; unknown for a cluster that did not answer."""
        return self.assessment.verdict if self.assessment else Verdict.UNKNOWN
