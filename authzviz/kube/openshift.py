"""OpenShift's apiservers, which are told their flags by a ConfigMap.

Source: openshift/cluster-kube-apiserver-operator bindata/assets/kube-apiserver/{pod,cm}.yaml,
bindata/assets/config/defaultconfig.yaml, pkg/operator/configobservation.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from authzviz.engine.model import ApiServer, Binding, Flag, FlagSource, Node, Outcome, Read
from authzviz.kube.apiservers import is_mirror
from authzviz.kube.config_map import read_key
from authzviz.kube.errors import ReadFailed
from authzviz.kube.flags import KEPT, FlagsUnreadable, of_container
from authzviz.kube.lists import Kind, attempt, items
from authzviz.kube.objects import UNDECODABLE, PodJson

if TYPE_CHECKING:
    from authzviz.kube.connection import Connection

OPENSHIFT = "openshift"
_NAMESPACE = "openshift-kube-apiserver"
_LABEL = "app%3Dopenshift-kube-apiserver"
_PODS = f"/api/v1/namespaces/{_NAMESPACE}/pods?labelSelector={_LABEL}"
_PODS_PERMISSION = f"list pods in {_NAMESPACE}"
_CONFIG = f"ConfigMap {_NAMESPACE}/config"
_CONFIG_PERMISSION = f"get configmaps config in {_NAMESPACE}"
_KEY = "config.yaml"
_POD_KIND = Kind("PodList", PodJson, lambda pod: pod)
_Config = Read[FlagSource | None]


class _KubeAPIServerConfig(msgspec.Struct, frozen=True):
    arguments: dict[str, tuple[str, ...]] = msgspec.field(
        name="apiServerArguments", default_factory=dict
    )


def with_openshift(
    connection: Connection,
    apiservers: Read[tuple[ApiServer, ...]],
    bindings: Read[tuple[Binding, ...]],
    nodes: Read[tuple[Node, ...]],
) -> Read[tuple[ApiServer, ...]]:
    """The apiservers with what OpenShift's ConfigMap says of them.

    Asked for only where something else tells OpenShift, or nobody shows flags and the bindings,
    which would tell it, could not be read.
    """
    is_openshift = _is_told_by(bindings, nodes)
    has_flags = any(server.flags is not None for server in apiservers.value or ())
    if not is_openshift and (has_flags or bindings.outcome is Outcome.OK):
        return apiservers
    gaps: list[str] = []
    pods = attempt(
        f"GET {_PODS}", _PODS_PERMISSION, lambda: tuple(items(connection, _PODS, _POD_KIND, gaps))
    )
    config: _Config = attempt(_CONFIG, _CONFIG_PERMISSION, lambda: _config(connection))
    mirrors = tuple(pod for pod in pods.value or () if is_mirror(pod))
    known = apiservers.value or ()
    if any(not server.is_alias for server in known):
        return _filled(apiservers, config) if len(_revisions(mirrors)) < 2 else apiservers
    if not mirrors and config.value is None:
        return _unread(apiservers, pods, config) if is_openshift else apiservers
    servers = _of_pods(mirrors, config) if mirrors else _alone(config)
    sources = (apiservers.source, pods.source, config.source)
    permissions = (pods.permission, config.permission)
    return Read(
        Outcome.OK,
        ", ".join(sources),
        " and ".join(permissions),
        (*known, *servers),
        gaps=(*apiservers.gaps, *gaps),
    )


def _is_told_by(bindings: Read[tuple[Binding, ...]], nodes: Read[tuple[Node, ...]]) -> bool:
    keys = (key for node in nodes.value or () for key, _ in node.annotations)
    return any(key.partition("/")[0].endswith("openshift.io") for key in keys) or any(
        binding.name.startswith("system:openshift:") for binding in bindings.value or ()
    )


def _config(connection: Connection) -> FlagSource | None:
    text = read_key(connection, _NAMESPACE, "config", _KEY)
    if text is None:
        return None
    flags = (
        Flag(name.replace("_", "-"), value)
        for name, values in _arguments(connection, text).items()
        for value in values
    )
    kept = tuple(flag for flag in flags if flag.name in KEPT)
    return FlagSource(_CONFIG, kept, OPENSHIFT)


def _arguments(connection: Connection, text: str) -> dict[str, tuple[str, ...]]:
    """apiServerArguments: the operator writes JSON, a person may have left YAML."""
    try:
        return msgspec.json.decode(text, type=_KubeAPIServerConfig).arguments
    except UNDECODABLE:
        pass
    from authzviz.kube import strict_yaml
    from authzviz.kube.fields import Fields, KubeconfigError

    try:
        value = strict_yaml.parse(text)
        if not isinstance(value, dict):
            raise ReadFailed(f"{_KEY} in {_CONFIG} holds no fields")
        arguments = Fields("", value).child("apiServerArguments")
        return {name: arguments.texts(name) for name in arguments.values}
    except (strict_yaml.YamlRefused, KubeconfigError) as error:
        raise ReadFailed(f"{_KEY} in {_CONFIG}: {connection.clean(str(error))}") from None


def _filled(
    apiservers: Read[tuple[ApiServer, ...]], config: _Config
) -> Read[tuple[ApiServer, ...]]:
    """Those that were seen otherwise: the ConfigMap is one for all."""
    source = config.value
    if source is None:
        return apiservers
    servers = tuple(
        _with(server, source)
        if server.flags is None
        else replace(server, other_sources=(*server.other_sources, source))
        for server in apiservers.value or ()
    )
    return replace(apiservers, value=servers)


def _with(server: ApiServer, source: FlagSource) -> ApiServer:
    return replace(
        server, flags=source.flags, evidence=source.evidence, why="", defaults=source.defaults
    )


def _alone(config: _Config) -> tuple[ApiServer, ...]:
    source = config.value
    return (_with(ApiServer("kube-apiserver", None, ""), source),) if source else ()


def _of_pods(pods: tuple[PodJson, ...], config: _Config) -> tuple[ApiServer, ...]:
    newest = max(_revisions(pods))
    return tuple(
        _of_pod(pod, config, is_newest=_revision(pod) == newest)
        for pod in sorted(pods, key=lambda pod: pod.metadata.name)
    )


def _revisions(pods: tuple[PodJson, ...]) -> set[int]:
    return {_revision(pod) for pod in pods}


def _revision(pod: PodJson) -> int:
    text = (pod.metadata.labels or {}).get("revision", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _of_pod(pod: PodJson, config: _Config, *, is_newest: bool) -> ApiServer:
    """One apiserver. A pod of an older revision runs with an older ConfigMap: that is not this."""
    name = pod.metadata.name
    evidence = f"mirror pod {_NAMESPACE}/{name}"
    source = config.value
    if source is None:
        why = f"its flags are in {_CONFIG}: {config.why or 'there is none'} ({config.permission})"
        return ApiServer(name, None, evidence, why)
    if not is_newest:
        why = f"it runs revision {_revision(pod)}, and {_CONFIG} is that of a newer one"
        return ApiServer(name, None, evidence, why)
    try:
        container = next(each for each in pod.spec.containers if each.name == "kube-apiserver")
        given = of_container(container.command or (), container.args or ())
    except (FlagsUnreadable, StopIteration):
        given = ()
    return ApiServer(
        name, (*given, *source.flags), f"{evidence}, {source.evidence}", defaults=source.defaults
    )


def _unread(
    apiservers: Read[tuple[ApiServer, ...]], pods: Read[tuple[PodJson, ...]], config: _Config
) -> Read[tuple[ApiServer, ...]]:
    reads: tuple[Read[object], ...] = (pods, config)
    whys = [f"{read.permission}: {read.why}" for read in reads if read.why]
    return replace(
        apiservers,
        outcome=Outcome.FORBIDDEN
        if Outcome.FORBIDDEN in {apiservers.outcome, config.outcome}
        else apiservers.outcome,
        permission=f"{apiservers.permission}, or {config.permission}",
        why="; ".join((apiservers.why, *whys)),
    )
