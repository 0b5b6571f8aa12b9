"""The commands of a step run for real by bash on files of a directory of their own.

Paths are replaced as a person would: in the lines that set variables, and /root. What would act on
a machine only says what it was asked.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_SAYS = '#!/bin/sh\necho "${0##*/} $*"\n'
_PROGRAMS = ("snap", "systemctl", "crictl", "ansible-playbook")


@dataclass(frozen=True, slots=True)
class Host:
    """A directory that stands for a machine."""

    home: Path

    def write(self, path: str, text: str) -> Path:
        """A file at the path that it would have on the machine."""
        place = self.home / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        return place

    def run(
        self, commands: Sequence[str], paths: Sequence[str] = ("/etc/", "/root/")
    ) -> subprocess.CompletedProcess[str]:
        """Run them in one `bash -eu`, the machine's paths below the directory."""
        script = "\n".join(commands)
        for path in paths:
            script = re.sub(rf"(?<![\w/]){path}", f"{self.home}{path}", script)
        return subprocess.run(
            ["/bin/bash", "-eu", "-c", script],
            capture_output=True,
            check=False,
            text=True,
            cwd=self.home,
            env=self._environment(),
        )

    def _environment(self) -> Mapping[str, str]:
        programs = self.home / "bin"
        programs.mkdir(exist_ok=True)
        (self.home / "root").mkdir(exist_ok=True)
        (self.home / "tmp").mkdir(exist_ok=True)
        for name in _PROGRAMS:
            (programs / name).write_text(_SAYS)
            (programs / name).chmod(0o700)
        return {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "TMPDIR": str(self.home / "tmp"),
            "LC_ALL": "C.UTF-8",
        }
