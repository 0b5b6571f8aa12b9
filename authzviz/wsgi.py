"""The web application: `gunicorn authzviz.wsgi`."""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "authzviz.settings")

application = get_wsgi_application()
# What the program is made of stays for good. Walking through it in each full collection cost one
# page in twenty as much time again as the page itself.
_ = get_resolver().url_patterns
gc.collect()
gc.freeze()
