"""The play that edits the file of flags on each control plane host, one host after another.

The edit works on what the file of the host says, as the plan's commands do; what the plan was made
from is held against it first, so that a host that changed meanwhile ends the play untouched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from authzviz.engine.assessment import Verdict
from authzviz.reports.ansible_host_files import Host
from authzviz.reports.ansible_reviews import NODE_SAYS, REVIEW
from authzviz.reports.ansible_yaml import Plain, Play, Task

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authzviz.plans.plan import HostFlags, Plan

CONTROL_PLANE = "{{ control_plane | default('kube_control_plane') }}"
_UNDO = ["never", "rollback"]
_AFTER_BOTH = ["rollback"]
_COMMAND_LINE = r"tr '\0' '\n' < /proc/$(pgrep -o -x kube-apiserver)/cmdline"


def hosts_play(plan: Plan, host: Host) -> Play:
    """The play: look, keep a copy, edit, restart, wait, look again; the rollback by its tag."""
    return {
        "name": "Node authorizer and NodeRestriction on one API server after another",
        "hosts": CONTROL_PLANE,
        "serial": 1,
        "max_fail_percentage": 0,
        "any_errors_fatal": True,
        "gather_facts": False,
        "become": True,
        "vars": {**_settings(plan, host), **_words(host)},
        "tasks": [
            *_look(plan, host),
            *_edit(host),
            *_restore(host),
            *_wait(host),
            *_look_again(host),
        ],
        **({"handlers": [_restart()]} if host.service else {}),
    }


def _settings(plan: Plan, host: Host) -> Task:
    """What may have to be set, with the values of this cluster."""
    ports = {flags.port for flags in plan.flags}
    return {
        "apiserver_file": host.file,
        "apiserver_copy": host.copy,
        **({"apiserver_service": host.service} if host.service else {}),
        "apiserver_url": f"https://127.0.0.1:{min(ports)}",
        **_planned(plan.flags),
        "settle_seconds": 60,
        **({"clients_have_rbac": False} if plan.start is Verdict.ALWAYS_ALLOW else {}),
        **(
            {"apiserver_command_line": _COMMAND_LINE}
            if host.has_process
            else {"apiserver_kubectl": "k3s kubectl"}
        ),
    }


def _planned(flags: tuple[HostFlags, ...]) -> Task:
    """What the flags are to be, where that is known and the same on all."""
    modes = {each.modes for each in flags}
    plugins = {each.plugins for each in flags}
    found: Task = {}
    if len(modes) == 1 and (only := modes.pop()) is not None:
        found["planned_modes"] = [Plain(mode) for mode in only]
    if len(plugins) == 1 and (known := plugins.pop()) is not None:
        found["planned_plugins"] = [Plain(plugin) for plugin in known]
    return found


def _flag(host: Host, name: str) -> str:
    """The pattern of a flag up to its value, in a line that is no comment."""
    start = host.dashes or r"[\"'\s\[,:](?:--)?"
    return rf"^(?!\s*[#;])(.*?{start}{name}(?:=|\s+)[\"']?)"


def _words(host: Host) -> Task:
    """What is made of the file of a host: lazily, from `apiserver_found`."""
    _, end = host.part
    text = "apiserver_found.content | b64decode"
    if end:
        start = host.part[0].removeprefix("(?m)")
        text += rf" | regex_search('(?ms){_quoted(start)}.*?{_quoted(end)}') | default('', true)"
    return {
        "modes_flag": _flag(host, r"authorization[-_]mode"),
        "plugins_flag": _flag(host, r"(?:enable[-_]admission[-_]plugins|admission[-_]control)"),
        "disabled_flag": _flag(host, r"disable[-_]admission[-_]plugins"),
        "apiserver_text": f"{{{{ {text} }}}}",
        "modes_found": _values_of("modes_flag"),
        "plugins_found": _values_of("plugins_flag"),
        "disabled_found": _values_of("disabled_flag"),
        "modes_now": _list_of("modes_found"),
        "plugins_now": _list_of("plugins_found"),
        "modes_kept": "{{ modes_now | difference(['Node', 'AlwaysAllow']) }}",
        "modes_wanted": "{{ (['Node'] + modes_kept + ['RBAC']) | unique }}",
        "plugins_wanted": "{{ (plugins_now + ['NodeRestriction']) | unique }}",
    }


def _quoted(pattern: str) -> str:
    """The pattern between the quotes of a template, where Ansible leaves backslashes alone."""
    return pattern.replace("'", "\\x27")


def _values_of(flag: str) -> str:
    return (
        f"{{{{ apiserver_text | regex_findall({flag} + '([A-Za-z0-9,._/-]*)', multiline=true)"
        " | map('last') | list }}"
    )


def _list_of(found: str) -> str:
    return f"{{{{ {found} | join(',') | split(',') | select | list }}}}"


def _look(plan: Plan, host: Host) -> Iterator[Task]:
    if plan.start is Verdict.ALWAYS_ALLOW:
        yield {
            "name": "See that clients have RBAC of their own, which AlwaysAllow made needless",
            "ansible.builtin.assert": {
                "that": "clients_have_rbac | bool",
                "fail_msg": "Without AlwaysAllow, whoever no binding names is refused. First bind"
                " them, as the plan says; then run this with -e clients_have_rbac=true.",
            },
        }
    yield {
        "name": "Read the file with the flags",
        "ansible.builtin.slurp": {"src": "{{ apiserver_file }}"},
        "register": "apiserver_found",
    }
    yield {
        "name": "See that the file is as this play expects it",
        "ansible.builtin.assert": {
            "that": list(_expected(host)),
            "fail_msg": "{{ apiserver_file }} has the modes {{ modes_now }} and plugins"
            " {{ plugins_now }}. Each flag may be there once; those that this play was made for,"
            " and no variables in their place. Read the cluster again for a new play, or set"
            " apiserver_file to the file that holds the flags.",
        },
    }
    yield {
        "name": "Remember which nodes are Ready",
        "ansible.builtin.command": {"argv": _NODES},
        "register": "nodes_before",
        "delegate_to": "localhost",
        "become": False,
        "changed_when": False,
        "check_mode": False,
    }


_READY = (
    '{range .items[*]}{.metadata.name}{" "}'
    '{.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}'
)
_NODES = [
    "kubectl",
    "get",
    "nodes",
    "--output=jsonpath=" + _READY,
]


def _expected(host: Host) -> Iterator[str]:
    yield "modes_found | length < 2"
    yield "plugins_found | length < 2"
    yield "'NodeRestriction' not in (disabled_found | join(',') | split(','))"
    yield "planned_modes is not defined or modes_wanted == planned_modes"
    yield "planned_plugins is not defined or plugins_wanted | difference(planned_plugins) == []"
    if host.part[0]:
        yield "(modes_found + plugins_found) | length > 0"
    else:
        yield "apiserver_text is search('--[a-z]')"


def _edit(host: Host) -> Iterator[Task]:
    yield {
        "name": "Keep a copy, the first one for good",
        "ansible.builtin.copy": {
            "src": "{{ apiserver_file }}",
            "dest": "{{ apiserver_copy }}",
            "remote_src": True,
            "force": False,
            "mode": "preserve",
        },
    }
    for what, wanted in (("modes", "Node before RBAC"), ("plugins", "NodeRestriction")):
        yield _replace(host, f"Set {wanted}", what)
        if host.place[0]:
            yield _insert(host, f"Add {wanted} where the file has no such flag", what)


def _replace(host: Host, name: str, what: str) -> Task:
    start, end = host.part
    return {
        "name": name,
        "ansible.builtin.replace": {
            "path": "{{ apiserver_file }}",
            "regexp": f"{{{{ {what}_flag }}}}[A-Za-z0-9,._/-]*",
            "replace": rf"\g<1>{{{{ {what}_wanted | join(',') }}}}",
            **({"after": start, "before": end} if start else {}),
        },
        "when": f"{what}_found | length == 1",
        **_notify(host),
    }


def _insert(host: Host, name: str, what: str) -> Task:
    flag = {"modes": "authorization-mode", "plugins": "enable-admission-plugins"}[what]
    said = f"--{flag}={{{{ {what}_wanted | join(',') }}}}"
    return {
        "name": name,
        "ansible.builtin.replace": {
            "path": "{{ apiserver_file }}",
            "regexp": host.place[0],
            "replace": host.place[1].replace("FLAG", said),
        },
        "when": f"{what}_found | length == 0",
        **_notify(host),
    }


def _notify(host: Host) -> Task:
    return {"notify": "Restart the API server"} if host.service else {}


def _restore(host: Host) -> Iterator[Task]:
    yield {
        "name": "Look for the copy",
        "ansible.builtin.stat": {"path": "{{ apiserver_copy }}"},
        "register": "apiserver_copied",
        "tags": _UNDO,
    }
    yield {
        "name": "Put the copy back",
        "ansible.builtin.copy": {
            "src": "{{ apiserver_copy }}",
            "dest": "{{ apiserver_file }}",
            "remote_src": True,
            "mode": "preserve",
        },
        "when": "apiserver_copied.stat.exists",
        "register": "apiserver_restored",
        **_notify(host),
        "tags": _UNDO,
    }


def _wait(host: Host) -> Iterator[Task]:
    if host.service:
        yield {
            "name": "Restart the API server now, where its flags changed",
            "ansible.builtin.meta": "flush_handlers",
            "tags": _AFTER_BOTH,
        }
    else:
        yield {
            "name": "Give the kubelet time to see the copy",
            "ansible.builtin.pause": {"seconds": "{{ settle_seconds }}"},
            "when": ["apiserver_restored is changed", "not ansible_check_mode"],
            "tags": _UNDO,
        }
    yield _process() if host.has_process else _review()
    yield {
        "name": "Wait until the API server is ready",
        "ansible.builtin.uri": {
            "url": "{{ apiserver_url }}/readyz",
            "validate_certs": False,
            # Where nobody may ask without signing in, it answers 401: then it serves.
            "status_code": [200, 401, 403],
        },
        "register": "apiserver_ready",
        "until": "apiserver_ready is succeeded",
        "retries": 60,
        "delay": 5,
        "tags": _AFTER_BOTH,
    }


def _process() -> Task:
    """Before its readiness: until the kubelet or systemd has stopped it, the old one answers."""
    return {
        "name": "Wait until it runs with both",
        "ansible.builtin.shell": {
            "cmd": "set -o pipefail\n{{ apiserver_command_line }}\n",
            "executable": "/bin/bash",
        },
        "register": "apiserver_runs",
        "until": f"ansible_check_mode or ({_RUNS_WITH_BOTH})",
        "retries": 60,
        "delay": 5,
        "changed_when": False,
        "check_mode": False,
    }


# Without a backslash: Ansible takes them twice in a condition, and as they stand in a template.
_RUNS_WITH_BOTH = (
    "apiserver_runs.stdout is search('mode[^A-Za-z]([A-Za-z]+,)*Node(,|$)', multiline=true)"
    " and apiserver_runs.stdout is search('NodeRestriction(,|$)', multiline=true)"
)
_ANSWERS = f"'{NODE_SAYS}' in apiserver_runs.stdout"


def _review() -> Task:
    """Its own answer, where the apiserver is no process of its own."""
    return {
        "name": "Wait until its Node authorizer answers",
        "ansible.builtin.command": {
            "cmd": "{{ apiserver_kubectl }} create --output=json --filename=-",
            "stdin": Plain(REVIEW),
        },
        "register": "apiserver_runs",
        "until": f"ansible_check_mode or {_ANSWERS}",
        "retries": 60,
        "delay": 5,
        "changed_when": False,
        "check_mode": False,
    }


def _look_again(host: Host) -> Iterator[Task]:
    yield {
        "name": "Remember that it is moved",
        "ansible.builtin.set_fact": {
            "apiserver_is_moved": f"{{{{ {_RUNS_WITH_BOTH if host.has_process else _ANSWERS} }}}}"
        },
    }
    yield {
        "name": "Let nodes renew their Leases",
        "ansible.builtin.pause": {"seconds": "{{ settle_seconds }}"},
        "when": [
            "modes_wanted != modes_now or plugins_wanted != plugins_now",
            "not ansible_check_mode",
        ],
    }
    yield {
        "name": "See that every node that was Ready still is",
        "ansible.builtin.command": {"argv": _NODES},
        "register": "nodes_after",
        "until": "nodes_before.stdout_lines | select('search', ' True$')"
        " | difference(nodes_after.stdout_lines) | length == 0",
        "retries": 12,
        "delay": 10,
        "delegate_to": "localhost",
        "become": False,
        "changed_when": False,
        "check_mode": False,
    }


def _restart() -> Task:
    return {
        "name": "Restart the API server",
        "ansible.builtin.systemd_service": {
            "name": "{{ apiserver_service }}",
            "state": "restarted",
            "daemon_reload": True,
        },
    }
