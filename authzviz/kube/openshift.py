"""OpenShift's apiservers, which are told their flags by a ConfigMap.

Source: openshift/cluster-kube-apiserver-operator bindata/assets/kube-apiserver/{pod,cm}.yaml,
bindata/assets/config/defaultconfig.yaml, pkg/operator/configobservation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from authzviz.engine.model import ApiServer, Binding, Flag, FlagSource, Node, Outcome, Read
from authzviz.engine.permissions import GET_OPENSHIFT_CONFIG, LIST_OPENSHIFT_PODS
from authzviz.kube.apiservers import POD_KIND, Pods, container_of, is_mirror, pod_address
from authzviz.kube.config_map import read_key
from authzviz.kube.errors import ReadFailed
from authzviz.kube.flags import KEPT, FlagsUnreadable, of_container
from authzviz.kube.lists import attempt, items
from authzviz.kube.objects import UNDECODABLE, PodJson

if TYPE_CHECKING:
    from authzviz.kube.connection import Connection

OPENSHIFT = "openshift"
_NAMESPACE, _MAP = GET_OPENSHIFT_CONFIG.namespace, GET_OPENSHIFT_CONFIG.name
_LABEL = "app%3Dopenshift-kube-apiserver"
_PODS = f"/api/v1/namespaces/{_NAMESPACE}/pods?labelSelector={_LABEL}"
_CONFIG = f"ConfigMap {_NAMESPACE}/{_MAP}"
_KEY = "config.yaml"


class _KubeAPIServerConfig(msgspec.Struct, frozen=True):
    arguments: dict[str, tuple[str, ...]] = msgspec.field(
        name="apiServerArguments", default_factory=dict
    )


@dataclass(frozen=True, slots=True)
class OpenShift:
    """What tells OpenShift's apiservers: `pods` with those of its namespace, if there are any, and
    the ConfigMap; None where it was not asked for.
    """

    pods: Pods
    config: Read[FlagSource | None] | None = None
    is_rolling: bool = False

    def fill(self, apiservers: Read[tuple[ApiServer, ...]]) -> Read[tuple[ApiServer, ...]]:
        """The apiservers with what the ConfigMap says of all, unless they are of two revisions;
        where it could not be read, with what would let it.
        """
        config = self.config
        if config is None or (config.outcome is Outcome.OK and config.value is None):
            return apiservers
        if config.value is None:
            return _unread(apiservers, config)
        if self.is_rolling:
            return apiservers
        if apiservers.value is None:
            return _alone(apiservers, config.value)
        servers = tuple(_with(server, config.value) for server in apiservers.value)
        return replace(apiservers, value=servers)


def read_openshift(
    connection: Connection,
    pods: Pods,
    bindings: Read[tuple[Binding, ...]],
    nodes: Read[tuple[Node, ...]],
) -> OpenShift:
    """OpenShift's pods, beside those that were seen, and its ConfigMap.

    Asked for only where something tells OpenShift, or no pod shows flags and the bindings, which
    would tell it, could not be read.
    """
    is_openshift = _is_told_by(bindings, nodes)
    if not is_openshift and (pods.read.value or bindings.outcome is Outcome.OK):
        return OpenShift(pods)
    gaps: list[str] = []
    read = attempt(
        f"GET {_PODS}",
        LIST_OPENSHIFT_PODS.words,
        lambda: tuple(items(connection, _PODS, POD_KIND, gaps)),
    )
    config = attempt(_CONFIG, GET_OPENSHIFT_CONFIG.words, lambda: _config(connection))
    mirrors = tuple(pod for pod in read.value or () if is_mirror(pod))
    if not mirrors:
        is_there = is_openshift or config.value is not None
        return OpenShift(pods, config if is_there else None)
    servers = (*(pods.read.value or ()), *_of_pods(mirrors, config))
    joined = Read(
        Outcome.OK,
        f"{pods.read.source}, {read.source}",
        f"{read.permission} and {config.permission}",
        servers,
        gaps=(*pods.read.gaps, *gaps),
    )
    is_rolling = len({_revision(pod) for pod in mirrors}) > 1
    return OpenShift(Pods(joined, pods.ignored), config, is_rolling)


def _is_told_by(bindings: Read[tuple[Binding, ...]], nodes: Read[tuple[Node, ...]]) -> bool:
    keys = (key for node in nodes.value or () for key, _ in node.annotations)
    return any(key.partition("/")[0].endswith("openshift.io") for key in keys) or any(
        binding.name.startswith("system:openshift:") for binding in bindings.value or ()
    )


def _config(connection: Connection) -> FlagSource | None:
    text = read_key(connection, _NAMESPACE, _MAP, _KEY)
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


def _with(server: ApiServer, source: FlagSource) -> ApiServer:
    """The apiserver with the ConfigMap's flags, which weigh less than those that were seen."""
    others = (other.evidence for other in server.other_sources)
    if any(source.evidence in evidence for evidence in (server.evidence, *others)):
        return server
    if server.flags is not None:
        return replace(server, other_sources=(*server.other_sources, source))
    return replace(
        server, flags=source.flags, evidence=source.evidence, why="", defaults=source.defaults
    )


def _alone(
    apiservers: Read[tuple[ApiServer, ...]], source: FlagSource
) -> Read[tuple[ApiServer, ...]]:
    """Where nobody else tells of any apiserver."""
    server = _with(ApiServer("kube-apiserver", None, ""), source)
    return replace(
        apiservers,
        outcome=Outcome.OK,
        source=f"{apiservers.source}, {_CONFIG}",
        value=(server,),
        why="",
    )


def _unread(
    apiservers: Read[tuple[ApiServer, ...]], config: Read[FlagSource | None]
) -> Read[tuple[ApiServer, ...]]:
    said = f"{config.permission}: {config.why}"
    servers = tuple(
        server
        if server.flags is not None or config.why in server.why
        else replace(server, why="; ".join(filter(None, (server.why, said))))
        for server in apiservers.value or ()
    )
    is_forbidden = Outcome.FORBIDDEN in {apiservers.outcome, config.outcome}
    if apiservers.outcome is Outcome.OK:
        return replace(apiservers, value=servers)
    return replace(
        apiservers,
        outcome=Outcome.FORBIDDEN if is_forbidden else apiservers.outcome,
        permission=f"{apiservers.permission}, or {config.permission}",
        why=f"{apiservers.why}; {said}",
    )


def _of_pods(pods: tuple[PodJson, ...], config: Read[FlagSource | None]) -> tuple[ApiServer, ...]:
    newest = max(_revision(pod) for pod in pods)
    return tuple(
        replace(_of_pod(pod, config, is_newest=_revision(pod) == newest), address=pod_address(pod))
        for pod in sorted(pods, key=lambda pod: pod.metadata.name)
    )


def _revision(pod: PodJson) -> int:
    text = (pod.metadata.labels or {}).get("revision", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _of_pod(pod: PodJson, config: Read[FlagSource | None], *, is_newest: bool) -> ApiServer:
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
        container = container_of(pod)
        given = of_container(container.command or (), container.args or ())
    except FlagsUnreadable:
        given = ()
    return ApiServer(
        name, (*given, *source.flags), f"{evidence}, {source.evidence}", defaults=source.defaults
    )
