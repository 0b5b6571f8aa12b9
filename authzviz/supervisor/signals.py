"""The signals that end us or tell of a child, as something to sleep on."""

import os
import select
import signal
import time
from types import FrameType, TracebackType
from typing import Self

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# make, a shell and a terminal may each pass on the same Ctrl-C.
SAME_REQUEST_SECONDS = 0.5


class Signals:
    """Counts requests to end, and sleeps until one, a child's end, or the time is up.

    A context manager, for the main thread. Handlers only count: all work is done by who sleeps.
    """

    def __init__(self) -> None:
        self.requests = 0
        self._last_request = 0.0

    def __enter__(self) -> Self:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self._old_fd = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._old = {
            number: signal.signal(number, self._count)
            for number in ENDING
            if not (number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN)  # nohup
        }
        self._old[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._old.items():
            # Who asked to end is being obeyed: one more Ctrl-C while the interpreter winds up would
            # only spoil the exit status.
            is_over = self.requests > 0 and number in ENDING
            signal.signal(number, signal.SIG_IGN if is_over else handler)
        signal.set_wakeup_fd(self._old_fd)
        os.close(self._read)
        os.close(self._write)

    def sleep(self, seconds: float) -> None:
        """Return after a signal, at the latest after that time."""
        readable, _, _ = select.select([self._read], [], [], max(0.0, seconds))
        if readable:
            os.read(self._read, 4096)

    def _count(self, _number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.requests == 0 or now - self._last_request > SAME_REQUEST_SECONDS:
            self.requests += 1
            self._last_request = now
