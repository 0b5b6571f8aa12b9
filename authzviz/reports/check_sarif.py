"""`authzviz check --format sarif`: SARIF 2.1.0, one run with a result per finding.

Source: docs.oasis-open.org/sarif/sarif/v2.1.0; `security-severity` is GitHub code scanning's.
"""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import PurePath
from typing import TYPE_CHECKING
from urllib.parse import quote

from authzviz.engine.assessment import Severity
from authzviz.reports.printable import printable
from authzviz.reports.results import fingerprints, results_of
from authzviz.reports.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from authzviz.reports.checked import Checked
    from authzviz.reports.results import Result
    from authzviz.reports.rules import Rule

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
_SCORES = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "3.0",
    Severity.INFO: "0.0",
}


def check_sarif(clusters: Sequence[Checked]) -> str:
    """Return the log as indented JSON text; every rule is listed, whether it has a result or not.

    A cluster that did not answer makes the invocation unsuccessful, and is a result as well.
    """
    results = [result for checked in clusters for result in results_of(checked)]
    rules = {**RULES, **{result.rule.id: result.rule for result in results}}
    index = {id_: number for number, id_ in enumerate(rules)}
    sources = {checked.name: checked.source for checked in clusters}
    marks = fingerprints(clusters, results)
    run = {
        "tool": {
            "driver": {
                "name": "authzviz",
                "semanticVersion": metadata.version("authzviz"),
                "rules": [_rule(rule) for rule in rules.values()],
            }
        },
        "invocations": [_invocation(clusters)],
        "results": [
            {**_result(result, sources[result.cluster], mark), "ruleIndex": index[result.rule.id]}
            for result, mark in zip(results, marks, strict=True)
        ],
        "properties": {"clusters": [_cluster(checked) for checked in clusters]},
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _cluster(checked: Checked) -> dict[str, str]:
    return {"name": printable(checked.name), "verdict": checked.verdict}


def _rule(rule: Rule) -> dict[str, object]:
    cited = [f"{control.benchmark} {control.id}" for control in rule.controls]
    benchmarks = f" Controls: {', '.join(cited)}." if cited else ""
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.id.split("-")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": f"{rule.title}. {rule.help}"},
        "help": {"text": rule.help + benchmarks},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {
            "security-severity": _SCORES[rule.severity],
            "tags": ["security", "kubernetes", *cited],
        },
    }


def _invocation(clusters: Iterable[Checked]) -> dict[str, object]:
    silent = [checked for checked in clusters if checked.assessment is None]
    notes = [
        {
            "level": "error",
            "message": {"text": printable(f"{checked.name}: {checked.error or 'no answer'}")},
        }
        for checked in silent
    ]
    return {"executionSuccessful": not silent, "toolExecutionNotifications": notes}


def _result(result: Result, source: str, mark: str) -> dict[str, object]:
    places: list[dict[str, object]] = [
        {
            "name": printable(result.binding or result.cluster),
            "fullyQualifiedName": printable(result.place),
            "kind": "binding" if result.binding else "cluster",
        }
    ]
    location: dict[str, object] = {"logicalLocations": places}
    if source:
        location["physicalLocation"] = {"artifactLocation": {"uri": _uri(source)}}
    return {
        "ruleId": result.rule.id,
        "kind": "fail",
        "level": _LEVELS[result.severity],
        "message": {"text": printable(result.text)},
        "locations": [location],
        "partialFingerprints": {"authzviz/v1": mark},
        "properties": {"severity": result.severity, "cluster": printable(result.cluster)},
    }


def _uri(source: str) -> str:
    path = PurePath(source)
    text = quote(path.as_posix(), safe="/", errors="replace")
    return f"file://{text}" if path.is_absolute() else text
