"""The web application: `gunicorn authzviz.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "authzviz.settings")

application = get_wsgi_application()
