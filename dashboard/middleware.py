"""Headers that every answer carries, and domain errors as answers."""

from collections.abc import Callable

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse_lazy

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
        user = getattr(request, "user", None)
        if user is not None and user.is_authenticated:
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    return handle


def sign_in_on_a_page_of_its_own(get_response: Handler) -> Handler:
    """A middleware that tells the page of a session that ended, where htmx would get the sign-in
    page as a part of it: what is shown stays, and a link leads to signing in (live.js).
    """
    sign_in = reverse_lazy(settings.LOGIN_URL)

    def handle(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        target = response.headers.get("Location", "")
        if "HX-Request" in request.headers and target.startswith(f"{sign_in}?"):
            return HttpResponse(status=204, headers={"HX-Trigger": "signed-out"})
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
