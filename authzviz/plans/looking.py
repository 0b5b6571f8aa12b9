"""Commands that show on a machine what no API shows: the apiserver's flags, a kubelet's name."""

from __future__ import annotations

from shlex import quote

_FLAGS = "'^--(authorization|admission|enable-admission|disable-admission)'"
_PROCESS = f"ps -ww -o args= -C kube-apiserver | tr ' ' '\\n' | grep -E -- {_FLAGS}"
_OPENSHIFT = (
    "kubectl --namespace=openshift-kube-apiserver get configmap config"
    " --output=jsonpath='{.data.config\\.yaml}'"
)
_MICROK8S = "/var/snap/microk8s/current/args/kube-apiserver"
_ASK = "authzviz check --format json"
_CLOUDWATCH = (
    'aws logs filter-log-events --log-group-name "/aws/eks/${EKS_CLUSTER:?export it}/cluster"'
    " --log-stream-name-prefix kube-apiserver- --filter-pattern"
    " '\"FLAG: --authorization-mode\"'"
)
_OF_FLAGS = {
    "k3s": (
        "journalctl --unit=k3s --no-pager | grep 'Running kube-apiserver' | tail -n 1",
        "cat /etc/rancher/k3s/config.yaml",
    ),
    "microk8s": (f"grep -E -- {_FLAGS} {_MICROK8S}",),
    "openshift": (_OPENSHIFT,),
    "eks": (_CLOUDWATCH, _ASK),
    "aks": (_ASK,),
    "gke": (_ASK,),
}
_PEM = "/var/lib/kubelet/pki/kubelet-client-current.pem"
_OF_KUBELET = {
    "k3s": "/var/lib/rancher/k3s/agent/client-kubelet.crt",
    "rke2": "/var/lib/rancher/rke2/agent/client-kubelet.crt",
    "k0s": "/var/lib/k0s/kubelet/pki/kubelet-client-current.pem",
    "microk8s": "/var/snap/microk8s/current/certs/kubelet.crt",
}
# The services that a kubelet is part of: on a worker, and on a machine of the control plane.
_SERVICES = {
    "k3s": ("k3s-agent", "k3s"),
    "rke2": ("rke2-agent", "rke2-server"),
    "k0s": ("k0sworker", "k0scontroller"),
    "microk8s": ("snap.microk8s.daemon-kubelite", "snap.microk8s.daemon-kubelite"),
}
_TALOS = 'talosctl --nodes="${NODE:?export it}"'


def flags_shown(distribution: str, node: str = "") -> tuple[str, ...]:
    """What shows the flags that an apiserver of that distribution runs with, on its machine; what
    the provider or the API shows, where nobody gets there. `node` is the machine's name.
    """
    if distribution == "talos":
        return (f"talosctl --nodes={quote(node)} processes | grep kube-apiserver",)
    if distribution == "kind":
        # ps is there in a node's image; what it prints is read outside.
        return (f"docker exec -- {quote(node)} {_PROCESS}",)
    return _OF_FLAGS.get(distribution, (_PROCESS,))


def certificate_shown(distribution: str) -> tuple[str, ...]:
    """What shows by which name a kubelet signs in, on its machine."""
    if distribution == "eks":
        return ("kubectl --namespace=kube-system get configmap aws-auth --output=yaml",)
    if distribution == "talos":
        return (f"{_TALOS} read {_PEM} | {_subject('/dev/stdin')}",)
    return (_subject(_OF_KUBELET.get(distribution, _PEM)),)


def certificate_source(distribution: str) -> str:
    """On what it rests that the certificate is there, "" where it was seen there."""
    documented = distribution in (*_OF_KUBELET, "eks", "talos")
    return f"the place where {distribution} keeps a kubelet's certificate" * documented


def has_requests(distribution: str) -> bool:
    """True where kubelets ask for their next certificate by a CertificateSigningRequest."""
    return distribution not in ("k3s", "rke2", "microk8s", "eks")


def kubelet_restart(distribution: str, *, is_worker: bool) -> str:
    """What restarts a kubelet."""
    if distribution == "talos":
        return f"{_TALOS} service kubelet restart"
    if distribution == "microk8s":
        return "snap restart microk8s.daemon-kubelite"
    return f"systemctl restart {_service(distribution, is_worker)}"


def kubelet_running(distribution: str, *, is_worker: bool) -> str:
    """What shows that it runs."""
    if distribution == "talos":
        return f"{_TALOS} service kubelet | grep -e Running"
    return f"systemctl is-active {_service(distribution, is_worker)}"


def kubelet_log(distribution: str, *, is_worker: bool) -> str:
    """What prints the last lines of its log."""
    if distribution == "talos":
        return f"{_TALOS} logs kubelet --tail=100"
    if distribution == "rke2":
        return "tail -n 100 /var/lib/rancher/rke2/agent/logs/kubelet.log"
    return f"journalctl -u {_service(distribution, is_worker)} --since=-5min"


def _service(distribution: str, is_worker: bool) -> str:
    worker, control_plane = _SERVICES.get(distribution, ("kubelet", "kubelet"))
    return worker if is_worker else control_plane


def _subject(path: str) -> str:
    return f"openssl x509 -noout -subject -enddate -in {path}"
