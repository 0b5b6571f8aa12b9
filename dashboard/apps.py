"""The app's place in Django."""

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """The dashboard; its label is part of every table's name."""

    name = "dashboard"
    default_auto_field = "django.db.models.BigAutoField"
