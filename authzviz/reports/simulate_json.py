"""`authzviz simulate --format json`: the document others parse, described in docs/simulate.md.

Keys may be added, never changed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from authzviz.engine.grants import describe_binding, describe_role, describe_subject
from authzviz.reports.check_json import finding_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from authzviz.engine.assessment import Assessment
    from authzviz.engine.change import Change
    from authzviz.engine.graph import OwnObjects
    from authzviz.engine.model import Subject
    from authzviz.engine.powers import Radius
    from authzviz.engine.whatif import NeedChange, NodeChange, WhatIf


def simulate_json(cluster: str, change: Change, answer: WhatIf) -> str:
    """Return the document as indented JSON text."""
    return json.dumps(
        {
            "cluster": cluster,
            "change": _change(change),
            "before": _outlook(answer.before),
            "after": _outlook(answer.after),
            "nodes": [_nodes(nodes) for nodes in answer.nodes],
            "findings_gone": [finding_json(finding) for finding in answer.findings_gone],
            "findings_new": [finding_json(finding) for finding in answer.findings_new],
            "effects": list(answer.effects),
            "caveats": list(answer.caveats),
        },
        indent=2,
    )


def _change(change: Change) -> dict[str, object]:
    modes, plugins = change.authorization_modes, change.admission_plugins
    return {
        "authorization_modes": None if modes is None else list(modes),
        "admission_plugins": None if plugins is None else list(plugins),
        "dropped_bindings": list(change.dropped),
        "added_bindings": [
            {"binding": describe_binding(binding), "role": describe_role(binding)}
            for binding in change.added
        ],
        "dropped_subjects": _subjects(change.dropped_subjects),
        "added_subjects": _subjects(change.added_subjects),
        "kubernetes_version": change.kubernetes_version or None,
    }


def _subjects(pairs: Iterable[tuple[str, Subject]]) -> list[dict[str, str]]:
    return [{"binding": name, "subject": describe_subject(subject)} for name, subject in pairs]


def _outlook(side: Assessment) -> dict[str, object]:
    modes = side.authorization_modes
    return {
        "verdict": side.verdict,
        "possible": list(side.possible),
        "summary": side.summary,
        "version": side.version or None,
        "authorization_modes": None if modes is None else list(modes),
        "node_authorizer": side.node_authorizer,
        "node_restriction": side.node_restriction,
    }


def _nodes(nodes: NodeChange) -> dict[str, object]:
    return {
        "nodes": nodes.nodes,
        "example": nodes.example,
        "verdict_before": nodes.verdict_before,
        "verdict_after": nodes.verdict_after,
        "answered_by_before": list(nodes.answered_before),
        "answered_by_after": list(nodes.answered_after),
        "needs_lost": _needs(nodes.needs_lost),
        "needs_gained": _needs(nodes.needs_gained),
        "needs_unsure": _needs(nodes.needs_unsure),
        "needs_new": _needs(nodes.needs_new),
        "rights_closed": list(nodes.rights_closed),
        "rights_opened": list(nodes.rights_opened),
        "blast_radius": {
            "before": _radius(nodes.radius_before),
            "after": _radius(nodes.radius_after),
        },
        "own_objects": _own(nodes.own) if nodes.own else None,
    }


def _needs(needs: Iterable[NeedChange]) -> list[dict[str, object]]:
    return [
        {
            "need": need.need,
            "title": need.title,
            "core": need.is_core,
            "before": need.before.decision if need.before else None,
            "after": need.after.decision,
            "by": need.after.by,
            "because": need.after.because,
            "without": need.after.without,
        }
        for need in needs
    ]


def _radius(radius: Radius) -> dict[str, object]:
    return {
        "reads": list(radius.reads),
        "changes": list(radius.changes),
        "every_secret": radius.is_every_secret,
        "is_whole": radius.is_whole,
    }


def _own(own: OwnObjects) -> dict[str, object]:
    return {
        "node": own.node,
        "pods": own.pods,
        "secrets": own.secrets,
        "configmaps": own.config_maps,
        "serviceaccounts": own.service_accounts,
        "persistentvolumeclaims": own.claims,
        "is_whole": own.is_whole,
    }
