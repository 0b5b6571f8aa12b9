"""The machines that a plan's steps are done on, one for each apiserver."""

from __future__ import annotations

import re
from dataclasses import dataclass

from authzviz.engine.apiserver import ApiServer
from authzviz.engine.assessment import ApiServerState, Switch

_PORT = "6443"
_NODE_ARGS = re.compile("annotation [^ ]+ of node (.+)")
"""How kube.node_args says where flags come from."""


def asks_node_late(server: ApiServerState) -> bool:
    """True where the apiserver is known to ask RBAC before Node, or not to ask Node at all: then
    RBAC allows what Node would.
    """
    modes = server.authorization_modes or ()
    if server.node_authorizer is Switch.OFF:
        return True
    return "RBAC" in modes and "Node" in modes and modes.index("RBAC") < modes.index("Node")


@dataclass(frozen=True, slots=True)
class Server:
    """One apiserver as judged and, where it was read, as read."""

    state: ApiServerState
    read: ApiServer | None = None

    @property
    def name(self) -> str:
        """What the assessment calls it."""
        return self.state.name

    @property
    def machine(self) -> str:
        """The machine that it runs on: a node's name, else its address, else what it is called."""
        for before in ("kube-apiserver-", "kube-apiserver on "):
            if self.name.startswith(before):
                return self.name.removeprefix(before)
        node = _NODE_ARGS.match(self.read.evidence) if self.read else None
        if node:
            return node[1]
        return _host(self.address) or self.name.removeprefix("kube-apiserver at ")

    @property
    def address(self) -> str:
        """Its own host and port, "" where nothing tells them."""
        return self.read.address if self.read else ""

    @property
    def port(self) -> str:
        """The port that it serves on, 6443 where nothing tells."""
        port = self.address.rpartition(":")[2]
        return port if port.isdigit() else _PORT

    @property
    def url(self) -> str:
        """Where it is asked from another machine: by its own address, else by its machine."""
        return f"https://{self.address or f'{self.machine}:{self.port}'}"

    @property
    def local_url(self) -> str:
        """Where it is asked on its own machine."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def is_static_pod(self) -> bool:
        """True where a mirror pod in kube-system shows it: a kubelet runs it from a manifest."""
        if self.read is None:
            return False
        places = (self.read.evidence, *(source.evidence for source in self.read.other_sources))
        return any(place.startswith("mirror pod kube-system/") for place in places)

    @property
    def flags(self) -> frozenset[str]:
        """The names of the flags that are known to be given."""
        return frozenset(flag.name for flag in (self.read.flags if self.read else None) or ())

    @property
    def has_flags(self) -> bool:
        """True where its flags were read."""
        return self.read is not None and self.read.flags is not None

    @property
    def has_modes(self) -> bool:
        """True where its authorizers are known to be as they are to be: Node before all others."""
        modes = self.state.authorization_modes
        return self.lacks_only_restriction and modes is not None and modes[0] == "Node"

    @property
    def is_file_configured(self) -> bool:
        """True where its authorizers are in a file that --authorization-config names."""
        return "authorization-config" in self.flags

    @property
    def config_path(self) -> str:
        """The file that --authorization-config names, "" for none."""
        flags = (self.read.flags if self.read else None) or ()
        named = [flag.value for flag in flags if flag.name == "authorization-config"]
        return named[-1] if named else ""

    @property
    def is_done(self) -> bool:
        """True where it is known to have both Node and NodeRestriction, and no AlwaysAllow."""
        switches = {self.state.node_authorizer, self.state.node_restriction}
        return switches == {Switch.ON} and self.state.always_allow is not Switch.ON

    @property
    def asks_rbac_first(self) -> bool:
        """True where Node is known to be asked only for what RBAC does not allow."""
        modes = self.state.authorization_modes or ()
        both = "Node" in modes and "RBAC" in modes
        return both and modes.index("RBAC") < modes.index("Node")

    @property
    def lacks_only_restriction(self) -> bool:
        """True where the authorizers are as they are to be."""
        is_node_on = self.state.node_authorizer is Switch.ON
        return is_node_on and self.state.always_allow is not Switch.ON

    @property
    def is_anonymous(self) -> bool:
        """True where nothing says that it answers only who signs in."""
        flags = (self.read.flags if self.read else None) or ()
        said = {flag.value.lower() for flag in flags if flag.name == "anonymous-auth"}
        return "false" not in said and self.state.always_allow is not Switch.ON


def _host(address: str) -> str:
    return address.rpartition(":")[0].strip("[]")
