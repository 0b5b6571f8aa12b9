"""Snapshots of replayed and of hostile servers, for the tests of this room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace as replaced
from typing import Any

from authzviz.engine.model import Snapshot
from authzviz.kube.collect import MAX_BYTES, collect
from authzviz.kube.kubeconfig import Credentials, embed, parse_upload
from authzviz.net import COMMAND_LINE, AddressPolicy
from tests.replay import Answerer, Replay, Reply, replay

RECORDING = "v1.28.15-leftover"
# With these refused an apiserver tells nothing of itself but its flags.
UNTOLD: dict[str, int | str] = {"/apis/authorization.k8s.io/*": 403, "/metrics": 403}


def credentials(server: Replay) -> Credentials:
    return embed(parse_upload(server.kubeconfig, policy=COMMAND_LINE)[0])


def collected(
    server: Replay,
    *,
    seconds: float = 30.0,
    max_bytes: int = MAX_BYTES,
    policy: AddressPolicy = COMMAND_LINE,
    asking: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Snapshot:
    """What `collect` says of it, with these fields of the credentials changed; `asking` are more
    arguments of `collect`.
    """
    used = replaced(credentials(server), **changes) if changes else credentials(server)
    return collect(
        used,
        name="test",
        policy=policy,
        deadline_seconds=seconds,
        max_bytes=max_bytes,
        **(asking or {}),
    )


def with_answers(
    answers: Mapping[str, Reply | Answerer],
    *,
    seconds: float = 30.0,
    recording: str = RECORDING,
    refuse: Mapping[str, int | str] | None = None,
    policy: AddressPolicy = COMMAND_LINE,
) -> Snapshot:
    """The snapshot of a recording in which these paths answer otherwise, or are refused."""
    with replay(recording, replace=answers, refuse=refuse) as server:
        return collected(server, seconds=seconds, policy=policy)
