"""Many SubjectAccessReviews, a few at once on connections that are kept: the apiserver as judge."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.lab.api import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from http.client import HTTPSConnection

    from authzviz.engine.identity import Identity
    from authzviz.engine.request import Request
    from tests.lab.api import Api

_PATH = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
_WORKERS = 4


@dataclass(frozen=True, slots=True)
class Answer:
    """What the apiserver decided; `is_denied` only where an authorizer stopped the others."""

    is_allowed: bool
    is_denied: bool
    reason: str


def review_all(
    api: Api, asked: Sequence[tuple[Identity, Request]], *, workers: int = _WORKERS
) -> list[Answer]:
    """Return the apiserver's decision on each, in order; raise ApiError where one is refused."""
    shares = [asked[start::workers] for start in range(workers)]
    reviews: list[Answer | None] = [None] * len(asked)
    with ThreadPoolExecutor(workers) as pool:
        for start, share in enumerate(pool.map(lambda each: [*_review(api, each)], shares)):
            reviews[start::workers] = share
    return [review for review in reviews if review]


def _review(api: Api, asked: Sequence[tuple[Identity, Request]]) -> Iterator[Answer]:
    with closing(api.connection()) as connection:
        for identity, request in asked:
            yield ask(connection, identity, request)


def ask(connection: HTTPSConnection, identity: Identity, request: Request) -> Answer:
    """Return the apiserver's decision; one connection serves many. Raises ApiError."""
    body = json.dumps({"spec": spec_of(identity, request)})
    connection.request("POST", _PATH, body, {"Content-Type": "application/json"})
    with connection.getresponse() as response:
        answer = response.read()
    if response.status != 201:
        raise ApiError(f"{response.status}: {answer.decode()}")
    status = json.loads(answer)["status"]
    return Answer(status["allowed"], status.get("denied", False), status.get("reason", ""))


def spec_of(identity: Identity, request: Request) -> dict[str, Any]:
    """Return the spec of the SubjectAccessReview that asks for this."""
    spec: dict[str, Any] = {"user": identity.user, "groups": list(identity.groups)}
    if request.path:
        return spec | {"nonResourceAttributes": {"path": request.path, "verb": request.verb}}
    attributes: dict[str, Any] = {
        "verb": request.verb,
        "group": request.group,
        "resource": request.resource,
        "subresource": request.subresource,
        "namespace": request.namespace,
        "name": request.name,
    }
    if request.field_selector:
        attributes["fieldSelector"] = {"rawSelector": request.field_selector}
    return spec | {"resourceAttributes": attributes}
