"""The lab's Kubernetes components, one program.

`python -m tests.lab.build` prints the path of the binary, building it where it is missing.
"""

from __future__ import annotations

from pathlib import Path

from tests.lab.go import Program

KUBERNETES = "1.37.2"
_VERSION = "k8s.io/component-base/version"
_MAJOR, _MINOR, _ = KUBERNETES.split(".")
LAB = Program(
    name="lab",
    title=f"the lab's Kubernetes {KUBERNETES}, 5 to 10 minutes on two cores",
    sources=Path(__file__).parent,
    names=("go.mod", "go.sum", "kubelet.go", "main.go"),
    # Without the stamps /version says v0.0.0-master. Debug tables would double the file.
    flags=(
        "-trimpath",
        "-buildvcs=false",
        (
            f"-ldflags=-s -w -X {_VERSION}.gitVersion=v{KUBERNETES}"
            f" -X {_VERSION}.gitMajor={_MAJOR} -X {_VERSION}.gitMinor={_MINOR}"
        ),
    ),
)


def lab_binary() -> Path:
    """Return the path of the built components; raises BuildError."""
    return LAB.binary()


if __name__ == "__main__":
    print(lab_binary())
