"""AKS: the flags are Microsoft's; NodeRestriction is an option of the cluster.

Source: Azure/azure-cli-extensions src/aks-preview (--enable-node-restriction, since 0.5.95).
"""

from __future__ import annotations

from authzviz.engine.assessment import Switch
from authzviz.plans.distributions import provided
from authzviz.plans.ground import Ground
from authzviz.plans.plan import Observation, Sees, Step, Trouble

_SOURCE = (
    "Azure CLI extension aks-preview, https://github.com/Azure/azure-cli-extensions/pull/5247;"
    " whether today's AKS still takes the option is not verified"
)
_NAMES = ': "${AKS_CLUSTER:?export it}" "${AKS_RESOURCE_GROUP:?export it}"'
_CLUSTER = '--name="$AKS_CLUSTER" --resource-group="$AKS_RESOURCE_GROUP"'
_SHOW = f"az aks show {_CLUSTER} --query=securityProfile.nodeRestriction"


def steps(ground: Ground) -> tuple[Step, ...]:
    """The option where NodeRestriction is off, and the step that looks at what is left."""
    states = [server.state for server in ground.servers]
    is_off = any(state.node_restriction is Switch.OFF for state in states)
    is_node_on = bool(states) and all(s.node_authorizer is Switch.ON for s in states)
    why = (
        "Microsoft sets the flags of the control plane, with Node from 1.24 on, and no API shows"
        " them: only answers do, which the next read asks for. Where Node is off, upgrade, or open"
        " a support request."
    )
    looks = provided.is_needed(ground) and not (is_off and is_node_on)
    return (
        *((provided.seen(ground, why, _SOURCE),) if looks else ()),
        *((_restriction(),) if is_off else ()),
    )


def _restriction() -> Step:
    return Step(
        id="flags:aks-node-restriction",
        title="Turn on NodeRestriction",
        why="It is on by itself in clusters from 1.24 on, unless someone turned it off.",
        where="az",
        commands=(_NAMES, f"az aks update {_CLUSTER} --enable-node-restriction"),
        verify=(f"{_NAMES}; {_SHOW}",),
        rollback=(_NAMES, f"az aks update {_CLUSTER} --disable-node-restriction"),
        observation=Observation(Sees.FLAGS),
        takes="5 to 10 minutes",
        troubles=(
            Trouble(
                "az does not know the option",
                "unrecognized arguments: --enable-node-restriction",
                "az extension add --name aks-preview, or --upgrade it; else ask Microsoft.",
            ),
        ),
        caution="A kubelet whose certificate names another node is refused from then on.",
        watches_leases=True,
        source=_SOURCE,
    )
