"""`manage.py sign_in_link`: a one-time link, and the first admin where there is none."""

import os
from argparse import ArgumentParser

from django.core.management.base import BaseCommand
from django.urls import reverse

from dashboard.services import accounts


class Command(BaseCommand):
    """Print a link that signs the first admin in once within an hour."""

    help = "Print a one-time sign-in link; makes the first admin where there is none."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add --base-url."""
        default = f"http://127.0.0.1:{os.environ.get('PORT', '8000')}"
        parser.add_argument("--base-url", default=default, help="where people reach this server")

    def handle(self, *_args: str, base_url: str, **_options: object) -> None:
        """Print the link and nothing else."""
        _, token = accounts.sign_in_token()
        self.stdout.write(base_url.rstrip("/") + reverse("sign_in_link", args=(token,)))
