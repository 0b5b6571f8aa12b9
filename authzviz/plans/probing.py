"""How one sees on a machine that its apiserver has Node and NodeRestriction: reads only."""

from __future__ import annotations

import json
import re
from shlex import quote

from authzviz.engine.assessment import Switch
from authzviz.plans.ground import wanted_modes
from authzviz.plans.servers import Server
from authzviz.plans.shell import heredoc, until

_REASON = "can only get individual resources of this type"
"""What the Node authorizer says of a delete of a volume, 1.7 to 1.37, whatever comes after it.

Source: kubernetes plugin/pkg/auth/authorizer/node/node_authorizer.go.
"""
_PLUGINS = "enable[-_]admission[-_]plugins|admission[-_]control"
_NOBODY = "authzviz-nobody"
_COMMAND_LINE = 'tr "\\0" "\\n" < /proc/$(pgrep -o -x kube-apiserver)/cmdline'
_ACTIVE = re.compile(r"[$`\"\\]")
SECONDS = 300


def process(server: Server) -> tuple[str, ...]:
    """That the running process was started with the flags; each waits for it."""
    said = [f"^--({_PLUGINS})=(.*,)?NodeRestriction(,|$)"]
    if not server.is_file_configured:
        said.insert(0, f"^--authorization[-_]mode={_modes(server)}$")
    return tuple(
        until(f"{_COMMAND_LINE} | grep -E -e {_double(pattern)}", SECONDS) for pattern in said
    )


def journal(server: Server, service: str) -> tuple[str, ...]:
    """The same where the apiserver is part of another process, which logs its flags on starting."""
    last = f"journalctl -u {service} -o cat | grep 'Running kube-apiserver' | tail -n 1"
    said = [f"--({_PLUGINS})=[^ ]*NodeRestriction"]
    if not server.is_file_configured:
        said.insert(0, f"--authorization[-_]mode={_modes(server)}( |$)")
    return tuple(f"{last} | grep -E -o -e {quote(pattern)}" for pattern in said)


def readyz(server: Server, url: str, kubectl: str = "kubectl") -> str:
    """That this very apiserver is ready; waits for it."""
    if server.is_anonymous:
        return until(f"curl -fsk {quote(f'{url}/readyz')}", SECONDS)
    return until(f"{kubectl} --server={quote(url)} get --raw=/readyz", SECONDS)


def node_answers(url: str = "", kubectl: str = "kubectl") -> str:
    """That the Node authorizer answers at that address: a review changes nothing, and needs only
    create subjectaccessreviews.
    """
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": f"system:node:{_NOBODY}",
            "groups": ["system:nodes", "system:authenticated"],
            "resourceAttributes": {
                "verb": "delete",
                "resource": "persistentvolumes",
                "name": _NOBODY,
            },
        },
    }
    place = f" --server={quote(url)}" if url else ""
    create = f"{kubectl}{place} create -o yaml -f -"
    return heredoc(create, json.dumps(review), f"grep {quote(_REASON)}")


def _modes(server: Server) -> str:
    """The modes as a pattern: those that are to be, or Node first where they aren't known."""
    if server.state.authorization_modes is None or server.state.rbac is Switch.UNKNOWN:
        return "Node,([A-Za-z]+,)*RBAC(,.*)?"
    return ",".join(wanted_modes(server.state))


def _double(pattern: str) -> str:
    """The pattern between double quotes, since it stands between single ones."""
    return '"' + _ACTIVE.sub(r"\\\g<0>", pattern) + '"'
