"""gunicorn's configuration file; also for servers that run without the supervisor."""

import os
from pathlib import Path

from authzviz.supervisor.program import die_with_parent

wsgi_app = "authzviz.wsgi:application"
worker_class = "gthread"
workers = 1
threads = 8
graceful_timeout = 5
# Heartbeats on a busy disk can stall for longer than their timeout.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
control_socket_disable = True
# Which proxy's headers are believed is decided in one place: AUTHZVIZ_TRUSTED_PROXY.
forwarded_allow_ips = ""
# No access log: the addresses of sign-in links and invitations are secrets.
accesslog = None


def post_fork(_server: object, _worker: object) -> None:
    """Let a worker die with its master, as the master dies with the supervisor."""
    die_with_parent(os.getppid())
