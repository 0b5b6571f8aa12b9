"""The Node authorizer against a table of its own, against recordings, and against mutants of it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from authzviz.engine import node
from authzviz.engine.assessment import Decision
from authzviz.engine.gates import BY_DEFAULT, Settings
from authzviz.engine.identity import Identity
from authzviz.engine.node import NODE_RULES, Limit, NodeRule
from authzviz.engine.request import Request
from tests.engine import node_table
from tests.engine.node_table import DEFAULT, GATED, MINORS, NODE, NOTHING, Key, Row
from tests.replay import RECORDINGS

Differences = list[tuple[Request, int, Decision]]


def differences(
    key: Key, row: Row, settings: Settings = BY_DEFAULT, *, stop: bool = False
) -> Differences:
    """Where the engine says something else than the row, over all shapes and versions."""
    found: Differences = []
    for request in node_table.shapes(key):
        for minor in MINORS:
            said = node.decide(NODE, request, minor, settings).decision
            if said is not row.expected(request, minor):
                found.append((request, minor, said))
                if stop:
                    return found
    return found


KEYS = node_table.all_keys()


@pytest.mark.parametrize("key", KEYS, ids=["|".join(key) for key in KEYS])
def test_each_verb_on_each_resource_in_every_version(key: Key) -> None:
    assert differences(key, DEFAULT.get(key, NOTHING)) == []


@pytest.mark.parametrize("gate", GATED)
def test_a_gate_changes_its_rules_and_no_other(gate: str) -> None:
    expected = DEFAULT | node_table.rows(GATED[gate])
    settings = node_table.settings_of(gate)

    found = [differences(key, expected.get(key, NOTHING), settings) for key in KEYS]

    assert [each for each in found if each] == []


def test_all_alpha_and_all_beta_reach_what_no_flag_names() -> None:
    everything = Request("list", "nodes")
    slices = Request("list", "clustertrustbundles", "certificates.k8s.io")

    def said(request: Request, minor: int, *settings: tuple[str, bool]) -> Decision:
        return node.decide(NODE, request, minor, settings).decision

    assert said(everything, 31, ("AllAlpha", True)) is Decision.NO
    assert said(everything, 32, ("AllBeta", False)) is Decision.ALLOW
    assert (
        said(everything, 32, ("AllBeta", False), ("AuthorizeNodeWithSelectors", True))
        is Decision.NO
    )
    assert said(slices, 37, ("AllBeta", False)) is Decision.ALLOW


# --- mutants ---


def mutants(rule: NodeRule) -> Iterator[NodeRule | None]:
    """The rule removed, and each of its parts altered; not where that changes nothing: a verb that
    another rule on the resource allows as well, a bound of versions that a gate sets, a gate
    without which a freer rule holds.
    """
    yield None
    allowed = {verb for other in NODE_RULES if _is_alike(other, rule) for verb in other.verbs}
    for verb in rule.verbs:
        yield replace(rule, verbs=tuple(other for other in rule.verbs if other != verb))
    for verb in set(node_table.VERBS) - allowed:
        yield replace(rule, verbs=(*rule.verbs, verb))
    yield from (replace(rule, limit=limit) for limit in Limit if limit is not rule.limit)
    yield replace(rule, group="mutant")
    yield replace(rule, resource="mutants")
    yield replace(rule, namespace="" if rule.namespace else "mutant")
    yield from _other_versions(rule)
    before = {other.unless for other in NODE_RULES if _is_alike(other, rule)}
    if before.isdisjoint(rule.gates):
        for gate in rule.gates:
            yield replace(rule, gates=tuple(other for other in rule.gates if other != gate))
    if rule.unless:
        yield replace(rule, unless="")


def _is_alike(other: NodeRule, rule: NodeRule) -> bool:
    return (other.group, other.resource) == (rule.group, rule.resource)


def _other_versions(rule: NodeRule) -> Iterator[NodeRule]:
    if rule.since > MINORS[0]:
        yield replace(rule, since=rule.since - 1)
    if rule.since > MINORS[0] or not rule.gates:
        yield replace(rule, since=rule.since + 1)
    if not rule.unless:
        yield replace(rule, until=rule.until - 1)
    if rule.until < MINORS[-1]:
        yield replace(rule, until=rule.until + 1)


def forget() -> None:
    node.rules_for.cache_clear()
    node._by_request.cache_clear()


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    yield monkeypatch
    monkeypatch.undo()
    forget()


def is_noticed(rule: NodeRule, mutant: NodeRule | None) -> bool:
    """True where some case about that resource, or about a gate, gets another answer."""
    verbs = {*rule.verbs, *(mutant.verbs if mutant else ())}
    keys = [(rule.group, rule.resource, verb) for verb in sorted(verbs)]
    if any(differences(key, DEFAULT.get(key, NOTHING), stop=True) for key in keys):
        return True
    for gate, lines in GATED.items():
        if gate.partition("=")[0] not in (*rule.gates, rule.unless):
            continue
        expected = DEFAULT | node_table.rows(lines)
        settings = node_table.settings_of(gate)
        if any(differences(k, expected.get(k, NOTHING), settings, stop=True) for k in keys):
            return True
    return False


@pytest.mark.parametrize(
    "number",
    range(len(NODE_RULES)),
    ids=[f"{rule.resource}-{'+'.join(rule.verbs)}-{rule.limit}" for rule in NODE_RULES],
)
def test_every_change_of_a_rule_is_noticed(table: pytest.MonkeyPatch, number: int) -> None:
    rule = NODE_RULES[number]
    unnoticed = []
    for mutant in mutants(rule):
        changed = NODE_RULES[:number] + ((mutant,) if mutant else ()) + NODE_RULES[number + 1 :]
        table.setattr(node, "NODE_RULES", changed)
        forget()
        if not is_noticed(rule, mutant):
            unnoticed.append(mutant)

    assert unnoticed == []


# --- what real apiservers said ---

RECORDED = {
    f"{version}-{scenario}": minor
    for version, minor in (("v1.19.16", 19), ("v1.28.15", 28))
    for scenario in ("seed-fix2-node", "no-restriction", "leftover")
}


@pytest.mark.parametrize(("recording", "minor"), RECORDED.items(), ids=RECORDED)
def test_decisions_and_reasons_are_those_that_apiservers_gave(recording: str, minor: int) -> None:
    with gzip.open(RECORDINGS / f"{recording}.json.gz") as file:
        recorded = json.load(file)
    compared, different = 0, []
    for name, asked, is_allowed, reason in recorded["truth"]:
        user, groups = recorded["identities"][name]
        identity = Identity(user, tuple(groups)).node_name
        if identity is None or reason.startswith("RBAC"):
            continue
        compared += 1
        answer = node.decide(identity, Request(**asked), minor)
        expected = (Decision.ALLOW, "") if is_allowed else (Decision.NO, reason)
        # Pods were not recorded: one on node1 uses a secret and a configmap of this name.
        is_related = is_allowed and not reason and asked.get("name") == "used-by-node1"
        if "no relationship" in reason or is_related:
            expected = (Decision.CONDITIONAL, "")
        said = answer.because if answer.decision is Decision.NO and reason else ""
        if (answer.decision, said) != expected:
            different.append((asked, expected, answer))

    assert different == []
    assert compared > 1_000


# --- words ---

WORDS: dict[str, tuple[str, int, str]] = {
    "secret, before lists": ("update core/secrets team s", 10, "can only get individual"),
    "secret": ("update core/secrets team s", 11, "can only read resources of this type"),
    "part of a secret": ("get core/secrets/status team s", 11, "cannot read subresource"),
    "part of a claim": ("get core/persistentvolumes/status - v", 11, "cannot get subresource"),
    "secret of no namespace": ("get core/secrets - s", 11, "can only read namespaced object"),
    "nameless": ("list core/secrets team", 11, "No Object name found"),
    "claim's status": ("get core/persistentvolumeclaims/status team c", 11, "can only get/update/"),
    "nameless claim's status": ("patch core/persistentvolumeclaims/status t", 11, "No Object"),
    "claim's status, gate off": (
        "patch core/persistentvolumeclaims/status team c",
        10,
        "can only get individual resources of this type",
    ),
    "attachment at first": ("get storage/volumeattachments - a", 9, "no rule"),
    "attachments": ("list storage/volumeattachments", 10, "can only get individual"),
    "resource claim at first": ("get dra/resourceclaims t c", 27, "no rule"),
    "resource claims": ("list dra/resourceclaims t", 28, "can only get individual"),
    "token at first": ("create core/serviceaccounts/token t s", 9, "no rule"),
    "token, gate off": ("create core/serviceaccounts/token t s", 11, "disabled by feature gate"),
    "nameless token": ("create core/serviceaccounts/token t", 12, "individual service accounts"),
    "not a token": ("create core/serviceaccounts/status t s", 12, "create token subresource"),
    "account": ("get core/serviceaccounts t s", 32, "can only create tokens for individual"),
    "account, gate off": ("get core/serviceaccounts t s", 33, "not allowed to get service"),
    "account of no namespace": ("get core/serviceaccounts - s", 34, "can only read namespaced"),
    "lease at first": ("get coord/leases kube-node-lease n1", 11, "no rule"),
    "lease, gate off": ("get coord/leases kube-node-lease n1", 13, "disabled by feature gate Node"),
    "leases": ("list coord/leases kube-node-lease", 14, "can only get, create, update, patch, or"),
    "lease elsewhere": (
        "get coord/leases team n1",
        14,
        'in the "kube-node-lease" system namespace',
    ),
    "other's lease": ("get coord/leases kube-node-lease n2", 14, "with the same name as the"),
    "early CSI": ("list csi/csinodeinfos", 13, "disabled by feature gate CSINodeInfo"),
    "early CSI, gone": ("list csi/csinodeinfos", 14, "no rule"),
    "CSINode at first": ("get storage/csinodes - n1", 13, "no rule"),
    "CSINodes": ("list storage/csinodes", 14, "or delete a CSINode"),
    "other's CSINode": ("get storage/csinodes - n2", 14, "can only access CSINode with the same"),
    "part of a CSINode": ("get storage/csinodes/x - n1", 14, "cannot authorize CSINode subres"),
    "part of CSINodes": ("list storage/csinodes/x", 36, "or delete a CSINode"),
    "part of CSINodes, now": ("list storage/csinodes/x", 37, "cannot authorize CSINode subres"),
    "CSINode's status": (
        "get storage/csinodes/status - n1",
        37,
        "requires CSIVolumeHealth feature",
    ),
    "slices at first": ("list dra/resourceslices", 29, "no rule"),
    "all slices": ("deletecollection dra/resourceslices", 30, "or delete a ResourceSlice"),
    "all slices, now": ("list dra/resourceslices", 32, "with nodeName field selector"),
    "part of a slice": ("get dra/resourceslices/status - s", 32, "ResourceSlice subresources"),
    "verb on slices": ("proxy dra/resourceslices - s", 32, "only the following verbs"),
    "nameless slice": ("get dra/resourceslices", 32, "No Object name found"),
    "all nodes": ("list core/nodes", 32, "node 'n1' cannot read all nodes, only its own"),
    "other node": ("get core/nodes - n2", 32, "node 'n1' cannot read 'n2', only its own"),
    "delete a node": ("delete core/nodes - n1", 32, "no rule"),
    "part of a node": ("get core/nodes/proxy - n1", 32, "no rule"),
    "node's part, before": ("get core/nodes/proxy - n1", 31, "no rule"),
    "pods": ("list core/pods", 32, "can only list/watch pods with spec.nodeName field selector"),
    "nameless pod": ("get core/pods team", 32, "No Object name found"),
    "update a pod": ("update core/pods team p", 32, "no rule"),
    "part of a pod": ("create core/pods/exec team p", 32, "no rule"),
    "pod certificate at first": ("get certs/podcertificaterequests t c", 36, "no rule"),
    "pod certificates": ("list certs/podcertificaterequests", 37, "with nodeName field selector"),
    "nameless pod certificate": ("get certs/podcertificaterequests t", 37, "No Object name"),
    "pod certificate's status": (
        "get certs/podcertificaterequests/status t c",
        37,
        "nodes may not access the status subresource",
    ),
    "change a pod certificate": (
        "patch certs/podcertificaterequests t c",
        37,
        "nodes may not patch podcertificaterequests",
    ),
    "something else": ("list core/namespaces", 37, "no rule of the Node authorizer covers"),
}


def asks(text: str) -> Request:
    """A request from "verb group/resource/subresource namespace name", "-" for no namespace."""
    verb, what, *rest = text.split()
    group, _, full = what.partition("/")
    resource, _, subresource = full.partition("/")
    namespace, name = (*rest, "", "")[:2]
    group = node_table._GROUPS[group]
    return Request(verb, resource, group, subresource, namespace.strip("-"), name)


@pytest.mark.parametrize(("text", "minor", "words"), WORDS.values(), ids=WORDS)
def test_why_it_has_no_opinion(text: str, minor: int, words: str) -> None:
    answer = node.decide(NODE, asks(text), minor)

    assert answer.decision is Decision.NO
    assert words in answer.because


def test_words_with_gates_set() -> None:
    health = (("CSIVolumeHealth", True),)
    off = (("CSINodeInfo", False),)

    def why(text: str, minor: int, settings: Settings) -> str:
        return node.decide(NODE, asks(text), minor, settings).because

    assert why("delete storage/csinodes/status - n1", 37, health) == (
        "can only get, update, or patch CSINode status"
    )
    assert "same name" in why("get storage/csinodes/status - n2", 37, health)
    assert why("get storage/csinodes - n1", 15, off) == "disabled by feature gate CSINodeInfo"


def test_a_path_and_a_nameless_node_are_no_business_of_it() -> None:
    assert node.decide(NODE, Request("get", path="/healthz"), 37).decision is Decision.NO
    nameless = node.decide("", asks("create core/nodes"), 28)
    assert nameless.decision is Decision.NO
    assert nameless.because == 'unknown node for user "system:node:"'


def test_a_doubled_sign_selects_too() -> None:
    doubled = Request("watch", "pods", field_selector="spec.nodeName==n1")

    assert node.decide(NODE, doubled, 37).decision is Decision.ALLOW


IDENTITIES: dict[str, tuple[Identity, str | None]] = {
    "a kubelet": (Identity("system:node:n1", ("system:nodes",)), "n1"),
    "without the group": (Identity("system:node:n1", ("system:authenticated",)), None),
    "without the name": (Identity("kubelet", ("system:nodes",)), None),
    "with an empty name": (Identity("system:node:", ("system:nodes",)), ""),
    "in capitals": (Identity("System:node:n1", ("system:nodes",)), None),
}


@pytest.mark.parametrize(("identity", "name"), IDENTITIES.values(), ids=IDENTITIES)
def test_who_is_a_node(identity: Identity, name: str | None) -> None:
    assert identity.node_name == name
