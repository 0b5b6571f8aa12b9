"""The programs of authzviz, and the order in which they come up."""

import contextlib
import http.client
import os
import shlex
import socket
import sys
from pathlib import Path

from authzviz.supervisor import broker, logfile, place
from authzviz.supervisor.place import CHECKOUT, CannotStart, Place
from authzviz.supervisor.program import Program
from authzviz.supervisor.signals import Signals
from authzviz.supervisor.supervision import EndRequested, Errand, Supervisor

DRAIN_SECONDS = 30.0
BROKER_SECONDS = 15.0
MIGRATE_SECONDS = 3600.0
PAGE_SECONDS = 60.0
FOREVER = float("inf")


def main() -> int:
    """Run the site until someone ends it; return the exit status."""
    os.umask(0o077)  # the database, keys and logs are nobody else's
    try:
        where = place.read_place(os.environ)
        with place.take(where.data) as lock, place.listen(where.bind, where.port) as listening:
            place.note_holder(lock, place.address(listening))
            return _run(where, listening)
    except CannotStart as error:
        print(f"authzviz cannot start. {error}", file=sys.stderr)
        return 1


def say(line: str) -> None:
    """Print a line at once; a terminal that is gone is no reason to end."""
    with contextlib.suppress(OSError):
        print(line, flush=True)


def _run(where: Place, listening: socket.socket) -> int:
    logs = where.data / "logs"
    logs.mkdir(mode=0o700, exist_ok=True)
    site = Site(where, listening)
    with Signals() as signals:
        supervisor = Supervisor(site.programs, logs=logs, signals=signals, say=say)
        try:
            start(site, supervisor)
            supervisor.wait(lambda: False, seconds=FOREVER)
        except EndRequested:
            say("Ending; running polls have up to 30 s. Ctrl-C again ends all at once.")
            return 0
        except CannotStart as error:
            say(f"authzviz cannot start. {error}")
            return 1
        finally:
            supervisor.end()
            say("Ended.")
    return 0


class Site:
    """What runs in one place: the broker if it is ours, worker, scheduler and web server."""

    def __init__(self, where: Place, listening: socket.socket) -> None:
        self.where = where
        self.address = place.address(listening)
        self.socket: Path | None = None
        self.people_at = where.public_url or self.address
        self.environment = {
            "AUTHZVIZ_DATA": str(where.data),
            "AUTHZVIZ_BIND": where.bind,
            "PORT": str(listening.getsockname()[1]),
            "DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE", "authzviz.settings"),
            "PYTHONUNBUFFERED": "1",
        }
        if not where.brings_broker:
            self.socket = broker.socket_path(where.data)
            self.environment["REDIS_URL"] = broker.url(self.socket)
        self.programs = self._programs(listening.fileno())

    def _programs(self, listening: int) -> tuple[Program, ...]:
        celery = ("-m", "celery", "-A", "authzviz.celery")
        worker = self._python(
            "worker",
            *(*celery, "worker", "--pool", "threads", "--concurrency", "16"),
            *("--without-gossip", "--without-mingle", "--loglevel", "INFO"),
            drain_seconds=DRAIN_SECONDS,
            memory_limit=self.where.worker_memory,
        )
        schedule = str(self.where.data / "beat-schedule")
        beat = self._python("scheduler", *celery, "beat", "--schedule", schedule)
        web = self._python(
            *("web", "-m", "gunicorn", "--config", "python:authzviz.supervisor.web"),
            *("--bind", f"fd://{listening}"),
            drain_seconds=10.0,
            pass_fds=(listening,),
        )
        if self.socket is None:
            return (worker, beat, web)
        return (
            broker.program(broker.find_server(), self.where.data, self.socket),
            worker,
            beat,
            web,
        )

    def manage(self, command: str, *arguments: str) -> Program:
        """Return a management command as a program."""
        return self._python(command, str(CHECKOUT / "manage.py"), command, *arguments)

    def _python(
        self,
        name: str,
        *arguments: str,
        drain_seconds: float = 5.0,
        memory_limit: int | None = None,
        pass_fds: tuple[int, ...] = (),
    ) -> Program:
        return Program(
            name,
            (sys.executable, *arguments),
            environment=self.environment,
            directory=str(CHECKOUT),
            drain_seconds=drain_seconds,
            memory_limit=memory_limit,
            pass_fds=pass_fds,
        )


def start(site: Site, supervisor: Supervisor) -> None:
    """Bring the site up and say where it is. Raises CannotStart, or EndRequested from a wait."""
    say(f"authzviz keeps its data in {site.where.data}, and the output of its programs in its logs")
    if site.socket is not None:
        socket_ = site.socket
        supervisor.start("broker")
        if not supervisor.wait(lambda: broker.answers(socket_), seconds=BROKER_SECONDS, step=0.02):
            raise CannotStart(_because("The broker does not answer.", supervisor.log_of("broker")))
    _errand(supervisor, site.manage("migrate", "--noinput"), MIGRATE_SECONDS)
    supervisor.start("web")
    link = supervisor.send(site.manage("sign_in_link", "--base-url", site.people_at))
    sample = None
    if not site.where.has_kubeconfig:
        sample = supervisor.send(site.manage("load_sample", "--if-empty"))
    page_answers = supervisor.wait(lambda: is_alive(site.address), seconds=PAGE_SECONDS, step=0.05)
    # Last: they have time, the person at the browser has not.
    supervisor.start("worker")
    supervisor.start("scheduler")
    if not page_answers:
        say(_because("The page does not answer yet.", supervisor.log_of("web")))
    _say_sample(supervisor, sample)
    _say_link(site, supervisor, link)


def _errand(supervisor: Supervisor, program: Program, seconds: float) -> None:
    errand = supervisor.send(program)
    supervisor.wait(errand.is_done, seconds=seconds, step=0.5)
    status, _ = errand.result()
    if status:
        raise CannotStart(_because(f"{program.name} failed.", errand.log))


def _say_sample(supervisor: Supervisor, sample: Errand | None) -> None:
    if sample is None:
        return
    supervisor.wait(sample.is_done, seconds=PAGE_SECONDS)
    status, summary = sample.result()
    if status:
        say(_because("The sample fleet could not be loaded.", sample.log))
    elif summary:
        say(summary)


def _say_link(site: Site, supervisor: Supervisor, link: Errand) -> None:
    supervisor.wait(link.is_done, seconds=PAGE_SECONDS)
    status, url = link.result()
    say(f"The dashboard: {site.people_at}/")
    if status or not url:
        say(_because("No sign-in link could be made.", link.log))
    else:
        say(f"sign-in link: {url}")
    say(f"It works once. Another one: {_another_link(site)}")
    if not place.is_loopback(site.where.bind):
        say("Other machines reach this: put a TLS proxy before it, see docs/operating.md")
    say("Ctrl-C ends everything; the data stays.")


def _another_link(site: Site) -> str:
    """Return the command for another link, as typed from here."""
    variables = []
    if site.where.data != CHECKOUT / "data":
        variables.append(f"AUTHZVIZ_DATA={shlex.quote(str(site.where.data))}")
    command = [sys.executable, "manage.py", "sign_in_link", "--base-url", site.people_at]
    with contextlib.suppress(ValueError):
        command[0] = str(Path(sys.executable).relative_to(CHECKOUT))
    return " ".join([*variables, *map(shlex.quote, command)])


def is_alive(address: str) -> bool:
    """Tell whether the web server answers its health URL, if only with a redirect to its proxy or
    a refusal of the name of this machine."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=2)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _because(sentence: str, log: Path) -> str:
    """Return the sentence with what the program said last, and where the rest is."""
    return "\n".join([sentence, *(f"    {line}" for line in logfile.tail(log, 12)), f"    ({log})"])
