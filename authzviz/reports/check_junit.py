"""`authzviz check --format junit`: one test suite per cluster, red exactly where `check` fails.

A verdict in --fail-on is a failure, and with it every finding from medium up; findings that
--fail-on lets pass, and a verdict `unknown` that it does, are skipped: seen, and no pass. A
cluster that did not answer is an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as Xml

from authzviz.engine.assessment import Severity, Verdict
from authzviz.reports.printable import printable
from authzviz.reports.results import results_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from authzviz.engine.assessment import Assessment
    from authzviz.reports.checked import Checked
    from authzviz.reports.results import Result

_COUNTED = ("failure", "error", "skipped")
_FAILING = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM)


def check_junit(clusters: Sequence[Checked], failing: Collection[str]) -> str:
    """Return the XML; `failing` are the verdicts of --fail-on."""
    root = Xml.Element("testsuites", name="authzviz")
    for checked in clusters:
        suite = Xml.SubElement(root, "testsuite", name=_xml(checked.name))
        if checked.read_at:
            suite.set("timestamp", checked.read_at.strftime("%Y-%m-%dT%H:%M:%S"))
        _fill(suite, checked, failing)
        _count(suite, suite)
    _count(root, root)
    Xml.indent(root)
    return Xml.tostring(root, encoding="unicode", xml_declaration=False)


def _fill(suite: Xml.Element, checked: Checked, failing: Collection[str]) -> None:
    verdict = _case(suite, checked, "verdict")
    if checked.assessment is None:
        _mark(verdict, "error", "unreachable", checked.error)
        return
    is_failing = checked.verdict in failing
    _judge(verdict, checked.assessment, is_failing)
    for result in results_of(checked):
        if result.rule.id == checked.verdict and not _is_finding(result, checked.assessment):
            continue  # the verdict's own case says it
        name = f"{result.rule.id}: {result.binding}" if result.binding else result.rule.id
        is_red = is_failing and result.severity in _FAILING
        kind = "failure" if is_red else "skipped"
        _mark(_case(suite, checked, name), kind, result.severity, result.text)


def _is_finding(result: Result, assessment: Assessment) -> bool:
    return result.rule.id in {finding.id for finding in assessment.findings}


def _judge(case: Xml.Element, assessment: Assessment, is_failing: bool) -> None:
    said = f"{assessment.verdict}: {assessment.summary} {assessment.cause}"
    if is_failing:
        _mark(case, "failure", assessment.verdict, said)
    elif assessment.verdict is Verdict.UNKNOWN:
        _mark(case, "skipped", assessment.verdict, said)
    else:
        Xml.SubElement(case, "system-out").text = _xml(said)


def _case(suite: Xml.Element, checked: Checked, name: str) -> Xml.Element:
    class_name = _xml(f"authzviz.{checked.name}")
    return Xml.SubElement(suite, "testcase", classname=class_name, name=_xml(name), time="0")


def _mark(case: Xml.Element, kind: str, type_: str, text: str) -> None:
    mark = Xml.SubElement(case, kind, message=_xml(text))
    if kind != "skipped":  # which has neither in the schema that CI servers read
        mark.set("type", type_)
        mark.text = _xml(text)


def _count(element: Xml.Element, root: Xml.Element) -> None:
    element.set("tests", str(len(list(root.iter("testcase")))))
    for kind in _COUNTED:
        total = str(len(list(root.iter(kind))))
        element.set({"failure": "failures", "error": "errors"}.get(kind, kind), total)


def _xml(text: str) -> str:
    """The text without what XML 1.0 can't hold: control characters and noncharacters, spelled."""
    return "".join(
        f"\\u{ord(letter):04x}" if letter in "\ufffe\uffff" else letter
        for letter in printable(text)
    )
