"""A kube-apiserver that systemd runs, as Ansible roles and "the hard way" install it."""

from __future__ import annotations

from authzviz.plans import probing
from authzviz.plans.distributions import config_file, editing
from authzviz.plans.distributions.common import observation_of, troubles
from authzviz.plans.distributions.editing import Wanted
from authzviz.plans.plan import Step, Trouble
from authzviz.plans.servers import Server
from authzviz.plans.words import flags_title

UNIT = "/etc/systemd/system/kube-apiserver.service"
_VARIABLES = (
    f"file={UNIT}  # the unit, or the file of its EnvironmentFile= that holds the flags",
    "service=kube-apiserver",
    'copy=/root/$(basename "$file").before-node-authorizer',
)
_RESTART = ("systemctl daemon-reload", 'systemctl restart "$service"')


def step(server: Server, why: str) -> Step:
    """The step at one apiserver."""
    url = server.local_url
    return Step(
        id=f"flags:{server.name}",
        title=flags_title(server),
        why=why,
        where=server.machine,
        commands=(*config_file.commands(server), *_VARIABLES, *_edit(server), *_RESTART),
        diff=editing.diff(UNIT, server, "  {} \\") + config_file.diff(server),
        verify=(*probing.process(server), probing.readyz(server, url), probing.node_answers(url)),
        rollback=(
            *config_file.rollback(server),
            *_VARIABLES,
            *((editing.put_back(),) if editing.wanted_flags(server) else ()),
            *_RESTART,
        ),
        observation=observation_of(server),
        takes="Under a minute; the apiserver itself is away for 5 to 30 seconds.",
        troubles=(*_TROUBLES, *troubles(url)),
        watches_leases=True,
    )


def _edit(server: Server) -> tuple[str, ...]:
    wanted = editing.wanted_flags(server)
    if not wanted:
        return ()
    puts = (each for flag in wanted for each in _put(server, flag))
    return ("new=$(mktemp)", editing.edit(server), *puts, editing.put_in())


def _put(server: Server, wanted: Wanted) -> tuple[str, ...]:
    """Before the first flag of the program, where the file has none of that name."""
    if server.has_flags and wanted.name in server.flags:
        return (editing.check(wanted),)
    at_first = f's/["\\x27]?--[a-z]/--{wanted.flag} &/'
    insert = f"""\
if ! grep -Eq -e '^[^#;]*--{wanted.pattern}' "$new"; then
  if grep -v -e '^[[:space:]]*[#;]' -e MAINPID "$file" | grep -q '[$]'; then
    echo "$file has variables for flags: set file= to its EnvironmentFile=" >&2
    exit 1
  elif grep -q '^ExecStart=' "$new"; then
    sed -i -E '/^ExecStart=/{{:a;/--[a-z]/!{{N;ba}};{at_first}}}' "$new"
  else
    sed -i -E '0,/^[A-Za-z_]+=.*--[a-z]/s/--[a-z]/--{wanted.flag} &/' "$new"
  fi
fi"""
    return (insert, editing.check(wanted))


_TROUBLES = (
    Trouble(
        "The unit has another path or name",
        f"sed: can't read {UNIT}: No such file or directory",
        "systemctl cat kube-apiserver shows the path, systemctl list-units '*apiserver*' the name:"
        " set file= and service= to them.",
    ),
    Trouble(
        "The flags are in an EnvironmentFile",
        "has variables for flags: set file= to its EnvironmentFile=",
        "Set file= to the path after EnvironmentFile= in the unit: the same commands edit it.",
    ),
    Trouble(
        "Ansible puts the old flags back",
        "after the next play the unit is as before",
        "Change the template or the variables that the unit is made from in the same way, and run"
        " the play with serial: 1 and max_fail_percentage: 0, so that it stops at the first"
        " apiserver that doesn't come back.",
    ),
)
