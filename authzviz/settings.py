"""Django's and Celery's settings, from the environment only; each is described in docs/settings.md.

A value that cannot be right stops the start with the name of its variable. Secrets may be given as
a file: NAME_FILE holds its path.
"""

import base64
import ipaddress
import os
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from environ import FileAwareEnv

BASE_DIR = Path(__file__).resolve().parent.parent
_YES = frozenset({"true", "yes", "on", "1"})
_NO = frozenset({"false", "no", "off", "0"})


def _text(name: str, default: str = "") -> str:
    """The variable `name`, or the content of the file that NAME_FILE names.

    Not read by django-environ's own methods, which take a leading $ for a reference to another
    variable, and an unknown word for False.
    """
    try:
        return str(FileAwareEnv.ENVIRON.get(name, default)).strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE can't be read: {error}") from error


def _flag(name: str, *, default: bool) -> bool:
    """The yes or no in the variable `name`."""
    value = _text(name).lower()
    if value and value not in _YES | _NO:
        raise ImproperlyConfigured(f"{name} is {value!r}: it has to be true or false")
    return value in _YES if value else default


def _words(name: str) -> list[str]:
    """What the variable `name` lists, separated by commas or spaces."""
    return _text(name).replace(",", " ").split()


def _data_directory() -> Path:
    """The directory that keeps everything between runs, made for its owner alone."""
    path = Path(_text("AUTHZVIZ_DATA", str(BASE_DIR / "data"))).expanduser().resolve()
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def _kept_secret(path: Path, fresh: str) -> str:
    """The secret kept in `path`, made there on first start.

    Written aside and then linked, which fails where the name exists: of processes that start
    together one wins, and nobody reads half a file.
    """
    if not path.exists():
        aside = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(fresh)
        try:
            os.link(aside, path)
        except FileExistsError:
            pass
        finally:
            aside.unlink()
    kept = path.read_text().strip()
    if not kept:
        raise ImproperlyConfigured(f"{path} is empty: restore it from a backup")
    return kept


def _bounded(name: str, default: int, low: int, high: int) -> int:
    """The number in the variable `name`, which has to lie between `low` and `high`."""
    try:
        value = int(_text(name, str(default)))
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {_text(name)!r}: it has to be a number") from None
    if not low <= value <= high:
        raise ImproperlyConfigured(f"{name} is {value}: it has to be between {low} and {high}")
    return value


def _credentials_keys(data: Path) -> tuple[bytes, ...]:
    """The keys that seal credentials, 32 bytes each: the first seals, all of them open."""
    name = "AUTHZVIZ_CREDENTIALS_KEYS"
    fresh = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    given = _text(name) or _kept_secret(data / "credentials.key", fresh)
    keys = []
    for number, text in enumerate(given.replace(",", " ").split(), start=1):
        try:
            key = base64.urlsafe_b64decode(text)
        except ValueError:
            key = b""
        if len(key) != 32:
            raise ImproperlyConfigured(f"{name}: key {number} is not base64url of 32 bytes")
        keys.append(key)
    return tuple(keys)


def _networks(name: str) -> tuple[str, ...]:
    """The networks in the variable `name`, in CIDR notation."""
    networks = _words(name)
    for network in networks:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            raise ImproperlyConfigured(f"{name}: {network!r} is no network ({error})") from error
    return tuple(networks)


def _is_loopback(bind: str) -> bool:
    """True where `bind` is an address that only this machine reaches."""
    host = bind.strip("[]")
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _redis_url(data: Path) -> str:
    """Where the broker is: a server's URL, or the embedded one's socket."""
    socket = f"redis+socket://{data / 'broker.sock'}?virtual_host=0"
    url = _text("REDIS_URL", socket)
    if not url.startswith(("redis://", "rediss://", "redis+socket://")):
        raise ImproperlyConfigured(
            "REDIS_URL has to start with redis://, rediss:// or redis+socket://"
        )
    return url


# Where it runs
DATA = _data_directory()
AUTHZVIZ_BIND = _text("AUTHZVIZ_BIND", "127.0.0.1")
DEBUG = _flag("AUTHZVIZ_DEBUG", default=False)
AUTHZVIZ_TLS = _flag("AUTHZVIZ_TLS", default=False)
AUTHZVIZ_TRUSTED_PROXY = _flag("AUTHZVIZ_TRUSTED_PROXY", default=False)
# Whoever started it sits at this machine: its clusters on loopback and its kubeconfig are theirs.
# Not where anything says that others come through a proxy.
AUTHZVIZ_LOCAL = _flag(
    "AUTHZVIZ_LOCAL",
    default=_is_loopback(AUTHZVIZ_BIND)
    and not (AUTHZVIZ_TLS or AUTHZVIZ_TRUSTED_PROXY or _words("AUTHZVIZ_ALLOWED_HOSTS")),
)
if AUTHZVIZ_LOCAL and not _is_loopback(AUTHZVIZ_BIND):
    raise ImproperlyConfigured(
        f"AUTHZVIZ_LOCAL is on while AUTHZVIZ_BIND is {AUTHZVIZ_BIND}: others could reach this "
        "machine's own services through it. Turn one of them off."
    )
ALLOWED_HOSTS = [
    *_words("AUTHZVIZ_ALLOWED_HOSTS"),
    *(["127.0.0.1", "localhost", "[::1]"] if _is_loopback(AUTHZVIZ_BIND) else []),
]
if not ALLOWED_HOSTS:
    raise ImproperlyConfigured(
        f"AUTHZVIZ_ALLOWED_HOSTS is needed where AUTHZVIZ_BIND is {AUTHZVIZ_BIND}: "
        "the names under which people reach this server"
    )

# Secrets
SECRET_KEY = _text("AUTHZVIZ_SECRET_KEY") or _kept_secret(
    DATA / "secret.key", secrets.token_urlsafe(50)
)
if len(SECRET_KEY) < 32:
    raise ImproperlyConfigured("AUTHZVIZ_SECRET_KEY has to have at least 32 characters")
SECRET_KEY_FALLBACKS = _words("AUTHZVIZ_SECRET_KEY_FALLBACKS")
CREDENTIALS_KEYS = _credentials_keys(DATA)

# Reading clusters
CLUSTER_CIDRS = _networks("AUTHZVIZ_CLUSTER_CIDRS")
ALLOW_INSECURE_TLS = _flag("AUTHZVIZ_ALLOW_INSECURE_TLS", default=False)
# When this process began: it can't know yet who does his work.
STARTED_AT = datetime.now(UTC)
POLL_INTERVAL_SECONDS = _bounded("AUTHZVIZ_POLL_INTERVAL", 60, 10, 86_400)
POLL_DEADLINE_SECONDS = _bounded("AUTHZVIZ_POLL_DEADLINE", 30, 5, 300)
# An uploaded audit log is read as it arrives, and not kept: this bounds the time that takes.
AUDIT_LOG_MB = _bounded("AUTHZVIZ_AUDIT_LOG_MB", 2_048, 1, 1_048_576)

# Tickets
SEND_TICKETS = _flag("AUTHZVIZ_SEND_TICKETS", default=True)
TRACKER_CIDRS = _networks("AUTHZVIZ_TRACKER_CIDRS")
WEBHOOK_CIDRS = _networks("AUTHZVIZ_WEBHOOK_CIDRS")

# Database
DATABASES = {
    "default": FileAwareEnv.db_url_config(
        _text("DATABASE_URL", f"sqlite:///{DATA / 'authzviz.sqlite3'}")
    )
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Without WAL and immediate transactions sixteen threads get "database is locked" in no time.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA secure_delete=ON;"
        ),
    }
    # A file, not memory: tests look at it from several threads and processes.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA / "test.sqlite3")}
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# In the database, as the broker may be lost at any moment and the limits on sign-in must hold.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "dashboard_cacheentry",
    }
}

# Application
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "allauth",
    "allauth.account",
    "django_htmx",
    "template_partials",
    "dashboard",
]
MIDDLEWARE = [
    "dashboard.middleware.security_headers",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "dashboard.middleware.sign_in_on_a_page_of_its_own",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "dashboard.middleware.HiddenIsUnknown",
    "allauth.account.middleware.AccountMiddleware",
]
ROOT_URLCONF = "authzviz.urls"
WSGI_APPLICATION = "authzviz.wsgi.application"
_PARSED_ONCE = (
    "django.template.loaders.cached.Loader",
    ["dashboard.template_loader.Loader", "django.template.loaders.app_directories.Loader"],
)
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [("template_partials.loader.Loader", [_PARSED_ONCE])],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
STATIC_URL = "/static/"
# Served from where the packages keep them, so that nothing has to be collected before a start.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

# People
AUTH_USER_MODEL = "dashboard.User"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "fleet"
ACCOUNT_ADAPTER = "dashboard.account_adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_NOTIFICATIONS = False
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/5m/key",
    "change_password": "5/m/user",
}

# Cookies and headers
SESSION_COOKIE_NAME = "authzviz_session"
SESSION_COOKIE_AGE = 14 * 86_400
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = AUTHZVIZ_TLS
CSRF_COOKIE_NAME = "authzviz_csrf"
CSRF_COOKIE_SECURE = AUTHZVIZ_TLS
CSRF_COOKIE_HTTPONLY = True
CSRF_TRUSTED_ORIGINS = (
    [f"https://{'*' if host.startswith('.') else ''}{host}" for host in ALLOWED_HOSTS]
    if AUTHZVIZ_TLS
    else []
)
SECURE_HSTS_SECONDS = 31_536_000 if AUTHZVIZ_TLS else 0
SECURE_SSL_REDIRECT = AUTHZVIZ_TLS and AUTHZVIZ_TRUSTED_PROXY
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if AUTHZVIZ_TRUSTED_PROXY else None
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if AUTHZVIZ_TRUSTED_PROXY else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# In the format of Django 6, whose own middleware replaces ours one day.
SECURE_CSP = {
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "img-src": ["'self'", "data:"],
    "font-src": ["'self'"],
    "connect-src": ["'self'"],
    "form-action": ["'self'"],
    "base-uri": ["'none'"],
    "frame-ancestors": ["'none'"],
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 3 * 2**20
FILE_UPLOAD_HANDLERS = ["dashboard.uploading.CappedUploadHandler"]
FILE_UPLOAD_MAX_MEMORY_SIZE = 8 * 2**20

# Celery: the database owns the work, the broker only makes it prompt.
CELERY_BROKER_URL = _redis_url(DATA)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3_600,
    # Who clicks while the broker is down waits for one try more, not for six seconds.
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.2,
    "interval_max": 0.2,
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_ENABLE_UTC = True
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA / "beat-schedule")
CELERY_BEAT_SCHEDULE = {
    "dispatch what is due": {
        "task": "dashboard.tasks.dispatch",
        "schedule": 5.0,
        "options": {"expires": 5.0},
    },
    "clean up": {
        "task": "dashboard.tasks.clean_up",
        "schedule": 600.0,
        "options": {"expires": 600.0},
    },
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"redact": {"()": "dashboard.logs.Redact"}},
    "formatters": {"json": {"()": "dashboard.logs.JsonLines"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "stream": sys.stderr,
            "filters": ["redact"],
            "formatter": "json",
        }
    },
    # Two lines for each task, every five seconds, would bury what matters.
    "loggers": {
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
    },
    "root": {
        "handlers": ["stderr"],
        "level": _text("AUTHZVIZ_LOG_LEVEL", "INFO").upper(),
    },
}
