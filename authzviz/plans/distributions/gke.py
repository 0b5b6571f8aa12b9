"""GKE: the flags are Google's, but for legacy authorization (ABAC), which can be turned off.

Source: cloud.google.com/kubernetes-engine, hardening-your-cluster; gcloud container clusters
update.
"""

from __future__ import annotations

from authzviz.plans.distributions import provided
from authzviz.plans.ground import Ground
from authzviz.plans.plan import BY_HAND, Step, Trouble

_SOURCE = (
    "GKE, https://cloud.google.com/kubernetes-engine/docs/how-to/hardening-your-cluster"
    "#leave_abac_disabled"
)
_NAMES = ': "${GKE_CLUSTER:?export it}" "${GKE_LOCATION:?export its region or zone}"'
_CLUSTER = '"$GKE_CLUSTER" --location="$GKE_LOCATION"'
_SHOW = f"gcloud container clusters describe {_CLUSTER} --format='value(legacyAbac.enabled)'"


def steps(ground: Ground) -> tuple[Step, ...]:
    """Legacy authorization off where ABAC is in the chain, and the step that looks at the rest."""
    is_abac = any("ABAC" in server.state.opaque for server in ground.servers)
    why = (
        "Google sets the flags of the control plane, and no log or API shows them. Where answers"
        " show that Node or NodeRestriction is off, open a case with Google Cloud Support."
    )
    looks = (provided.seen(ground, why, _SOURCE),) if provided.is_needed(ground) else ()
    return (*((_no_abac(),) if is_abac else ()), *looks)


def _no_abac() -> Step:
    update = f"gcloud container clusters update {_CLUSTER}"
    return Step(
        id="flags:gke-legacy-authorization",
        title="Turn legacy authorization (ABAC) off",
        why="It grants broadly and by rules that RBAC does not show: what this plan takes away, it"
        " may go on granting.",
        where="gcloud",
        commands=(_NAMES, f"{update} --no-enable-legacy-authorization"),
        verify=(f"{_NAMES}; {_SHOW}",),
        rollback=(_NAMES, f"{update} --enable-legacy-authorization"),
        observation=BY_HAND,
        takes="minutes; the control plane is updated",
        troubles=(
            Trouble(
                "Someone who lived by ABAC is refused",
                "is forbidden: User",
                "Grant it by RBAC what it uses, or roll back and find out first.",
            ),
        ),
        caution="Whoever has only these rights loses them.",
        source=_SOURCE,
    )
