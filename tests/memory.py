"""How much memory a piece of work takes at most, as the kernel counts it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MIB = 2**20


@dataclass
class Growth:
    """What the work took at its peak beyond what was held before; set when the block ends."""

    most_bytes: int = 0


@contextmanager
def growth() -> Iterator[Growth]:
    """Measure the block, whatever thread of this process it works in."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = _kept("VmRSS")
    measured = Growth()
    yield measured
    measured.most_bytes = _kept("VmHWM") - before


def _kept(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))
