"""A plan as one Ansible file: the hosts one after another, then what kubectl changes; its rollback
is the tag `rollback`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from authzviz.plans.plan import PhaseId
from authzviz.reports.ansible_host_files import host_of
from authzviz.reports.ansible_hosts import hosts_play
from authzviz.reports.ansible_kubectl import kubectl_play, kubespray_play, removals_of, undo_play
from authzviz.reports.ansible_yaml import Play, play_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authzviz.plans.plan import Plan

_RUN = "ansible-playbook -i INVENTORY THIS_FILE"


def plan_ansible(plan: Plan) -> str:
    """Return the YAML, the same for the same plan; where there is nothing to play it says why."""
    return play_file(_head(plan), _plays(plan) or [_nothing(plan)])


def _plays(plan: Plan) -> list[Play]:
    host = host_of(plan)
    plays = (
        undo_play(plan),
        hosts_play(plan, host) if host else kubespray_play(plan),
        kubectl_play(plan),
    )
    return [play for play in plays if play]


def _nothing(plan: Plan) -> Play:
    said = "Nothing here is for Ansible: see the plan." if plan.phases else "The target is reached."
    return {
        "name": "Nothing to do",
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "tasks": [{"name": "Say so", "ansible.builtin.debug": {"msg": said}}],
    }


def _head(plan: Plan) -> Iterator[str]:
    yield f"{plan.cluster}: from {plan.start} to {plan.target}, as `authzviz plan` made it."
    if not plan.phases:
        return
    yield ""
    yield "First look, then do; stop at the first host that does not come back:"
    yield f"  {_RUN} --check --diff"
    yield f"  {_RUN}"
    if removals_of(plan):
        yield "Once the audit log shows that nobody needs the grants, take them away:"
        yield f"  {_RUN} -e confirmed_evidence=true"
    yield "Undo everything:"
    yield f"  {_RUN} --tags rollback"
    yield ""
    yield from _inventory(plan)
    yield "kubectl, on this machine, has to point at the cluster (KUBECONFIG)."
    yield from _left_out(plan)


def _inventory(plan: Plan) -> Iterator[str]:
    if host_of(plan):
        yield "The hosts are the group kube_control_plane, or -e control_plane=GROUP: all of them,"
        yield "reached by their own addresses."
    if plan.distribution == "unknown" and host_of(plan):
        yield "Nothing tells what installed this cluster: it is taken for one whose kube-apiserver"
        yield "is a unit of systemd. Where Ansible makes that unit from a template, change that."
    if plan.distribution == "kubespray" and plan.flags:
        yield "This sets the variables only. Then run, in kubespray's folder:"
        yield "  ansible-playbook -b -i INVENTORY upgrade-cluster.yml -e serial=1 \\"
        yield "    --limit 'kube_control_plane:etcd'"


def _left_out(plan: Plan) -> Iterator[str]:
    """Why no host is edited, where hosts need an edit: and what is left to people in any case."""
    if plan.flags and not host_of(plan):
        if any(flags.is_file_configured for flags in plan.flags):
            yield "No play for the hosts: the modes are in the file of --authorization-config. Edit"
            yield "it as the plan says, one host after another."
        elif plan.distribution != "kubespray":
            yield f"No play for the hosts: {plan.distribution} has its flags from elsewhere than a"
            yield "file of the host. Do those steps as the plan says."
    numbers = [
        str(number)
        for number, (phase, step) in enumerate(
            ((phase, step) for phase in plan.phases for step in phase.steps), start=1
        )
        if phase.id not in (PhaseId.NODE_AUTHORIZER, PhaseId.REMOVE_GRANTS)
    ]
    if numbers:
        yield f"For people, and not in here: step {', '.join(numbers)} of the plan."
