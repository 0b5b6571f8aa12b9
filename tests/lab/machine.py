"""A made-up control-plane host, on which the commands of a plan are run as they stand.

Its /etc/systemd/system and /root are its own, in a mount namespace; its kubectl is the lab's, as
admin; its systemd starts the lab's apiserver with what the unit says. All else is this machine's.
"""

from __future__ import annotations

import os
import select
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from authzviz.kube.unit_file import UnitUnreadable, command_of
from tests.lab.process import LabError, Process

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.lab.cluster import Cluster

UNIT = "kube-apiserver"
# The directories that are the machine's own; whoever runs the tests has them, too.
_OWN = ("etc/systemd/system", "root")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PATIENCE_SECONDS = 90.0

_ENTER = """\
set -eu
mount --bind "$MACHINE_LAB" "$MACHINE/bin/kubectl"
for own in $MACHINE_OWN; do mount --bind "$MACHINE/$own" "/$own"; done
cd /root
exec bash -eu "$MACHINE/commands"
"""
_PROGRAMS = {
    "systemctl": """\
#!/bin/bash
printf '%s\\n' "$*" >"$MACHINE/asked"
read -r status text <"$MACHINE/answered"
[ -z "$text" ] || printf '%s\\n' "$text"
exit "$status"
""",
    # Other labs' apiservers have the same name; each process of a lab has a session of its own.
    "pgrep": """\
#!/bin/bash
exec /usr/bin/pgrep --session "$(systemctl show --property=MainPID --value kube-apiserver)" "$@"
""",
    "journalctl": '#!/bin/bash\nexec tail -n 50 "$MACHINE_LOG"\n',
}


class CommandsFailed(LabError):
    """A printed command ended with a status that isn't 0; the message holds what was printed."""


class Machine:
    """The host of one lab apiserver, whose unit file has that apiserver's flags.

    Raises LabError where the kernel does not let us have a mount namespace.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._home: Path = cluster.directory / "machine"
        for own in (*_OWN, "bin"):
            (self._home / own).mkdir(parents=True, mode=0o700)
        (self._home / "root/.kube").mkdir()
        (self._home / "root/.kube/config").write_text(cluster.kubeconfig())
        (self._home / "bin/kubectl").touch()
        for name, text in _PROGRAMS.items():
            (self._home / "bin" / name).write_text(text)
            (self._home / "bin" / name).chmod(0o700)
        for name in ("asked", "answered"):
            os.mkfifo(self._home / name, mode=0o600)
        self.unit_file = self._home / f"etc/systemd/system/{UNIT}.service"
        self.unit_file.write_text(_unit(cluster))
        self._loaded = self.unit_file.read_text()

    def run(self, commands: Sequence[str], *, seconds: float = _PATIENCE_SECONDS) -> str:
        """Run the commands as root, top to bottom, in one `bash -eu`; return what they printed.

        Raises CommandsFailed at the first that fails, LabError where they take too long.
        """
        (self._home / "commands").write_text("\n".join(commands) + "\n")
        shell = Process(
            f"shell on the machine of {self.cluster.url}",
            ["unshare", *_mapped(), "--mount", "--propagation=private", "bash", "-c", _ENTER],
            directory=self._home,
            log=self._home / "shell.log",
            environment=self._environment(),
        )
        with shell:
            self._serve(shell, seconds)
        if shell.exit_status != 0:
            raise CommandsFailed(
                f"{shell.name} ended with {shell.exit_status}:\n{shell.log_text()}"
            )
        return shell.log_text()

    def put(self, name: str, text: str) -> None:
        """Write the file of that name in root's home, where commands begin."""
        (self._home / "root" / name).write_text(text)

    def arguments(self) -> list[str]:
        """Return the flags that the unit file has now."""
        return list(command_of(self.unit_file.read_text()).words[1:])

    def _environment(self) -> dict[str, str]:
        return {
            "HOME": "/root",
            "KUBECONFIG": "/root/.kube/config",
            "LC_ALL": "C.UTF-8",
            "PATH": f"{self._home / 'bin'}:{_PATH}",
            "MACHINE": str(self._home),
            "MACHINE_LAB": str(self.cluster.binary),
            "MACHINE_LOG": str(self.cluster.process.log),
            "MACHINE_OWN": " ".join(_OWN),
        }

    def _serve(self, shell: Process, seconds: float) -> None:
        """Be its systemd until the shell ends."""
        until = time.monotonic() + seconds
        with _opened(self._home / "asked") as asked, _opened(self._home / "answered") as answered:
            while shell.is_running():
                if time.monotonic() > until:
                    raise LabError(f"{shell.name}: no end in {seconds:g} s:\n{shell.log_text()}")
                if select.select([asked], [], [], 0.05)[0]:
                    words = os.read(asked, select.PIPE_BUF).decode().split()
                    status, text = self._systemctl(words)
                    os.write(answered, f"{status} {text}\n".encode())

    def _systemctl(self, words: list[str]) -> tuple[int, str]:
        """Do what systemctl would, and return its exit status and what it prints.

        A unit of Type=simple counts as started once its program runs, ready or not.
        """
        process = self.cluster.process
        match [word.removesuffix(".service") for word in words]:
            case ["daemon-reload"]:
                self._loaded = self.unit_file.read_text()
            case ["restart", "kube-apiserver"]:
                return self._restart()
            case ["is-active", *_, "kube-apiserver"]:
                return (0, "active") if process.is_running() else (3, "failed")
            case ["show", "--property=MainPID", "--value", "kube-apiserver"]:
                return 0, str(process.pid if process.is_running() else 0)
            case _:
                return 1, f"the lab's systemctl does not know: {' '.join(words)}"
        return 0, ""

    def _restart(self) -> tuple[int, str]:
        try:
            _, *arguments = command_of(self._loaded).words
        except UnitUnreadable as error:
            return 1, f"{UNIT}.service {error}"
        self.cluster.replace_process(arguments)
        return 0, ""


def _unit(cluster: Cluster) -> str:
    """Return the unit as installers write it: a flag a line."""
    flags = " \\\n".join(f"  {argument}" for argument in cluster.arguments())
    return f"""\
[Unit]
Description=Kubernetes API Server
Documentation=https://kubernetes.io/docs/
After=network.target

[Service]
WorkingDirectory={cluster.directory}
ExecStart=/usr/local/bin/kube-apiserver \\
{flags}
Restart=on-failure
RestartSec=5

[Install]
WantedBy=multi-user.target
"""


def _mapped() -> list[str]:
    """Who isn't root is so in a user namespace of its own."""
    return [] if os.geteuid() == 0 else ["--map-root-user"]


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """Yield the descriptor of a FIFO, open for both ends, so that neither waits for the other."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
