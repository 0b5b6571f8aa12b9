"""Where the hosts of each distribution keep the flags of their apiserver, as plays edit them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from authzviz.plans.plan import Plan


@dataclass(frozen=True, slots=True)
class Host:
    """How a host starts its apiserver: the file, what a flag begins with there, the service that is
    restarted ("" where the kubelet does it by itself), the part of the file that counts, and where
    a flag goes that is not there, as a pattern and what takes its place.
    """

    file: str
    copy: str
    dashes: str = "--"
    service: str = ""
    part: tuple[str, str] = ("", "")
    place: tuple[str, str] = ("", "")
    has_process: bool = True


_RANCHER_PART = (r"(?m)^[\"']?kube-apiserver-arg[\"']?\+?\s*:", r"(?=^[^\s#-]|\Z)")
_MANIFEST = Host(
    "/etc/kubernetes/manifests/kube-apiserver.yaml",
    # The kubelet starts whatever lies in the manifests' own directory, a copy too.
    "/root/kube-apiserver.yaml.before-node-authorizer",
    place=(r"^( *)- [\"']?kube-apiserver[\"']?$", r"\g<0>\n\1- FLAG"),
)
_UNIT = Host(
    "/etc/systemd/system/kube-apiserver.service",
    "/root/kube-apiserver.service.before-node-authorizer",
    service="kube-apiserver",
    place=(
        r"(?s)\A((?:.*?^ExecStart=|(?!.*^ExecStart=).*?^[A-Za-z_]+=).*?)(?=[\"']?--[a-z])",
        r"\1FLAG ",
    ),
)
_HOSTS = {
    "kubeadm": _MANIFEST,
    "kind": _MANIFEST,
    "unknown": _UNIT,
    "k3s": Host(
        "/etc/rancher/k3s/config.yaml",
        "/root/k3s-config.yaml.before-node-authorizer",
        dashes="",
        service="k3s",
        part=_RANCHER_PART,
        has_process=False,
    ),
    "rke2": Host(
        "/etc/rancher/rke2/config.yaml",
        "/root/rke2-config.yaml.before-node-authorizer",
        dashes="",
        service="rke2-server",
        part=_RANCHER_PART,
    ),
}


def host_of(plan: Plan) -> Host | None:
    """How the hosts of this plan are edited; None where that is not done in files of theirs, where
    nothing is to be done there, or where the modes are in a file of their own.
    """
    if not plan.flags or any(flags.is_file_configured for flags in plan.flags):
        return None
    return _HOSTS.get(plan.distribution)
