"""OpenShift 4: its operator sets modes and plugins, and nothing supported changes them.

Source: openshift/cluster-kube-apiserver-operator observe_authorization_mode.go (Scope,
SystemMasters, RBAC, Node), bindata defaultconfig.yaml (NodeRestriction).
"""

from __future__ import annotations

from authzviz.plans.distributions import provided
from authzviz.plans.ground import Ground
from authzviz.plans.plan import Step

_SOURCE = (
    "OpenShift, https://github.com/openshift/cluster-kube-apiserver-operator and"
    " https://docs.redhat.com (KubeAPIServer [operator.openshift.io/v1])"
)
_OVERRIDES = (
    "kubectl get kubeapiserver cluster --output=jsonpath='{.spec.unsupportedConfigOverrides}'"
)


def steps(ground: Ground) -> tuple[Step, ...]:
    """One step that looks; none where all is seen to be on."""
    if not provided.is_needed(ground):
        return ()
    why = (
        "The operator writes Scope,SystemMasters,RBAC,Node and NodeRestriction itself. Where they"
        " are not there, someone set unsupportedConfigOverrides in KubeAPIServer cluster, which"
        " support does not cover: take it out together with whoever set it, or ask Red Hat."
    )
    return (provided.seen(ground, why, _SOURCE, _OVERRIDES),)
