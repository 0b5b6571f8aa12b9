"""Made-up control plane hosts, on which a play runs for real: files, stubs and a little server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from authzviz.plans.plan import HostFlags, Plan
from authzviz.reports.ansible_reviews import NODE_SAYS
from authzviz.reports.plan_ansible import plan_ansible
from tests.plans.clusters import plan

BIN = Path(sys.executable).parent
_KUBECTL = f"""\
#!/bin/sh
cd "$(dirname "$0")"
echo "$*" >> called
case "$*" in
  'get nodes'*) echo 'node1 True'; echo 'node2 False' ;;
  create*) cat > /dev/null; echo '{NODE_SAYS}' ;;
  get*) test -e removed || echo 'Group system:nodes' ;;
  patch*) touch removed ;;
  apply*) cat > applied; rm -f removed ;;
esac
"""
_SYSTEMCTL = """\
#!/bin/sh
echo "systemctl $*" >> "$(dirname "$0")/called"
case "$*" in
  *show*) printf 'Id=kube-apiserver.service\\nLoadState=loaded\\nActiveState=active\\n' ;;
esac
"""


@dataclass(frozen=True, slots=True)
class Hosts:
    """Folders that stand for hosts; `play` is the file, `url` where readyz is answered."""

    folder: Path
    names: tuple[str, ...]
    url: str

    def file(self, name: str) -> Path:
        return self.folder / name / "file"

    def called(self) -> list[str]:
        """What kubectl and systemctl were called with since the last time."""
        log = self.folder / "bin/called"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines

    def run(self, *arguments: str) -> str:
        """What ansible-playbook says; it has to succeed."""
        own = f"{self.folder}/{{{{ inventory_hostname }}}}"
        sets = {
            "apiserver_file": f"{own}/file",
            "apiserver_copy": f"{own}/copy",
            "apiserver_url": self.url,
            "apiserver_command_line": f"tr ' ' '\\n' < {own}/file",
            "settle_seconds": "0",
            "ansible_become": "false",
        }
        command = [str(BIN / "ansible-playbook"), "-i", "hosts", "play.yml", *arguments]
        for name, value in sets.items():
            command += ["-e", f'{{"{name}": "{value}"}}'.replace("\\", "\\\\")]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=environment(self.folder),
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def environment(folder: Path) -> dict[str, str]:
    """What a tool of Ansible's gets: nothing of this machine but where programs are."""
    path = os.pathsep.join((str(folder / "bin"), str(BIN), "/usr/bin", "/bin"))
    home = str(folder / "home")
    return {
        "PATH": path,
        "HOME": home,
        "ANSIBLE_HOME": home,
        "ANSIBLE_LOCAL_TEMP": f"{home}/local",
        "ANSIBLE_REMOTE_TEMP": f"{home}/remote",
        "ANSIBLE_NOCOLOR": "1",
        "LANG": "C.UTF-8",
        "XDG_CACHE_HOME": f"{home}/cache",
    }


def changed(output: str) -> int:
    """How many tasks changed something, over all hosts."""
    return sum(map(int, re.findall(r"\bchanged=(\d+)", output)))


@contextmanager
def hosts(folder: Path, text: str, distribution: str, *names: str) -> Iterator[Hosts]:
    """Hosts of these names, each with that file, and the play of a plan for them."""
    for name in (*names, "bin", "home"):
        (folder / name).mkdir()
    for name, stub in (("kubectl", _KUBECTL), ("systemctl", _SYSTEMCTL)):
        (folder / "bin" / name).write_text(stub)
        (folder / "bin" / name).chmod(0o755)
    (folder / "play.yml").write_text(plan_ansible(planned(distribution)))
    lines = [f"{n} ansible_connection=local ansible_python_interpreter={BIN}/python" for n in names]
    (folder / "hosts").write_text("\n".join(("[kube_control_plane]", *lines, "")))
    server = HTTPServer(("127.0.0.1", 0), _Ready)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    made = Hosts(folder, names, f"http://127.0.0.1:{server.server_port}")
    for name in names:
        made.file(name).write_text(text)
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def planned(distribution: str) -> Plan:
    """A plan off the legacy binding, for apiservers whose flags were read."""
    flags = HostFlags("cp1", "6443", ("Node", "RBAC"), ("PodSecurity", "NodeRestriction"))
    return replace(plan("v1.37.2-legacy"), distribution=distribution, flags=(flags,))


class _Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        """Nothing: it is asked by tests."""
