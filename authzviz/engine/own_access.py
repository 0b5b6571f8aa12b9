"""The finding about the credentials that a cluster is read with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from authzviz.engine.access import access_within
from authzviz.engine.assessment import Assessment, Control, Finding, Severity
from authzviz.engine.excess import ANYTHING
from authzviz.engine.judging import Judged

EXCESS = "excess-credentials"
_SHOWN = 3


def excess_credentials(judged: Judged) -> Iterator[Finding]:
    """One finding where the credentials may do more than the least role; it changes no verdict.

    Only a note of a bundle: nobody keeps the credentials that it was made with.
    """
    if any("AlwaysAllow" in (state.authorization_modes or ()) for state in judged.states):
        return  # there everybody may do everything, which is a finding of its own
    access = access_within(judged.snapshot, judged.rbac, judged.distribution.name)
    if access.severity is None:
        return
    words = [each.words for each in access.excess]
    more = len(words) + access.excess_left_out - _SHOWN
    shown = "; ".join(words[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")
    yield Finding(
        "excess-credentials",
        access.severity if judged.snapshot.is_live else Severity.INFO,
        "The credentials that read this cluster may do more than read",
        f"Beyond what is read with them: {shown}."
        " Whoever gets them can do the same. authzviz reader prints the role that suffices.",
        (Control("5.1.1", "CIS Kubernetes 1.12"),) if ANYTHING in words else (),
    )


def as_a_person_reads(assessment: Assessment) -> Assessment:
    """The same where a person reads with credentials of their own, which nobody keeps for them:
    then their excess is a note, and stands last.
    """
    others = tuple(finding for finding in assessment.findings if finding.id != EXCESS)
    own = tuple(
        replace(finding, severity=Severity.INFO)
        for finding in assessment.findings
        if finding.id == EXCESS
    )
    return replace(assessment, findings=(*others, *own)) if own else assessment
