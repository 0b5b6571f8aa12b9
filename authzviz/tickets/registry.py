"""Every kind of tracker: a file of its own, and a line here."""

from __future__ import annotations

from authzviz.tickets import (
    builtin,
    gitea,
    github,
    gitlab,
    jira_cloud,
    jira_datacenter,
    mail,
    redmine,
    webhook,
)
from authzviz.tickets.setup import Kind

_KINDS = (
    jira_cloud.KIND,
    jira_datacenter.KIND,
    github.KIND,
    gitlab.KIND,
    gitea.KIND,
    redmine.KIND,
    mail.KIND,
    webhook.KIND,
    builtin.KIND,
)
KINDS: dict[str, Kind] = {kind.id: kind for kind in _KINDS}
"""By their ids, in the order in which they are offered."""
