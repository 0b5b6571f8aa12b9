"""What reading a cluster imports: start-up time and memory are part of the product."""

from __future__ import annotations

import subprocess
import sys

import pytest


def modules_after(code: str) -> set[str]:
    """The top-level packages that a fresh interpreter has imported after this code."""
    shown = (
        f"import sys\n{code}\nprint(' '.join({{name.partition('.')[0] for name in sys.modules}}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", shown], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


HEAVY = {"kubernetes", "urllib3", "requests", "pydantic", "cryptography", "django", "rich"}


@pytest.mark.parametrize("module", ["kubeconfig", "bundle", "collect"])
def test_nothing_heavy_is_imported(module: str) -> None:
    assert not HEAVY & modules_after(f"import authzviz.kube.{module}")
