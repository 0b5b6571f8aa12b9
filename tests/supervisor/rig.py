"""A supervisor over stand-ins, as a process: `python -m tests.supervisor.rig DIRECTORY MANNER...`

Each stand-in writes what happens to it into DIRECTORY/events, a line each: `<name> started <pid>`.
"""

import sys
from pathlib import Path

from authzviz.supervisor.program import Program
from authzviz.supervisor.signals import Signals
from authzviz.supervisor.supervision import EndRequested, Supervisor

STAND_IN = """
import os, signal, subprocess, sys, time
name, events, manner = sys.argv[1:]
def note(what):
    with open(events, "a") as file:
        file.write(f"{name} {what}\\n")
def end(*_):
    note("asked to end")
    if manner != "stubborn":
        note("ended")
        sys.exit(0)
signal.signal(signal.SIGTERM, end)
if manner == "parent":
    note(f"started {subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid}")
note(f"started {os.getpid()}")
if manner == "greedy":
    ballast = b"x" * 200_000_000
if manner == "failing":
    sys.exit("no luck today")
while True:
    time.sleep(0.05)
"""


def stand_in(directory: Path, name: str, manner: str) -> Program:
    """Return a stand-in that is `steady`, `stubborn`, `failing`, `greedy` or a `parent`."""
    return Program(
        name,
        (sys.executable, "-c", STAND_IN, name, str(directory / "events"), manner),
        drain_seconds=120 if manner == "stubborn" else 10,
        memory_limit=100_000_000 if manner == "greedy" else None,
    )


def main(directory: Path, manners: list[str]) -> int:
    """Run stand-ins named one, two, three, … until asked to end."""
    names = ["one", "two", "three", "four"][: len(manners)]
    programs = tuple(stand_in(directory, *pair) for pair in zip(names, manners, strict=True))
    with Signals() as signals:
        supervisor = Supervisor(
            programs, logs=directory, signals=signals, say=lambda line: print(line, flush=True)
        )
        for name in names:
            supervisor.start(name)
        try:
            supervisor.wait(lambda: False, seconds=float("inf"))
        except EndRequested:
            supervisor.end()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
