"""`manage.py rotate_credentials_key`: seal all stored credentials with the first key."""

from django.core.management.base import BaseCommand, CommandError

from dashboard.models import Cluster, Tracker
from dashboard.services import reading, trackers
from dashboard.services.sealing import SealError


class Command(BaseCommand):
    """Seal anew what another key than the first has sealed."""

    help = "Seal all credentials with the first of AUTHZVIZ_CREDENTIALS_KEYS."

    def handle(self, *_args: str, **_options: object) -> None:
        """Print how many were sealed anew; fails where some can't be opened, after the others."""
        sealed, failed = 0, []
        for cluster in Cluster.objects.exclude(credentials=None):
            try:
                sealed += reading.reseal(cluster)
            except reading.ReadError:
                failed.append(cluster.name)
        for tracker in Tracker.objects.exclude(credentials=None):
            try:
                sealed += trackers.reseal(tracker)
            except SealError:
                failed.append(tracker.name)
        self.stdout.write(f"{sealed} sealed anew")
        if failed:
            raise CommandError(f"no key opens the credentials of: {', '.join(failed)}")
