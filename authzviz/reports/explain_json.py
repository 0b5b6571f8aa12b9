"""`authzviz explain --format json`: the document others parse. Keys may be added, never changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from authzviz.engine.request import Request
    from authzviz.evidence.explanation import Explained, Explanation


def explain_json(explained: Explained) -> str:
    """Return the document as indented JSON text, in the order of the log."""
    document = {
        "lines": explained.lines,
        "silent": explained.silent,
        "too_long": explained.too_long,
        "left_out": explained.left_out,
        "rules_of": f"1.{explained.minor}",
        "explanations": [_explanation(each) for each in explained.explanations],
    }
    return json.dumps(document, indent=2)


def _explanation(each: Explanation) -> dict[str, object]:
    need = {"id": each.need, "title": each.need_title, "without": each.without}
    return {
        "identity": {
            "user": each.user,
            "groups": None if each.groups is None else list(each.groups),
            "node": each.node or None,
        },
        "request": _request(each.request),
        "refused_by": each.refused_by,
        "said": each.said,
        "need": {**need, "is_core": each.is_core} if each.need else None,
        "modes": [
            {
                "configuration": mode.configuration,
                "decision": mode.decision,
                "by": mode.by,
                "because": mode.because,
            }
            for mode in each.modes
        ],
        "cause": each.cause.code,
        "why": each.cause.text,
        "fix": [
            {
                "title": step.title,
                "detail": step.detail,
                "commands": list(step.commands),
                "caution": step.caution,
            }
            for step in each.cause.steps
        ],
        "count": each.count,
        "first_line": each.first_line,
    }


def _request(request: Request) -> dict[str, str]:
    return {
        "verb": request.verb,
        "group": request.group,
        "resource": request.resource,
        "subresource": request.subresource,
        "namespace": request.namespace,
        "name": request.name,
        "path": request.path,
    }
