"""The dashboard's tests once more, on PostgreSQL: all that ask a database for anything of note."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.postgres import open_postgres

HERE = Path(__file__).parent
# What they say depends on no database: of words and pictures, of settings, of who may do what, of
# pages of one cluster, which test_pages_speed asks for there, too; or they take long.
LEFT_OUT = (
    "test_access",
    "test_both_databases",
    "test_end_to_end",
    "test_errors",
    "test_hanging",
    "test_help",
    "test_large",
    "test_own_services",
    "test_pages_apiservers",
    "test_pages_grants",
    "test_pages_nodes",
    "test_pages_objects",
    "test_pages_unread",
    "test_picture",
    "test_reader",
    "test_settings",
    "test_telling",
    "test_template_loader",
    "test_visible",
    "test_whatif",
    "test_whatif_bounds",
)
_QUIET = ("-q", "--tb=short", "--show-capture=no", "-p", "no:cacheprovider")


@pytest.mark.timeout(900)  # others may use the machine, too
def test_all_holds_on_postgresql_too(pytestconfig: pytest.Config) -> None:
    ignored = [f"--ignore={HERE / name}.py" for name in LEFT_OUT]
    command = [sys.executable, "-m", "pytest", *_QUIET, "-m", "not sqlite", *ignored, str(HERE)]
    with open_postgres() as url:
        run = subprocess.run(
            command,
            cwd=pytestconfig.rootpath,
            env={**os.environ, "TESTS_DATABASE_URL": url},
            capture_output=True,
            text=True,
            check=False,
        )

    print(run.stdout)
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr[-2_000:]
    assert " passed" in run.stdout
