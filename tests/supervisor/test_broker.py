"""The embedded broker: really started, on a socket for its user alone, keeping its data."""

import os
import socket
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from authzviz.supervisor import broker
from authzviz.supervisor.place import CannotStart
from authzviz.supervisor.program import spawn
from tests.supervisor.conftest import eventually


@contextmanager
def running(data: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """The broker of a data directory, and its socket."""
    path = broker.socket_path(data)
    program = broker.program(broker.find_server(), data, path)
    with (data / "log").open("ab") as log:
        process = spawn(program, stdout=log)
    try:
        eventually(lambda: broker.answers(path), "an answer of the broker")
        yield process, path
    finally:
        process.kill()
        process.wait()


def ask(path: Path, *words: str) -> str:
    """Return the broker's answer to a command."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(path))
        connection.sendall((" ".join(words) + "\r\n").encode())
        return connection.recv(4096).decode()


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data directory; sockets that do not fit into it go beside it, by a path that is short."""
    with tempfile.TemporaryDirectory() as runtime:
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
        folder = tmp_path / "data"
        folder.mkdir()
        yield folder


def test_it_serves_on_a_socket_for_its_user_alone_and_on_no_port(data: Path) -> None:
    with running(data) as (_, path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        assert ask(path, "CONFIG", "GET", "port").endswith("$1\r\n0\r\n")
        assert "noeviction" in ask(path, "CONFIG", "GET", "maxmemory-policy")


def test_what_it_was_given_survives_an_orderly_end(data: Path) -> None:
    with running(data) as (process, path):
        ask(path, "SET", "kept", "yes")
        process.terminate()
        process.wait(60)

    with running(data) as (_, path):
        assert ask(path, "GET", "kept") == "$3\r\nyes\r\n"


def test_a_killed_one_leaves_a_socket_that_the_next_takes_over(data: Path) -> None:
    with running(data) as (process, path):
        process.kill()
        process.wait()
        assert path.exists()

    with running(data) as (_, path):
        assert ask(path, "PING") == "+PONG\r\n"


def test_a_file_that_it_cannot_read_is_set_aside_at_the_third_failure(data: Path) -> None:
    program = broker.program(broker.find_server(), data, broker.socket_path(data))
    assert program.before_restart is not None
    (data / "broker" / "damaged file").touch()
    set_aside: Callable[[int], None] = program.before_restart

    for failures in (1, 2):
        set_aside(failures)
        assert list((data / "broker").iterdir())
    set_aside(3)

    assert list((data / "broker").iterdir()) == []
    assert (data / "broker.damaged" / "damaged file").exists()


ELSEWHERE = {
    "too long for a socket": "d" * 120,
    "odd in a URL": "my data? #1",
}


@pytest.mark.parametrize("name", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_data_directory_that_no_socket_can_be_in(
    name: str, data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    odd = data / name
    odd.mkdir()

    with running(odd) as (_, path):
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert path.parent.parent == Path(os.environ["XDG_RUNTIME_DIR"])
        assert ask(path, "PING") == "+PONG\r\n"
        assert broker.socket_path(odd) == path
        assert broker.socket_path(data) != path


def test_a_directory_that_someone_else_prepared_is_not_used(data: Path) -> None:
    odd = data / "ö"
    broker.socket_path(odd).parent.chmod(0o755)

    with pytest.raises(CannotStart, match="is not a directory of yours alone"):
        broker.socket_path(odd)


def test_a_socket_without_a_broker_does_not_answer(data: Path) -> None:
    assert not broker.answers(data / "nobody.sock")
