"""The finding about the credentials that a cluster is read with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from authzviz.engine.access import own_excess
from authzviz.engine.assessment import Assessment, Control, Finding, Severity, Verdict
from authzviz.engine.excess import ANYTHING
from authzviz.engine.judging import Judged
from authzviz.engine.phrases import words_of

EXCESS = "excess-credentials"


def excess_credentials(judged: Judged) -> Iterator[Finding]:
    """One finding where the credentials may do more than the least role; it changes no verdict.

    Only a note of a bundle: nobody keeps the credentials that it was made with.
    """
    if judged.verdict is Verdict.ALWAYS_ALLOW:
        return  # there everybody may do everything, which is a finding of its own
    excess = own_excess(judged.snapshot, judged.rbac)
    if not excess:
        return
    words = tuple(each.words for each in excess)
    yield Finding(
        "excess-credentials",
        excess[0].severity if judged.snapshot.is_live else Severity.INFO,
        "The credentials that read this cluster may do more than read",
        f"Beyond what is read with them: {words_of(words)}."
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
