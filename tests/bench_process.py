"""One whole process, measured from its start to its end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass

_MEASURE = """
import json, os, sys, time
started = time.monotonic()
actions = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=actions)
_, status, usage = os.wait4(child, 0)
print(json.dumps({
    "status": os.waitstatus_to_exitcode(status),
    "wall_seconds": time.monotonic() - started,
    "cpu_seconds": usage.ru_utime + usage.ru_stime,
    "memory_mb": usage.ru_maxrss / 1024,
}))
"""


@dataclass(frozen=True, slots=True)
class Process:
    """What one run of a process took."""

    status: int
    wall_seconds: float
    cpu_seconds: float
    memory_mb: float


def measure(command: list[str]) -> Process:
    """What the command takes; ends the program where the command fails."""
    # What is installed has its bytecode, so the first run may write that of a checkout.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    measured = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _MEASURE, *command],
        capture_output=True,
        check=True,
        env=environment,
    )
    process = Process(**json.loads(measured.stdout))
    if process.status:
        raise SystemExit(f"{command[0]} ended with {process.status}")
    return process
