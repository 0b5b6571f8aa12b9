"""A live cluster's own reader: the ServiceAccount of `authzviz reader`, and less of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import yaml

from authzviz.kube.collect import collect
from authzviz.kube.kubeconfig import parse_upload
from authzviz.net import COMMAND_LINE
from authzviz.reports.reader_role import reader_role

if TYPE_CHECKING:
    from collections.abc import Callable

    from authzviz.engine.model import Snapshot
    from authzviz.engine.permissions import Permission
    from authzviz.kube.credentials import Credentials
    from authzviz.reports.reader_role import Reader
    from tests.lab.cluster import Cluster

PATIENCE_SECONDS = 15
_PAUSE_SECONDS = 0.2


def objects_of(reader: Reader) -> list[dict[str, Any]]:
    """Everything that `authzviz reader` prints."""
    return list(yaml.safe_load_all(reader_role(reader)))


def roles_of(reader: Reader) -> list[dict[str, Any]]:
    """Of that, the roles."""
    return [one for one in objects_of(reader) if "rules" in one]


def take_away(live: Cluster, reader: Reader, lost: Permission) -> None:
    """Apply the same roles without this one permission."""
    role = next(
        one for one in roles_of(reader) if one["metadata"].get("namespace", "") == lost.namespace
    )
    kept = [each for each in reader.permissions if each != lost]
    role["rules"] = [_rule(each) for each in kept if each.namespace == lost.namespace]
    live.apply([role])


def _rule(permission: Permission) -> dict[str, list[str]]:
    rule = permission.rule
    if permission.path:
        return {"nonResourceURLs": [permission.path], "verbs": [permission.verb]}
    names = {"resourceNames": list(rule.resource_names)} if permission.name else {}
    return {
        "apiGroups": list(rule.api_groups),
        "resources": list(rule.resources),
        "verbs": list(rule.verbs),
        **names,
    }


def credentials_of(live: Cluster, reader: Reader) -> Credentials:
    """The ServiceAccount's credentials."""
    token = live.service_account(reader.name, reader.namespace)
    (context,) = parse_upload(live.kubeconfig(token), policy=COMMAND_LINE)
    assert context.credentials is not None
    return context.credentials


def read_until(
    credentials: Credentials, is_done: Callable[[Snapshot], bool], **how: Any
) -> Snapshot:
    """What is read once that is so, or when patience ends: the apiserver's caches lag a moment."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = collect(credentials, name="live", policy=COMMAND_LINE, **how)
        if is_done(found) or time.monotonic() > until:
            return found
        time.sleep(_PAUSE_SECONDS)
