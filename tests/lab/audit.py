"""The audit log of a lab apiserver."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.lab.cluster import Cluster

METADATA = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
"""


def events(live: Cluster) -> list[dict[str, Any]]:
    """Return every event that has been written out, oldest first."""
    whole, _, _ = live.audit_log.read_text().rpartition("\n")
    return [json.loads(line) for line in whole.splitlines()]
