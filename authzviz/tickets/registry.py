"""Every kind of tracker: a file of its own, and a line here."""

from __future__ import annotations

from authzviz.tickets import builtin, jira_cloud, jira_datacenter
from authzviz.tickets.setup import Kind

KINDS: dict[str, Kind] = {
    kind.id: kind for kind in (builtin.KIND, jira_cloud.KIND, jira_datacenter.KIND)
}
"""By their ids, in the order in which they are offered."""
