"""Settings: documented, loud, and secrets that are made once."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAME = re.compile(r'(?:_(?:text|flag|words|bounded|networks)\(\s*|name = )"(\w+)"')


SECRET = "from authzviz import settings as s; print(s.SECRET_KEY)"


def start(data: Path, code: str = SECRET, **environment: str) -> subprocess.CompletedProcess[str]:
    """Read the settings in a process of its own."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AUTHZVIZ_", "DATABASE_URL", "REDIS_URL"))
    }
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**clean, "AUTHZVIZ_DATA": str(data), **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_setting_is_documented() -> None:
    source = (ROOT / "authzviz" / "settings.py").read_text()
    names = set(NAME.findall(source))
    page = (ROOT / "docs" / "settings.md").read_text()
    documented = set(re.findall(r"^\| `(\w+)`", page, re.MULTILINE))

    assert names
    assert names <= documented
    # what the supervisor reads
    assert documented - names == {"PORT", "AUTHZVIZ_WORKER_MEMORY_MB"}


WRONG = {
    "interval": ({"AUTHZVIZ_POLL_INTERVAL": "1"}, "AUTHZVIZ_POLL_INTERVAL"),
    "no number": ({"AUTHZVIZ_POLL_INTERVAL": "soon"}, "soon"),
    "neither yes nor no": ({"AUTHZVIZ_TLS": "yse"}, "AUTHZVIZ_TLS"),
    "no such file": ({"AUTHZVIZ_SECRET_KEY_FILE": "/nowhere"}, "AUTHZVIZ_SECRET_KEY_FILE"),
    "network": ({"AUTHZVIZ_CLUSTER_CIDRS": "10.0.0.1/8"}, "AUTHZVIZ_CLUSTER_CIDRS"),
    "local but reachable": (
        {"AUTHZVIZ_BIND": "192.0.2.1", "AUTHZVIZ_LOCAL": "true", "AUTHZVIZ_ALLOWED_HOSTS": "a"},
        "AUTHZVIZ_LOCAL",
    ),
    "no host": ({"AUTHZVIZ_BIND": "192.0.2.1"}, "AUTHZVIZ_ALLOWED_HOSTS"),
    "short key": ({"AUTHZVIZ_SECRET_KEY": "short"}, "AUTHZVIZ_SECRET_KEY"),
    "key of wrong length": ({"AUTHZVIZ_CREDENTIALS_KEYS": "YWJj"}, "AUTHZVIZ_CREDENTIALS_KEYS"),
    "broker": ({"REDIS_URL": "http://localhost"}, "REDIS_URL"),
}


@pytest.mark.parametrize(("environment", "named"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_right_stops_the_start(
    tmp_path: Path, environment: dict[str, str], named: str
) -> None:
    started = start(tmp_path, **environment)

    assert started.returncode != 0
    assert named in started.stderr


BEHIND_TLS = """
from authzviz import settings as s
print(s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_HSTS_SECONDS > 0,
      s.SECURE_PROXY_SSL_HEADER is not None, s.AUTHZVIZ_LOCAL, s.CSRF_TRUSTED_ORIGINS)
"""
SERVER = {"AUTHZVIZ_BIND": "192.0.2.1", "AUTHZVIZ_ALLOWED_HOSTS": "a.example,.b.example"}
SERVED = {
    "plain": ({}, "False False False False True []"),
    "a proxy on this machine": (
        {"AUTHZVIZ_TRUSTED_PROXY": "true"},
        "False False False True False []",
    ),
    "another name": (
        {"AUTHZVIZ_ALLOWED_HOSTS": "a.example"},
        "False False False False False []",
    ),
    "TLS": (
        {**SERVER, "AUTHZVIZ_TLS": "true"},
        "True True True False False ['https://a.example', 'https://*.b.example']",
    ),
    "TLS by a proxy": (
        {**SERVER, "AUTHZVIZ_TLS": "true", "AUTHZVIZ_TRUSTED_PROXY": "true"},
        "True True True True False ['https://a.example', 'https://*.b.example']",
    ),
}


@pytest.mark.parametrize(("environment", "expected"), SERVED.values(), ids=SERVED)
def test_cookies_and_headers_follow_how_it_is_served(
    tmp_path: Path, environment: dict[str, str], expected: str
) -> None:
    assert start(tmp_path, BEHIND_TLS, **environment).stdout.strip() == expected


def test_processes_that_start_together_agree_on_the_secrets(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        started = list(pool.map(lambda _: start(tmp_path), range(4)))

    assert len({process.stdout for process in started}) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["credentials.key", "secret.key"]
    assert {oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()} == {"0o600"}


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("$starts-with-a-dollar-and-is-long-enough")

    started = start(tmp_path, AUTHZVIZ_SECRET_KEY_FILE=str(secret))

    assert started.stdout.strip() == "$starts-with-a-dollar-and-is-long-enough"
