"""Headers that every answer carries, and domain errors as answers."""

from collections.abc import Callable

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse

from dashboard.services.access import NotVisible

Handler = Callable[[HttpRequest], HttpResponse]

_POLICY = "; ".join(f"{name} {' '.join(values)}" for name, values in settings.SECURE_CSP.items())
_PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


def security_headers(get_response: Handler) -> Handler:
    """A middleware that sets SECURE_CSP (in the format of Django 6) and switches off what no page
    needs.
    """

    def handle(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", _POLICY)
        response.headers.setdefault("Permissions-Policy", _PERMISSIONS)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if request.user.is_authenticated if hasattr(request, "user") else False:
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    return handle


class HiddenIsUnknown:
    """A middleware that answers 404 for what someone may not see, as for what does not exist."""

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_exception(self, _request: HttpRequest, error: Exception) -> None:
        """Turn the services' NotVisible into Django's Http404."""
        if isinstance(error, NotVisible):
            raise Http404 from error
