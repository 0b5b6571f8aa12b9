"""`authzviz evidence --format json`: a document others parse. Keys may be added, never changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from authzviz.evidence.audit import AuditEvidence, LogReach, Stranger, Use


def evidence_json(cluster: str, evidence: AuditEvidence) -> str:
    """Return the document as indented JSON text."""
    document = {
        "cluster": cluster,
        "proof": evidence.proof,
        "because": evidence.because,
        "bindings": list(evidence.bindings),
        "uses": [_use(use) for use in evidence.uses],
        "left_out": evidence.left_out,
        "strangers": [_stranger(stranger) for stranger in evidence.strangers],
        "reach": _reach(evidence.reach),
        "notes": list(evidence.notes),
    }
    return json.dumps(document, indent=2)


def _use(use: Use) -> dict[str, object]:
    return {
        "user": use.user,
        "binding": use.binding,
        "user_agent": use.user_agent,
        "verb": use.verb,
        "resource": use.resource,
        "namespace": use.namespace,
        "count": use.count,
        "first": _time(use.first),
        "last": _time(use.last),
        "is_kubelet": use.is_kubelet,
    }


def _stranger(stranger: Stranger) -> dict[str, object]:
    return {
        "user_agent": stranger.user_agent,
        "users": stranger.users,
        "example": stranger.example,
        "count": stranger.count,
        "first": _time(stranger.first),
        "last": _time(stranger.last),
        "is_elsewhere": stranger.is_elsewhere,
    }


def _reach(reach: LogReach) -> dict[str, object]:
    return {
        "first": _time(reach.first),
        "last": _time(reach.last),
        "proves_since": _time(reach.proves_since),
        "events": reach.events,
        "of_kubelets": reach.of_kubelets,
        "nodes_seen": reach.nodes_seen,
        "nodes_total": reach.nodes_total,
        "nodes_unseen": list(reach.nodes_unseen),
        "gaps": list(reach.gaps),
        "rejected": dict(reach.rejected),
        "occasions": {occasion.what: occasion.is_seen for occasion in reach.occasions},
    }


def _time(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None
