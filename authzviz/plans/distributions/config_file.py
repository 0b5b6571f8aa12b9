"""The AuthorizationConfiguration that --authorization-config names: the modes are there, and no
flag may say any.

Source: kubernetes v1.37.2 pkg/kubeapiserver/options/authorization.go, and
pkg/kubeapiserver/authorizer/reload.go: Node and RBAC come and go only with a restart.
"""

from __future__ import annotations

from shlex import quote

from authzviz.plans.distributions.editing import printable
from authzviz.plans.servers import Server
from authzviz.plans.shell import heredoc

_SCRIPT = """\
# The Node authorizer before the first of those that are there.
/^authorizers:[[:space:]]*$/{
n
s/^( *)- .*/\\1- type: Node\\n\\1  name: node\\n&/
}"""
_COPY = 'config_copy=/root/$(basename "$config").before-node-authorizer'

_IS_THERE = 'grep -Eq "type: *Node" "$config"'
_IS_FIRST = 'grep "type:" "$config_new" | head -n 1 | grep -q Node'
_PUT_IN = (
    'cmp -s "$config_new" "$config" ||'
    ' { cp -p "$config" "$config_copy" && cat "$config_new" > "$config"; }; rm "$config_new"'
)


def commands(server: Server) -> tuple[str, ...]:
    """What puts Node into the file; nothing where the modes are flags, or Node is first already."""
    if not _is_needed(server):
        return ()
    return (
        f"config={quote(server.config_path)}",
        _COPY,
        "config_new=$(mktemp)",
        'cp "$config" "$config_new"',
        f"""{_IS_THERE} || {heredoc('sed -E -f /dev/stdin "$config" > "$config_new"', _SCRIPT)}""",
        f"""{_IS_FIRST} || {_ends("$config does not get Node as the first authorizer")}""",
        f"""! grep -q AlwaysAllow "$config_new" || {_ends("$config has AlwaysAllow")}""",
        _PUT_IN,
    )


def _ends(why: str) -> str:
    return f'{{ echo "{why}: edit it by hand" >&2; exit 1; }}'


def rollback(server: Server) -> tuple[str, ...]:
    """What puts the file back."""
    if not _is_needed(server):
        return ()
    return (f"config={quote(server.config_path)}", _COPY, 'cp "$config_copy" "$config"')


def diff(server: Server) -> str:
    """The authorizers as they change, as far as they were read."""
    if not _is_needed(server):
        return ""
    path = printable(server.config_path)
    read = server.read.authorizers if server.read else None
    known = [f" - type: {printable(each.type)}" for each in (read or ())[:1]]
    lines = ["+- type: Node", "+  name: node", *known]
    head = f"--- {path}\n+++ {path}\n@@ AuthorizationConfiguration @@\n authorizers:\n"
    return head + "\n".join(lines) + "\n"


def _is_needed(server: Server) -> bool:
    return server.is_file_configured and not server.has_modes
