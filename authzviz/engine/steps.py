"""What to do next, per verdict: the quick way out where there is one, and the real fix."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from shlex import quote

from authzviz.engine.assessment import Fix, Grant, Missing, NextStep, Switch, Verdict
from authzviz.engine.identity import NODES_GROUP, named_node
from authzviz.engine.judging import Judged
from authzviz.engine.missing import decisive
from authzviz.engine.model import Outcome, Read, Subject
from authzviz.engine.phrases import listed
from authzviz.engine.places import place_of
from authzviz.engine.versions import minor_of

_SECRETS = "Hands every kubelet all Secrets of the cluster, until the real fix is made."
_CERTIFICATE = "/var/lib/kubelet/pki/kubelet-client-current.pem"
_MAX_COMMANDS = 10
_FEW = 2


def steps_of(judged: Judged) -> tuple[NextStep, ...]:
    """The next steps, in the order in which to take them; none where the target is reached."""
    return tuple(step for make in _STEPS[judged.verdict] for step in make(judged))


def _quick_way_out(judged: Judged) -> list[NextStep]:
    if judged.snapshot.assumed:
        return []  # there is no cluster yet, and the real fix costs no restart
    if _is_denied(judged):
        return []  # no binding is asked before what denies
    if not any("RBAC" in (state.authorization_modes or ()) for state in judged.states):
        return []
    bindings = judged.snapshot.cluster_role_bindings
    has_binding = any(binding.name == "system:node" for binding in bindings.value or ())
    fix = Fix.MAKE_BINDING if bindings.is_whole and not has_binding else Fix.BIND_GROUP
    return [
        NextStep(
            "Quick way out: bind the group",
            "Nodes come back within seconds, without a restart. For the night, not to keep.",
            (_BIND[fix],),
            _SECRETS,
            fix,
        )
    ]


_BIND = {
    Fix.BIND_GROUP: "kubectl set subject clusterrolebinding system:node --group=system:nodes",
    Fix.MAKE_BINDING: "kubectl create clusterrolebinding system:node --clusterrole=system:node"
    " --group=system:nodes",
}


def _is_denied(judged: Judged) -> bool:
    """True where kubelets are refused although the Node authorizer would serve them."""
    return judged.verdict is Verdict.REFUSED and judged.node_authorizer is Switch.ON


def _end_denial(judged: Judged) -> list[NextStep]:
    if not _is_denied(judged):
        return []
    order = "ask Node before Webhook: --authorization-mode=Node,RBAC,Webhook"
    return [
        NextStep(
            "Stop denying kubelets",
            "The Node authorizer is on, and a webhook that is asked before it denies. Take Group"
            " system:nodes and users system:node:… out of what its policy denies, or change the"
            f" order. {_on_every_apiserver(judged, order)}",
        )
    ]


def _turn_on(judged: Judged) -> list[NextStep]:
    if _is_denied(judged):
        return []
    flags = "set --authorization-mode=Node,RBAC and add NodeRestriction to"
    return [
        NextStep(
            "The real fix: turn on the Node authorizer",
            _on_every_apiserver(judged, f"{flags} --enable-admission-plugins"),
            (),
            "Each apiserver restarts; a mistyped mode keeps it from starting: keep a copy.",
            Fix.TURN_ON_NODE,
        )
    ]


def _on_every_apiserver(judged: Judged, what: str) -> str:
    place = place_of(judged.distribution.name)
    if place.is_fixed:
        return place.sentence
    return f"On every apiserver, one after the other, {what}. {place.sentence}"


def _turn_on_restriction(judged: Judged) -> list[NextStep]:
    if judged.node_restriction is Switch.ON:
        return []
    return [
        NextStep(
            "Turn on NodeRestriction",
            _on_every_apiserver(judged, "add NodeRestriction to --enable-admission-plugins"),
            (),
            "A kubelet whose certificate names another node is refused from then on.",
            Fix.TURN_ON_RESTRICTION,
        )
    ]


_NOT_BEFORE = (
    "Not before every apiserver has the Node authorizer: until then these bindings keep nodes up. "
)


def _remove_bindings(judged: Judged) -> list[NextStep]:
    beyond = {g.binding: g for g in judged.grants if g.beyond_node_authorizer}
    if not beyond:
        return []
    commands = tuple(
        command
        for grant in list(beyond.values())[:_MAX_COMMANDS]
        for command in _removal(judged, grant)
    )
    is_on = judged.node_authorizer is Switch.ON
    return [
        NextStep(
            "Remove what RBAC grants kubelets"
            if is_on
            else "Then remove what RBAC grants kubelets",
            ("" if is_on else _NOT_BEFORE)
            + "Take the subject off each binding; keep a copy to put back. Other subjects of the"
            " same binding stay.",
            commands,
            "Agents that use the kubelet's certificate lose these rights too: look at the audit"
            " log first.",
            Fix.REMOVE_GRANTS,
        )
    ]


def _removal(judged: Judged, grant: Grant) -> list[str]:
    """Commands that take every subject reaching kubelets off the binding.

    system:node itself is created anew when deleted, so subjects are removed, not the object.
    """
    kind, _, full_name = grant.binding.partition(" ")
    namespace, _, name = full_name.rpartition("/") if kind == "RoleBinding" else ("", "", full_name)
    scope = f"rolebinding -n {quote(namespace)}" if namespace else "clusterrolebinding"
    copy = quote(f"{name.replace('/', '-').replace(':', '-')}.yaml")
    # A binding may be called --server=…: what follows "--" is no option.
    last = f" -- {quote(name)}" if name.startswith("-") else ""
    first = "" if last else f" {quote(name)}"
    patch = "--type=merge -p '{\"subjects\":null}'"
    keep = f"kubectl get {scope}{first} -o yaml{last} > {copy}"
    if _has_others(judged, namespace, name):
        return [keep, f"kubectl edit {scope}{first}{last}"]
    return [keep, f"kubectl patch {scope}{first} {patch}{last}"]


def _has_others(judged: Judged, namespace: str, name: str) -> bool:
    """True where the binding has subjects that must stay: who is merely signed in may use it."""
    lists = (judged.snapshot.cluster_role_bindings.value, judged.snapshot.role_bindings.value)
    return any(
        named_node(subject) is None and subject != Subject("Group", NODES_GROUP)
        for bindings in lists
        for binding in bindings or ()
        if (binding.namespace, binding.name) == (namespace, name)
        for subject in binding.subjects
    )


def _look_at_webhook(judged: Judged) -> list[NextStep]:
    leaking = [state.name for state in judged.states if state.leaks is Switch.ON]
    if not leaking:
        return []
    return [
        NextStep(
            "Look at what the webhook or ABAC file allows",
            f"On {listed(leaking)} it gives kubelets what the Node authorizer gives none. Take"
            " Group system:nodes and users system:node:… out of its policy.",
        )
    ]


def _same_flags(judged: Judged) -> list[NextStep]:
    title = "Give all apiservers the same flags"
    what = "set --authorization-mode=Node,RBAC and add NodeRestriction"
    if not judged.do_servers_differ:
        title = "Serve all nodes alike"
        what += "; then take single nodes off bindings"
    return [NextStep(title, _on_every_apiserver(judged, what), fix=Fix.TURN_ON_NODE)]


def _check_nodes(judged: Judged) -> list[NextStep]:
    counts = judged.health.counts
    if not counts.total or counts.ready == counts.total:
        return []
    return [
        NextStep(
            "Look at the nodes that are not Ready",
            "Permissions are right for user system:node:<Node name> in group system:nodes. On such"
            " a node, see whether the kubelet runs and what its certificate says.",
            (
                "openssl x509 -noout -subject -enddate -in " + _CERTIFICATE,
                "journalctl -u kubelet --since=-10min | grep -i forbidden",
            ),
        )
    ]


def _read_more(judged: Judged) -> list[NextStep]:
    is_outage = set(judged.possible) <= {Verdict.MIXED, Verdict.REFUSED}
    first = [*_quick_way_out(judged), *_turn_on(judged)] if is_outage else []
    forbidden = {read.permission for read in _reads(judged) if read.outcome is Outcome.FORBIDDEN}
    steps = [(each, each.permission in forbidden) for each in decisive(judged.missing)]
    lacking = [each for each, is_forbidden in steps if is_forbidden]
    if len(lacking) > _FEW:
        first.append(_permit(judged, lacking))
        steps = [each for each in steps if not each[1]]
    return first + [_see(missing, is_forbidden=is_forbidden) for missing, is_forbidden in steps]


def _permit(judged: Judged, lacking: list[Missing]) -> NextStep:
    """One step for many permissions: what each would tell stands with what was not read."""
    needed = list(dict.fromkeys(each.permission for each in lacking))
    minor = minor_of(judged.snapshot.version.value or "")
    version = f" --kubernetes-version 1.{minor}" if minor is not None else ""
    return NextStep(
        "Let authzviz read what it may not",
        f"Its credentials lack: {'; '.join(needed)}. The least role, which authzviz reader prints"
        " with a ServiceAccount of its own, has all of it: apply it, and read with that.",
        (f"authzviz reader{version} | kubectl apply -f -",),
    )


def _see_grants(judged: Judged) -> list[NextStep]:
    """What to read where asked apiservers told of grants, and no binding was read that has them."""
    found = judged.snapshot
    lists = (found.cluster_roles, found.cluster_role_bindings, found.roles, found.role_bindings)
    is_known = any(grant.beyond_node_authorizer for grant in judged.grants)
    return [] if is_known or all(read.is_whole for read in lists) else _read_more(judged)


def _reads(judged: Judged) -> Iterator[Read[object]]:
    """Every read of the cluster, and of each apiserver by itself."""
    yield from judged.snapshot.reads.values()
    for server in judged.snapshot.apiservers.value or ():
        if server.observed:
            yield server.observed.reviews
            yield server.observed.rules
            if server.observed.metrics:
                yield server.observed.metrics


def _see(missing: Missing, *, is_forbidden: bool) -> NextStep:
    """What to permit or to look at, what that would tell, and last what the cluster said."""
    what = missing.what.replace("some of", "the rest of", 1)
    title = f"Let authzviz read {what}" if is_forbidden else f"See {what}"
    needed = f"{'Permit it to' if is_forbidden else 'Needed:'} {missing.permission}. "
    said = "The apiserver says" if is_forbidden else "Why it isn't known"
    return NextStep(
        title,
        f"{needed if missing.permission else ''}It would tell {missing.would_tell}."
        f" {said}: {missing.why.rstrip('.')}.",
    )


def _leave_always_allow(judged: Judged) -> list[NextStep]:
    first = NextStep(
        "Find out what clients use",
        "Until now everything was allowed. From the audit log, grant each client by RBAC what"
        " it uses, before AlwaysAllow goes; kubelets are served by Node from the first moment.",
    )
    return [first, *_turn_on(judged)]


_STEPS: dict[Verdict, tuple[Callable[[Judged], list[NextStep]], ...]] = {
    Verdict.ALWAYS_ALLOW: (_leave_always_allow,),
    Verdict.MIXED: (_same_flags, _remove_bindings),
    Verdict.REFUSED: (_end_denial, _quick_way_out, _turn_on),
    Verdict.INCOMPLETE: (_turn_on, _remove_bindings),
    Verdict.LEGACY_BINDING: (_turn_on, _remove_bindings),
    Verdict.OVER_GRANTED: (_remove_bindings, _see_grants, _look_at_webhook, _turn_on_restriction),
    Verdict.UNRESTRICTED: (_turn_on_restriction,),
    Verdict.NODE_AUTHORIZER: (_check_nodes,),
    Verdict.UNKNOWN: (_read_more,),
}
