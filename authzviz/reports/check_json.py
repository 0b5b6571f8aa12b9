"""`authzviz check --format json`: the document others parse. Keys may be added, never changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from authzviz.engine.assessment import NodeCounts, Switch, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from authzviz.engine.assessment import Assessment, Finding
    from authzviz.reports.checked import Checked

_UNREAD_NODES = NodeCounts(total=None, ready=None, not_ready=None, unknown=None)


def check_json(clusters: Iterable[Checked]) -> str:
    """Return the document as indented JSON text, clusters in the order given."""
    return json.dumps({"clusters": [_cluster(checked) for checked in clusters]}, indent=2)


def _cluster(checked: Checked) -> dict[str, object]:
    read_at = checked.read_at.isoformat(timespec="seconds") if checked.read_at else None
    head: dict[str, object] = {"name": checked.name, "server": checked.server}
    if checked.assessment is None:
        return head | _unanswered(checked.error) | {"read_at": read_at}
    return head | {"read_at": read_at} | _judged(checked.assessment)


def _unanswered(error: str) -> dict[str, object]:
    """A cluster that answered nothing has every key all the same: readers need no second shape."""
    return {
        "version": None,
        "distribution": "unknown",
        "error": error,
        "verdict": Verdict.UNKNOWN,
        "possible": [verdict for verdict in Verdict if verdict is not Verdict.UNKNOWN],
        "summary": error,
        "node_authorizer": Switch.UNKNOWN,
        "node_restriction": Switch.UNKNOWN,
        "authorization_modes": None,
        "apiservers": [],
        "paths": [],
        "grants": [],
        "nodes": _nodes(_UNREAD_NODES),
        "findings": [],
        "missing": [],
    }


def _judged(assessment: Assessment) -> dict[str, object]:
    modes = assessment.authorization_modes
    # Only what is judged before it exists has this key.
    assumed = {"assumed": list(assessment.assumed)} if assessment.assumed else {}
    return assumed | {
        "version": assessment.version or None,
        "distribution": assessment.distribution,
        "verdict": assessment.verdict,
        "possible": list(assessment.possible),
        "summary": assessment.summary,
        "node_authorizer": assessment.node_authorizer,
        "node_restriction": assessment.node_restriction,
        "authorization_modes": None if modes is None else list(modes),
        "apiservers": _apiservers(assessment),
        "paths": [
            {"nodes": path.nodes, "example": path.example, "verdict": path.verdict}
            for path in assessment.paths
        ],
        "grants": _grants(assessment),
        "nodes": _nodes(assessment.nodes),
        "findings": _findings(assessment),
        "missing": [
            {"what": item.what, "why": item.why, "permission": item.permission}
            for item in assessment.missing
        ],
    }


def _apiservers(assessment: Assessment) -> list[dict[str, object]]:
    return [
        {
            "name": server.name,
            "authorization_modes": server.authorization_modes,
            "admission_plugins": server.admission_plugins,
            "evidence": server.evidence,
        }
        for server in assessment.apiservers
    ]


def _grants(assessment: Assessment) -> list[dict[str, object]]:
    return [
        {
            "binding": grant.binding,
            "role": grant.role,
            "subject": grant.subject,
            "rules": grant.rules,
            "beyond_node_authorizer": grant.beyond_node_authorizer,
        }
        for grant in assessment.grants
    ]


def _nodes(nodes: NodeCounts) -> dict[str, object]:
    return {
        "total": nodes.total,
        "ready": nodes.ready,
        "not_ready": nodes.not_ready,
        "unknown": nodes.unknown,
    }


def _findings(assessment: Assessment) -> list[dict[str, object]]:
    return [finding_json(finding) for finding in assessment.findings]


def finding_json(finding: Finding) -> dict[str, object]:
    """One finding as every document has it."""
    return {
        "id": finding.id,
        "severity": finding.severity,
        "title": finding.title,
        "detail": finding.detail,
        "controls": [
            {"id": control.id, "benchmark": control.benchmark} for control in finding.controls
        ],
    }
