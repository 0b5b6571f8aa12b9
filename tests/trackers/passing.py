"""A server before Gitea that passes requests on, as a proxy does, and as slowly as it is told."""

from __future__ import annotations

import http.client
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.replay import Asked, Raw, Reply, serve_any

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from tests.replay import Replay
    from tests.trackers.gitea import Gitea

_HOP_BY_HOP = {"connection", "content-length", "host", "transfer-encoding"}
_LONGEST_PAUSE_SECONDS = 0.2


def pass_on(gitea: Gitea, asked: Asked) -> Reply:
    """Gitea's answer. Raises OSError or http.client.HTTPException where there is none."""
    sent = {name: text for name, text in asked.headers.items() if name not in _HOP_BY_HOP}
    status, headers, body = gitea.exchange(asked.method, asked.target, sent, asked.body)
    kept = {name: text for name, text in headers.items() if name.lower() not in _HOP_BY_HOP}
    return status, kept, body


@contextmanager
def slow(gitea: Gitea, chance: random.Random) -> Iterator[Replay]:
    """A server that is slow with changes, before and after Gitea makes them; where Gitea gives no
    answer, there is none.
    """

    def answer(asked: Asked) -> Reply | Raw:
        longest = 0 if asked.method == "GET" else _LONGEST_PAUSE_SECONDS
        time.sleep(chance.uniform(0, longest))
        try:
            reply = pass_on(gitea, asked)
        except (OSError, http.client.HTTPException):
            return lambda connection: None
        time.sleep(chance.uniform(0, longest))
        return reply

    with serve_any(answer) as server:
        yield server
