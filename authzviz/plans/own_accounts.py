"""Agents that live on kubelets' credentials: an account of its own for each, with what it used."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from shlex import quote
from typing import Any

from authzviz.engine.model import Binding, PolicyRule, Role, RoleRef, Snapshot, Subject
from authzviz.engine.phrases import counted
from authzviz.evidence.audit import AuditEvidence, Proof, Use
from authzviz.kube import manifests
from authzviz.plans.ground import Ground
from authzviz.plans.plan import BY_HAND, Step, Trouble
from authzviz.plans.shell import heredoc

MOST_AGENTS = 20
"""Steps of one plan; what is left then gets a plan of its own."""
_MOST_RULES = 60
_MOST_CHECKS = 10
_NAMESPACE = "kube-system"
_NOT_A_NAME = re.compile("[^a-z0-9]+")
# What a log says is no reason to grant everything, or the right to grant more.
_VERB = re.compile("(?!escalate$|bind$|impersonate$)[a-z]+")
_PART = re.compile("[a-z0-9][a-z0-9.-]*")
_PATH = re.compile("/[A-Za-z0-9._~/-]*")
_PLACE = re.compile("[a-z0-9][a-z0-9-]{0,62}")

Rules = dict[str, dict[tuple[str, str], set[str]]]


def steps(ground: Ground) -> Iterator[Step]:
    """One for each program that the audit log shows to need the grants and to be no kubelet."""
    if ground.audit is None or ground.audit.proof is not Proof.BREAKS:
        return
    taken = _names(ground.snapshot)
    for program, uses in islice(_by_program(ground.audit), MOST_AGENTS):
        name = _free_name(program, taken)
        taken.add(name)
        yield _step(program, name, uses)


def _names(snapshot: Snapshot) -> set[str]:
    """The names of roles, of bindings, and of the ServiceAccounts that these know."""
    roles = [*(snapshot.cluster_roles.value or ()), *(snapshot.roles.value or ())]
    lists = (snapshot.cluster_role_bindings.value, snapshot.role_bindings.value)
    bindings = [binding for found in lists for binding in found or ()]
    accounts = {subject.name for binding in bindings for subject in binding.subjects}
    return {role.name for role in roles} | {binding.name for binding in bindings} | accounts


def _by_program(audit: AuditEvidence) -> Iterator[tuple[str, list[Use]]]:
    """The uses of each program, whatever its version: a user agent begins "NAME/VERSION"."""
    found: dict[str, list[Use]] = {}
    for use in audit.uses:
        if not use.is_kubelet:
            found.setdefault(use.user_agent.partition("/")[0].strip(), []).append(use)
    yield from found.items()


def _step(program: str, name: str, uses: list[Use]) -> Step:
    rules, left_out = _rules(uses)
    text = _yaml(name, rules)
    who = program or "the agent without a name"
    requests = counted(sum(use.count for use in uses), "request")
    caution = (
        "It then has to use it: serviceAccountName in its pods, and no kubeconfig or certificate"
        " of the kubelet mounted into them or named in its flags. Until it does, the audit log goes"
        " on to show it. Look through the rules: they are what it used, not what it ought to have."
    )
    if left_out:
        caution += f" Not in them, for being no plain names: {counted(left_out, 'kind')} of use."
    return Step(
        id=f"evidence:agent:{program}",
        title=f"Give {who} an account of its own",
        why=f"{requests} of it, made with the credentials of kubelets, were allowed by these grants"
        " alone: without an account of its own it breaks when they go.",
        where="kubectl",
        commands=(heredoc("kubectl apply -f -", text),),
        verify=tuple(_checks(name, rules)) or (f"kubectl -n {_NAMESPACE} get sa {name}",),
        rollback=(heredoc("kubectl delete --ignore-not-found -f -", text),),
        observation=BY_HAND,
        takes="Seconds to make; the agent's pods restart when it is given to them.",
        troubles=_TROUBLES,
        caution=caution,
    )


def _rules(uses: list[Use]) -> tuple[Rules, int]:
    """The verbs of each group and resource, by namespace, "" for all; a path has the group "/". And
    how many uses are of no plain names, which no log may have granted.
    """
    rules: Rules = {}
    left_out = kept = 0
    for use in uses:
        what = _resource(use.resource)
        if what is None or not _is_plain(use) or kept == _MOST_RULES:
            left_out += 1
            continue
        kept += 1
        where = "" if what[0] == "/" else use.namespace
        rules.setdefault(where, {}).setdefault(what, set()).add(use.verb)
    return rules, left_out


def _is_plain(use: Use) -> bool:
    is_place = not use.namespace or _PLACE.fullmatch(use.namespace)
    return bool(is_place and _VERB.fullmatch(use.verb))


def _resource(text: str) -> tuple[str, str] | None:
    """The group and the resource; of a path, "/" and the path. None for what is no plain name."""
    if text.startswith("/"):
        return ("/", text) if _PATH.fullmatch(text) else None
    named, _, subresource = text.partition("/")
    resource, _, group = named.partition(".")
    parts = [part for part in (resource, group, subresource) if part]
    if not resource or not all(_PART.fullmatch(part) for part in parts):
        return None
    return group, f"{resource}/{subresource}" if subresource else resource


def _yaml(name: str, rules: Rules) -> str:
    account: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": name, "namespace": _NAMESPACE},
    }
    objects = [account]
    subject = Subject("ServiceAccount", name, _NAMESPACE)
    for namespace, granted in sorted(rules.items()):
        role = Role(name, namespace, tuple(_policy_rules(granted)))
        ref = RoleRef("Role" if namespace else "ClusterRole", name)
        binding = Binding(name, ref, namespace, (subject,))
        objects += [manifests.of_role(role), manifests.of_binding(binding)]
    return "---\n".join(manifests.to_yaml(each) for each in objects)


def _policy_rules(granted: dict[tuple[str, str], set[str]]) -> Iterator[PolicyRule]:
    for (group, what), verbs in sorted(granted.items()):
        if group == "/":
            yield PolicyRule(tuple(sorted(verbs)), non_resource_urls=(what,))
        else:
            yield PolicyRule(tuple(sorted(verbs)), (group,), (what,))


def _checks(name: str, rules: Rules) -> Iterator[str]:
    asked = (
        (namespace, group, what, verb)
        for namespace, granted in sorted(rules.items())
        for (group, what), verbs in sorted(granted.items())
        for verb in sorted(verbs)
    )
    for namespace, group, what, verb in islice(asked, _MOST_CHECKS):
        resource, _, subresource = what.partition("/") if group != "/" else (what, "", "")
        full = f"{resource}.{group}" if group and group != "/" else resource
        words = ["kubectl auth can-i", verb, quote(full)]
        words += [f"--subresource={quote(subresource)}"] if subresource else []
        words += [f"--namespace={quote(namespace)}"] if namespace else []
        yield " ".join((*words, f"--as=system:serviceaccount:{_NAMESPACE}:{name}"))


def _free_name(program: str, taken: set[str]) -> str:
    """A name that nothing known has, so that nothing is overwritten."""
    plain = _NOT_A_NAME.sub("-", program.lower()).strip("-")[:40].strip("-") or "agent"
    names = (f"{plain}-own{number or ''}" for number in range(len(taken) + 1))
    return next(name for name in names if name not in taken)


_TROUBLES = (
    Trouble(
        "The account may not be given these rights",
        "is attempting to grant RBAC permissions not currently held",
        "Do it as someone who holds them, such as a member of system:masters.",
    ),
    Trouble(
        "The agent goes on to use the kubelet's credentials",
        "the audit log still has its user agent with the user system:node:NAME",
        "Look for /etc/kubernetes/kubelet.conf, /var/lib/kubelet/kubeconfig or"
        " /var/lib/kubelet/pki among its volumes and flags.",
    ),
)
