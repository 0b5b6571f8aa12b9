"""How a file that starts a kube-apiserver gets Node and NodeRestriction, by GNU sed.

The edit works on what the file says, not on what was read of the apiserver: other modes and plugins
stay as they are there, and a file that has both already stays as it is. The shell variables `file`,
`copy` and `new` are set before: the file, where its copy goes, and where the edited one is made.
`dashes` are what a flag begins with there: "" in k3s' configuration.
"""

from __future__ import annotations

from dataclasses import dataclass

from authzviz.engine.assessment import Switch
from authzviz.engine.flagged import NODE_RESTRICTION
from authzviz.engine.flags import BadFlagError, values_of
from authzviz.plans.ground import wanted_modes, wanted_plugins
from authzviz.plans.servers import Server
from authzviz.plans.shell import heredoc

MODE = "authorization-mode"
PLUGINS = "enable-admission-plugins"
_COMMENTS = "/^[[:space:]]*[#;]/b\n"
_MODE_FLAG = "authorization[-_]mode"
_PLUGIN_FLAGS = "(enable[-_]admission[-_]plugins|admission[-_]control)"
_DISABLE_FLAG = "disable[-_]admission[-_]plugins"
_LIST = "[A-Za-z0-9,._/-]*"
_MODES = rf"""# Node first, RBAC in any case, AlwaysAllow not; every other mode as it is.
s/{_MODE_FLAG}(=| +)(["'])([A-Za-z,]*)\2/{MODE}=\3/
s/{_MODE_FLAG}(=| +)([A-Za-z,]*)/{MODE}=Node,\2,RBAC,/
:mode
s/({MODE}=Node,([A-Za-z]+,)*)(Node|AlwaysAllow|),/\1/
tmode
:rbac
s/({MODE}=([A-Za-z]+,)*RBAC,([A-Za-z]+,)*)RBAC,/\1/
trbac
s/({MODE}=[A-Za-z,]*),/\1/
"""
_RESTRICTION = rf"""# NodeRestriction after the plugins that are there, unless it is one of them.
s/{_PLUGIN_FLAGS}(=| +)(["'])({_LIST})\3/\1=\4/
s/{_PLUGIN_FLAGS}(=| +)({_LIST})/\1=\3,NodeRestriction/
s/({_PLUGIN_FLAGS}=({_LIST},)?NodeRestriction(,{_LIST})?),NodeRestriction/\1/
s/({_PLUGIN_FLAGS}=),+/\1/
"""
_NOT_DISABLED = rf"""# No plugin may be both on and off.
s/({_DISABLE_FLAG}(=| +)["']?([A-Za-z0-9._/]+,)*)NodeRestriction,?/\1/
s/({_DISABLE_FLAG}(=| +)["']?[A-Za-z0-9,._/]*),(["' ]|$)/\1\3/
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A flag that has to be in the file: its name, the pattern that finds it, how it is put in
    where the file has none, and what shows that it is as it is to be.
    """

    name: str
    pattern: str
    flag: str
    done: str


def edit(server: Server) -> str:
    """The command that writes to `new` what `file` is to be, as far as the flags are there."""
    return heredoc('sed -E -f /dev/stdin "$file" > "$new"', _COMMENTS + script(server, "--"))


def script(server: Server, dashes: str) -> str:
    """The same as a script of sed."""
    found = "".join(
        _MODES if wanted.name == MODE else _RESTRICTION for wanted in wanted_flags(server)
    )
    if _may_be_disabled(server):
        found += _NOT_DISABLED
    # With its dashes a flag is not taken for the end of another one's name.
    flags = (_MODE_FLAG, f"{MODE}=", _PLUGIN_FLAGS, _DISABLE_FLAG)
    if dashes:
        for flag in flags:
            found = found.replace(flag, dashes + flag)
        found = found.replace("/\\1=", f"/{dashes}\\1=")
    return found


def wanted_flags(server: Server) -> tuple[Wanted, ...]:
    """The flags that the file has to get; what the apiserver is known to have is left alone."""
    modes = Wanted(MODE, f"{_MODE_FLAG}[= ]", f"{MODE}=Node,RBAC", f"{MODE}=Node,")
    on = f"{PLUGINS}={NODE_RESTRICTION}"
    plugins = Wanted(PLUGINS, f"{_PLUGIN_FLAGS}[= ]", on, NODE_RESTRICTION)
    needs_modes = not server.is_file_configured and not server.has_modes
    needs_plugins = server.state.node_restriction is not Switch.ON
    return (*((modes,) if needs_modes else ()), *((plugins,) if needs_plugins else ()))


def check(wanted: Wanted) -> str:
    """The command that ends the step, with a word, where the file did not get the flag."""
    return (
        f"grep -q -e '{wanted.done}' \"$new\" ||"
        f' {{ echo "$file does not get {wanted.flag}: edit it by hand" >&2; exit 1; }}'
    )


def put_in() -> str:
    """The command that makes the edited file the one that counts, with a copy of what was; nothing
    happens where both are alike, so that a second run keeps the copy.
    """
    return 'cmp -s "$new" "$file" || { cp -p "$file" "$copy" && cat "$new" > "$file"; }; rm "$new"'


def put_back() -> str:
    """The command that puts the copy back; the file stays itself, with its owner and mode, and as
    it is where there is no copy.
    """
    return 'cp "$copy" "$file"'


def diff(path: str, server: Server, line: str, dashes: str = "--") -> str:
    """The lines of the file that change, as a unified diff; `line` is how a flag stands there."""
    lines = [f"--- {path}", f"+++ {path}", "@@ the flags of kube-apiserver @@"]
    for before, after in (*_mode(server), *_plugins(server)):
        if before != after:
            lines += [f"-{line.format(dashes + printable(before))}"] if before else []
            lines.append(f"+{line.format(dashes + printable(after))}")
    return "\n".join(lines) + "\n" if len(lines) > 3 else ""


def printable(text: str) -> str:
    """The text on one line, whatever is not ASCII escaped: nothing in it can deceive."""
    return text.encode("unicode_escape").decode()


def _mode(server: Server) -> tuple[tuple[str | None, str], ...]:
    if server.is_file_configured:
        return ()
    before = ",".join(server.state.authorization_modes or ())
    is_absent = MODE not in server.flags and server.has_flags
    wanted = f"{MODE}={','.join(wanted_modes(server.state))}"
    return ((f"{MODE}={before}" if before and not is_absent else None, wanted),)


def _plugins(server: Server) -> tuple[tuple[str | None, str], ...]:
    before = server.state.admission_plugins
    if server.state.node_restriction is Switch.ON:
        return ()
    if before is None:
        return ((None, f"{PLUGINS}=[what stands there],{NODE_RESTRICTION}"),)
    name = "admission-control" if "admission-control" in server.flags else PLUGINS
    wanted = f"{name}={','.join(wanted_plugins(server.state))}"
    return ((f"{name}={','.join(before)}" if before else None, wanted),)


def _may_be_disabled(server: Server) -> bool:
    """True where NodeRestriction is switched off by name, or nobody knows."""
    if server.state.node_restriction is Switch.ON:
        return False
    flags = server.read.flags if server.read else None
    try:
        disabled = values_of(flags or (), "disable-admission-plugins")
    except BadFlagError:
        return True
    return flags is None or NODE_RESTRICTION in (disabled or ())
