"""Three live clusters for people: `python -m tests.lab [--directory D] [-- COMMAND...]`.

Without a command it runs until Ctrl-C; with one, until that ends, with KUBECONFIG set for it.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.lab.go import BuildError, cache_directory
from tests.lab.pki import kubeconfig
from tests.lab.process import LabError
from tests.lab.rig import open_lab
from tests.lab.story import Story, start

_SI_KERNEL = 0x80  # siginfo(7): sent by the kernel, as the terminal does on Ctrl-C
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGCHLD)


def main() -> int:
    """Return the exit status: the command's own, or 0 after Ctrl-C or SIGTERM."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        with open_lab() as lab:
            print("starting three clusters ...", file=sys.stderr, flush=True)
            story = start(lab)
            path = _write_kubeconfig(story, arguments.directory)
            print(story.describe(path), flush=True)
            return _attend(story, arguments.command, path)
    except (BuildError, LabError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description=__doc__)
    default = cache_directory() / "lab"
    parser.add_argument("--directory", type=Path, default=default, help="for the kubeconfig")
    parser.add_argument("command", nargs="*", metavar="COMMAND", help="after --")
    return parser.parse_args()


def _write_kubeconfig(story: Story, directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    path = directory.absolute() / "kubeconfig"
    contexts = [
        (cluster.name, cluster.url, cluster.authority.certificate, cluster.admin_credential)
        for cluster in story.clusters
    ]
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(kubeconfig(contexts))
    return path


def _attend(story: Story, command: list[str], path: Path) -> int:
    """Tell the story on SIGUSR1 and pass other signals on, until the command or the lab ends."""
    # Signals are read one by one: that tells a Ctrl-C of the terminal, which the command gets
    # from there too, from a signal that was sent to this process alone.
    environment = {**os.environ, "KUBECONFIG": str(path)}
    child = subprocess.Popen(command, env=environment) if command else None
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    while child is None or child.poll() is None:
        received = signal.sigtimedwait(_SIGNALS, 1)
        if received is None or received.si_signo == signal.SIGCHLD:
            continue
        if received.si_signo == signal.SIGUSR1:
            print(story.advance(), flush=True)
        elif child is None:
            return 0
        elif received.si_code != _SI_KERNEL:
            child.send_signal(received.si_signo)
    status = child.returncode
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main())
