"""`manage.py load_sample`: the sample fleet of recorded clusters."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand

from dashboard.services import clusters, samples


class Command(BaseCommand):
    """Add the recorded clusters that are not there yet."""

    help = "Add the sample fleet, marked as recorded; safe to run again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add --if-empty and --directory."""
        parser.add_argument(
            "--if-empty", action="store_true", help="only where no cluster is or ever was"
        )
        parser.add_argument("--directory", type=Path, default=samples.DIRECTORY)

    def handle(self, *_args: str, if_empty: bool, directory: Path, **_options: object) -> None:
        """Print how many were added, or nothing."""
        if if_empty and clusters.has_ever_had_any():
            return
        added = samples.load(directory)
        if added:
            self.stdout.write(f"{added} recorded clusters added: a sample fleet.")
