"""The app's place in Django."""

from django.apps import AppConfig
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created


class DashboardConfig(AppConfig):
    """The dashboard; its label is part of every table's name."""

    name = "dashboard"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have every connection to a database set up."""
        connection_created.connect(_set_up)


def _set_up(connection: BaseDatabaseWrapper, **_: object) -> None:
    if connection.vendor == "postgresql":
        from dashboard import nul  # with its client, which SQLite has no need of

        nul.keep_out(connection)
