"""The made-up host: its files are its own, its systemd starts what its unit says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.lab.machine import CommandsFailed, Machine

if TYPE_CHECKING:
    from tests.lab.plugin import ClusterFactory

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab_ground")]

UNIT = "/etc/systemd/system/kube-apiserver.service"
COMMAND_LINE = "tr '\\0' '\\n' </proc/$(pgrep -o -x kube-apiserver)/cmdline"
TO_NODE = f"sed -i 's/--authorization-mode=RBAC/--authorization-mode=Node,RBAC/' {UNIT}"


def test_a_machine_has_files_of_its_own_and_its_systemd_obeys_its_unit(
    cluster: ClusterFactory,
) -> None:
    live = cluster(authorization_mode="RBAC")
    machine = Machine(live)
    may_get_node = live.api(live.node_certificate("node1"))

    said = machine.run(["id -u", COMMAND_LINE, f"cp -p {UNIT} /root/before", "kubectl get ns"])
    machine.run([TO_NODE, "systemctl restart kube-apiserver"])
    live.wait_until_ready()
    before = may_get_node.request("GET", "/api/v1/nodes/node1").status
    machine.run(["systemctl daemon-reload", "systemctl restart kube-apiserver"])
    live.wait_until_ready()

    assert said.startswith("0\n")
    assert "kube-system" in said
    assert "--authorization-mode=RBAC" in said
    assert not Path("/root/before").exists()
    assert not Path(UNIT).exists()
    assert before == 403  # systemd goes by the unit that it has read
    assert may_get_node.request("GET", "/api/v1/nodes/node1").status == 404
    assert machine.run([f"diff /root/before {UNIT} || true"]).count("authorization-mode") == 2


@pytest.mark.parametrize(
    ("command", "said"),
    [("cat /root/nothing", "No such file"), ("systemctl mask kube-apiserver", "does not know")],
)
def test_the_first_command_that_fails_ends_the_session(
    cluster: ClusterFactory, command: str, said: str
) -> None:
    machine = Machine(cluster(authorization_mode="RBAC"))

    with pytest.raises(CommandsFailed, match=said) as failed:
        machine.run([command, "echo after"])

    assert "after" not in str(failed.value)
