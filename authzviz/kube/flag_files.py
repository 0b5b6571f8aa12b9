"""An apiserver's flags out of the file that will start it: manifest, unit, configuration, flags.

What the file leaves to its tool (kubeadm, k3s, RKE2) is filled in as that tool does, and said.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from authzviz.engine.model import ApiServer, Flag
from authzviz.engine.versions import minor_of
from authzviz.kube import flags, kubeadm_config, node_args, strict_yaml
from authzviz.kube.authorization_config import KIND, authorization_config
from authzviz.kube.fields import Fields, KubeconfigError
from authzviz.kube.unit_file import UnitUnreadable, command_of, is_unit

_DOCUMENT_END = re.compile(r"^---(?:[ \t]+#.*|[ \t]*)$", re.MULTILINE)
_IMAGE_VERSION = re.compile(r"(?:kube-apiserver|hyperkube)[^:@\s]*:(v?1\.\d{1,3}[^@\s]*)")
_STABLE = re.compile(r"(?:stable|latest)-1\.(\d{1,3})")
_DROPPED_MODE_SINCE = 30
_KUBEADM_ADDRESS = "kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint"
_APISERVERS_OWN = frozenset(
    {
        *flags.KEPT - {"authorization-mode", "anonymous-auth", "feature-gates"},
        "allow-privileged",
        "apiserver-count",
        "client-ca-file",
        "etcd-servers",
        "insecure-bind-address",
        "secure-port",
        "service-account-issuer",
        "service-account-key-file",
        "service-cluster-ip-range",
    }
)
_OTHERS_OWN = frozenset(
    {"kubeconfig", "bootstrap-kubeconfig", "cluster-dns", "leader-elect", "proxy-mode"}
)
_SERVER_KEYS = frozenset(
    (
        "kube-apiserver-arg",
        "tls-san",
        "cluster-init",
        "token",
        "token-file",
        "server",
        "node-name",
        "node-label",
        "data-dir",
        "write-kubeconfig-mode",
        "cluster-cidr",
        "service-cidr",
        "cluster-dns",
        "disable",
        "cni",
        "profile",
        "selinux",
        "kubelet-arg",
        "node-ip",
        "etcd-expose-metrics",
        "secrets-encryption",
        "protect-kernel-defaults",
        "disable-kube-proxy",
        "flannel-backend",
        "node-taint",
        "agent-token",
        "kube-controller-manager-arg",
        "kube-scheduler-arg",
    )
)
_RKE2_KEYS = frozenset(("cni", "profile", "etcd-arg", "control-plane-resource-requests"))


class FlagFileError(ValueError):
    """A file tells no kube-apiserver's flags; the text says why, without the file's name."""


@dataclass(frozen=True, slots=True)
class FlagFile:
    """What a file says of its apiserver.

    `version` is the Kubernetes version that it names, "" for none; `assumed` says in sentences what
    was taken for given. `is_chain_only` for an AuthorizationConfiguration, which has no flags;
    `since` is then the minor version that first reads it.
    """

    server: ApiServer
    version: str = ""
    assumed: tuple[str, ...] = ()
    is_chain_only: bool = False
    since: int = 0


def read_flag_file(name: str, raw: bytes) -> FlagFile:
    """What one file says; `name` is how the apiserver is called. Raises FlagFileError.

    Nothing that the file names is followed or run. YAML with aliases and more than 1 MiB are
    refused.
    """
    text = _text(raw)
    try:
        if is_unit(text):
            return _of_unit(name, text)
        if _is_plain(text):
            return _of_plain(name, text)
        return _of_documents(name, text)
    except (strict_yaml.YamlRefused, KubeconfigError, UnitUnreadable) as error:
        raise FlagFileError(str(error)) from None


def joined(flag_file: FlagFile, chain: FlagFile) -> FlagFile:
    """A file of flags that names an authorization configuration, with that configuration.

    Raises FlagFileError where the flags name none, or could not be read.
    """
    names = {flag.name for flag in flag_file.server.flags or ()}
    if "authorization-config" not in names:
        raise FlagFileError("has no --authorization-config, so no file of authorizers is read")
    server = replace(
        flag_file.server,
        authorizers=chain.server.authorizers,
        evidence=f"{flag_file.server.evidence}, with its {KIND}",
    )
    return replace(flag_file, server=server, since=chain.since)


def _text(raw: bytes) -> str:
    if len(raw) > strict_yaml.MAX_BYTES:
        raise FlagFileError("is larger than 1 MiB")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FlagFileError("is no text") from None
    if not text.strip():
        raise FlagFileError("is empty")
    if "\0" in text:
        raise FlagFileError("is no text")
    return text


def _of_unit(name: str, text: str) -> FlagFile:
    command = command_of(text)
    words = command.words
    program = next((word.rpartition("/")[2] for word in words), "")
    if program in _TOOLS and "server" in words:
        args = [v for n, v in flags.pairs(words) if n == "kube-apiserver-arg"]
        said = f"{program}'s config.yaml is empty: only the unit was read"
        given = _of_tool(name, program, args, "unit file")
        return replace(given, assumed=(*given.assumed, said))
    if not any(_is_apiserver(word) for word in words):
        raise FlagFileError(f"is not a kube-apiserver's: the unit starts {program}")
    files = (
        f" (EnvironmentFile {', '.join(command.files)} is not followed)" if command.files else ""
    )
    if command.unset:
        why = f"flags come from ${', $'.join(command.unset)}, set outside the unit{files}"
        return FlagFile(ApiServer(name, None, "systemd unit", why))
    return FlagFile(_server(name, words, "systemd unit", files))


def _is_apiserver(word: str) -> bool:
    return bool(re.search(r"(?:^|[/\s;&])(?:kube-)?apiserver(?:\s|$)", word))


def _server(name: str, words: Sequence[str], evidence: str, hint: str = "") -> ApiServer:
    try:
        return ApiServer(name, flags.of_container(words, ()), evidence)
    except flags.FlagsUnreadable as error:
        return ApiServer(name, None, evidence, f"{error}{hint}")


def _is_plain(text: str) -> bool:
    """True for lines of flags, a command line, or assignments in shell's manner that hold flags."""
    lines = [line.strip() for line in text.splitlines()]
    used = [line for line in lines if line and not line.startswith("#")]
    first = used[0] if used else ""
    is_command = _is_apiserver(first.split()[0]) if first else False
    return first.startswith("--") or is_command or bool(_ASSIGNMENT.match(first))


_ASSIGNMENT = re.compile(r"(?:export\s+)?[A-Za-z_][A-Za-z0-9_]*=")


def _of_plain(name: str, text: str) -> FlagFile:
    try:
        words = shlex.split(text.replace("\\\n", " ").replace("\\\r\n", " "), comments=True)
    except ValueError:
        raise FlagFileError("has an open quote") from None
    evidence = "file of flags"
    if not words[0].startswith("--") and _ASSIGNMENT.match(words[0]):
        values = (_ASSIGNMENT.sub("", word, count=1) for word in words)
        words = [each for value in values for each in value.split() if "--" in value]
        evidence = "environment file"
    named = {name for name, _ in flags.pairs(words)}
    if not named & _APISERVERS_OWN or named & _OTHERS_OWN:
        raise FlagFileError("is not a kube-apiserver's: its flags are those of something else")
    return FlagFile(_server(name, words, evidence))


def _of_documents(name: str, text: str) -> FlagFile:
    """The one document of the file that is about an apiserver; a kubeadm file has several."""
    kinds: list[str] = []
    for part in _DOCUMENT_END.split(text):
        value = strict_yaml.parse(part)
        if value is None:
            continue
        if not isinstance(value, dict):
            raise FlagFileError("is neither flags, nor a unit, nor YAML with fields")
        document = Fields("", value)
        kind = document.text("kind")
        read = _KINDS.get(kind) or (None if kind else _of_config)
        if read:
            return read(name, document)
        kinds.append(kind)
    raise FlagFileError(f"is not a kube-apiserver's: it holds {', '.join(kinds) or 'nothing'}")


def _of_manifest(name: str, pod: Fields) -> FlagFile:
    containers = list(pod.child("spec").entries("containers", 64))
    named = [each for each in containers if each.text("name") == "kube-apiserver"]
    for container in named or containers:
        words = (*container.texts("command"), *container.texts("args"))
        image = _IMAGE_VERSION.search(container.text("image"))
        if named or image or any(_is_apiserver(word) for word in words):
            metadata = pod.child("metadata") if pod.has("metadata") else Fields("", {})
            made = metadata.child("annotations") if metadata.has("annotations") else metadata
            tool = "kubeadm " if made.has(_KUBEADM_ADDRESS) else ""
            server = _server(name, words, f"{tool}static pod manifest")
            return FlagFile(server, image[1] if image else "")
    raise FlagFileError("is not a kube-apiserver's: no container of the pod runs one")


def _of_kubeadm(name: str, document: Fields) -> FlagFile:
    given = kubeadm_config.flags_of(document)
    version = _kubeadm_version(document.text("kubernetesVersion"))
    names = {flag.name for flag in given}
    defaults = [node_args.MODE, node_args.PLUGINS]
    if "authorization-config" in names and (minor_of(version) or 99) >= _DROPPED_MODE_SINCE:
        defaults.remove(node_args.MODE)
    added = tuple(flag for flag in defaults if flag.name not in names)
    kept = tuple(flag for flag in given if flag.name in flags.KEPT)
    server = ApiServer(name, (*added, *kept), "kubeadm ClusterConfiguration")
    return FlagFile(server, version, _tool_adds("kubeadm", added))


def _tool_adds(tool: str, added: Iterable[Flag]) -> tuple[str, ...]:
    said = " ".join(f"--{flag.name}={flag.value}" for flag in added)
    return (f"{tool} adds {said} by itself",) if said else ()


def _kubeadm_version(said: str) -> str:
    stable = _STABLE.match(said)
    return f"v1.{stable[1]}.0" if stable else said if minor_of(said) is not None else ""


def _of_kubeadm_map(name: str, config_map: Fields) -> FlagFile:
    """ConfigMap kubeadm-config, which holds the ClusterConfiguration as a text."""
    data = config_map.child("data")
    if not data.has(kubeadm_config.KEY):
        raise FlagFileError("is not a kube-apiserver's: the ConfigMap has no ClusterConfiguration")
    return _of_documents(name, data.text(kubeadm_config.KEY))


def _of_config(name: str, document: Fields) -> FlagFile:
    """A k3s or RKE2 config.yaml, which has no kind."""
    plain = {key.rstrip("+") for key in document.values}
    if not plain & _SERVER_KEYS:
        raise FlagFileError("is not a kube-apiserver's: neither kind nor flags that are known")
    tool = "rke2" if "rke2" in name or plain & _RKE2_KEYS else "k3s"
    args: list[str] = []
    for key, value in document.values.items():
        if key.rstrip("+") == "kube-apiserver-arg":
            args += [value] if isinstance(value, str) else document.texts(key)
    return _of_tool(name, tool, args, "config.yaml")


_TOOLS = ("k3s", "rke2")


def _of_tool(name: str, tool: str, args: Sequence[str], where: str) -> FlagFile:
    merged = node_args.merged(tool, args)
    server = ApiServer(name, merged.flags, f"{tool} {where}")
    return FlagFile(server, "", _tool_adds(tool, merged.added))


def _of_authorizers(name: str, document: Fields) -> FlagFile:
    config = authorization_config(document)
    server = ApiServer(name, None, KIND, authorizers=config.authorizers)
    return FlagFile(server, is_chain_only=True, since=config.since)


_KINDS: dict[str, Callable[[str, Fields], FlagFile]] = {
    "Pod": _of_manifest,
    "ClusterConfiguration": _of_kubeadm,
    "ConfigMap": _of_kubeadm_map,
    KIND: _of_authorizers,
}
