"""Gitea, built from the Go modules that `gitea/go.mod` pins.

`python -m tests.trackers.gitea_build` prints the path of the binary, building it where it is
missing.
"""

from __future__ import annotations

from pathlib import Path

from tests.lab.go import Program

GITEA = Program(
    name="gitea",
    title="Gitea 1.26.0, 4 to 8 minutes on two cores",
    sources=Path(__file__).parent / "gitea",
    names=("go.mod", "go.sum"),
    # Without the stamp /api/v1/version says "development".
    flags=(
        "-trimpath",
        "-buildvcs=false",
        "-tags=sqlite sqlite_unlock_notify",
        "-ldflags=-s -w -X main.Version=1.26.0",
    ),
    package="code.gitea.io/gitea",
    data=("options", "public", "templates"),
)


if __name__ == "__main__":
    print(GITEA.binary())
