"""Plain requests to a lab cluster's apiserver, on connections of their own."""

from __future__ import annotations

import http.client
import json
import ssl
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.lab.pki import Certificate, Credential, Token

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TIMEOUT_SECONDS = 30
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"


class ApiError(Exception):
    """The apiserver answered with a status that the caller did not expect."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the apiserver said: status, content type and body, as served."""

    status: int
    type: str
    body: str
    date: str

    def json(self) -> Any:
        """Return the parsed body; raise ApiError where the status is not 2xx."""
        if not 200 <= self.status < 300:
            raise ApiError(f"{self.status}: {self.body}")
        return json.loads(self.body)


class Api:
    """An apiserver as one credential sees it."""

    def __init__(
        self, url: str, authority: str, credential: Credential, *, user_agent: str = ""
    ) -> None:
        self.url = url
        self._address = urlsplit(url).netloc
        self._context = _tls(authority, credential)
        self._headers: dict[str, str] = {}
        if isinstance(credential, Token):
            self._headers["Authorization"] = f"Bearer {credential.token}"
        if user_agent:
            self._headers["User-Agent"] = user_agent

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        content_type: str = "application/json",
        accept: str = "application/json",
        user: str | None = None,
        groups: Sequence[str] = (),
    ) -> Answer:
        """Return the answer, whatever its status; `user` and `groups` are impersonated.

        Raises OSError or http.client.HTTPException where nobody answers.
        """
        connection = self.connection()
        try:
            connection.putrequest(method, path)
            for name, value in self._request_headers(accept, user, groups):
                connection.putheader(name, value)
            content = b"" if body is None else json.dumps(body).encode()
            connection.putheader("Content-Length", str(len(content)))
            connection.putheader("Content-Type", content_type)
            connection.endheaders(content)
            with connection.getresponse() as response:
                return Answer(
                    response.status,
                    response.getheader("Content-Type", ""),
                    response.read().decode(errors="replace"),
                    response.getheader("Date", ""),
                )
        finally:
            connection.close()

    def connection(self) -> http.client.HTTPSConnection:
        """Return a connection of the caller's own, for many requests; a token is not added."""
        return http.client.HTTPSConnection(
            self._address, timeout=_TIMEOUT_SECONDS, context=self._context
        )

    def get(self, path: str) -> Any:
        return self.request("GET", path).json()

    def delete(self, path: str) -> None:
        self.request("DELETE", path).json()

    def merge(self, path: str, patch: Mapping[str, object]) -> None:
        """Merge the patch into the object at this path (RFC 7386)."""
        self.request("PATCH", path, patch, content_type=MERGE).json()

    def apply(self, objects: Sequence[Mapping[str, Any]]) -> None:
        """Create or change each object in order, by server-side apply."""
        for object_ in objects:
            path = f"{self._path(object_)}?fieldManager=lab&force=true"
            self.request("PATCH", path, object_, content_type=APPLY).json()

    def _path(self, object_: Mapping[str, Any]) -> str:
        """Return the object's path; what is namespaced and how it is spelled is discovered."""
        version, metadata = object_["apiVersion"], object_["metadata"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        for resource in self.get(root)["resources"]:
            if resource["kind"] == object_["kind"] and "/" not in resource["name"]:
                namespace = metadata.get("namespace", "default")
                scope = f"/namespaces/{namespace}" if resource["namespaced"] else ""
                return f"{root}{scope}/{resource['name']}/{metadata['name']}"
        raise ApiError(f"no {object_['kind']} in {version}")

    def _request_headers(
        self, accept: str, user: str | None, groups: Sequence[str]
    ) -> list[tuple[str, str]]:
        headers = [("Accept", accept), *self._headers.items()]
        if user is not None:
            headers.append(("Impersonate-User", user))
        headers.extend(("Impersonate-Group", group) for group in groups)
        return headers


def _tls(authority: str, credential: Credential) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=authority)
    if isinstance(credential, Certificate):
        # OpenSSL takes a client's certificate from a file only.
        with tempfile.NamedTemporaryFile("w", prefix="lab-", suffix=".pem") as file:
            file.write(credential.certificate + credential.key)
            file.flush()
            context.load_cert_chain(file.name)
    return context
