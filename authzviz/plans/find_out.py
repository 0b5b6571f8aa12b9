"""The phase before all changes but the quick way: to see what decides and was not read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from shlex import quote

from authzviz.engine.assessment import ApiServerState, Missing, Switch, Verdict
from authzviz.engine.control_plane import has_unseen, is_managed
from authzviz.engine.model import Outcome, Read, Snapshot
from authzviz.engine.phrases import listed
from authzviz.engine.versions import minor_of
from authzviz.plans.checks_cluster import unseen_addresses
from authzviz.plans.ground import Ground
from authzviz.plans.looking import flags_shown
from authzviz.plans.opaque_start import questions
from authzviz.plans.plan import Observation, Phase, PhaseId, Sees, Step
from authzviz.plans.sentences import why_unread

PREFIX = "find:"
"""How the ids of these steps begin."""

_READER = "system:serviceaccount:authzviz:reader"
_SLICES_SINCE, _OLD = 17, ("endpointslices", "endpoints")
_MOST_URLS = 10
# What is read, in words, what it would tell, and the command that reads it.
_READS = {
    "version": ("the version", "which rules the Node authorizer has", "get --raw /version"),
    "endpoints": (
        "how many apiservers there are",
        "whether some run that nobody saw, and whether the API can do without one",
        "--namespace=default get endpointslices kubernetes --output=yaml",
    ),
    "cluster_roles": (
        "ClusterRoles",
        "what the bindings that reach kubelets grant",
        "get clusterroles",
    ),
    "cluster_role_bindings": (
        "ClusterRoleBindings",
        "which grants the plan is to take away",
        "get clusterrolebindings --output=wide",
    ),
    "roles": ("Roles", "what bindings in namespaces grant", "get roles --all-namespaces"),
    "role_bindings": (
        "RoleBindings",
        "which grants in namespaces the plan is to take away",
        "get rolebindings --all-namespaces --output=wide",
    ),
    "nodes": ("Nodes", "which nodes there are, and whether a step breaks one", "get nodes"),
    "leases": (
        "Leases of kube-node-lease",
        "which nodes are heard of right now, before and after each step",
        "--namespace=kube-node-lease get leases",
    ),
}


def phase(ground: Ground) -> Phase | None:
    """What to find out before anything is changed; None where all that decides is known."""
    steps = tuple(step for make in _ALL for step in make(ground))
    if not steps:
        return None
    why = "What was not read can't be planned for; the rest of the plan may change by it."
    if ground.verdict is Verdict.UNKNOWN:
        verdicts = listed([str(verdict) for verdict in ground.assessment.possible], "or")
        why = f"What was not read decides where the way starts: {verdicts}."
    return Phase(PhaseId.FIND_OUT, "Find out", why, steps)


def _reader(ground: Ground) -> Iterator[Step]:
    """One step that permits all that is forbidden."""
    forbidden = list(dict.fromkeys(_forbidden(ground.snapshot)))
    if not forbidden:
        return
    minor = minor_of(ground.snapshot.version.value or "")
    options = f" --kubernetes-version=1.{minor}" if minor is not None else ""
    if ground.distribution != "unknown":
        options += f" --distribution={quote(ground.distribution)}"
    yield Step(
        id="find:permissions",
        title="Let authzviz read what it may not",
        why=f"Its credentials lack: {'; '.join(forbidden)}. The least role that authzviz needs has"
        " all of it. Read with its ServiceAccount afterwards.",
        where="kubectl",
        commands=(f"authzviz reader{options} | kubectl apply -f -",),
        verify=(
            f"kubectl auth can-i list clusterrolebindings --as={_READER}",
            "authzviz reader --format=kubeconfig",
        ),
        rollback=(f"authzviz reader{options} | kubectl delete --ignore-not-found -f -",),
        observation=Observation(Sees.CHECK, "permissions"),
        takes="seconds, until the next poll with these credentials",
        caution="Rolling back deletes Namespace authzviz with all that is in it: not where authzviz"
        " itself, or an older reader, lives there.",
    )


def _forbidden(snapshot: Snapshot) -> Iterator[str]:
    reads: list[Read[object]] = list(snapshot.reads.values())
    for server in snapshot.apiservers.value or ():
        seen = server.observed
        reads += [read for read in (seen.reviews, seen.rules, seen.metrics) if read] if seen else []
    return (read.permission for read in reads if read.outcome is Outcome.FORBIDDEN)


def _reads(ground: Ground) -> Iterator[Step]:
    """A step for each list that is not there, or not whole."""
    minor = minor_of(ground.snapshot.version.value or "")
    is_old = minor is not None and minor < _SLICES_SINCE
    for name, (what, would_tell, command) in _READS.items():
        read = ground.snapshot.reads[name]
        if read.is_whole and not (name == "version" and minor is None):
            continue
        why = why_unread(read, what) or f'"{read.value}" is no version of Kubernetes that is known'
        yield Step(
            id=f"find:{name}",
            title=f"Read {what}",
            why=f"It would tell {would_tell}. Not known now: {why}.",
            where="kubectl",
            verify=(f"kubectl {command.replace(*_OLD) if is_old else command}",),
            observation=Observation(Sees.READ, name),
        )


def _flags(ground: Ground) -> Iterator[Step]:
    """A step for each apiserver of which authorizers or plugins are not known; one for all where
    none was found.
    """
    if not ground.assessment.apiservers:
        why = why_unread(ground.snapshot.apiservers, "the apiservers' flags")
        yield _look("", f"Not known now: {why or 'no apiserver was found'}.", ground)
        return
    for state in ground.assessment.apiservers:
        untold = _untold(state)
        if untold:
            because = f": {state.why}" if state.why else ""
            yield _look(state.name, f"Not known now: {untold}{because}.", ground)


def _untold(state: ApiServerState) -> str:
    words = []
    if state.authorization_modes is None:
        words.append("its authorizers")
    if state.node_restriction is Switch.UNKNOWN:
        words.append("whether NodeRestriction is on")
    return listed(words)


def _look(name: str, why: str, ground: Ground) -> Step:
    is_fixed = is_managed(ground.distribution)
    where = "the provider" if is_fixed else _machine(name)
    return Step(
        id=f"find:flags:{name}",
        title=f"See what {name or 'each apiserver'} runs with",
        why=f"{why} It would tell whether Node and NodeRestriction are on."
        + (" Where no log shows it, ask the provider." if is_fixed else ""),
        where=where or "every machine of the control plane",
        verify=flags_shown(ground.distribution, where),
        # Without a name one step stands for all; the read is there once each of them told.
        observation=Observation(Sees.READ, "flags"),
    )


def _machine(name: str) -> str:
    for before in ("kube-apiserver-", "kube-apiserver at "):
        name = name.removeprefix(before)
    return name


def _unseen(ground: Ground) -> Iterator[Step]:
    """A step that names the apiservers which are listed and were not seen."""
    if not has_unseen(ground.snapshot, ground.distribution):
        return
    urls = [f"https://{address}" for address in unseen_addresses(ground.snapshot)]
    which = f" at {listed(urls[:_MOST_URLS])}" if urls else ""
    yield Step(
        id="find:unseen",
        title=f"See the apiservers{which} that nobody saw" if urls else "See every apiserver",
        why="EndpointSlice default/kubernetes lists more apiservers than were seen, and each may do"
        " something else for kubelets. Let authzviz reach their addresses, or look at their flags"
        " on their machines.",
        where=listed(urls[:_MOST_URLS]) or "every machine of the control plane",
        verify=(
            *(f"curl --silent --insecure --max-time 10 {quote(f'{u}/version')}" for u in urls),
            "authzviz check",
        )[-_MOST_URLS:],
        observation=Observation(Sees.CHECK, "apiservers"),
    )


def _distribution(ground: Ground) -> Iterator[Step]:
    if ground.distribution != "unknown":
        return
    yield Step(
        id="find:distribution",
        title="See what installed the cluster, and what starts its apiservers",
        why="It decides which file the flags are in, and what would write it anew. An apiserver"
        " that is a process of systemd is as this plan takes it for; one that is a static pod has"
        " its flags in /etc/kubernetes/manifests.",
        where="every machine of the control plane",
        verify=(
            "systemctl cat kube-apiserver.service || ls /etc/kubernetes/manifests",
            "kubectl --namespace=kube-system get pods --output=wide",
            "kubectl get nodes --output=wide",
        ),
        observation=Observation(Sees.CHECK, "distribution"),
    )


def _surprises(ground: Ground) -> Iterator[Step]:
    odd = [each for each in ground.assessment.missing if each.what.startswith("why ")]
    for each in odd[:1]:
        yield _explain(each, ground)


def _explain(missing: Missing, ground: Ground) -> Step:
    return Step(
        id="find:answers",
        title=f"Find out {missing.what}",
        why=f"{missing.why}. It would tell {missing.would_tell}. Read once more: a change may have"
        " been under way. If it stays, look at the flags themselves.",
        where="the control plane",
        verify=("authzviz check", *flags_shown(ground.distribution)),
        observation=Observation(Sees.CHECK, "answers"),
    )


_ALL: tuple[Callable[[Ground], Iterator[Step]], ...] = (
    _reader,
    _reads,
    _unseen,
    _flags,
    _distribution,
    _surprises,
    questions,
)
