"""The last phase: to see that the target is reached, that nodes live with it, and that it stays."""

from __future__ import annotations

from authzviz.engine.assessment import Switch
from authzviz.plans import looking
from authzviz.plans.ground import Ground
from authzviz.plans.plan import BY_HAND, Observation, Phase, PhaseId, Sees, Step, Trouble
from authzviz.plans.shell import heredoc, never

_LOG = "/var/log/kubernetes/audit/audit.log"
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
        # Kubelets of EKS sign in with a token of IAM.
        *((_certificate(ground.distribution),) if ground.distribution != "eks" else ()),
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
    nodes = ground.snapshot.nodes.value or ()
    workers = [node.name for node in nodes if not node.is_control_plane]
    is_worker, installed = bool(workers) or not nodes, ground.distribution
    restart = looking.kubelet_restart(installed, is_worker=is_worker)
    log = looking.kubelet_log(installed, is_worker=is_worker)
    return Step(
        id="kubelet-restart",
        title=f"Restart one kubelet: {restart}",
        why="It then registers its Node, reads all its pods anew and makes its Lease: all that a"
        " kubelet needs, at once. Pods go on.",
        where=workers[0] if workers else "a node",
        verify=(
            looking.kubelet_running(installed, is_worker=is_worker),
            never(f"{log} | grep -i -e forbidden"),
        ),
        observation=BY_HAND,
        takes="A minute.",
        caution=_RESTARTS_BOTH
        * (installed == "microk8s" or (installed == "k3s" and not is_worker)),
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


def _certificate(distribution: str) -> Step:
    requests = f"kubectl get certificatesigningrequests --field-selector={_SIGNER}"
    has_requests = looking.has_requests(distribution)
    return Step(
        id="certificate-rotation",
        title="See one client certificate rotate",
        why="A kubelet asks for the next one with the one that it has. The bindings to"
        " selfnodeclient, which approve that, have to stay."
        if has_requests
        else f"{distribution} makes it itself, without a CertificateSigningRequest: the next one"
        " has to be named as the Node, too.",
        where="a node",
        verify=(
            *looking.certificate_shown(distribution),
            *((requests,) if has_requests else ()),
        ),
        observation=BY_HAND,
        takes="Until the next rotation: at 70 to 90 percent of a certificate's life. Nothing to do"
        " where certificates are made from outside, as by Ansible."
        if has_requests
        else "Until the next one is made.",
        source=looking.certificate_source(distribution),
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


_RESTARTS_BOTH = (
    "On a machine of the control plane the apiserver is in the same process, and restarts, too."
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
