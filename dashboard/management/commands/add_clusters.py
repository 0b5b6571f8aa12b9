"""`manage.py add_clusters FILE...`: every context of many kubeconfigs, added at once."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from dashboard.models import User
from dashboard.services import adding_many, clusters, uploads
from dashboard.services.adding_many import State, Wishes
from dashboard.visible import visible

_SHORTEST, _LONGEST = 10, 86_400


class Command(BaseCommand):
    """Add clusters as "Add clusters" does, for many files."""

    help = "Add every context of these kubeconfigs; exits with 1 where one was refused."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the files, and how their clusters are to be read."""
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument(
            "--interval",
            type=int,
            default=settings.POLL_INTERVAL_SECONDS,
            help="read them every so many seconds (default %(default)s)",
        )
        parser.add_argument(
            "--label", action="append", default=[], metavar="K=V", help="may be repeated"
        )
        parser.add_argument(
            "--as",
            dest="username",
            default="",
            metavar="USERNAME",
            help="who is to stand in the records as having added them",
        )
        parser.add_argument(
            "--even-if-unreachable", action="store_true", help="add also what does not answer"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="test the connections and add nothing"
        )

    def handle(self, *_args: str, files: list[Path], **options: Any) -> None:
        """Print a line for each context, and how many were added, skipped and refused."""
        wishes = Wishes(
            interval_seconds=_interval(options["interval"]),
            labels=_labels(options["label"]),
            even_if_unreachable=options["even_if_unreachable"],
            is_trial=options["dry_run"],
        )
        texts = [(str(file), _text_of(file)) for file in files]
        counts: Counter[State] = Counter()
        for outcome in adding_many.add_all(texts, wishes, actor=_actor(options["username"])):
            counts[outcome.state] += 1
            where = f"{outcome.file}: {outcome.context}" if outcome.context else outcome.file
            state = _trial(outcome.state) if wishes.is_trial else outcome.state
            self.stdout.write(" ".join(visible(f"{where}: {state}: {outcome.words}").split("\n")))
        added = "would be added" if wishes.is_trial else "added"
        self.stdout.write(
            f"{counts[State.ADDED]} {added}, {counts[State.SKIPPED]} skipped,"
            f" {counts[State.REFUSED]} refused"
        )
        if counts[State.REFUSED]:
            raise SystemExit(1)


def _trial(state: State) -> str:
    return "would be added" if state is State.ADDED else state


def _interval(seconds: int) -> int:
    if not _SHORTEST <= seconds <= _LONGEST:
        raise CommandError(f"--interval: from {_SHORTEST} to {_LONGEST} seconds")
    return seconds


def _labels(given: list[str]) -> dict[str, str]:
    try:
        return clusters.parse_labels("\n".join(given))
    except clusters.ClusterError as error:
        raise CommandError(f"--label: {error}") from error


def _actor(username: str) -> User | None:
    """Who is said to add them; must be someone who could on the page."""
    if not username:
        return None
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None or not user.may_change:
        raise CommandError(f"--as: no active user {username!r} who may add clusters")
    return user


def _text_of(file: Path) -> str:
    """The file's text, at most a little more than a kubeconfig may have."""
    try:
        with file.open("rb") as opened:
            return opened.read(uploads.MAX_BYTES + 1).decode()
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{file}: not a text") from error
