"""The plays on the machine that Ansible runs on: what kubectl changes, and how it is put back.

The commands are the plan's own, each guarded by what verifies its step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from authzviz.kube.manifests import to_yaml
from authzviz.plans.plan import PhaseId
from authzviz.reports.ansible_host_files import host_of
from authzviz.reports.ansible_reviews import NODE_SAYS, REVIEW
from authzviz.reports.ansible_yaml import Noted, Plain, Play, Task

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authzviz.plans.plan import Plan, Step

Numbered = tuple[int, "Step"]
_GROUP = "groups[control_plane | default('kube_control_plane')]"
_KUBESPRAY = "{{ playbook_dir }}/inventory/mycluster/group_vars/k8s_cluster"


def changes_of(plan: Plan) -> list[Numbered]:
    """What kubectl changes beside the grants: kubeadm-config, each step with its number."""
    return _by_kubectl(plan, PhaseId.NODE_AUTHORIZER)


def removals_of(plan: Plan) -> list[Numbered]:
    """The steps that take grants away, each with its number."""
    return _by_kubectl(plan, PhaseId.REMOVE_GRANTS)


def _by_kubectl(plan: Plan, id_: PhaseId) -> list[Numbered]:
    ids = {step.id for phase in plan.phases if phase.id is id_ for step in phase.steps}
    return [
        (number, step)
        for number, step in enumerate(plan.steps, start=1)
        if step.id in ids and step.where == "kubectl" and step.commands
    ]


def kubectl_play(plan: Plan) -> Play | None:
    """What kubectl changes once every host is moved; None where that is nothing."""
    changes, removals = changes_of(plan), removals_of(plan)
    if not changes and not removals:
        return None
    tasks = [*_moved(plan), *(task for each in changes for task in _do(each, ""))]
    if removals:
        tasks.append(_ask_for_evidence())
        tasks += [task for each in removals for task in _do(each, "confirmed_evidence | bool")]
    confirmed: Task = {"confirmed_evidence": False} if removals else {}
    if _is_for_people(plan):
        confirmed["node_is_on_everywhere"] = False
    return {**_local("What kubectl changes, once Node is on everywhere"), "vars": confirmed} | {
        "tasks": tasks
    }


def undo_play(plan: Plan) -> Play | None:
    """What puts all that back, the last first and before any host; None where that is nothing."""
    steps = [*changes_of(plan), *removals_of(plan)]
    if not steps:
        return None
    return {
        **_local("Roll back what kubectl changed"),
        "tags": ["never", "rollback"],
        "tasks": [task for each in reversed(steps) for task in _undo(each)],
    }


def kubespray_play(plan: Plan) -> Play | None:
    """kubespray's variables as a file of its inventory; None where they aren't known."""
    modes = {flags.modes for flags in plan.flags}
    plugins = {flags.plugins for flags in plan.flags}
    if plan.distribution != "kubespray" or len(modes | plugins) != 2 or None in modes | plugins:
        return None
    variables = {
        "authorization_modes": list(modes.pop() or ()),
        "kube_apiserver_enable_admission_plugins": list(plugins.pop() or ()),
    }
    file = "{{ kubespray_group_vars }}/zz-node-authorizer.yml"
    return {
        **_local("Set the variables of kubespray, whose own play then makes the manifests"),
        "vars": {"kubespray_group_vars": _KUBESPRAY},
        "tasks": [
            {
                "name": "Write the variables",
                "ansible.builtin.copy": {
                    "dest": file,
                    "content": Plain(f"---\n{to_yaml(variables)}"),
                    "mode": "0644",
                },
            },
            {
                "name": "Take the variables away",
                "ansible.builtin.file": {"path": file, "state": "absent"},
                "tags": ["never", "rollback"],
            },
        ],
    }


def _local(name: str) -> Play:
    return {"name": name, "hosts": "localhost", "connection": "local", "gather_facts": False}


def _is_for_people(plan: Plan) -> bool:
    """True where no play has seen that every apiserver has Node."""
    return bool(plan.flags) and host_of(plan) is None


def _moved(plan: Plan) -> Iterator[Task]:
    if host_of(plan):
        moved = f"{_GROUP} | map('extract', hostvars, 'apiserver_is_moved') | select | list"
        yield {
            "name": "See that every API server was seen with Node and NodeRestriction",
            "ansible.builtin.assert": {
                "that": f"({moved} | length) == ({_GROUP} | length)",
                "fail_msg": "Not every API server of the group was seen to run with both: run"
                " this without --limit.",
            },
            "when": "not ansible_check_mode",
        }
    elif _is_for_people(plan):
        yield {
            "name": "See that Node is on everywhere, which is done by hand here",
            "ansible.builtin.assert": {
                "that": "node_is_on_everywhere | bool",
                "fail_msg": "Do the plan's steps at the API servers first; then run this with"
                " -e node_is_on_everywhere=true.",
            },
            "when": "not ansible_check_mode",
        }
    yield {
        "name": "Ask the API server whether its Node authorizer answers",
        "ansible.builtin.command": {
            "argv": ["kubectl", "create", "--output=json", "--filename=-"],
            "stdin": Plain(REVIEW),
        },
        "register": "node_answers",
        "failed_when": ["not ansible_check_mode", f"'{NODE_SAYS}' not in node_answers.stdout"],
        "changed_when": False,
        "check_mode": False,
    }


def _ask_for_evidence() -> Task:
    return {
        "name": "Say why no grant is taken away",
        "ansible.builtin.debug": {
            "msg": "No grant is taken away. See in the audit log that nobody needs them, as the"
            " plan says; then run this with -e confirmed_evidence=true."
        },
        "when": "not confirmed_evidence | bool",
    }


def _do(numbered: Numbered, only_if: str) -> Iterator[Task]:
    number, step = numbered
    yield Noted(f"{number}. {step.title}", _look(step, number))
    conditions = [*([only_if] if only_if else []), f"step_{number}.rc != 0"]
    yield {
        "name": f"Do step {number}",
        "ansible.builtin.shell": _shell(step.commands),
        "changed_when": True,
        "when": conditions,
    }
    yield {
        "name": f"Verify step {number}",
        "ansible.builtin.shell": _shell(step.verify),
        "changed_when": False,
        "when": conditions,
    }


def _undo(numbered: Numbered) -> Iterator[Task]:
    number, step = numbered
    yield Noted(f"{number}. {step.title}", _look(step, number))
    yield {
        "name": f"Roll back step {number}",
        "ansible.builtin.shell": _shell(step.rollback),
        "changed_when": True,
        "when": f"step_{number}.rc == 0",
    }


def _look(step: Step, number: int) -> Task:
    return {
        "name": f"Look whether step {number} is done",
        "ansible.builtin.shell": _shell(step.verify),
        "register": f"step_{number}",
        "changed_when": False,
        "failed_when": False,
        "check_mode": False,
    }


def _shell(commands: tuple[str, ...]) -> Task:
    script = "\n".join(("set -euo pipefail", *commands))
    return {"cmd": Plain(f"{script}\n"), "executable": "/bin/bash"}
