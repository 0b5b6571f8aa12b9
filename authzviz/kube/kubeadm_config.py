"""What kubeadm's own configuration says that every apiserver should run with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authzviz.engine.model import Flag, FlagSource, Read
from authzviz.engine.permissions import GET_KUBEADM_CONFIG
from authzviz.kube.config_map import read_key
from authzviz.kube.errors import ReadFailed
from authzviz.kube.flags import KEPT
from authzviz.kube.lists import attempt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authzviz.kube.connection import Connection
    from authzviz.kube.fields import Fields

KEY = "ClusterConfiguration"
KUBEADM = "kubeadm"
_NAMESPACE, _MAP = GET_KUBEADM_CONFIG.namespace, GET_KUBEADM_CONFIG.name
_NAME = f"{_NAMESPACE}/{_MAP}"


def read_declared(connection: Connection) -> Read[tuple[FlagSource, ...]]:
    """The flags in ConfigMap kube-system/kubeadm-config; nothing where there is none.

    What is not among them is kubeadm's own default. Nothing but the kept flags is taken from it.
    """
    return attempt(f"ConfigMap {_NAME}", GET_KUBEADM_CONFIG.words, lambda: _declared(connection))


def _declared(connection: Connection) -> tuple[FlagSource, ...]:
    text = read_key(connection, _NAMESPACE, _MAP, KEY)
    if text is None:
        return ()
    return (FlagSource(f"ConfigMap {_NAME}", _kept(connection, text), KUBEADM),)


def _kept(connection: Connection, text: str) -> tuple[Flag, ...]:
    # PyYAML takes 35 ms to import: only clusters of kubeadm need it.
    from authzviz.kube import strict_yaml
    from authzviz.kube.fields import Fields, KubeconfigError

    try:
        value = strict_yaml.parse(text)
        if not isinstance(value, dict):
            raise ReadFailed(f"{KEY} in ConfigMap {_NAME} holds no fields")
        return tuple(flag for flag in flags_of(Fields("", value)) if flag.name in KEPT)
    except (strict_yaml.YamlRefused, KubeconfigError) as error:
        said = connection.clean(str(error))
        raise ReadFailed(f"{KEY} in ConfigMap {_NAME}: {said}") from None


def flags_of(document: Fields) -> tuple[Flag, ...]:
    """All flags that a ClusterConfiguration gives the apiserver beside kubeadm's own.

    Raises KubeconfigError for another document, and for a mergeMethod, which is not understood.
    Source: kubernetes cmd/kubeadm/app/apis/kubeadm, v1alpha3 (1.12) to v1 (1.37).
    """
    if not document.required("apiVersion").startswith("kubeadm.k8s.io/"):
        raise document.error("apiVersion", "must be one of kubeadm.k8s.io")
    if document.required("kind") != KEY:
        raise document.error("kind", f"must be {KEY}")
    if document.has("apiServerExtraArgs"):  # up to v1alpha3
        return tuple(_of_map(document.child("apiServerExtraArgs")))
    return tuple(_extra_args(document.child("apiServer"))) if document.has("apiServer") else ()


def _extra_args(server: Fields) -> Iterator[Flag]:
    """apiServer.extraArgs: a map up to v1beta3, a list of name and value from v1beta4 on."""
    if isinstance(server.values.get("extraArgs"), dict):
        yield from _of_map(server.child("extraArgs"))
        return
    for entry in server.entries("extraArgs", 256):
        if entry.has("mergeMethod"):
            raise entry.error("mergeMethod", "is not understood; give the manifest that it makes")
        yield Flag(entry.required("name").replace("_", "-"), entry.text("value"))


def _of_map(args: Fields) -> Iterator[Flag]:
    for name in args.values:
        yield Flag(name.replace("_", "-"), args.text(name))
