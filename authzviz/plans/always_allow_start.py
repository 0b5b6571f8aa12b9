"""The start from AlwaysAllow: RBAC for every client first, since all but kubelets lose everything.

Kubelets are served by Node from the first moment that it is on. Source: github.com/liggitt/
audit2rbac; kubernetes.io, tasks/debug/debug-cluster/audit.
"""

from __future__ import annotations

from shlex import quote

from authzviz.engine.assessment import Switch
from authzviz.engine.versions import minor_of
from authzviz.plans.ground import Ground
from authzviz.plans.plan import BY_HAND, Step, Trouble

_AUDIT2RBAC = "audit2rbac, https://github.com/liggitt/audit2rbac"
_AUDITING = "https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/"
_LOG = '"${AUDIT_LOG:?export the path of the audit log}"'
_ROLES = '"${ROLES:?export the file of what you reviewed}"'
_WHOAMI_SINCE = 28
_MOST_ACCOUNTS = 20
_CERTIFICATE = (
    "kubectl config view --raw --minify"
    " --output=jsonpath='{.users[0].user.client-certificate-data}'"
    " | base64 -d | openssl x509 -noout -subject"
)
_POLICY = """\
--- audit-policy.yaml
+++ audit-policy.yaml
+apiVersion: audit.k8s.io/v1
+kind: Policy
+omitStages: [RequestReceived]
+rules:
+- level: Metadata
--- the flags of each apiserver
+++ the flags of each apiserver
+--audit-policy-file=/etc/kubernetes/audit-policy.yaml
+--audit-log-path=/var/log/kubernetes/audit.log
"""
_FLAGS_SHOWN = "ps -ww -o args= -C kube-apiserver | tr ' ' '\\n' | grep -E -- '^--audit-'"
_USERS = f"jq -r .user.username {_LOG} | sort -u"


def is_start(ground: Ground) -> bool:
    """True where AlwaysAllow is known to be in a chain."""
    return any(state.always_allow is Switch.ON for state in ground.assessment.apiservers)


def before(ground: Ground) -> tuple[Step, ...]:
    """What comes before the flags are changed; nothing where AlwaysAllow is in no chain."""
    if not is_start(ground):
        return ()
    return _way_in(ground), _record(), _clients(), _grant(ground)


def after(ground: Ground) -> tuple[Step, ...]:
    """What comes once they are."""
    return (_refused(),) if is_start(ground) else ()


def _way_in(ground: Ground) -> Step:
    minor = minor_of(ground.snapshot.version.value or "")
    has_whoami = minor is not None and minor >= _WHOAMI_SINCE
    return Step(
        id="always-allow:way-in",
        title="Keep a way in",
        why="Once RBAC decides, only group system:masters may do everything, and nobody else may do"
        " anything that no binding grants. Have a kubeconfig whose certificate says"
        " O = system:masters before AlwaysAllow goes.",
        where="kubectl",
        verify=("kubectl auth whoami" if has_whoami else _CERTIFICATE,),
        observation=BY_HAND,
        source="https://kubernetes.io/docs/reference/access-authn-authz/rbac/",
    )


def _record() -> Step:
    return Step(
        id="always-allow:record",
        title="Let every apiserver write an audit log",
        why="Nothing else says what clients use. Level Metadata is enough. Let it run as long as it"
        " takes until the rarest job has come by: a week, or over the end of a month.",
        where="every machine of the control plane",
        verify=(_FLAGS_SHOWN,),
        diff=_POLICY,
        observation=BY_HAND,
        takes="a restart of each apiserver, and then days",
        source=f"Kubernetes, {_AUDITING}",
    )


def _clients() -> Step:
    return Step(
        id="always-allow:clients",
        title="See who uses the API",
        why="Everyone on this list but kubelets (system:node:…) and the control plane's own users"
        " loses what it is not granted. An agent that uses a kubelet's certificate is among the"
        " kubelets.",
        where="where the audit logs are",
        verify=(f"jq -r .user.username {_LOG} | sort | uniq -c | sort -rn",),
        observation=BY_HAND,
        source=f"Kubernetes, {_AUDITING}",
    )


def _grant(ground: Ground) -> Step:
    return Step(
        id="always-allow:grant",
        title="Grant each client by RBAC what it uses",
        why="audit2rbac prints the roles and bindings that cover what a client did. Read them: what"
        " it did may be more than it should. While AlwaysAllow is there they change nothing, and"
        " bindings to ClusterRoles that Kubernetes makes itself count once RBAC is on.",
        where="where the audit logs are",
        commands=(f"kubectl apply -f {_ROLES}",),
        verify=_proposals(ground),
        rollback=(f"kubectl delete --ignore-not-found -f {_ROLES}",),
        observation=BY_HAND,
        takes="as long as it takes to read them",
        troubles=(
            Trouble(
                "A client was not seen in the log",
                'is forbidden: User "',
                "It is refused once AlwaysAllow goes. Grant it what it lacks; nothing restarts.",
            ),
        ),
        source=_AUDIT2RBAC,
    )


def _proposals(ground: Ground) -> tuple[str, ...]:
    """What prints roles: for each ServiceAccount that a pod was seen with, else for all in the
    log; and for each user.
    """
    pods = (ground.snapshot.pods.value if ground.snapshot.pods else None) or ()
    accounts = dict.fromkeys(
        f"{pod.namespace}:{pod.service_account}" for pod in pods if pod.service_account
    )
    ask = f"audit2rbac --filename={_LOG}"
    named = [f"{ask} --serviceaccount={quote(each)}" for each in list(accounts)[:_MOST_ACCOUNTS]]
    all_accounts = (
        f"{_USERS} | grep '^system:serviceaccount:' | cut -d : -f 3,4 | while read -r account;"
        f' do {ask} --serviceaccount="$account"; done'
    )
    users = f"{_USERS} | grep -v '^system:' | while read -r user; do {ask} --user=\"$user\"; done"
    return (*(named if len(accounts) <= _MOST_ACCOUNTS else ()), all_accounts, users)


def _refused() -> Step:
    said = '.user.username + " " + .verb + " " + (.objectRef.resource // .requestURI)'
    forbidden = '.annotations["authorization.k8s.io/decision"] == "forbid"'
    return Step(
        id="always-allow:refused",
        title="See who is refused now",
        why="What breaks is every client that was granted too little; kubelets are served by Node.",
        where="where the audit logs are",
        verify=(f"jq -r 'select({forbidden}) | {said}' {_LOG} | sort | uniq -c | sort -rn",),
        observation=BY_HAND,
        takes="a day, and again after the rarest job",
        troubles=(
            Trouble(
                "Something that matters is refused",
                'is forbidden: User "',
                "Grant it what it lacks: that counts within seconds. If it is too much, roll the"
                " flags back and find out first.",
            ),
        ),
        source=f"Kubernetes, {_AUDITING}",
    )
