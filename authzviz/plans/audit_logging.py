"""How the audit log of each distribution's apiservers is turned on, and where it then is.

From documentation: kubernetes.io/docs/tasks/debug/debug-cluster/audit, and that of each
distribution; none of it is carried out by a test.
"""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote

from authzviz.kube import manifests
from authzviz.plans.ground import Ground

_KUBERNETES = "https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/"
_POLICY = "/etc/kubernetes/audit-policy.yaml"
_LOG = "/var/log/kubernetes/audit/audit.log"
_MOST_USERS = 100


@dataclass(frozen=True, slots=True)
class AuditLogging:
    """How it is turned on: `how` in sentences, `diff` as lines to add to a file, "" for none.

    `policy_file` is "" where a provider or a distribution has a policy of its own, which does.
    `shows` is a command that only reads, and prints the newest lines of the log.
    """

    where: str
    how: str
    shows: str
    source: str
    policy_file: str = ""
    diff: str = ""


def logging_of(distribution: str) -> AuditLogging:
    """How the apiservers of this distribution write an audit log."""
    return _BY_DISTRIBUTION.get(distribution, _SYSTEMD)


def policy_of(ground: Ground) -> str:
    """An audit policy, as YAML, that keeps what the plan's grants can be judged by: metadata only,
    of those whom they reach.
    """
    subjects = [subject for _, _, subject in ground.excess]
    groups = ["system:nodes", *(each.name for each in subjects if each.kind == "Group")]
    users = [each.name for each in subjects if each.kind == "User"][:_MOST_USERS]
    rules: list[dict[str, object]] = [
        {"level": "Metadata", "userGroups": list(dict.fromkeys(groups))}
    ]
    if users:
        rules.append({"level": "Metadata", "users": list(dict.fromkeys(users))})
    rules.append({"level": "None"})
    return manifests.to_yaml(
        {
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "omitStages": ["RequestReceived"],
            "rules": rules,
        }
    )


def added(path: str, lines: list[str], at: str = "") -> str:
    """Lines that come into a file, as a diff; `at` says where."""
    body = "".join(f"+{line}\n" for line in lines)
    return f"--- {path}\n+++ {path}\n@@ {at or f'-0,0 +1,{len(lines)}'} @@\n{body}"


def _flags(policy: str, log: str) -> list[str]:
    return [
        f"audit-policy-file={policy}",
        f"audit-log-path={log}",
        "audit-log-maxsize=100",
        "audit-log-maxbackup=20",
    ]


def _shows(log: str) -> str:
    return f"tail -n 2 {quote(log)}"


def _mounts() -> str:
    mounts = [
        f"- mountPath: {_POLICY}",
        "  name: audit-policy",
        "  readOnly: true",
        "- mountPath: /var/log/kubernetes/audit",
        "  name: audit-log",
    ]
    volumes = [
        "- name: audit-policy",
        f"  hostPath: {{path: {_POLICY}, type: File}}",
        "- name: audit-log",
        "  hostPath: {path: /var/log/kubernetes/audit, type: DirectoryOrCreate}",
    ]
    path = "/etc/kubernetes/manifests/kube-apiserver.yaml"
    command = [f"- --{flag}" for flag in _flags(_POLICY, _LOG)]
    return (
        added(path, command, "spec.containers[0].command")
        + added(path, mounts, "spec.containers[0].volumeMounts")
        + added(path, volumes, "spec.volumes")
    )


def _rancher(kind: str, policy: str) -> AuditLogging:
    log = f"/var/lib/rancher/{kind}/server/logs/audit.log"
    service = "k3s" if kind == "k3s" else "rke2-server"
    lines = [f"audit-policy-file: {policy}"]
    if kind == "k3s":
        lines = ["kube-apiserver-arg:", *(f"  - {flag}" for flag in _flags(policy, log))]
    return AuditLogging(
        where="every server",
        how=f"Add this to /etc/rancher/{kind}/config.yaml on every server, under the key that is"
        f" there already, and restart one after another: systemctl restart {service}. The directory"
        " of the log has to be there.",
        shows=_shows(log),
        source=f"https://docs.{kind}.io, hardening guide",
        policy_file=policy,
        diff=added(f"/etc/rancher/{kind}/config.yaml", lines, "audit log"),
    )


_SYSTEMD = AuditLogging(
    where="every control-plane machine",
    how="Add these flags to the unit of kube-apiserver, or to the template that it is made from,"
    " make the directory of the log, and restart one apiserver after another.",
    shows=_shows(_LOG),
    source=_KUBERNETES,
    policy_file=_POLICY,
    diff=added(
        "kube-apiserver.service", [f"  --{flag} \\" for flag in _flags(_POLICY, _LOG)], "ExecStart"
    ),
)
_KUBEADM = AuditLogging(
    where="every control-plane machine",
    how="Write the policy file first, then edit the manifest on one machine after another; the"
    " kubelet restarts the apiserver. Edit a copy elsewhere and move it in: the kubelet takes every"
    " file in that directory for a pod. kubeadm upgrade keeps it only where the ConfigMap"
    " kubeadm-config has the same extraArgs and extraVolumes.",
    shows=_shows(_LOG),
    source=_KUBERNETES,
    policy_file=_POLICY,
    diff=_mounts(),
)
_KUBESPRAY = AuditLogging(
    where="ansible",
    how="Set kubernetes_audit: true in the group variables, and run the control-plane play. Its own"
    " policy logs what kubelets do with Secrets and the like, and leaves out some of their reads;"
    " audit_policy_custom_rules replaces it.",
    shows="tail -n 2 /var/log/audit/kube-apiserver-audit.log",
    source="kubespray, docs/vars.md",
    diff=added("group_vars/k8s_cluster/k8s-cluster.yml", ["kubernetes_audit: true"], "audit log"),
)
_KOPS = AuditLogging(
    where="kops",
    how="Edit the cluster's spec, with the policy as one of its fileAssets, then kops update"
    " cluster --yes and kops rolling-update cluster --yes.",
    shows="tail -n 2 /var/log/kube-apiserver-audit.log",
    source="https://kops.sigs.k8s.io/cluster_spec/#audit-logging",
    policy_file="/srv/kubernetes/kube-apiserver/audit-policy.yaml",
    diff=added(
        "kops edit cluster",
        [
            "auditLogPath: /var/log/kube-apiserver-audit.log",
            "auditPolicyFile: /srv/kubernetes/kube-apiserver/audit-policy.yaml",
        ],
        "spec.kubeAPIServer",
    ),
)
_TALOS = AuditLogging(
    where="every control-plane node",
    how="Talos writes one already, at the level Metadata, unless cluster.apiServer.auditPolicy says"
    " otherwise. Fetch it from every control-plane node.",
    shows="talosctl list /var/log/audit/kube",
    source="https://docs.siderolabs.com/talos, audit policy",
)
_OPENSHIFT = AuditLogging(
    where="oc",
    how="OpenShift writes one already (profile Default: metadata). RBAC is asked before Node there,"
    " and nobody can change that: the log shows which programs use kubelets' credentials, but not"
    " what Node would allow.",
    shows="oc adm node-logs --role=master --path=kube-apiserver/",
    source="https://docs.openshift.com, viewing audit logs",
)
_MICROK8S = AuditLogging(
    where="every node with an apiserver",
    how="Add these flags to the apiserver's arguments, and restart one after another: snap restart"
    " microk8s.daemon-kubelite.",
    shows="tail -n 2 /var/snap/microk8s/common/audit.log",
    source="https://microk8s.io/docs/services-and-ports",
    policy_file="/var/snap/microk8s/current/args/audit-policy.yaml",
    diff=added(
        "/var/snap/microk8s/current/args/kube-apiserver",
        [
            f"--{flag}"
            for flag in _flags(
                "/var/snap/microk8s/current/args/audit-policy.yaml",
                "/var/snap/microk8s/common/audit.log",
            )
        ],
        "flags",
    ),
)
_K0S = AuditLogging(
    where="every controller",
    how="Add these to the configuration of k0s, and restart one controller after another: k0s stop"
    " and k0s start.",
    shows="tail -n 2 /var/lib/k0s/audit.log",
    source="https://docs.k0sproject.io, spec.api.extraArgs",
    policy_file="/etc/k0s/audit-policy.yaml",
    diff=added(
        "/etc/k0s/k0s.yaml",
        ["audit-policy-file: /etc/k0s/audit-policy.yaml", "audit-log-path: /var/lib/k0s/audit.log"],
        "spec.api.extraArgs",
    ),
)
_EKS = AuditLogging(
    where="aws",
    how="Turn on the log type audit of the cluster, in the console or with aws eks"
    " update-cluster-config. It goes to CloudWatch; export it, one event a line.",
    shows="aws logs describe-log-groups --log-group-name-prefix /aws/eks/",
    source="https://docs.aws.amazon.com/eks, control plane logging",
)
_AKS = AuditLogging(
    where="az",
    how="Send the category kube-audit of the cluster's diagnostic settings to a storage account;"
    " each line there holds an event as text in properties.log: take it out, one event a line.",
    shows="az aks list --query '[].id' --output tsv"
    " | xargs -n 1 az monitor diagnostic-settings list --resource",
    source="https://learn.microsoft.com/azure/aks, monitoring",
)
_GKE = AuditLogging(
    where="gcloud",
    how="Cloud Audit Logs hold Google's own form of events, which is not read. The reason of each"
    " decision is in the label authorization.k8s.io/reason: look there for RBAC and the names of"
    " the bindings.",
    shows="gcloud logging read 'protoPayload.authenticationInfo.principalEmail:\"system:node:\"'"
    " --limit=2",
    source="https://cloud.google.com/kubernetes-engine, audit logging",
)
_BY_DISTRIBUTION = {
    "kubeadm": _KUBEADM,
    "kind": _KUBEADM,
    "kubespray": _KUBESPRAY,
    "k3s": _rancher("k3s", "/var/lib/rancher/k3s/server/audit.yaml"),
    "rke2": _rancher("rke2", "/etc/rancher/rke2/audit-policy.yaml"),
    "kops": _KOPS,
    "talos": _TALOS,
    "openshift": _OPENSHIFT,
    "microk8s": _MICROK8S,
    "k0s": _K0S,
    "eks": _EKS,
    "aks": _AKS,
    "gke": _GKE,
}
