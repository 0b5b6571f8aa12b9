"""ConfigMap kube-system/kubeadm-config, which `kubeadm upgrade` makes the manifests from."""

from __future__ import annotations

import re
from collections.abc import Iterator

from authzviz.engine.apiserver import FlagSource
from authzviz.engine.defaults import declared_of
from authzviz.engine.flagged import NODE_RESTRICTION
from authzviz.engine.flags import BadFlagError, values_of
from authzviz.plans.distributions.editing import printable
from authzviz.plans.ground import Ground, modes_from, plugins_from
from authzviz.plans.plan import Observation, Sees, Step, Trouble
from authzviz.plans.shell import heredoc

_MODE, _PLUGINS = "authorization-mode", "enable-admission-plugins"
_PLAIN = re.compile(r"[A-Za-z0-9,._/-]+")
_MAP = "kubectl --namespace=kube-system {verb} configmap kubeadm-config"
_GET = f"{_MAP.format(verb='get')} -o jsonpath='{{.data.ClusterConfiguration}}'"
_VARIABLES = ("copy=/root/ClusterConfiguration.before-node-authorizer", "new=$(mktemp)")
Change = tuple[str, str, str]
"""A flag's name, its value as it is, and as it is to be."""


def steps(ground: Ground) -> tuple[Step, ...]:
    """The step that changes it; none where it says nothing that an upgrade would bring back: what
    is not in it, kubeadm sets to Node,RBAC and NodeRestriction by itself.
    """
    changes = tuple(change for source in declared_of(ground.snapshot) for change in _of(source))
    return (_step(changes),) if changes else ()


def _of(source: FlagSource) -> Iterator[Change]:
    try:
        modes = values_of(source.flags, _MODE)
        plugins = values_of(source.flags, _PLUGINS)
    except BadFlagError:
        return
    if modes and ("Node" not in modes or "AlwaysAllow" in modes):
        yield _MODE, ",".join(modes), ",".join(modes_from(modes))
    if plugins is not None and NODE_RESTRICTION not in plugins:
        yield _PLUGINS, ",".join(plugins), ",".join(plugins_from(plugins))


def _step(changes: tuple[Change, ...]) -> Step:
    # What is no word may go on in the next line, which no edit of one line takes away.
    is_plain = all(_PLAIN.fullmatch(f"{before},{after}") for _, before, after in changes)
    return Step(
        id="declared:kubeadm-config",
        title="Say the same in ConfigMap kubeadm-config",
        why="kubeadm upgrade makes every manifest anew from it, and would put the old flags back.",
        where="kubectl",
        commands=_commands(changes) if is_plain else (),
        diff=_diff(changes),
        verify=tuple(
            f"{_GET} | grep -A1 -e '{name}' | grep -F -e '{after if is_plain else name}'"
            for name, _, after in changes
        ),
        rollback=(_VARIABLES[0], _patch("$copy")) if is_plain else (),
        observation=Observation(Sees.DECLARED, "kubeadm-config"),
        takes="Seconds. Nothing restarts.",
        troubles=(_SHAPE,),
        caution="" if is_plain else "By hand: kubectl -n kube-system edit configmap kubeadm-config",
    )


def _commands(changes: tuple[Change, ...]) -> tuple[str, ...]:
    script = "\n".join(_edit(name, after) for name, _, after in changes)
    return (
        *_VARIABLES,
        "now=$(mktemp)",
        f'{_GET} > "$now"',
        heredoc('sed -E -f /dev/stdin "$now" > "$new"', script),
        'cmp -s "$now" "$new" || cp "$now" "$copy"',
        _patch("$new"),
    )


def _edit(name: str, after: str) -> str:
    """A map up to v1beta3, a list of name and value from v1beta4 on."""
    value = after.replace("/", "\\/")
    return (
        f"s/^( +){name}: .*/\\1{name}: {value}/\n"
        f"/^ +- name: {name}$/{{n;s/^( +)value: .*/\\1value: {value}/}}"
    )


def _patch(path: str) -> str:
    made = (
        f'kubectl create configmap kubeadm-config --from-file=ClusterConfiguration="{path}"'
        " --dry-run=client -o jsonpath='{.data}'"
    )
    return f'{_MAP.format(verb="patch")} --type=merge -p "{{\\"data\\":$({made})}}"'


def _diff(changes: tuple[Change, ...]) -> str:
    head = "--- kubeadm-config, ClusterConfiguration\n+++ kubeadm-config, ClusterConfiguration\n"
    old = "".join(
        f"-    {name}: {printable(before)}\n+    {name}: {after}\n"
        for name, before, after in changes
    )
    new = "".join(
        f"   - name: {name}\n-    value: {printable(before)}\n+    value: {after}\n"
        for name, before, after in changes
    )
    return (
        f"{head}@@ apiServer.extraArgs, up to kubeadm.k8s.io/v1beta3 @@\n{old}"
        f"@@ apiServer.extraArgs, from kubeadm.k8s.io/v1beta4 on @@\n{new}"
    )


_SHAPE = Trouble(
    "The next upgrade puts the old flags back",
    "after kubeadm upgrade the manifests have the old --authorization-mode",
    "A value in apiServer.extraArgs replaces kubeadm's own: see with kubectl -n kube-system get"
    " configmap kubeadm-config -o yaml that it is as shown, and edit by hand where it is not.",
)
