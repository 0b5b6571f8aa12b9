"""Somebody at a running site, as a browser without JavaScript is: cookies, forms, their tokens."""

from __future__ import annotations

import http.client
import re
from dataclasses import dataclass
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urlsplit

_TIMEOUT_SECONDS = 60
_CSRF_COOKIE = "authzviz_csrf"


@dataclass(frozen=True, slots=True)
class Page:
    """What was answered; `location` is where it leads if it is a redirect."""

    status: int
    text: str
    location: str


class Visitor:
    """Signed in with a link from the terminal; each request is on a connection of its own."""

    def __init__(self, link: str) -> None:
        parts = urlsplit(link)
        self.url = f"{parts.scheme}://{parts.netloc}"
        self._address = parts.netloc
        self._cookies: SimpleCookie = SimpleCookie()
        self.get(parts.path)
        assert self.post(parts.path).status == 302

    def get(self, path: str) -> Page:
        """The answer to a GET, redirects not followed."""
        return self._ask("GET", path, None, {})

    def post(self, path: str, **fields: str | list[str]) -> Page:
        """The answer to a form that was sent, as its page would send it."""
        form = {"csrfmiddlewaretoken": self._cookies[_CSRF_COOKIE].value, **fields}
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": self.url,
            "Sec-Fetch-Site": "same-origin",
        }
        return self._ask("POST", path, urlencode(form, doseq=True), headers)

    def _ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Page:
        cookies = "; ".join(f"{key}={morsel.value}" for key, morsel in self._cookies.items())
        connection = http.client.HTTPConnection(self._address, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request(method, path, body, {"Cookie": cookies, **headers})
            answer = connection.getresponse()
            for name, value in answer.getheaders():
                if name.lower() == "set-cookie":
                    self._cookies.load(value)
            text = answer.read().decode()
            return Page(answer.status, text, answer.getheader("Location", ""))
        finally:
            connection.close()


def fields_of(page: Page) -> dict[str, str]:
    """The text fields of a page's forms as they are filled, by their names."""
    return dict(re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page.text))
