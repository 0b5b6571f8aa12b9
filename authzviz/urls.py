"""Every address of the server."""

from django.urls import URLPattern, URLResolver

from authzviz.celery import app as celery_app

__all__ = ["celery_app", "urlpatterns"]  # the web server sends its tasks through this app

urlpatterns: list[URLPattern | URLResolver] = []
