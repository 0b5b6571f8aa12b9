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


HEAVY = {"requests", "pydantic", "oauthlib", "websocket", "cryptography", "django", "rich"}


@pytest.mark.parametrize("module", ["kubeconfig", "bundle", "collect"])
def test_nothing_heavy_is_imported(module: str) -> None:
    assert not HEAVY & modules_after(f"import authzviz.kube.{module}")


def test_kubeconfigs_and_bundles_need_no_http_client() -> None:
    found = modules_after("import authzviz.kube.kubeconfig, authzviz.kube.bundle")

    assert not {"urllib3", "kubernetes"} & found


@pytest.mark.parametrize("order", ["before", "after"])
def test_the_whole_official_client_stays_importable(order: str) -> None:
    ours, theirs = "import authzviz.kube.collect", "import kubernetes"
    first, second = (theirs, ours) if order == "before" else (ours, theirs)
    use = "assert kubernetes.client.CoreV1Api and kubernetes.config.load_kube_config"

    assert "kubernetes" in modules_after(f"{first}\n{second}\n{use}")
