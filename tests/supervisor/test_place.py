"""What the environment says, whose data directory it is, and where the page is."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from authzviz.supervisor import place
from authzviz.supervisor.place import CannotStart, read_place


def start(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the supervisor, which is expected to end by itself."""
    return subprocess.run(
        [sys.executable, "-m", "authzviz.supervisor"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_port_in_use_is_named_with_the_way_out(own_environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        run = start({**own_environment, "PORT": str(port)})

    assert run.returncode == 1
    assert run.stderr == (
        f"authzviz cannot start. Port {port} on 127.0.0.1 is in use."
        f" Choose another: PORT={port + 1} make run\n"
    )


def test_a_second_run_on_the_same_data_is_refused(own_environment: dict[str, str]) -> None:
    data = Path(own_environment["AUTHZVIZ_DATA"])
    with place.take(data) as lock:
        place.note_holder(lock, "http://127.0.0.1:8000")

        run = start(own_environment)

    assert run.returncode == 1
    assert run.stderr == (
        f"authzviz cannot start. Another authzviz (process {os.getpid()}, http://127.0.0.1:8000)"
        f" runs on {data}. End it, or set AUTHZVIZ_DATA.\n"
    )


def test_the_lock_is_free_once_its_holder_is_gone(tmp_path: Path) -> None:
    place.take(tmp_path / "data").close()

    with place.take(tmp_path / "data") as lock:
        assert not lock.closed


def test_a_new_data_directory_is_for_its_owner_alone(tmp_path: Path) -> None:
    with place.take(tmp_path / "a" / "data"):
        assert (tmp_path / "a" / "data").stat().st_mode & 0o777 == 0o700


def test_a_data_directory_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)

    with pytest.raises(CannotStart, match="Others may write to"):
        place.take(tmp_path)


REFUSED = {
    "a port that is no number": ({"PORT": "http"}, "PORT must be a number up to 65535"),
    "a port above the highest": ({"PORT": "65536"}, "PORT must be a number up to 65535"),
    "digits of another script": ({"PORT": "٨٠٨٠"}, "PORT must be a number"),
    "a memory limit with a unit": (
        {"AUTHZVIZ_WORKER_MEMORY_MB": "1G"},
        "AUTHZVIZ_WORKER_MEMORY_MB must be a number",
    ),
}


@pytest.mark.parametrize(("environ", "message"), REFUSED.values(), ids=REFUSED)
def test_a_wrong_variable_is_named(environ: dict[str, str], message: str) -> None:
    with pytest.raises(CannotStart, match=message):
        read_place(environ)


def test_what_holds_without_any_variable() -> None:
    found = read_place({"HOME": "/nowhere"})

    assert (found.data, found.bind, found.port) == (place.CHECKOUT / "data", "127.0.0.1", 8000)
    assert (found.brings_broker, found.has_kubeconfig) == (False, False)


def test_an_empty_variable_is_as_good_as_none() -> None:
    names = ("AUTHZVIZ_DATA", "AUTHZVIZ_BIND", "PORT", "REDIS_URL", "KUBECONFIG")

    assert read_place({"HOME": "/nowhere", **dict.fromkeys(names, "")}) == read_place(
        {"HOME": "/nowhere"}
    )


def test_an_ipv6_address_may_have_brackets() -> None:
    assert read_place({"AUTHZVIZ_BIND": "[::1]"}).bind == "::1"


def test_a_relative_data_directory_is_made_absolute() -> None:
    assert read_place({"AUTHZVIZ_DATA": "here/data"}).data == Path.cwd() / "here" / "data"


@pytest.mark.parametrize("name", ["REDIS_URL", "REDIS_URL_FILE"])
def test_a_broker_of_ones_own_is_taken(name: str) -> None:
    assert read_place({name: "redis://broker:6379/0"}).brings_broker


def test_a_kubeconfig_is_found_as_kubectl_finds_it(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path)}
    assert not read_place(home).has_kubeconfig
    (tmp_path / ".kube").mkdir()
    config = tmp_path / ".kube" / "config"
    config.write_text("{}")

    assert read_place(home).has_kubeconfig
    assert not read_place({**home, "KUBECONFIG": "/nowhere/config"}).has_kubeconfig
    assert read_place({**home, "KUBECONFIG": f"/nowhere/config:{config}"}).has_kubeconfig


PUBLIC = {
    "this machine": ({}, None),
    "behind TLS": (
        {"AUTHZVIZ_TLS": "true", "AUTHZVIZ_ALLOWED_HOSTS": "authz.example.org,other"},
        "https://authz.example.org",
    ),
    "a whole domain is no address": (
        {"AUTHZVIZ_TLS": "1", "AUTHZVIZ_ALLOWED_HOSTS": ".example.org, *,authz.example.org"},
        "https://authz.example.org",
    ),
    "TLS without a name": ({"AUTHZVIZ_TLS": "yes"}, None),
    "names without TLS": ({"AUTHZVIZ_ALLOWED_HOSTS": "authz.example.org"}, None),
}


@pytest.mark.parametrize(("environ", "url"), PUBLIC.values(), ids=PUBLIC)
def test_the_address_for_people(environ: dict[str, str], url: str | None) -> None:
    assert read_place(environ).public_url == url


LISTENING = {
    "loopback": ("127.0.0.1", "http://127.0.0.1:{}"),
    "every address is reached here": ("0.0.0.0", "http://127.0.0.1:{}"),  # noqa: S104
    "a name": ("localhost", "http://127.0.0.1:{}"),
}


@pytest.mark.parametrize(("bind", "url"), LISTENING.values(), ids=LISTENING)
def test_the_address_on_this_machine(bind: str, url: str) -> None:
    with place.listen(bind, 0) as listening:
        assert place.address(listening) == url.format(listening.getsockname()[1])


def test_an_address_that_this_machine_does_not_have_is_named() -> None:
    with pytest.raises(CannotStart, match=r"AUTHZVIZ_BIND=192\.0\.2\.1 PORT=8000: "):
        place.listen("192.0.2.1", 8000)
