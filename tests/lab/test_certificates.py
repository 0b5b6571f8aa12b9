"""A real kubelet's certificate told right, and a real apiserver's signing requests read."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from authzviz.evidence.certificate import (
    CheckedCertificate,
    Cluster,
    check_certificate,
    read_certificate,
)
from authzviz.evidence.certificate_facts import Mark
from authzviz.kube.collect import collect
from authzviz.kube.kubeconfig import embed, parse_upload
from authzviz.net import COMMAND_LINE
from tests.evidence.certificates import request
from tests.lab.pki import Certificate

if TYPE_CHECKING:
    from authzviz.engine.model import Snapshot
    from tests.lab.cluster import Cluster as LabCluster
    from tests.lab.pki import Credential
    from tests.lab.plugin import ClusterFactory, KubeletFactory

pytestmark = pytest.mark.lab

REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
SIGNER = "kubernetes.io/kube-apiserver-client-kubelet"


def read(live: LabCluster, credential: Credential | None = None) -> Snapshot:
    used = embed(parse_upload(live.kubeconfig(credential), policy=COMMAND_LINE)[0])
    return collect(used, name=live.name, policy=COMMAND_LINE)


def checked(live: LabCluster, credential: Credential) -> CheckedCertificate:
    assert isinstance(credential, Certificate)
    held = embed(parse_upload(live.kubeconfig(), policy=COMMAND_LINE)[0])
    assert held.ca_data is not None
    return check_certificate(
        read_certificate(credential.certificate.encode()),
        now=datetime.now(UTC),
        cluster=Cluster(live.name, read(live), held.ca_data.reveal()),
    )


def marks(answer: CheckedCertificate) -> dict[str, Mark]:
    return {check.id: check.mark for check in answer.checks}


def test_a_real_kubelets_certificate_is_told_right(
    cluster: ClusterFactory, kubelet: KubeletFactory
) -> None:
    live = cluster(authorization_mode="Node,RBAC", admission_plugins="NodeRestriction")
    kubelet(live, "node1").wait_until_ready()

    right = checked(live, live.node_certificate("node1"))
    upper = checked(live, live.node_certificate("Node1"))
    admin = checked(live, live.certificate("admin", ["system:masters"]))

    assert right.node == "node1"
    assert marks(right)["signature"] is marks(right)["node"] is Mark.OK
    assert marks(upper)["node-in-other-case"] is Mark.PROBLEM
    assert marks(admin)["masters"] is Mark.PROBLEM
    # What is said to be refused is refused: an apiserver takes such a name for another's.
    own_node = "/api/v1/nodes/node1"
    assert live.api(live.node_certificate("node1")).request("GET", own_node).status == 200
    assert live.api(live.node_certificate("Node1")).request("GET", own_node).status == 403


def test_in_the_outage_the_cluster_is_at_fault_and_not_the_certificate(
    cluster: ClusterFactory,
) -> None:
    live = cluster(authorization_mode="RBAC")
    answer = checked(live, live.node_certificate("node1"))
    of_another = checked(live, cluster("other").node_certificate("node1"))

    assert "nothing is wrong with it, but" in answer.sentence
    assert marks(answer)["signature"] is Mark.OK
    assert marks(of_another).get("signature") is not Mark.OK
    status = live.api(live.node_certificate("node1")).request("GET", "/api/v1/nodes/node1").status
    assert status == 403


def test_signing_requests_of_a_real_apiserver_are_read(cluster: ClusterFactory) -> None:
    live = cluster(authorization_mode="Node,RBAC", admission_plugins="NodeRestriction")
    asked = {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": "csr-node1"},
        "spec": {
            "request": base64.b64encode(request().encode()).decode(),
            "signerName": SIGNER,
            "usages": ["digital signature", "client auth"],
        },
    }
    begun = datetime.now(UTC) - timedelta(minutes=1)
    made = live.api(live.node_certificate("node1")).request("POST", REQUESTS, asked)
    assert made.status == 201, made.json()

    found = read(live).signing_requests
    refused = read(live, live.certificate("nobody")).signing_requests

    assert found is not None
    (one,) = found.value or ()
    assert (one.name, one.signer, one.state) == ("csr-node1", SIGNER, "pending")
    assert (one.requestor, one.common_name) == ("system:node:node1", "system:node:node1")
    assert one.organizations == ("system:nodes",)
    assert one.created_at > begun
    assert refused is not None
    assert refused.outcome == "forbidden"
    assert "certificatesigningrequests" in refused.why
