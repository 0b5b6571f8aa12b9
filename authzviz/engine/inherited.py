"""Whether today's cluster lives on what an old version left behind."""

from __future__ import annotations

from authzviz.engine.assessment import Verdict
from authzviz.engine.judging import Judged
from authzviz.engine.needs import needs_of
from authzviz.engine.verdict import Granted, of_profile, profiles_of

_FRESHLY_EMPTY = 8
"""Since 1.8 the binding system:node is created without subjects."""


def inherited(judged: Judged) -> bool:
    """True where a fresh cluster of this version, with these flags and default RBAC, would refuse
    its kubelets.

    Default RBAC since 1.8 grants kubelets no need at all: system:node is bound to nobody. Before,
    the binding had its subject unless Node was on. Without a known version or flags: False.
    """
    if not judged.is_version_known or judged.minor < _FRESHLY_EMPTY or not judged.states:
        return False
    needs = needs_of("", judged.minor)
    nothing = frozenset[str]()
    fresh = Granted(
        core=frozenset(need.id for need in needs if need.is_core),
        needs=frozenset(need.id for need in needs),
        sure=nothing,
        at_most=nothing,
        is_beyond=False,
        may_be_beyond=False,
    )
    return all(
        of_profile(profile, (fresh,)) == {Verdict.REFUSED}
        for state in judged.states
        for profile in profiles_of(state, is_rbac_sure=True)
    )
