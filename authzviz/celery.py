"""The Celery application: `celery -A authzviz.celery worker -P threads`, and `… beat`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "authzviz.settings")

app = Celery("authzviz")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
