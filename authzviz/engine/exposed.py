"""What verbs on a resource lay open, as people say it: "every Secret of the cluster"."""

from __future__ import annotations

from authzviz.engine.phrases import listed

_READ = frozenset(("get", "list", "watch"))
_MAKE = frozenset(("create",))
_GIVES_RIGHTS = frozenset(("bind", "escalate"))
_SIGNS = frozenset(("approve", "sign"))
_NAMES = 3
_NOUNS = {
    "secrets": "Secret",
    "configmaps": "ConfigMap",
    "pods": "Pod",
    "nodes": "Node",
    "leases": "Lease",
    "persistentvolumes": "PersistentVolume",
    "persistentvolumeclaims": "PersistentVolumeClaim",
    "serviceaccounts": "ServiceAccount",
    "services": "Service",
    "endpoints": "Endpoint",
    "events": "Event",
    "namespaces": "Namespace",
    "deployments": "Deployment",
    "daemonsets": "DaemonSet",
    "replicasets": "ReplicaSet",
    "statefulsets": "StatefulSet",
    "jobs": "Job",
    "cronjobs": "CronJob",
    "roles": "Role",
    "rolebindings": "RoleBinding",
    "clusterroles": "ClusterRole",
    "clusterrolebindings": "ClusterRoleBinding",
    "certificatesigningrequests": "CertificateSigningRequest",
    "csinodes": "CSINode",
    "csidrivers": "CSIDriver",
    "volumeattachments": "VolumeAttachment",
    "storageclasses": "StorageClass",
}
_SPECIAL = {
    "serviceaccounts/token": "a token of every ServiceAccount",
    "pods/exec": "commands in every Pod",
    "pods/attach": "the terminal of every Pod",
    "pods/log": "the logs of every Pod",
    "nodes/proxy": "commands in every Pod of every Node",
    "certificatesigningrequests/approval": "the approval of certificates",
}
_ACTING_AS = {
    "users": "the rights of any user",
    "groups": "the rights of any group",
    "serviceaccounts": "the rights of any ServiceAccount",
}


def exposed(
    verbs: tuple[str, ...], group: str, resource: str, names: tuple[str, ...], where: str
) -> str:
    """What these verbs lay open. `where` is "of the cluster", "in namespace a", or "" for what is
    in no namespace.
    """
    asked = set(verbs)
    if "impersonate" in asked:
        return _ACTING_AS.get(resource, "the rights of somebody else")
    if asked & _GIVES_RIGHTS:
        return "any right that it gives itself"
    if asked & _SIGNS:
        return "certificates for anybody"
    what = _what(group, resource, names, where)
    if "*" in asked:
        return f"full control of {what}"
    if asked <= _MAKE and resource not in _SPECIAL:
        return f"new {_kinds(group, resource)} {_in(where)}"
    if asked <= _READ or resource in _SPECIAL:
        return what
    return f"{what}, also to change" if asked & _READ else f"changes to {what}"


def exposed_path(url: str) -> str:
    """What a path of the apiserver lays open."""
    return "every path of the apiserver" if url in ("*", "/*") else f"what {url} tells"


def _what(group: str, resource: str, names: tuple[str, ...], where: str) -> str:
    if resource == "*":
        of = f" of {group}" if group not in ("", "*") else ""
        secrets = "" if of else ", Secrets among it"
        return f"everything{of} {_in(where)}{secrets}"
    kind, _, part = resource.partition("/")
    noun = _NOUNS.get(kind, "")
    if names:
        shown = [*names[:_NAMES], *([f"{len(names) - _NAMES} more"] if len(names) > _NAMES else [])]
        what = f"{noun or kind} {listed(shown)}"
    else:
        what = f"every {noun}" if noun else f"all {kind}"
    if resource in _SPECIAL and not names:
        what, part = _SPECIAL[resource], ""
    return f"the {part} of {what} {where}".rstrip() if part else f"{what} {where}".rstrip()


def _in(where: str) -> str:
    return where if where.startswith("in ") else "in the cluster"


def _kinds(group: str, resource: str) -> str:
    if resource == "*":
        return f"objects of {group}" if group not in ("", "*") else "objects of every kind"
    return f"{_NOUNS[resource]}s" if resource in _NOUNS else resource
