"""User agents: which of them is a kubelet's."""

from __future__ import annotations

import re
from functools import lru_cache

# client-go makes the first word of the running program's name. k3s and MicroK8s run the kubelet
# within a program of their own, old hyperkube images under theirs; kubemark's is the hollow one.
_KUBELETS = frozenset(("kubelet", "hollow-kubelet", "hyperkube", "kubelite", "k3s"))
_VERSION = re.compile(r"/v?(\d{1,3}\.\d{1,3}\.\d{1,3})")


@lru_cache(1_000)
def is_kubelet(user_agent: str) -> bool:
    """True where the user agent is what a kubelet sends: "kubelet/v1.37.2 (linux/amd64) …"."""
    return user_agent.partition("/")[0].partition(" ")[0] in _KUBELETS


@lru_cache(1_000)
def version_of(user_agent: str) -> str:
    """The version that the user agent names, "" for none."""
    found = _VERSION.search(user_agent)
    return found[1] if found else ""
