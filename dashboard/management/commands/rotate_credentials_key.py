"""`manage.py rotate_credentials_key`: seal all stored credentials with the first key."""

from django.core.management.base import BaseCommand, CommandError

from authzviz.engine.phrases import counted
from dashboard.models import Cluster, Tracker
from dashboard.services import reading, trackers
from dashboard.services.sealing import SealError
from dashboard.visible import visible


class Command(BaseCommand):
    """Seal anew what another key than the first has sealed."""

    help = "Seal all credentials with the first of AUTHZVIZ_CREDENTIALS_KEYS."

    def handle(self, *_args: str, **_options: object) -> None:
        """Print how many were sealed anew; fails where some can't be opened, after the others."""
        clusters, tracked, failed = 0, 0, []
        for cluster in Cluster.objects.exclude(credentials=None):
            try:
                clusters += reading.reseal(cluster)
            except reading.ReadError:
                failed.append(visible(cluster.name))
        for tracker in Tracker.objects.exclude(credentials=None):
            try:
                tracked += trackers.reseal(tracker)
            except SealError:
                failed.append(visible(tracker.name))
        self.stdout.write(
            f"sealed anew: the credentials of {counted(clusters, 'cluster')}"
            f" and {counted(tracked, 'tracker')}"
        )
        if failed:
            raise CommandError(f"no key opens the credentials of: {', '.join(failed)}")
