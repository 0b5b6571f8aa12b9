"""Kubernetes versions, as far as the rules of authorization hang on them: the minor one."""

from __future__ import annotations

import re

OLDEST_MINOR = 7
"""The Node authorizer exists since 1.7; what is older is judged as 1.7."""
NEWEST_MINOR = 37
"""The newest version whose rules are known here; what is newer is judged as this."""

_GIT_VERSION = re.compile(r"v?1\.(\d{1,3})(?:\D|$)", re.ASCII)


def minor_of(git_version: str) -> int | None:
    """The minor version in a gitVersion such as "v1.28.15-eks-abc" or "v1.37.2+k3s1", or None."""
    found = _GIT_VERSION.match(git_version)
    return int(found[1]) if found else None


def clamp(minor: int) -> int:
    """The minor version whose rules stand for this one."""
    return min(max(minor, OLDEST_MINOR), NEWEST_MINOR)
