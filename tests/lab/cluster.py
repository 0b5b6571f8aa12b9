"""A live cluster: one real kube-apiserver on its own prefix of the lab's etcd."""

from __future__ import annotations

import http.client
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from cryptography.hazmat.primitives.asymmetric import ec

from tests.lab.api import Api
from tests.lab.pki import Authority, Credential, Token, kubeconfig, private_pem
from tests.lab.process import LabError, Process, free_port, is_port_clash

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.lab.etcd import Etcd

_START_SECONDS = 60
# Endpoints may hold no loopback address, and a machine without a network has no other.
_ADVERTISED = "192.0.2.1"
NODE_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
_RBAC = "rbac.authorization.k8s.io"
_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
_BINDINGS = f"/apis/{_RBAC}/v1/clusterrolebindings"


@dataclass(frozen=True, slots=True)
class Flags:
    """The kube-apiserver flags that scenarios differ in; None leaves a flag out.

    `authorization_config` and `audit_policy` are the texts of the files, not their paths; with the
    latter there is an audit log. `others` are whole flags. Without ServiceAccount admission an
    admin may create bare pods.
    """

    authorization_mode: str | None = None
    admission_plugins: str | None = None
    authorization_config: str | None = None
    audit_policy: str | None = None
    disabled_admission_plugins: str | None = "ServiceAccount"
    others: tuple[str, ...] = ()


class Cluster:
    """A kube-apiserver with an authority and an admin (O=system:masters) of its own."""

    def __init__(
        self,
        name: str,
        etcd: Etcd,
        binary: Path,
        directory: Path,
        flags: Flags,
        *,
        peer: Cluster | None = None,
    ) -> None:
        """With `peer`, another apiserver of the same cluster: its data, authority and keys."""
        self.name = name
        self.directory = directory
        self.binary = binary
        self.authority: Authority = peer.authority if peer else Authority(f"{name}-ca")
        self.flags = flags
        # Called by this name, it is found by it as on a real machine.
        self._program = directory / "kube-apiserver"
        self._program.symlink_to(binary)
        self._etcd = etcd
        self._prefix: str = peer._prefix if peer else directory.name
        self._port = free_port()
        if peer:
            shutil.copytree(peer.directory / "pki", directory / "pki")
        else:
            self._write_credentials()
        self.admin_credential = self.certificate("kubernetes-admin", ["system:masters"])
        self.admin = self.api(self.admin_credential)
        self.process = self._launch()

    @property
    def url(self) -> str:
        return f"https://{self.address}"

    @property
    def audit_log(self) -> Path:
        """Where the audit log is, if the flags ask for one."""
        return self.directory / "audit.log"

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._port}"

    def wait_until_ready(self) -> None:
        """Return when /readyz answers ok; the port moves when another process took it first."""
        while True:
            try:
                self.process.wait_until(self._is_ready, "ok on /readyz", seconds=_START_SECONDS)
            except LabError:
                self.process.stop()
                if not is_port_clash(self.process):
                    raise
                self._port = free_port()
                self.admin = self.api(self.admin_credential)
                self.process = self._launch()
            else:
                return

    def restart(self, **changes: Any) -> None:
        """Start the apiserver anew on the same data and port; `changes` are fields of Flags."""
        self.process.stop()
        self.flags = replace(self.flags, **changes)
        self.process = self._launch()
        self.wait_until_ready()

    def stop(self) -> None:
        self.process.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- credentials ---

    def certificate(self, user: str, groups: Sequence[str] = ()) -> Credential:
        """Return a client certificate for any user; a kubelet's is `node_certificate`."""
        return self.authority.client(user, groups)

    def node_certificate(self, node: str) -> Credential:
        return self.certificate(f"system:node:{node}", ["system:nodes"])

    def service_account(self, name: str, namespace: str = "default") -> Token:
        """Return a token for this ServiceAccount, which is created where it is missing."""
        metadata = {"name": name, "namespace": namespace}
        self.apply([{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}])
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        return Token(self.admin.request("POST", path, body).json()["status"]["token"])

    def kubeconfig(self, credential: Credential | None = None, *, context: str = "") -> str:
        """Return a kubeconfig, everything embedded; without a credential, the admin's."""
        chosen = credential or self.admin_credential
        return kubeconfig([(context or self.name, self.url, self.authority.certificate, chosen)])

    def api(self, credential: Credential, *, user_agent: str = "") -> Api:
        return Api(self.url, self.authority.certificate, credential, user_agent=user_agent)

    # --- objects ---

    def apply(self, objects: Sequence[Mapping[str, Any]]) -> None:
        self.admin.apply(objects)

    def grant(self, subject: Mapping[str, str], rules: Sequence[Mapping[str, Any]]) -> None:
        """Bind a subject (see `user`, `group`) to a ClusterRole of its own; return when it holds.

        The apiserver answers by its watch caches, a moment behind what was just written.
        """
        name = f"lab:{subject['name']}"
        role = {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": name},
            "rules": rules,
        }
        self.apply([role, cluster_role_binding(name, name, [subject])])
        review = _review(subject, rules[0])
        self.process.wait_until(
            lambda: self._is_allowed(review), f"effect of {name}", seconds=_START_SECONDS
        )

    def set_subject(self, binding: str, *subjects: Mapping[str, str]) -> None:
        """Make these the only subjects of a ClusterRoleBinding; none at all removes them."""
        self.admin.merge(f"{_BINDINGS}/{binding}", {"subjects": list(subjects) or None})

    def remove_subjects(self, binding: str) -> None:
        self.set_subject(binding)

    def subjects(self, binding: str) -> list[dict[str, str]]:
        """Return the subjects of a ClusterRoleBinding; raise ApiError where it doesn't exist."""
        return self.admin.get(f"{_BINDINGS}/{binding}").get("subjects") or []

    def ready_status(self, node: str) -> str | None:
        """Return the status of a Node's Ready condition, or None where there is no such Node."""
        answer = self.admin.request("GET", f"/api/v1/nodes/{node}")
        if answer.status == 404:
            return None
        conditions = answer.json()["status"].get("conditions", ())
        return next((c["status"] for c in conditions if c["type"] == "Ready"), "Unknown")

    def is_ready(self, node: str) -> bool:
        return self.ready_status(node) == "True"

    def has_lease(self, node: str) -> bool:
        return self.admin.request("GET", f"{NODE_LEASES}/{node}").status == 200

    def _is_allowed(self, review: Mapping[str, Any]) -> bool:
        return self.admin.request("POST", _REVIEWS, review).json()["status"]["allowed"] is True

    # --- the process ---

    def arguments(self) -> list[str]:
        """Return the flags as on the command line; a path is as seen from `directory`."""
        flags = self.flags
        # Paths are relative: /flagz shows them, and they say nothing of the machine.
        audit = self._written("audit-policy.yaml", flags.audit_policy)
        chosen = {
            "authorization-mode": flags.authorization_mode,
            "authorization-config": self._written("authorization.yaml", flags.authorization_config),
            "audit-policy-file": audit,
            "audit-log-path": audit and self.audit_log.name,
            "enable-admission-plugins": flags.admission_plugins,
            "disable-admission-plugins": flags.disabled_admission_plugins,
        }
        return [
            f"--etcd-servers={self._etcd.url}",
            f"--etcd-prefix=/{self._prefix}",
            f"--secure-port={self._port}",
            "--bind-address=127.0.0.1",
            f"--advertise-address={_ADVERTISED}",
            "--tls-cert-file=pki/apiserver.crt",
            "--tls-private-key-file=pki/apiserver.key",
            "--client-ca-file=pki/ca.crt",
            "--service-account-key-file=pki/sa.key",
            "--service-account-signing-key-file=pki/sa.key",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.0.0.0/16",
            *(f"--{name}={value}" for name, value in chosen.items() if value is not None),
            *flags.others,
        ]

    def _written(self, name: str, text: str | None) -> str | None:
        """Return the name of the file with this text, None for none."""
        if text is None:
            return None
        (self.directory / name).write_text(text)
        return name

    def replace_process(self, arguments: Sequence[str]) -> None:
        """Start the apiserver anew with exactly these flags; it may come up later, or never."""
        self.process.stop()
        self.process = self._launch(arguments)

    def _launch(self, arguments: Sequence[str] | None = None) -> Process:
        command: list[str | Path] = [self._program, *(arguments or self.arguments())]
        log = self.directory / "kube-apiserver.log"
        name = f"kube-apiserver of {self.name}"
        return Process(name, command, directory=self.directory, log=log)

    def _is_ready(self) -> bool:
        try:
            return self.admin.request("GET", "/readyz").status == 200
        except (OSError, http.client.HTTPException):
            return False

    def _write_credentials(self) -> None:
        folder = self.directory / "pki"
        folder.mkdir(mode=0o700)
        server = self.authority.server("kube-apiserver")
        (folder / "ca.crt").write_text(self.authority.certificate)
        (folder / "apiserver.crt").write_text(server.certificate)
        (folder / "apiserver.key").write_text(server.key)
        (folder / "sa.key").write_text(private_pem(ec.generate_private_key(ec.SECP256R1())))


def user(name: str) -> dict[str, str]:
    return {"apiGroup": _RBAC, "kind": "User", "name": name}


def group(name: str) -> dict[str, str]:
    return {"apiGroup": _RBAC, "kind": "Group", "name": name}


def cluster_role_binding(
    name: str, role: str, subjects: Sequence[Mapping[str, str]]
) -> dict[str, Any]:
    """Return a ClusterRoleBinding to a ClusterRole."""
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role},
        "subjects": list(subjects),
    }


def _review(subject: Mapping[str, str], rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return a SubjectAccessReview of something that the rule allows the subject."""
    spec: dict[str, Any] = {"user": subject["name"]}
    if subject["kind"] == "Group":
        spec = {"user": "anyone", "groups": [subject["name"]]}
    if subject["kind"] == "ServiceAccount":
        spec = {"user": f"system:serviceaccount:{subject['namespace']}:{subject['name']}"}
    verb = rule["verbs"][0]
    if "nonResourceURLs" in rule:
        spec["nonResourceAttributes"] = {"path": rule["nonResourceURLs"][0], "verb": verb}
    else:
        resource, _, subresource = rule["resources"][0].partition("/")
        spec["resourceAttributes"] = {
            "group": rule["apiGroups"][0],
            "resource": resource,
            "subresource": subresource,
            "name": next(iter(rule.get("resourceNames", ())), ""),
            "verb": verb,
        }
    return {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
