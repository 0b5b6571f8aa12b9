"""What is worth acting on, with stable ids, severity and the controls of benchmarks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from authzviz.engine import disagreements, subjects
from authzviz.engine.assessment import Control, Finding, Severity, Switch, Verdict
from authzviz.engine.inherited import inherited
from authzviz.engine.judging import Judged
from authzviz.engine.own_access import excess_credentials
from authzviz.engine.phrases import counted, listed, overdue_of, shown_names, words_of

_CIS = "CIS Kubernetes 1.12"
_SEVERITIES = tuple(Severity)
OBSERVED = frozenset(
    ("stale-leases", "other-identity", "model-differs", "flags-contradicted", "sources-differ")
)
"""Findings that rest on how things are right now: nobody knows how they will be."""


def findings_of(judged: Judged) -> tuple[Finding, ...]:
    """All findings, worst first."""
    found = [finding for find in _ALL for finding in find(judged)]
    return tuple(sorted(found, key=lambda finding: _SEVERITIES.index(finding.severity)))


def _cis(*numbers: str) -> tuple[Control, ...]:
    return tuple(Control(number, _CIS) for number in numbers)


def _outage(judged: Judged) -> Iterator[Finding]:
    """Silent nodes although permissions are right: the model is held against what is observed."""
    counts = judged.health.counts
    served = judged.verdict in (
        Verdict.NODE_AUTHORIZER,
        Verdict.UNRESTRICTED,
        Verdict.OVER_GRANTED,
    )
    overdue = judged.health.overdue
    if not served or not overdue:
        return
    yield Finding(
        "stale-leases",
        Severity.CRITICAL if not counts.ready else Severity.HIGH,
        overdue_of(counts, len(overdue)),
        f"Not heard of: {listed(list(overdue[:5]))}{' and others' if len(overdue) > 5 else ''}."
        " The Node authorizer serves only user system:node:<exact Node name> in group"
        " system:nodes. Check on such a node, after whether its kubelet runs at all, that its"
        " client certificate says O = system:nodes and CN = system:node:<Node name>, in lower"
        " case, and has not expired.",
    )


def _always_allow(judged: Judged) -> Iterator[Finding]:
    servers = [s.name for s in judged.states if "AlwaysAllow" in (s.authorization_modes or ())]
    if servers:
        yield Finding(
            "always-allow",
            Severity.CRITICAL,
            "AlwaysAllow is in the chain of authorizers",
            f"{listed(servers)} lets everyone who is signed in do everything."
            " Set --authorization-mode=Node,RBAC; first grant by RBAC what clients need.",
            _cis("1.2.6", "1.2.7", "1.2.8"),
        )


def _apiservers_differ(judged: Judged) -> Iterator[Finding]:
    if judged.do_servers_differ:
        said = [
            f"{s.name}: {','.join(s.authorization_modes)}, NodeRestriction {s.node_restriction}"
            for s in judged.states
            if s.authorization_modes is not None
        ]
        yield Finding(
            "apiservers-differ",
            Severity.HIGH,
            "The apiservers don't do the same for kubelets",
            f"{'; '.join(said)}. A change may be half rolled out: give all the same flags.",
        )


def _nodes_differ(judged: Judged) -> Iterator[Finding]:
    verdicts = {path.verdict for path in judged.paths}
    if judged.nodes.is_mixed:
        return  # what was answered says it better
    if judged.verdict is Verdict.MIXED and len(judged.paths) > 1 and len(verdicts) > 1:
        said = [f"{shown_names(path)}: {path.verdict}" for path in judged.paths[:5]]
        yield Finding(
            "nodes-differ",
            Severity.HIGH,
            "Nodes are not treated alike",
            f"{'; '.join(said)}. Bindings name single nodes; the Node authorizer serves all alike.",
        )


def _refused(judged: Judged) -> Iterator[Finding]:
    if judged.verdict is Verdict.REFUSED:
        is_denied = judged.node_authorizer is Switch.ON
        remedy = (
            "What is asked before the Node authorizer denies it: look at the webhook's policy."
            if is_denied
            else "Turn on the Node authorizer: --authorization-mode=Node,RBAC."
        )
        yield Finding(
            "refused",
            Severity.CRITICAL,
            "Kubelets are refused what they can't live without",
            f"No authorizer allows them to register, report status or renew their Lease. {remedy}",
            _cis("1.2.7"),
        )


def _incomplete(judged: Judged) -> Iterator[Finding]:
    if judged.verdict is Verdict.INCOMPLETE:
        yield Finding(
            "incomplete",
            Severity.HIGH,
            "RBAC grants kubelets only part of what they need",
            "The nodes are Ready, but pods will fail. Turn on the Node authorizer.",
            _cis("1.2.7"),
        )


def _legacy(judged: Judged) -> Iterator[Finding]:
    if judged.verdict is Verdict.LEGACY_BINDING:
        yield Finding(
            "legacy-binding",
            Severity.HIGH,
            "Every kubelet may read every Secret",
            "RBAC serves the kubelets, and RBAC can't tell one node's Secrets from another's."
            " Turn on the Node authorizer and NodeRestriction, then remove the subject.",
            _cis("1.2.7", "1.2.14", "5.1.2"),
        )


def _excess(judged: Judged) -> Iterator[Finding]:
    """One finding per binding beyond the Node authorizer, unless another says it for all."""
    if judged.verdict in (Verdict.LEGACY_BINDING, Verdict.ALWAYS_ALLOW):
        return
    seen: set[str] = set()
    for grant in judged.grants:
        if not grant.beyond_node_authorizer or grant.binding in seen:
            continue
        seen.add(grant.binding)
        if len(seen) > _MAX_OF_A_KIND:
            return
        is_admin = any("do anything with every resource" in words for words in grant.beyond)
        yield Finding(
            "over-granted",
            Severity.CRITICAL if is_admin else Severity.HIGH,
            f"{grant.binding} gives kubelets more than the Node authorizer",
            f"Through {grant.subject} it lets {grant.reaches}: {words_of(grant.beyond)}."
            f" Remove that subject from {grant.binding}.",
            _cis("5.1.1") if is_admin else _cis("5.1.2"),
        )


def _restriction_off(judged: Judged) -> Iterator[Finding]:
    off = [s.name for s in judged.states if s.node_restriction is Switch.OFF]
    is_all_open = judged.verdict is Verdict.ALWAYS_ALLOW
    if off and not is_all_open:
        yield Finding(
            "no-node-restriction",
            Severity.HIGH if judged.node_authorizer is Switch.ON else Severity.MEDIUM,
            "NodeRestriction is off",
            f"{listed(off)} lets any kubelet change other nodes and the status of their pods."
            " Add NodeRestriction to --enable-admission-plugins; it is never on by default.",
            _cis("1.2.14"),
        )


def _other_identity(judged: Judged) -> Iterator[Finding]:
    fresh = judged.health.fresh
    if judged.verdict is Verdict.REFUSED and fresh:
        yield Finding(
            "other-identity",
            Severity.CRITICAL,
            f"{len(fresh)} Leases are renewed although system:node:… is refused",
            f"Renewed: {listed(list(fresh[:5]))}{' and others' if len(fresh) > 5 else ''}."
            " Those kubelets use something else: a certificate of system:masters, an admin"
            " kubeconfig, or another user. Look at the certificate that their kubeconfig names.",
        )


def _inherited(judged: Judged) -> Iterator[Finding]:
    if judged.verdict is not Verdict.REFUSED and inherited(judged):
        yield Finding(
            "inherited",
            Severity.MEDIUM,
            "A fresh cluster with these flags would refuse its kubelets",
            f"This cluster runs 1.{judged.minor} on bindings that no fresh one gets: since 1.8"
            " system:node is created without subjects. The next cluster made with the same"
            " flags will have every node NotReady, unless they include Node.",
            _cis("1.2.7"),
        )


def _unseen_apiserver(judged: Judged) -> Iterator[Finding]:
    unread = [state.name for state in judged.states if state.authorization_modes is None]
    if judged.has_unseen or (unread and len(judged.states) > len(unread)):
        yield Finding(
            "unseen-apiserver",
            Severity.MEDIUM,
            "Not every apiserver was seen",
            f"{counted(len(judged.states) - len(unread), 'apiserver')} told what they do;"
            " more run. They may do something else for kubelets.",
        )


_MAX_OF_A_KIND = 50

_ALL: tuple[Callable[[Judged], Iterator[Finding]], ...] = (
    _outage,
    _always_allow,
    _apiservers_differ,
    _nodes_differ,
    _refused,
    _incomplete,
    _legacy,
    _excess,
    _restriction_off,
    _other_identity,
    _inherited,
    _unseen_apiserver,
    disagreements.flags_contradicted,
    disagreements.sources_differ,
    disagreements.declared_differs,
    disagreements.model_differs,
    disagreements.nodes_answered_differently,
    disagreements.nodes_get_more,
    disagreements.unread_authorizer,
    subjects.kubelet_users,
    subjects.dangling_role_refs,
    subjects.foreign_names,
    subjects.upper_case_nodes,
    excess_credentials,
)
