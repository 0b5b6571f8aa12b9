"""The last phase: to see that the target is reached, that nodes live with it, and that it stays."""

from __future__ import annotations

from authzviz.engine.assessment import Switch
from authzviz.plans.ground import Ground
from authzviz.plans.plan import BY_HAND, Observation, Phase, PhaseId, Sees, Step, Trouble
from authzviz.plans.shell import heredoc, never

_LOG = "/var/log/kubernetes/audit/audit.log"
_CERTIFICATE = "/var/lib/kubelet/pki/kubelet-client-current.pem"
_SIGNER = "spec.signerName=kubernetes.io/kube-apiserver-client-kubelet"
_RENEWED = "custom-columns=NODE:.metadata.name,RENEWED:.spec.renewTime"
_SPACE = "authzviz-check"
_IMAGE = "registry.k8s.io/pause:3.10"


def phase(ground: Ground) -> Phase | None:
    """What is to be seen once all is done."""
    served = ground.assessment.node_authorizer is not Switch.ON or bool(ground.excess)
    steps = (
        _nodes(),
        *((_audit(), _secret()) if served else ()),
        _kubelet(ground),
        _certificate(),
        _verdict(),
    )
    return Phase(PhaseId.VERIFY, "Verify", "The cluster is where it is to be.", steps)


def _nodes() -> Step:
    return Step(
        id="nodes",
        title="See that every node is Ready and renews its Lease",
        why="A kubelet that is refused misses its Lease first: after 40 seconds its node is"
        " NotReady.",
        where="kubectl",
        verify=(
            f"kubectl -n kube-node-lease get leases -o {_RENEWED}",
            "nodes=$(kubectl get nodes --no-headers)",
            never("printf '%s\\n' \"$nodes\" | grep -v -E '^[^ ]+ +Ready'"),
        ),
        observation=Observation(Sees.NODES),
        takes="A minute.",
        troubles=_REFUSED,
        watches_leases=True,
    )


def _audit() -> Step:
    forbidden = '"groups":[^]]*"system:nodes".*"authorization.k8s.io/decision":"forbid"'
    return Step(
        id="audit-clean",
        title="Watch the audit log for 15 minutes: no kubelet is refused",
        why="Agents ask at intervals of their own. What they are refused stands there first.",
        where="audit log of every apiserver",
        verify=(
            f"log={_LOG}  # what --audit-log-path says",
            never(f"timeout 900 tail -n 0 -F \"$log\" | grep -m 1 -e '{forbidden}'"),
        ),
        observation=BY_HAND,
        takes="15 minutes on each apiserver; all at the same time will do.",
        troubles=_REFUSED,
    )


def _secret() -> Step:
    return Step(
        id="secret-on-each-node",
        title="Let each node mount a Secret",
        why="The Node authorizer lets a kubelet read a Secret only once a pod on its node uses it."
        " Pods that run already prove nothing: theirs was read before.",
        where="kubectl",
        commands=(
            f"image={_IMAGE}  # any that nodes can pull and that keeps running",
            heredoc('sed "s|IMAGE|$image|"', _MANIFEST, "kubectl apply -f -"),
        ),
        verify=(f"kubectl -n {_SPACE} rollout status daemonset/mounts-a-secret --timeout=5m",),
        rollback=(f"kubectl delete namespace {_SPACE}",),
        observation=BY_HAND,
        takes="1 to 5 minutes. The rollback takes it away again.",
        troubles=(
            Trouble(
                "A pod stays in ContainerCreating",
                'FailedMount: secrets "seen" is forbidden: no relationship found between node'
                " 'NAME' and this object",
                "The kubelet signs in as another node than the pod is bound to: compare its"
                " certificate's CN with the Node's name.",
            ),
        ),
    )


def _kubelet(ground: Ground) -> Step:
    workers = [node.name for node in ground.snapshot.nodes.value or () if not node.is_control_plane]
    return Step(
        id="kubelet-restart",
        title="Restart one kubelet: systemctl restart kubelet",
        why="It then registers its Node, reads all its pods anew and makes its Lease: all that a"
        " kubelet needs, at once. Pods go on.",
        where=workers[0] if workers else "a node",
        verify=(
            "systemctl is-active kubelet",
            never("journalctl -u kubelet --since=-5min | grep -i -e forbidden"),
        ),
        observation=BY_HAND,
        takes="A minute.",
        troubles=(
            Trouble(
                "The kubelet does not start any more",
                "unknown 'kubernetes.io' or 'k8s.io' labels specified with --node-labels",
                "Since 1.16 a kubelet may not give itself such labels, NodeRestriction or not: use"
                " node.kubernetes.io/…, or have an admin label the Node.",
            ),
            *_REFUSED,
        ),
        watches_leases=True,
    )


def _certificate() -> Step:
    return Step(
        id="certificate-rotation",
        title="See one client certificate rotate",
        why="A kubelet asks for the next one with the one that it has. The bindings to"
        " selfnodeclient, which approve that, have to stay.",
        where="a node",
        verify=(
            f"openssl x509 -noout -subject -enddate -in {_CERTIFICATE}",
            f"kubectl get certificatesigningrequests --field-selector={_SIGNER}",
        ),
        observation=BY_HAND,
        takes="Until the next rotation: at 70 to 90 percent of a certificate's life. Nothing to do"
        " where certificates are made from outside, as by Ansible.",
    )


def _verdict() -> Step:
    return Step(
        id="verdict",
        title="See that the verdict is node-authorizer, twice",
        why="Every apiserver, and nothing granted beyond it. A second read comes from another"
        " apiserver where a balancer is in between.",
        where="authzviz",
        verify=("authzviz check && sleep 60 && authzviz check",),
        observation=Observation(Sees.VERDICT),
        takes="2 minutes.",
    )


_REFUSED = (
    Trouble(
        "A kubelet is refused",
        'forbidden: User "system:node:NAME" cannot … in the kubelet\'s log',
        "The rollback of the step that was taken last gives it back at once. Then see the CN and O"
        " of that kubelet's certificate.",
    ),
)
_MANIFEST = f"""\
apiVersion: v1
kind: Namespace
metadata:
  name: {_SPACE}
---
apiVersion: v1
kind: Secret
metadata:
  name: seen
  namespace: {_SPACE}
stringData:
  said: nothing
---
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: mounts-a-secret
  namespace: {_SPACE}
spec:
  selector:
    matchLabels:
      app: mounts-a-secret
  template:
    metadata:
      labels:
        app: mounts-a-secret
    spec:
      automountServiceAccountToken: false
      tolerations:
      - operator: Exists
      containers:
      - name: pause
        image: IMAGE
        volumeMounts:
        - name: seen
          mountPath: /seen
      volumes:
      - name: seen
        secret:
          secretName: seen
"""
