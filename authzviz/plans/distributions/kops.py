"""kops: the cluster's spec, and then new machines for the control plane.

Source: kops.sigs.k8s.io, cluster_spec, cli/kops_replace, operations/rolling-update.
"""

from __future__ import annotations

import json
from shlex import quote
from typing import Any

from authzviz.engine.assessment import Switch
from authzviz.engine.versions import minor_of
from authzviz.plans import probing
from authzviz.plans.distributions import editing
from authzviz.plans.distributions.common import needing
from authzviz.plans.ground import Ground, wanted_modes, wanted_plugins
from authzviz.plans.plan import BY_HAND, Observation, Sees, Step, Trouble
from authzviz.plans.servers import Server

_SOURCE = "kops, https://kops.sigs.k8s.io/cluster_spec/#kubeapiserver"
_ROLLING = "kops, https://kops.sigs.k8s.io/operations/rolling-update/"
_NAMES = (
    ': "${KOPS_CLUSTER_NAME:?export it, as kops get clusters shows it}"',
    ': "${KOPS_STATE_STORE:?export it}"',
    'copy="$HOME/$KOPS_CLUSTER_NAME.before-node-authorizer.yaml"',
)
_GET = 'kops get cluster --name="$KOPS_CLUSTER_NAME" --output=yaml'
_UPDATE = 'kops update cluster --name="$KOPS_CLUSTER_NAME" --yes'
_PODS = "kubectl --namespace=kube-system get pods --selector=k8s-app=kube-apiserver --output=yaml"
_ROLES_SINCE, _NEW_ROLE_SINCE = 19, 26


def steps(ground: Ground) -> tuple[Step, ...]:
    """The spec first, then the machines, which kops renews one after another; none where every
    apiserver has what it needs.
    """
    servers = needing(ground)
    return (_spec(servers[0]), _rolling(ground, servers)) if servers else ()


def _spec(server: Server) -> Step:
    patch = json.dumps(_patch(server), separators=(",", ":"))
    plugins = server.state.admission_plugins
    is_by_hand = server.state.node_restriction is not Switch.ON and plugins is None
    return Step(
        id="flags:kops-spec",
        title="Set the authorization mode in the cluster's spec",
        why="kops makes the flags of every apiserver from the spec; a manifest changed on a machine"
        " is gone with it. Nothing runs with it before machines are renewed.",
        where="kops",
        commands=(
            *_NAMES,
            "now=$(mktemp)",
            "new=$(mktemp)",
            f'{_GET} > "$now"',
            'test -e "$copy" || cp "$now" "$copy"',
            f'kubectl patch --local -f "$now" --type=merge -p {quote(patch)} -o yaml > "$new"',
            'kops replace -f "$new"',
            _UPDATE,
        ),
        diff=_diff(server),
        verify=(f"{_GET} | grep -A20 kubeAPIServer", f"{_UPDATE.removesuffix(' --yes')}"),
        rollback=(*_NAMES, 'kops replace -f "$copy"', _UPDATE),
        observation=BY_HAND,
        takes="a minute; no machine changes yet",
        troubles=(
            Trouble(
                "kops refuses the spec",
                "spec.kubeAPIServer",
                "kops checks what it is given before it stores it: nothing was changed.",
            ),
        ),
        caution="Add NodeRestriction to spec.kubeAPIServer.enableAdmissionPlugins by hand (kops"
        " edit cluster): the plugins that are there were not read, and a list replaces kops' own."
        if is_by_hand
        else "With Terraform, kops update cluster --target=terraform, then plan and apply, take the"
        " place of kops update cluster --yes. A copy that is there already is kept.",
        source=_SOURCE,
    )


def _patch(server: Server) -> dict[str, Any]:
    """What is merged into the spec; null takes away."""
    plugins = server.state.admission_plugins
    found: dict[str, Any] = {"authorizationMode": ",".join(wanted_modes(server.state))}
    if server.state.node_restriction is not Switch.ON and plugins is not None:
        found["enableAdmissionPlugins"] = list(wanted_plugins(server.state))
    spec: dict[str, Any] = {"kubeAPIServer": found}
    if server.state.always_allow is Switch.ON:
        spec["authorization"] = {"alwaysAllow": None, "rbac": {}}
    return {"spec": spec}


def _diff(server: Server) -> str:
    before = server.state.authorization_modes
    lines = ["--- the cluster's spec", "+++ the cluster's spec", " spec:", "   kubeAPIServer:"]
    if before is not None:
        lines.append(f"-    authorizationMode: {editing.printable(','.join(before))}")
    wanted = editing.printable(",".join(wanted_modes(server.state)))
    lines.append(f"+    authorizationMode: {wanted}")
    if server.state.node_restriction is not Switch.ON:
        lines += ["     enableAdmissionPlugins:", "+    - NodeRestriction"]
    return "\n".join(lines) + "\n"


def _rolling(ground: Ground, servers: tuple[Server, ...]) -> Step:
    roll = f'kops rolling-update cluster --name="$KOPS_CLUSTER_NAME"{_only(ground)} --yes'
    return Step(
        id="flags:kops-rolling-update",
        title="Renew the machines of the control plane, one after another",
        why="Each new machine starts its apiserver with the flags of the spec. kops waits until the"
        " cluster validates before it goes on with the next.",
        where="kops",
        commands=(*_NAMES, roll),
        verify=(
            f"{_PODS} | grep -E -e '--(authorization-mode|enable-admission-plugins)='",
            *(probing.node_answers(server.url) for server in servers),
            'kops validate cluster --name="$KOPS_CLUSTER_NAME"',
        ),
        rollback=(*_NAMES, 'kops replace -f "$copy"', _UPDATE, roll),
        observation=_seen(servers),
        takes="5 to 15 minutes for each machine of the control plane",
        troubles=(
            Trouble(
                "A new machine's apiserver does not start",
                "cluster did not validate within a duration",
                "kops stops there; the other machines go on with the old flags. Roll back.",
            ),
        ),
        caution="With a single machine the API is down until the new one is up.",
        watches_leases=True,
        source=_ROLLING,
    )


def _only(ground: Ground) -> str:
    """The option that leaves nodes alone, as this version calls it; "" where it has none."""
    minor = minor_of(ground.snapshot.version.value or "")
    if minor is None or minor >= _NEW_ROLE_SINCE:
        return " --instance-group-roles=control-plane"
    return " --instance-group-roles=master" if minor >= _ROLES_SINCE else ""


def _seen(servers: tuple[Server, ...]) -> Observation:
    """What shows that all of them are renewed: their flags, or only the order of authorizers."""
    is_order = all(server.is_done for server in servers)
    return Observation(Sees.CHECK, "order") if is_order else Observation(Sees.FLAGS)
