"""A client certificate held against one cluster: its authorities, nodes and authorizers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from authzviz.engine.assessment import Decision, Severity
from authzviz.engine.authorize import authorization_of
from authzviz.engine.distribution import distribution_of
from authzviz.engine.identity import MASTERS_GROUP, NODE_USER_PREFIX
from authzviz.engine.judging import judged_minor
from authzviz.engine.model import Node, Ready, Snapshot
from authzviz.engine.needs import ANY_NAME, needs_of
from authzviz.engine.phrases import listed
from authzviz.evidence.certificate_checks import node_named, shown
from authzviz.evidence.certificate_facts import (
    Certificate,
    Check,
    Form,
    Signed,
    fine,
    problem,
    unsure,
)

# There, what signs for clients is what signs for the apiserver, too.
_ONE_AUTHORITY = frozenset(("kubeadm", "kind"))
_READY = {
    Ready.TRUE: "is Ready",
    Ready.FALSE: "is NotReady",
    Ready.NOT_READY: "is NotReady",
    Ready.UNKNOWN: "is Unknown",
}
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Cluster:
    """What a certificate is held against: `authorities` as PEM, "" where none are known."""

    name: str
    snapshot: Snapshot
    authorities: str = ""


def checks_against(certificate: Certificate, cluster: Cluster) -> Iterator[Check]:
    """Whether the cluster's authority signed it, whether its node is there, and what that gets."""
    if certificate.form is Form.CERTIFICATE:
        yield _signature(certificate, cluster)
    name = node_named(certificate)
    if name:
        yield _node(name, cluster)
    if MASTERS_GROUP not in certificate.organizations:
        yield _path(certificate, cluster)


def _signature(certificate: Certificate, cluster: Cluster) -> Check:
    from authzviz.evidence.x509_reading import signed_by

    signed = Signed.UNREADABLE
    if cluster.authorities:
        signed = signed_by(certificate.ders, cluster.authorities)
    if signed is Signed.YES:
        return fine(
            "signature",
            "The cluster's authority signed it",
            f"By the CA in the kubeconfig of {cluster.name}, issuer {shown(certificate.issuer)}.",
        )
    if signed is Signed.UNREADABLE:
        return unsure(
            "signature",
            "Whether the cluster's authority signed it can't be told",
            f"No CA of {cluster.name} is known here. Its issuer is {shown(certificate.issuer)}.",
        )
    if signed is Signed.BROKEN:
        return problem(
            "bad-signature",
            Severity.CRITICAL,
            "The cluster's authority did not sign it, though its issuer has that name",
            f"The key of the CA of {cluster.name} is another than the one that signed it: the"
            " authority was made anew since, or this is no certificate of it.",
            "Issue one by the authority that --client-ca-file of the apiservers holds now.",
        )
    return _other_authority(certificate, cluster)


def _other_authority(certificate: Certificate, cluster: Cluster) -> Check:
    issuer = shown(certificate.issuer) or "not named"
    if distribution_of(cluster.snapshot).name in _ONE_AUTHORITY:
        return problem(
            "other-authority",
            Severity.HIGH,
            "Another authority signed it",
            f"Its issuer is {issuer}, not the CA of {cluster.name}. An apiserver refuses what"
            " --client-ca-file does not hold (401 Unauthorized).",
            "Look whether it belongs to another cluster; else issue one by this cluster's CA.",
        )
    return unsure(
        "signature",
        "Whether the cluster trusts who signed it can't be told",
        f"Its issuer is {issuer}, not the CA in the kubeconfig of {cluster.name}. Clients may have"
        " an authority of their own, as with k3s, RKE2 and OpenShift: nothing read here shows it.",
        "Compare the issuer with the file that --client-ca-file names on an apiserver.",
    )


def _node(name: str, cluster: Cluster) -> Check:
    nodes = cluster.snapshot.nodes
    if nodes.value is None:
        return unsure(
            "node",
            "Whether there is such a Node can't be told",
            f"The nodes of {cluster.name} were not read: {nodes.why or 'no reason was given'}.",
            f"Allow: {nodes.permission}.",
        )
    found = next((node for node in nodes.value if node.name == name), None)
    if found is not None:
        return fine("node", "There is such a Node", f"Node {name} {_READY[found.ready]}.")
    return _absent(name, nodes.value, cluster)


def _absent(name: str, nodes: tuple[Node, ...], cluster: Cluster) -> Check:
    alike = [node.name for node in nodes if node.name == name.lower()]
    if alike:
        return problem(
            "node-in-other-case",
            Severity.CRITICAL,
            "The Node is written otherwise",
            f"{cluster.name} has Node {alike[0]}, the certificate says {shown(name)}: to the Node"
            " authorizer these are two nodes.",
            f"Issue one with CN = {NODE_USER_PREFIX}{alike[0]}.",
        )
    near = [node.name for node in nodes if _is_same_host(node.name, name)]
    if near:
        return problem(
            "node-of-other-name",
            Severity.HIGH,
            "The Node has another name",
            f"{cluster.name} has no Node {shown(name)}, but {listed(near[:_MOST_NAMED])}: a kubelet"
            " registers under the name that its --hostname-override or cloud provider gives.",
            f"Issue one with CN = {NODE_USER_PREFIX}{near[0]}, or set the kubelet's name.",
        )
    if not cluster.snapshot.nodes.is_whole:
        return unsure(
            "node", "Whether there is such a Node can't be told", "Not every Node could be read."
        )
    if name != name.lower():
        return unsure("node", "There is no such Node", f"{cluster.name} has no Node {shown(name)}.")
    return unsure(
        "node",
        "There is no such Node yet",
        f"{cluster.name} has no Node {shown(name)}: right for one that is about to join, else the"
        " certificate is of another cluster, or for a node that is gone.",
        'On the node, look at the name in the kubelet\'s log: "Attempting to register node".',
    )


def _is_same_host(one: str, other: str) -> bool:
    """True where one is the other with a domain: "node1" and "node1.example.com"."""
    short, long = sorted((one, other.lower()), key=len)
    return long.startswith(f"{short}.") and not short.replace(".", "").isdigit()


def _path(certificate: Certificate, cluster: Cluster) -> Check:
    """By which path what a kubelet can't live without is answered to this identity."""
    identity = certificate.identity
    minor, _ = judged_minor(cluster.snapshot)
    authorization = authorization_of(cluster.snapshot)
    node = node_named(certificate).lower() or ANY_NAME
    said = [
        (need, authorization.decide(identity, request))
        for need in needs_of(node, minor)
        if need.is_core
        for request in need.requests
    ]
    refused = [_in_sentence(need.title) for need, said_ in said if said_.decision is Decision.NO]
    if refused:
        return problem(
            "served",
            Severity.CRITICAL,
            f"{cluster.name} would refuse it what a kubelet can't live without",
            f"Nobody allows it to {listed(list(dict.fromkeys(refused)))}.",
            "Turn on the Node authorizer: --authorization-mode=Node,RBAC."
            if identity.node_name
            else "Correct what is wrong with the certificate first.",
        )
    if any(answer.decision is not Decision.ALLOW for _, answer in said):
        why = next(a.because for _, a in said if a.decision is not Decision.ALLOW)
        return unsure("served", f"What {cluster.name} allows it can't be told", f"{why}.")
    return _answered_by(cluster, {answer.by: answer.through for _, answer in said})


def _in_sentence(title: str) -> str:
    return title[0].lower() + title[1:]


def _answered_by(cluster: Cluster, by: dict[str, str]) -> Check:
    if set(by) == {"Node"}:
        return fine(
            "served",
            f"The Node authorizer of {cluster.name} serves that identity",
            "What a kubelet can't live without is allowed for its own node alone.",
        )
    through = by.get("RBAC", "")
    return problem(
        "served",
        Severity.HIGH,
        f"{cluster.name} serves that identity by {listed(sorted(by))}, not by Node alone",
        f"{f'Through {through}. ' if through else ''}Such a grant tells no node from another.",
        f"The page of {cluster.name} says what to change.",
    )
