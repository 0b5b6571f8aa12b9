"""Building the lab's components: once, whole, and with a Go that is new enough."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.lab.build import LAB, lab_binary
from tests.lab.go import BuildError

if TYPE_CHECKING:
    from pathlib import Path

FAKE_GO = """\
#!/bin/sh
case $1 in
version) echo "go version go{version} linux/amd64" ;;
build)
    echo built >> "$BUILDS"
    [ -z "$FAIL" ] || {{ echo "out of memory" >&2; exit 1; }}
    while [ "$1" != -o ]; do shift; done
    echo {version} > "$2" ;;
list) echo "$MODULE" ;;
esac
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache; PATH holds tmp_path/bin before the system's own programs."""
    monkeypatch.setenv("AUTHZVIZ_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("BUILDS", str(tmp_path / "builds"))
    return tmp_path / "cache" / "authzviz"


def write_go(path: Path, version: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(FAKE_GO.format(version=version))
    path.chmod(0o755)


def test_a_second_call_builds_nothing(cache: Path, tmp_path: Path) -> None:
    write_go(tmp_path / "bin/go", "1.26.0")

    first, second = lab_binary(), lab_binary()

    assert first == second
    assert first.is_relative_to(cache)
    assert (tmp_path / "builds").read_text() == "built\n"


def test_a_failed_build_says_why_and_leaves_no_binary(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_go(tmp_path / "bin/go", "1.26.0")
    monkeypatch.setenv("FAIL", "yes")

    with pytest.raises(BuildError, match="out of memory"):
        lab_binary()

    assert [path.name for path in cache.glob("lab-*/*")] == ["lock"]


def test_what_a_program_reads_lies_beside_it_and_may_be_removed(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_go(tmp_path / "bin/go", "1.26.0")
    page = tmp_path / "module/templates/pages/home.tmpl"
    page.parent.mkdir(parents=True)
    page.write_text("Home")
    page.chmod(0o444)
    page.parent.chmod(0o555)
    monkeypatch.setenv("MODULE", str(tmp_path / "module"))

    kept = replace(LAB, data=("templates",)).binary().parent / "templates/pages/home.tmpl"

    assert kept.read_text() == "Home"
    assert kept.parent.stat().st_mode & 0o700 == 0o700


def test_an_old_go_is_passed_over_for_that_of_the_package(cache: Path, tmp_path: Path) -> None:
    write_go(tmp_path / "bin/go", "1.25.9")
    write_go(cache / "go/package/go/bin/go", "1.26.5")

    assert lab_binary().read_text() == "1.26.5\n"
