"""Whether today's cluster lives on what an old version left behind."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

from authzviz.engine.assessment import Verdict
from authzviz.engine.classes import classes_of
from authzviz.engine.fresh import SUBJECTLESS_SINCE, fresh_cluster
from authzviz.engine.judging import Judged
from authzviz.engine.model import ApiServer, Flag
from authzviz.engine.rbac import index
from authzviz.engine.verdict import Granted, granted_to, of_profile, profiles_of

_RBAC_ONLY = ApiServer("", (Flag("authorization-mode", "RBAC"),), "")
_NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)


def inherited(judged: Judged) -> bool:
    """True where a fresh cluster of this version, with these flags and default RBAC, would refuse
    its kubelets.

    Before 1.8 the binding system:node had its subject unless Node was on. Without a known version
    or flags: False.
    """
    if not judged.is_version_known or judged.minor < SUBJECTLESS_SINCE or not judged.states:
        return False
    fresh = _granted_when_fresh(judged.minor)
    return not any(state.opaque for state in judged.states) and all(
        of_profile(profile, fresh) == {Verdict.REFUSED}
        for state in judged.states
        for profile in profiles_of(state, is_rbac_sure=True)
    )


@cache
def _granted_when_fresh(minor: int) -> tuple[Granted, ...]:
    """What default RBAC grants the kubelets of a fresh cluster."""
    snapshot = fresh_cluster(_RBAC_ONLY, f"v1.{minor}.0", _NO_TIME, ())
    rbac = index(snapshot)
    return granted_to(rbac, classes_of(snapshot, rbac), minor)
