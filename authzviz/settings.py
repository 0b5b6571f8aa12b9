"""Django's settings; from the environment only."""

SECRET_KEY = "not a secret: nothing is served yet"  # noqa: S105
INSTALLED_APPS: list[str] = []
USE_TZ = True
