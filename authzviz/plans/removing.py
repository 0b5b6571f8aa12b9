"""The phase that takes the grants of kubelets away: subjects, never the binding."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from shlex import quote

from authzviz.engine.assessment import Grant
from authzviz.engine.change import full_name
from authzviz.engine.grants import describe_subject
from authzviz.engine.identity import AUTHENTICATED_GROUP
from authzviz.engine.model import Binding, Subject
from authzviz.kube import manifests
from authzviz.plans import quick_way
from authzviz.plans.ground import Ground
from authzviz.plans.plan import Observation, Phase, PhaseId, Sees, Step, Trouble
from authzviz.plans.shell import heredoc, kubectl, never

MOST = 50
"""Steps of one plan; what is left then gets a plan of its own."""
_MOST_SUBJECTS = 50
"""Of one binding that a rollback writes whole; of a larger one it adds the subject again."""


def phase(ground: Ground) -> Phase | None:
    """One step for each subject that goes; None where nothing is granted beyond Node."""
    steps = tuple(islice(_steps(ground), MOST))
    if not steps:
        return None
    why = "Node and RBAC never deny: as long as RBAC grants it, kubelets may do it."
    if len(ground.excess) > MOST:
        why += f" These are the first {MOST} of {len(ground.excess)}: then make the plan anew."
    return Phase(PhaseId.REMOVE_GRANTS, "Remove the grants", why, steps)


def _steps(ground: Ground) -> Iterator[Step]:
    back = quick_way.bound(ground)
    if back:
        yield replace(
            _step(back, quick_way.GROUP, None, (len(back.subjects) - 1,)),
            observation=Observation(
                Sees.SUBJECT_GONE, full_name(back), quick_way.GROUP, was_there=False
            ),
            title="Take the quick way back, if it was taken",
            why="The quick way is for the night. Once the Node authorizer serves kubelets, the"
            " group has to go: as long as it is bound, each may still read all Secrets.",
        )
    by_binding: dict[str, list[tuple[Grant, Binding, Subject]]] = {}
    for grant, binding, subject in ground.excess:
        by_binding.setdefault(full_name(binding), []).append((grant, binding, subject))
    for found in by_binding.values():
        places: dict[Subject, list[int]] = {}
        for place, subject in enumerate(found[0][1].subjects):
            places.setdefault(subject, []).append(place)
        # From the last to the first: those before keep their index.
        for grant, binding, subject in sorted(found, key=lambda each: -places[each[2]][-1]):
            yield _step(binding, subject, grant, tuple(places[subject]))


def _step(binding: Binding, subject: Subject, grant: Grant | None, places: tuple[int, ...]) -> Step:
    name, who = full_name(binding), describe_subject(subject)
    scope = "rolebinding" if binding.namespace else "clusterrolebinding"
    return Step(
        # A name may hold ":", and no name of a binding "/".
        id=f"remove:{scope}/{name}/{who}",
        title=f"Take {who} off {name}",
        why=_why(grant) if grant else "",
        where="kubectl",
        commands=(_removal(binding, subject, places),),
        diff=_diff(binding, subject),
        verify=(_gone(binding, subject),),
        rollback=(_rollback(binding, subject),),
        observation=Observation(Sees.SUBJECT_GONE, name, subject),
        takes="Seconds; nothing restarts. Watch the nodes for a minute: a Lease lasts 40 seconds.",
        troubles=_TROUBLES,
        caution=_caution(binding, subject),
        watches_leases=True,
    )


def _why(grant: Grant) -> str:
    gives = "; ".join(grant.beyond[:3])
    more = f"; and {len(grant.beyond) - 3} more" if len(grant.beyond) > 3 else ""
    return (
        f"It reaches {grant.reaches}, and gives more than the Node authorizer: {gives}{more}."
        " Kubelets keep what the Node authorizer gives them."
    )


def _caution(binding: Binding, subject: Subject) -> str:
    if subject.name == AUTHENTICATED_GROUP:
        return (
            "Everyone who is signed in loses this, people and ServiceAccounts too: first bind the"
            f" role {binding.role_ref.name} to those who need it."
        )
    said = "Agents that use a kubelet's certificate lose these rights too: see the audit log first."
    if len(binding.subjects) > 1:
        said += " The other subjects of the binding stay."
    if binding.name == "system:node":
        said += " The binding itself stays: every start of an apiserver makes it anew, empty."
    return said


def _removal(binding: Binding, subject: Subject, places: tuple[int, ...]) -> str:
    """A patch that is refused where the binding is no more as it was read."""
    patch = [step for place in reversed(places) for step in _at(place, subject)]
    return kubectl("patch", binding, "--type=json", "-p", quote(json.dumps(patch)))


def _at(place: int, subject: Subject) -> list[dict[str, str]]:
    path = f"/subjects/{place}"
    return [
        {"op": "test", "path": f"{path}/kind", "value": subject.kind},
        {"op": "test", "path": f"{path}/name", "value": subject.name},
        {"op": "remove", "path": path},
    ]


def _gone(binding: Binding, subject: Subject) -> str:
    """Fails where the subject is there, and where the binding can't be read."""
    path = '{range .subjects[*]}{.kind}{" "}{.name}{"\\n"}{end}'
    get = kubectl("get", binding, "--ignore-not-found", "-o", quote(f"jsonpath={path}"))
    line = quote(f"{subject.kind} {subject.name}")
    return f"subjects=$({get}) && " + never(f"printf '%s\\n' \"$subjects\" | grep -Fx -e {line}")


def _rollback(binding: Binding, subject: Subject) -> str:
    """The binding as it was read; of a large one, the subject alone."""
    if len(binding.subjects) <= _MOST_SUBJECTS:
        return heredoc("kubectl apply -f -", manifests.to_yaml(manifests.of_binding(binding)))
    entry = manifests.of_binding(replace(binding, subjects=(subject,)))["subjects"][0]
    patch = [{"op": "add", "path": "/subjects/-", "value": entry}]
    return kubectl("patch", binding, "--type=json", "-p", quote(json.dumps(patch)))


def _diff(binding: Binding, subject: Subject) -> str:
    name = json.dumps(full_name(binding))[1:-1]
    gone = manifests.to_yaml(manifests.of_binding(replace(binding, subjects=(subject,))))
    lines = gone.split("subjects:\n", 1)[1].splitlines()
    kind = "RoleBinding" if binding.namespace else "ClusterRoleBinding"
    head = f"--- {kind} {name}\n+++ {kind} {name}\n@@ subjects @@\n subjects:\n"
    return head + "".join(f"-{line}\n" for line in lines)


_TROUBLES = (
    Trouble(
        "The binding changed since it was read",
        "The request is invalid: the server rejected our request due to an error in our request",
        "Nothing was changed: the patch first tests that the subject is where it was. Read the"
        " cluster again, and take the new plan.",
    ),
    Trouble(
        "The rollback warns",
        "is missing the kubectl.kubernetes.io/last-applied-configuration annotation which is"
        " required by kubectl apply",
        "Nothing to do: kubectl adds the annotation, and the subjects are as they were read.",
    ),
    Trouble(
        "A kubelet or an agent is refused",
        "the audit log has decision forbid for a user of group system:nodes; a node goes NotReady"
        " after 40 seconds",
        "Do the rollback: it works at once, without a restart. Then give the agent a"
        " ServiceAccount of its own, or see the certificate of that kubelet.",
    ),
)
