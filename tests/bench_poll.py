"""What one poll costs a warm worker: read, judged and stored, in a database of its own.

Whole polls as the worker runs them, TLS handshake included; each figure is the median of several.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from authzviz.kube.kubeconfig import parse_upload
from authzviz.net import COMMAND_LINE, pinned
from tests.bench_engine import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.cluster import Cluster

_WARM_UP, _RUNS = 3, 15
LARGE_AIM_MS, SMALL_AIM_MS, WIRE_AIM_MB = 120, 20, 12


@dataclass(frozen=True, slots=True)
class Poll:
    """CPU milliseconds of this process, and bytes that came in."""

    milliseconds: float
    received: int


def poll_figures(large: Cluster, small: Cluster) -> Iterator[Figure]:
    """Yield the figures for both clusters."""
    with tempfile.TemporaryDirectory(prefix="authzviz-bench-") as data:
        _set_up(data)
        costly = _median(large)
        yield Figure(
            "poll of the large cluster, CPU", costly.milliseconds, "ms", f"<= {LARGE_AIM_MS}"
        )
        yield Figure(
            "poll of the large cluster, received", costly.received / 1e6, "MB", f"<= {WIRE_AIM_MB}"
        )
        yield Figure(
            "poll of a small cluster, CPU", _median(small).milliseconds, "ms", f"<= {SMALL_AIM_MS}"
        )


def _set_up(data: str) -> None:
    os.environ.update(AUTHZVIZ_DATA=data, AUTHZVIZ_LOCAL="true", AUTHZVIZ_LOG_LEVEL="WARNING")
    os.environ["DJANGO_SETTINGS_MODULE"] = "authzviz.settings"
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def _median(live: Cluster) -> Poll:
    from dashboard.models import CurrentState
    from dashboard.services import clusters, polling

    credentials = parse_upload(live.kubeconfig(), policy=COMMAND_LINE)[0].credentials
    if credentials is None:
        raise SystemExit("the lab's kubeconfig has no credentials")
    added = clusters.add(name=live.name, credentials=credentials, interval_seconds=60, actor=None)

    def once() -> Poll:
        polling.poll_soon(added)
        received = _Received()
        began = time.process_time()
        with received:
            polling.poll(added.pk)
        return Poll((time.process_time() - began) * 1000, received.bytes)

    polls = [once() for _ in range(_WARM_UP + _RUNS)][_WARM_UP:]
    state = CurrentState.objects.get(cluster=added)
    if state.verdict != "node-authorizer":
        raise SystemExit(f"{live.name} is {state.verdict}: {state.summary}")
    return Poll(
        statistics.median(poll.milliseconds for poll in polls),
        max(poll.received for poll in polls),
    )


class _Received:
    """Counts what the limits are told of; they see every byte of every connection."""

    def __init__(self) -> None:
        self.bytes = 0
        self._spend = pinned.Limits.spend

    def __enter__(self) -> None:
        def spend(limits: pinned.Limits, received: int) -> None:
            self.bytes += received
            self._spend(limits, received)

        pinned.Limits.spend = spend  # type: ignore[method-assign, assignment]

    def __exit__(self, *_: object) -> None:
        pinned.Limits.spend = self._spend  # type: ignore[method-assign]
