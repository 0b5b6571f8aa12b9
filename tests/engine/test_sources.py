"""Places that show flags: which counts, where they disagree, and what is only declared."""

from __future__ import annotations

from dataclasses import replace

import pytest

from authzviz.engine import judge
from authzviz.engine.assessment import Switch, Verdict
from authzviz.engine.chain import state_of
from authzviz.engine.model import ApiServer, Flag, FlagSource, Snapshot
from tests.engine import answers
from tests.engine.answers import asked, restricted
from tests.engine.build import NODE_RBAC, RBAC, cluster, ok, server, unread

V, ON, OFF, UNKNOWN = Verdict, Switch.ON, Switch.OFF, Switch.UNKNOWN
MODE, PLUGINS = "authorization-mode", "enable-admission-plugins"


def source(evidence: str, *flags: str, defaults: str = "") -> FlagSource:
    given = server(*flags).flags
    assert given is not None
    return FlagSource(evidence, given, defaults)


SAME = source("/flagz", "--authorization-mode=Node,RBAC", f"--{PLUGINS}=NodeRestriction")
OTHER = source("/flagz", "--authorization-mode=RBAC", f"--{PLUGINS}=PodSecurity")
DARK = ApiServer("cp1", None, "", "no mirror pod")


def test_places_that_agree_are_all_named() -> None:
    state = state_of(replace(NODE_RBAC, other_sources=(SAME,)))

    assert state.evidence == f"{NODE_RBAC.evidence} and /flagz"
    assert state.conflicts == ()


def test_places_that_disagree_are_a_finding_and_the_first_counts() -> None:
    assessment = judge(cluster(replace(NODE_RBAC, other_sources=(OTHER,))))

    (finding,) = assessment.findings
    assert assessment.verdict is V.NODE_AUTHORIZER
    assert finding.id == "sources-differ"
    assert "says Node,RBAC, /flagz says RBAC" in finding.detail
    assert "has NodeRestriction on, /flagz has it off" in finding.detail


def test_more_disagreements_than_can_be_read_are_counted() -> None:
    servers = tuple(replace(NODE_RBAC, name=f"cp{i}", other_sources=(OTHER,)) for i in range(1, 4))

    (finding,) = judge(cluster(*servers)).findings

    assert finding.detail.count("cp1: ") == 2
    assert "; and 1 more." in finding.detail


def test_where_one_place_only_names_a_file_another_may_tell() -> None:
    pod = server("--openshift-config=/config.yaml")
    config = source(
        "ConfigMap openshift-kube-apiserver/config",
        "--authorization-mode=Scope,SystemMasters,RBAC,Node",
        f"--{PLUGINS}=NodeRestriction",
    )

    state = state_of(replace(pod, other_sources=(config,)))

    assert state.authorization_modes == ("Scope", "SystemMasters", "RBAC", "Node")
    assert (state.node_authorizer, state.node_restriction) == (ON, ON)
    assert state.evidence.startswith("ConfigMap openshift-kube-apiserver/config")


DEFAULTS: dict[str, tuple[str, tuple[str, ...], Switch, Switch]] = {
    "k3s, nothing given": ("k3s", (), UNKNOWN, UNKNOWN),
    "k3s, modes given": ("k3s", (f"--{MODE}=RBAC",), OFF, UNKNOWN),
    "k3s, plugins replaced": ("k3s", (f"--{PLUGINS}=PodSecurity",), UNKNOWN, OFF),
    "k3s, plugins named": ("k3s", (f"--{PLUGINS}=NodeRestriction",), UNKNOWN, ON),
    "RKE2 adds plugins to those that are given": (
        "rke2",
        (f"--{PLUGINS}=PodSecurity",),
        UNKNOWN,
        UNKNOWN,
    ),
    "RKE2, NodeRestriction disabled": (
        "rke2",
        ("--disable-admission-plugins=NodeRestriction",),
        UNKNOWN,
        OFF,
    ),
    "the old flag is the whole list": ("rke2", ("--admission-control=PodSecurity",), UNKNOWN, OFF),
}


@pytest.mark.parametrize(
    ("defaults", "flags", "node", "restriction"), DEFAULTS.values(), ids=DEFAULTS
)
def test_what_is_not_shown_is_not_kubernetes_default_where_a_distribution_has_its_own(
    defaults: str, flags: tuple[str, ...], node: Switch, restriction: Switch
) -> None:
    state = state_of(replace(server(*flags), defaults=defaults))

    assert (state.node_authorizer, state.node_restriction) == (node, restriction)
    assert state.why


K3S, EKS, AKS, KUBEADM = "v1.28.15+k3s1", "v1.28.15-eks-abc", "v1.28.15", "v1.28.15"
ALL = {V.ALWAYS_ALLOW, V.REFUSED, V.UNRESTRICTED, V.NODE_AUTHORIZER}


def declaring(snapshot: Snapshot, *flags: str, defaults: str = "kubeadm") -> Snapshot:
    declared = source("ConfigMap kube-system/kubeadm-config", *flags, defaults=defaults)
    return replace(snapshot, declared=ok((declared,)))


PLAIN = cluster(DARK, version="v1.28.15+vendor")
ASSUMED: dict[str, tuple[Snapshot, set[Verdict], str]] = {
    "nothing is known of the distribution": (PLAIN, ALL, ""),
    "just one verdict would be left, so less is assumed": (
        cluster(DARK, version=K3S),
        {V.UNRESTRICTED, V.NODE_AUTHORIZER},
        "k3s documents as its default --authorization-mode=Node,RBAC:",
    ),
    "a provider that documents NodeRestriction": (
        cluster(DARK, version=EKS),
        {V.ALWAYS_ALLOW, V.REFUSED, V.NODE_AUTHORIZER},
        "EKS documents as its default NodeRestriction on:",
    ),
    "NodeRestriction alone is left, and nothing is assumed": (
        cluster(asked(answers.NODE_RBAC), version=K3S),
        {V.UNRESTRICTED, V.NODE_AUTHORIZER},
        "",
    ),
    "what is told speaks against the default": (
        cluster(asked(answers.RBAC_BOUND, None), version=K3S),
        {V.MIXED, V.REFUSED, V.INCOMPLETE, V.LEGACY_BINDING},
        "",
    ),
    "kubeadm-config declares": (
        declaring(PLAIN, "--authorization-mode=RBAC", f"--{PLUGINS}=PodSecurity"),
        {V.ALWAYS_ALLOW, V.REFUSED, V.UNRESTRICTED},
        "ConfigMap kube-system/kubeadm-config declares NodeRestriction off:",
    ),
    "kubeadm-config leaves kubeadm's defaults": (
        declaring(PLAIN),
        {V.UNRESTRICTED, V.NODE_AUTHORIZER},
        "declares --authorization-mode=Node,RBAC:",
    ),
    "kubeadm-config names a file, and plugins without NodeRestriction": (
        declaring(PLAIN, "--authorization-config=/a.yaml", f"--{PLUGINS}=PodSecurity"),
        {V.ALWAYS_ALLOW, V.REFUSED, V.UNRESTRICTED},
        "declares NodeRestriction off:",
    ),
    "flags that tell nothing declare nothing, and kubeadm has defaults": (
        declaring(PLAIN, "--authorization-mode=Nodes", defaults=""),
        {V.UNRESTRICTED, V.NODE_AUTHORIZER},
        "kubeadm documents as its default --authorization-mode=Node,RBAC:",
    ),
}


@pytest.mark.parametrize(("snapshot", "possible", "words"), ASSUMED.values(), ids=ASSUMED)
def test_what_is_assumed_narrows_and_decides_nothing(
    snapshot: Snapshot, possible: set[Verdict], words: str
) -> None:
    assessment = judge(snapshot)

    assert set(assessment.possible) == possible
    assert assessment.verdict is V.UNKNOWN
    assert bool(assessment.assumed) == bool(words)
    assert words in "".join(assessment.assumed)
    assert not assessment.is_planned


def test_aks_documents_node_restriction_since_1_24() -> None:
    azure = tuple(
        replace(node, name=f"aks-{node.name}", provider_id="azure:///x")
        for node in cluster().nodes.value or ()
    )

    new = judge(cluster(DARK, nodes=azure))
    old = judge(cluster(DARK, nodes=azure, version="v1.23.1"))

    assert new.distribution == "aks"
    assert (bool(new.assumed), bool(old.assumed)) == (True, False)


def test_what_is_declared_and_does_not_run_is_a_finding() -> None:
    snapshot = declaring(cluster(NODE_RBAC), "--authorization-mode=RBAC", f"--{PLUGINS}=A")

    (finding,) = judge(snapshot).findings

    assert finding.id == "declared-differs"
    assert "declares RBAC, cp1 has Node,RBAC" in finding.detail
    assert "declares NodeRestriction off, cp1 has it on" in finding.detail
    on = declaring(cluster(RBAC), "--authorization-mode=RBAC", f"--{PLUGINS}=NodeRestriction")
    assert "declared-differs" not in [each.id for each in judge(on).findings]


def test_a_declaration_that_turns_restriction_on_is_said_too() -> None:
    running = cluster(server("--authorization-mode=Node,RBAC"))

    said = {f.id: f.detail for f in judge(declaring(running)).findings}

    assert "declares NodeRestriction on, cp1 has it off" in said["declared-differs"]


def test_a_declaration_that_was_not_read_is_missing_and_decides_nothing() -> None:
    snapshot = replace(declaring(cluster(NODE_RBAC)), node_reviews=unread(ok(())))
    assert snapshot.declared is not None

    assessment = judge(replace(snapshot, declared=unread(snapshot.declared)))

    assert assessment.verdict is V.NODE_AUTHORIZER
    assert [missing.what for missing in assessment.missing] == [
        "the answers about single nodes",
        "what kubeadm-config declares",
    ]


def test_a_flag_without_a_value_is_no_list() -> None:
    broken = replace(NODE_RBAC, flags=(Flag(MODE, ""),), other_sources=(SAME,))

    assert state_of(broken).authorization_modes == ("Node", "RBAC")
    assert state_of(restricted(answers.NODE_RBAC)).evidence.startswith("its own answers")


def test_what_any_kubelet_may_write_never_tells_alone_that_restriction_is_on() -> None:
    where = "annotation k3s.io/node-args of node n1"
    forgeable = replace(NODE_RBAC, evidence=where, defaults="k3s")
    off = replace(server("--authorization-mode=Node,RBAC", "--enable-admission-plugins=X"))
    off = replace(off, evidence=where, defaults="k3s")

    assessment = judge(cluster(forgeable))

    assert set(assessment.possible) == {Verdict.UNRESTRICTED, Verdict.NODE_AUTHORIZER}
    (missing,) = assessment.missing
    assert "without it any kubelet may write that" in missing.why
    assert judge(cluster(off)).verdict is Verdict.UNRESTRICTED
