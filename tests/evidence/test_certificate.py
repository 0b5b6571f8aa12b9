"""What a certificate or a subject line makes of its holder, and what is wrong with it."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509

from authzviz.engine.assessment import Severity
from authzviz.engine.fresh import fresh_roles
from authzviz.engine.model import Node, Read, Ready, Snapshot
from authzviz.evidence.certificate import (
    CheckedCertificate,
    Cluster,
    check_certificate,
    read_certificate,
)
from authzviz.evidence.certificate_facts import Mark
from tests.dashboard.snapshots import forbidden, legacy_bindings, snapshot
from tests.engine.build import ok
from tests.evidence.certificates import (
    CLIENT,
    DAY,
    NOW,
    SERVER,
    Authority,
    make,
    pem,
    request,
)

CRITICAL, HIGH, MEDIUM = Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM
NODES = ("system:nodes",)


def checked(
    given: x509.Certificate | str | bytes, cluster: Cluster | None = None
) -> CheckedCertificate:
    if isinstance(given, x509.Certificate):
        given = pem(given)
    raw = given.encode() if isinstance(given, str) else given
    return check_certificate(read_certificate(raw), now=NOW, cluster=cluster)


def marks(answer: CheckedCertificate) -> dict[str, Mark]:
    return {check.id: check.mark for check in answer.checks}


def test_a_kubelets_certificate_is_its_kubelet() -> None:
    answer = checked(make())

    assert answer.identity.user == "system:node:node1"
    assert answer.identity.groups == ("system:nodes", "system:authenticated")
    assert (answer.node, answer.names_node, answer.mark) == ("node1", "node1", Mark.OK)
    assert answer.sentence == "This is the kubelet of node1, and nothing is wrong with it."
    assert "It is served by the Node authorizer" in answer.served
    assert set(marks(answer).values()) == {Mark.OK}
    assert answer.certificate.subject == "CN=system:node:node1,O=system:nodes"
    assert (answer.certificate.issuer, answer.certificate.serial) == ("CN=kubernetes", "1267")
    assert answer.certificate.not_after == NOW + 335 * DAY


# id of the finding: (certificate, severity, node that it is taken for, words)
PROBLEMS: dict[str, tuple[str, dict[str, Any], Severity, str, str]] = {
    "masters": ("masters", {"groups": ["system:masters"]}, CRITICAL, "", "may do everything"),
    "masters and nodes": (
        "masters",
        {"groups": ["system:nodes", "system:masters"]},
        CRITICAL,
        "node1",
        "no authorizer is asked",
    ),
    "no group": ("no-system-nodes", {"groups": []}, CRITICAL, "", "It has no O."),
    "another group": ("no-system-nodes", {"groups": ["dev"]}, CRITICAL, "", "Its O is dev."),
    "the singular": (
        "no-system-nodes",
        {"groups": ["system:node"]},
        CRITICAL,
        "",
        "nearly, but not, system:nodes",
    ),
    "upper case group": (
        "no-system-nodes",
        {"groups": ["System:Nodes"]},
        CRITICAL,
        "",
        "nearly, but not, system:nodes",
    ),
    "Cyrillic group": (
        "no-system-nodes",
        {"groups": ["\u0455ystem:nodes"]},
        CRITICAL,
        "",
        "<CYRILLIC SMALL LETTER DZE>ystem:nodes. That only looks like plain letters",
    ),
    "one group more": (
        "other-groups",
        {"groups": ["system:nodes", "dev"]},
        MEDIUM,
        "node1",
        "O = dev",
    ),
    "two groups more": (
        "other-groups",
        {"groups": ["a", "system:nodes", "b"]},
        MEDIUM,
        "node1",
        "O = a and b",
    ),
    "no name": ("no-common-name", {"names": []}, CRITICAL, "", "knows nobody"),
    "kubelet": ("no-node-user", {"names": ["kubelet"]}, CRITICAL, "", "CN = kubelet."),
    "the prefix alone": ("no-node-user", {"names": ["system:node:"]}, CRITICAL, "", "system:node:"),
    "the plural": (
        "no-node-user",
        {"names": ["system:nodes:node1"]},
        CRITICAL,
        "",
        "where system:node: is meant",
    ),
    "upper case prefix": (
        "no-node-user",
        {"names": ["System:Node:node1"]},
        CRITICAL,
        "",
        "upper case letters make it another name",
    ),
    "zero-width letter": (
        "no-node-user",
        {"names": ["system\u200b:node:node1"]},
        CRITICAL,
        "",
        "system<ZERO WIDTH SPACE>:node:node1, which only looks like plain letters",
    ),
    "two names": (
        "several-common-names",
        {"names": ["admin", "system:node:node1"]},
        MEDIUM,
        "node1",
        "admin and system:node:node1",
    ),
    "upper case node": (
        "upper-case-node",
        {"names": ["system:node:Worker1"]},
        CRITICAL,
        "Worker1",
        "its Node is worker1",
    ),
    "Cyrillic node": (
        "bad-node-name",
        {"names": ["system:node:n\u043ede1"]},
        CRITICAL,
        "n\u043ede1",
        "n<CYRILLIC SMALL LETTER O>de1 only looks like plain letters",
    ),
    "too long a name": (
        "bad-node-name",
        {"names": ["system:node:" + "a" * 254]},
        CRITICAL,
        "a" * 254,
        "at most 253",
    ),
    "underscore": (
        "bad-node-name",
        {"names": ["system:node:node_1"]},
        CRITICAL,
        "node_1",
        "node_1: names of Nodes",
    ),
    "expired": (
        "expired",
        {"begin": NOW - 365 * DAY, "end": NOW - 3 * DAY},
        CRITICAL,
        "node1",
        "It expired 3 days ago",
    ),
    "expired this second": ("expired", {"end": NOW}, CRITICAL, "node1", "It expired 0 minutes ago"),
    "expires soon": (
        "expires-soon",
        {"begin": NOW - 360 * DAY, "end": NOW + 13 * DAY},
        HIGH,
        "node1",
        "in 13 days",
    ),
    "short and nearly over": (
        "expires-soon",
        {"begin": NOW - DAY, "end": NOW + timedelta(hours=2)},
        HIGH,
        "node1",
        "in 2 hours",
    ),
    "not yet valid": (
        "not-yet-valid",
        {"begin": NOW + timedelta(minutes=10)},
        CRITICAL,
        "node1",
        "only in 10 minutes",
    ),
    "serving": ("no-client-auth", {"purposes": SERVER}, CRITICAL, "node1", "serving certificate"),
    "code signing": (
        "no-client-auth",
        {"purposes": [x509.ObjectIdentifier("1.3.6.1.5.5.7.3.3")]},
        CRITICAL,
        "node1",
        "1.3.6.1.5.5.7.3.3, without clientAuth",
    ),
    "signs nothing": ("no-digital-signature", {"signs": False}, MEDIUM, "node1", "by a signature"),
    "an authority": ("is-authority", {"is_authority": True}, CRITICAL, "node1", "may sign"),
}


@pytest.mark.parametrize(
    ("id_", "fields", "severity", "node", "words"), PROBLEMS.values(), ids=PROBLEMS
)
def test_what_is_wrong_is_said_with_what_to_do(
    id_: str, fields: dict[str, Any], severity: Severity, node: str, words: str
) -> None:
    answer = checked(make(**fields))
    found = next(check for check in answer.checks if check.id == id_)

    assert (found.mark, found.severity) == (Mark.PROBLEM, severity)
    assert words in f"{found.title}: {found.detail}"
    assert found.todo
    assert (answer.node, answer.mark) == (node, Mark.PROBLEM)
    assert answer.checks[0].severity == severity or severity is not CRITICAL
    assert "nothing is wrong" not in answer.sentence


GOOD = {
    "no extended key usage": {"purposes": None},
    "any purpose": {"purposes": [x509.ObjectIdentifier("2.5.29.37.0")]},
    "both purposes": {"purposes": [*CLIENT, *SERVER]},
    "no key usage": {"signs": None},
    "group twice": {"groups": ["system:nodes", "system:nodes"]},
    "domain": {"names": ["system:node:ip-10-0-0-1.eu-west-1.compute.internal"]},
    "long name": {"names": ["system:node:" + "a" * 253]},
    "a day long": {"begin": NOW - timedelta(hours=12), "end": NOW + timedelta(hours=12)},
}


@pytest.mark.parametrize("fields", GOOD.values(), ids=GOOD)
def test_what_an_apiserver_takes_is_right(fields: dict[str, Any]) -> None:
    assert checked(make(**fields)).mark is Mark.OK


SENTENCES: dict[str, tuple[dict[str, Any], str]] = {
    "no kubelet": (
        {"groups": ["dev"]},
        "No apiserver takes this for a kubelet: it is not in group system:nodes.",
    ),
    "will not work": (
        {"begin": NOW - 9 * DAY, "end": NOW - 3 * DAY},
        "This is meant for the kubelet of node1 and will not work: it expired 3 days ago.",
    ),
    "dangerous": (
        {"groups": ["system:nodes", "system:masters"]},
        "This is the kubelet of node1, and dangerous: it is in group system:masters.",
    ),
    "works, but": (
        {"end": NOW + 5 * DAY, "begin": NOW - 360 * DAY},
        "This is the kubelet of node1, but it expires in 5 days.",
    ),
}


@pytest.mark.parametrize(("fields", "sentence"), SENTENCES.values(), ids=SENTENCES)
def test_one_sentence_says_it(fields: dict[str, Any], sentence: str) -> None:
    assert checked(make(**fields)).sentence == sentence


SERVED = {
    "masters": ({"groups": ["system:masters"]}, "It is served by none: group system:masters"),
    "no group": ({"groups": []}, "It is served by RBAC alone: without Group system:nodes"),
    "another user": ({"names": ["kubelet"]}, "It is served by RBAC alone, if a binding reaches"),
}


@pytest.mark.parametrize(("fields", "words"), SERVED.values(), ids=SERVED)
def test_the_path_is_said_without_a_cluster_too(fields: dict[str, Any], words: str) -> None:
    assert words in checked(make(**fields)).served


def test_a_subject_alone_leaves_the_rest_open() -> None:
    answer = checked("subject=O = system:nodes, CN = system:node:node1")

    assert answer.mark is Mark.UNKNOWN
    assert answer.sentence.startswith("This is the kubelet of node1, as far as can be told")
    assert marks(answer)["validity"] is marks(answer)["usage"] is Mark.UNKNOWN


def test_times_beside_a_subject_are_taken() -> None:
    answer = checked(
        "subject=CN = system:node:node1, O = system:nodes\nissuer=CN = kubernetes\n"
        "notBefore=Nov  1 09:00:00 2025 GMT\nnotAfter=Nov  1 09:00:00 2026 GMT\n"
    )

    assert marks(answer)["expired"] is Mark.PROBLEM
    assert answer.certificate.issuer == "CN = kubernetes"
    assert answer.certificate.not_before == datetime(2025, 11, 1, 9, tzinfo=UTC)


def test_a_request_is_judged_by_its_subject() -> None:
    right, wrong = checked(request()), checked(request(groups=["dev"]))

    assert right.mark is Mark.OK
    assert wrong.checks[0].id == "no-system-nodes"


CA = Authority()
OTHER, ANEW = Authority("other", "other"), Authority(key="made anew")
BETWEEN = Authority("between", "between", above=CA)
LEAF_BETWEEN = make(by=BETWEEN)
K3S, KUBEADM = snapshot(version=ok("v1.37.2+k3s1")), snapshot()

SIGNED: dict[str, tuple[str, str, str, Mark, Snapshot]] = {
    "by the CA": (pem(make()), CA.pem, "signature", Mark.OK, K3S),
    "by one of several": (pem(make()), OTHER.pem + CA.pem, "signature", Mark.OK, K3S),
    "by way of another": (
        pem(LEAF_BETWEEN) + BETWEEN.pem,
        CA.pem,
        "signature",
        Mark.OK,
        K3S,
    ),
    "the way is missing": (pem(LEAF_BETWEEN), CA.pem, "signature", Mark.UNKNOWN, K3S),
    "the way is no authority": (
        pem(make(by=Authority("node", "leaf"))) + pem(make(["node"])),
        CA.pem,
        "signature",
        Mark.UNKNOWN,
        K3S,
    ),
    "by another": (pem(make(by=OTHER)), CA.pem, "signature", Mark.UNKNOWN, K3S),
    "by another, with kubeadm": (
        pem(make(by=OTHER)),
        CA.pem,
        "other-authority",
        Mark.PROBLEM,
        KUBEADM,
    ),
    "by one of the same name": (
        pem(make(by=ANEW)),
        CA.pem,
        "bad-signature",
        Mark.PROBLEM,
        K3S,
    ),
    "no CA known": (pem(make()), "", "signature", Mark.UNKNOWN, K3S),
    "a CA that can't be read": (
        pem(make()),
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "signature",
        Mark.UNKNOWN,
        K3S,
    ),
    "a readable CA beside one that isn't": (
        pem(make()),
        f"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n{CA.pem}",
        "signature",
        Mark.OK,
        K3S,
    ),
}


@pytest.mark.parametrize(
    ("given", "authorities", "id_", "mark", "read"), SIGNED.values(), ids=SIGNED
)
def test_who_signed_it_is_told(
    given: str, authorities: str, id_: str, mark: Mark, read: Snapshot
) -> None:
    assert marks(checked(given, Cluster("eu-1", read, authorities)))[id_] is mark


def nodes_of(*names: str, gaps: tuple[str, ...] = ()) -> Read[Any]:
    whole = ok(tuple(Node(name, Ready.NOT_READY) for name in names))
    return Read(whole.outcome, "", "list nodes", whole.value, gaps=gaps)


ABSENT: dict[str, tuple[str, Read[Any], str, Mark, str]] = {
    "there": ("node1", nodes_of("node2", "node1"), "node", Mark.OK, "Node node1 is NotReady."),
    "not yet": ("node1", nodes_of("node2"), "node", Mark.UNKNOWN, "about to join"),
    "no nodes": ("node1", nodes_of(), "node", Mark.UNKNOWN, "about to join"),
    "in another case": (
        "Node1",
        nodes_of("node1"),
        "node-in-other-case",
        Mark.PROBLEM,
        "Node node1, the certificate says Node1",
    ),
    "in upper case, and not there": (
        "Node1",
        nodes_of("node2"),
        "node",
        Mark.UNKNOWN,
        "eu-1 has no Node Node1.",
    ),
    "with a domain": (
        "node1",
        nodes_of("node1.example.com", "node10.example.com"),
        "node-of-other-name",
        Mark.PROBLEM,
        "but node1.example.com:",
    ),
    "without its domain": (
        "node1.example.com",
        nodes_of("node1"),
        "node-of-other-name",
        Mark.PROBLEM,
        "but node1:",
    ),
    "addresses are no domains": ("10.0", nodes_of("10.0.0"), "node", Mark.UNKNOWN, "about to"),
    "nodes not read": ("node1", forbidden(), "node", Mark.UNKNOWN, "were not read: 403"),
    "not every node read": (
        "node1",
        nodes_of("node2", gaps=("one",)),
        "node",
        Mark.UNKNOWN,
        "Not every Node",
    ),
}


@pytest.mark.parametrize(("name", "nodes", "id_", "mark", "words"), ABSENT.values(), ids=ABSENT)
def test_its_node_is_looked_for(
    name: str, nodes: Read[Any], id_: str, mark: Mark, words: str
) -> None:
    answer = checked(make([f"system:node:{name}"]), Cluster("eu-1", snapshot(nodes=nodes), CA.pem))
    found = next(check for check in answer.checks if check.id == id_)

    assert found.mark is mark
    assert words in found.detail


PATHS: dict[str, tuple[dict[str, Any], Snapshot, Mark, str]] = {
    "Node": ({}, snapshot(), Mark.OK, "The Node authorizer of eu-1 serves"),
    "RBAC only": ({}, snapshot("RBAC"), Mark.PROBLEM, "would refuse it"),
    "AlwaysAllow": ({}, snapshot("AlwaysAllow"), Mark.PROBLEM, "by AlwaysAllow"),
    "no kubelet": ({"groups": []}, snapshot(), Mark.PROBLEM, "would refuse it"),
    "flags not read": ({}, snapshot(apiservers=forbidden()), Mark.UNKNOWN, "can't be told"),
    "Webhook": ({}, snapshot("Webhook"), Mark.UNKNOWN, "can't be told"),
}


@pytest.mark.parametrize(("fields", "read", "mark", "words"), PATHS.values(), ids=PATHS)
def test_the_cluster_says_by_which_path(
    fields: dict[str, Any], read: Snapshot, mark: Mark, words: str
) -> None:
    answer = checked(make(**fields), Cluster("eu-1", read, CA.pem))
    served = next(check for check in answer.checks if check.id == "served")

    assert served.mark is mark
    assert words in served.title


def test_a_legacy_binding_is_named() -> None:
    roles = ok(tuple(fresh_roles(37)))
    read = snapshot("RBAC", cluster_role_bindings=legacy_bindings(), cluster_roles=roles)
    answer = checked(make(), Cluster("eu-1", read, CA.pem))
    served = next(check for check in answer.checks if check.id == "served")

    assert "serves that identity by RBAC" in served.title
    assert "ClusterRoleBinding system:node" in served.detail


def test_a_cluster_that_refuses_a_good_certificate_is_said_to() -> None:
    answer = checked(make(), Cluster("eu-5", snapshot("RBAC"), CA.pem))

    assert answer.sentence == (
        "This is the kubelet of node1 and nothing is wrong with it, but eu-5 would refuse it what a"
        " kubelet can't live without."
    )
    assert "Nobody allows it to register itself as a Node" in answer.checks[0].detail


def test_a_member_of_masters_has_no_path() -> None:
    answer = checked(make(groups=["system:masters"]), Cluster("eu-1", snapshot(), CA.pem))

    assert "served" not in marks(answer)


def test_what_reads_x509_is_not_imported_before_there_is_some() -> None:
    code = (
        "import sys, authzviz.evidence.certificate as c; c.read_certificate(b'CN=a');"
        "print('cryptography' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout == "False\n"
