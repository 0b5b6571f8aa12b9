"""Keeps programs running, and ends them in order."""

import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from authzviz.supervisor import logfile
from authzviz.supervisor.program import (
    Program,
    how_it_ended,
    kill_group,
    resident_bytes,
    spawn,
)
from authzviz.supervisor.signals import Signals

FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 30.0
CHECK_SECONDS = 2.0


class EndRequested(Exception):
    """Someone pressed Ctrl-C or sent SIGTERM while the supervisor was waiting for something."""


class Child:
    """A program's current process, and when to start the next."""

    def __init__(self, program: Program, log: Path) -> None:
        self.program = program
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None
        self.failures = 0
        self.restart_at: float | None = None
        self.drain_until: float | None = None
        self._started = 0.0

    def start(self) -> None:
        """Start the process. One that cannot be started is like one that ended at once."""
        self.restart_at = self.drain_until = None
        self._started = time.monotonic()
        with logfile.open_log(self.log) as log:
            try:
                self.process = spawn(self.program, stdout=log)
            except OSError as error:
                log.write(f"{self.program.name} cannot be started: {error}\n".encode())
                self._plan_restart()

    def reap(self) -> str | None:
        """Return how the process ended if it did, once; what it left behind is killed."""
        if self.process is None or self.process.poll() is None:
            return None
        ended = how_it_ended(self.process.returncode)
        kill_group(self.process)
        self.process = None
        self._plan_restart()
        return ended

    def ask_to_end(self) -> None:
        """Send SIGTERM; the program has its drain time from now."""
        if self.process is not None and self.drain_until is None:
            self.drain_until = time.monotonic() + self.program.drain_seconds
            self.process.send_signal(signal.SIGTERM)

    def kill_if_overdue(self) -> None:
        """Kill the process when its drain time is over."""
        if self.process and self.drain_until is not None and time.monotonic() > self.drain_until:
            kill_group(self.process)

    def is_over_memory(self) -> bool:
        """Tell whether the process holds more than its program may, and is not ending already."""
        limit = self.program.memory_limit
        if limit is None or self.process is None or self.drain_until is not None:
            return False
        return resident_bytes(self.process.pid) > limit

    def _plan_restart(self) -> None:
        """Set when to start again: at once after a steady run, ever later after quick failures."""
        now = time.monotonic()
        was_asked = self.drain_until is not None
        if was_asked or now - self._started > STEADY_SECONDS:
            self.failures = 0
        pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**self.failures)
        self.failures += 1
        self.restart_at = now + pause


class Errand:
    """A program that runs once. What it prints is kept from the log: it may be a secret."""

    def __init__(self, program: Program, log: Path) -> None:
        self.program = program
        self.log = log
        self._stdout = tempfile.TemporaryFile()  # noqa: SIM115
        with logfile.open_log(log) as stderr:
            self.process = spawn(program, stdout=self._stdout, stderr=stderr)

    def is_done(self) -> bool:
        """Tell whether it has ended."""
        return self.process.poll() is not None

    def result(self) -> tuple[int, str]:
        """Return exit status and standard output of an errand that is done. To be called once."""
        with self._stdout as stdout:
            stdout.seek(0)
            return self.process.wait(), stdout.read().decode(errors="replace").strip()


class Supervisor:
    """Runs programs, which lean on those before them: they are ended from the last to the first.

    `say` prints a line for people. All waiting is done in `wait`, which also restarts what ended.
    """

    def __init__(
        self,
        programs: tuple[Program, ...],
        *,
        logs: Path,
        signals: Signals,
        say: Callable[[str], None],
    ) -> None:
        self.logs = logs
        self._signals = signals
        self._say = say
        self._children = {p.name: Child(p, self.log_of(p.name)) for p in programs}
        self._errands: list[Errand] = []
        self._next_check = 0.0

    def log_of(self, name: str) -> Path:
        """Return where a program's output goes."""
        return self.logs / f"{name}.log"

    def start(self, name: str) -> None:
        """Start a program and keep it running from now on."""
        self._children[name].start()

    def send(self, program: Program) -> Errand:
        """Start an errand and return it; raises OSError when it cannot be started."""
        errand = Errand(program, self.log_of(program.name))
        self._errands.append(errand)
        return errand

    def wait(
        self, done: Callable[[], bool], *, seconds: float, step: float = CHECK_SECONDS
    ) -> bool:
        """Return whether `done` came true in that time; asked after each signal and each step.

        Raises EndRequested as soon as someone asks to end.
        """
        until = time.monotonic() + seconds
        while True:
            if self._signals.requests:
                raise EndRequested
            self._watch()
            if done():
                return True
            left = until - time.monotonic()
            if left <= 0:
                return False
            self._signals.sleep(min(left, step, self._next_restart()))

    def end(self) -> None:
        """End everything, last program first. A second request to end kills what is left."""
        for errand in self._errands:
            kill_group(errand.process)
            errand.process.wait()
        for child in reversed(self._children.values()):
            child.ask_to_end()
            while child.process and self._signals.requests < 2:
                self._signals.sleep(0.2)
                child.kill_if_overdue()
                child.reap()
        for child in self._children.values():
            if child.process:
                kill_group(child.process)
                child.process.wait()

    def _watch(self) -> None:
        for child in self._children.values():
            self._restart(child)
        if time.monotonic() >= self._next_check:
            self._next_check = time.monotonic() + CHECK_SECONDS
            for child in self._children.values():
                logfile.cap(child.log)
                self._limit_memory(child)

    def _restart(self, child: Child) -> None:
        child.kill_if_overdue()
        was_asked = child.drain_until is not None
        ended = child.reap()
        if ended and not was_asked:
            self._say(f"{child.program.name} ended ({ended}) and is started again{_last(child)}")
        if child.restart_at is not None and time.monotonic() >= child.restart_at:
            if child.program.before_restart:
                child.program.before_restart(child.failures)
            child.start()

    def _limit_memory(self, child: Child) -> None:
        if child.is_over_memory():
            self._say(
                f"{child.program.name} holds more than {child.program.memory_limit} bytes:"
                " it ends what it is doing and is started again"
            )
            child.ask_to_end()

    def _next_restart(self) -> float:
        now = time.monotonic()
        planned = [c.restart_at - now for c in self._children.values() if c.restart_at is not None]
        return max(0.01, min(planned, default=CHECK_SECONDS))


def _last(child: Child) -> str:
    """Return the last words of a program that keeps failing, as the end of a sentence."""
    if child.failures < 2:
        return ""
    words = logfile.tail(child.log, 1)
    said = words[0].strip()[:160] if words else "no output"
    return f", for the {child.failures}. time: {said}"
