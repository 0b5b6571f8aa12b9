"""What machines' reports of `check` say of one cluster: its findings, and what is no pass."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from authzviz.engine.assessment import Assessment, Severity, Verdict
from authzviz.engine.finding_keys import binding_of
from authzviz.reports.checked import Checked
from authzviz.reports.rules import RULES, UNKNOWN_VERDICT, UNREACHABLE, Rule, rule_of


@dataclass(frozen=True, slots=True)
class Result:
    """One thing to report of a cluster; `binding` is empty where it is about the whole cluster."""

    rule: Rule
    severity: Severity
    text: str
    cluster: str
    binding: str = ""

    @property
    def place(self) -> str:
        """Where it is: the cluster, or "CLUSTER/ClusterRoleBinding NAME"."""
        return f"{self.cluster}/{self.binding}" if self.binding else self.cluster


def results_of(checked: Checked) -> tuple[Result, ...]:
    """Everything to report of one cluster, never empty unless it is at the target.

    A cluster that didn't answer and a verdict that can't be told are results of their own.
    """
    if checked.assessment is None:
        rule = RULES[UNREACHABLE]
        return (Result(rule, rule.severity, checked.error or rule.title, checked.name),)
    return tuple(_results(checked.name, checked.assessment))


def _results(cluster: str, assessment: Assessment) -> Iterator[Result]:
    if assessment.verdict is Verdict.UNKNOWN:
        rule = RULES[UNKNOWN_VERDICT]
        yield Result(rule, rule.severity, f"{assessment.summary} {assessment.cause}", cluster)
    elif assessment.verdict is not Verdict.NODE_AUTHORIZER and not assessment.findings:
        rule = Rule(assessment.verdict, assessment.summary, assessment.cause, Severity.HIGH)
        yield Result(rule, rule.severity, f"{assessment.summary} {assessment.cause}", cluster)
    for finding in assessment.findings:
        binding = binding_of(finding, assessment.grants)
        text = f"{finding.title}. {finding.detail}"
        yield Result(rule_of(finding), finding.severity, text, cluster, binding)


def fingerprints(clusters: Sequence[Checked], results: Sequence[Result]) -> tuple[str, ...]:
    """What marks each result as the same from run to run, whatever its counts and wording.

    Made of the clusters' servers and names, the rule and the place; a place that stands twice in
    one run is numbered.
    """
    servers = {checked.name: checked.server for checked in clusters}
    seen: dict[tuple[str, str], int] = {}
    marks = []
    for result in results:
        key = result.rule.id, result.place
        seen[key] = seen.get(key, 0) + 1
        parts = (servers.get(result.cluster, ""), *key, str(seen[key]))
        marks.append(hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest())
    return tuple(marks)
