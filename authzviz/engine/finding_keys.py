"""What tells the findings of one cluster apart, from read to read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from authzviz.engine.assessment import Assessment, Finding, Grant


def binding_of(finding: Finding, grants: Iterable[Grant]) -> str:
    """The binding that the finding's title names, "" where it names none."""
    titled = (each.binding for each in grants if finding.title.startswith(f"{each.binding} "))
    return max(titled, key=len, default="")


def keyed(assessment: Assessment) -> dict[str, Finding]:
    """Every finding by a key of 32 letters that stays the same whatever its counts and wording.

    Made of the finding's id and the binding it is about; what stands twice is numbered.
    """
    seen: dict[tuple[str, str], int] = {}
    found = {}
    for finding in assessment.findings:
        place = finding.id, binding_of(finding, assessment.grants)
        seen[place] = seen.get(place, 0) + 1
        parts = "\0".join((*place, str(seen[place])))
        found[hashlib.sha256(parts.encode("utf-8", "replace")).hexdigest()[:32]] = finding
    return found
