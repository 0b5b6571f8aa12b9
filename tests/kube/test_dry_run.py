"""NodeRestriction's dry run: what its answers mean, and that nobody is asked without leave."""

from __future__ import annotations

from typing import Any

import pytest

from authzviz.engine.model import Outcome, Read
from authzviz.kube.connection import Question
from tests.kube.reading import collected
from tests.replay import Post, Replay, Reply, json_reply, replay, status_reply

NODE = "v1.37.2-node-authorizer"
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
ON = (
    'leases.coordination.k8s.io "x" is forbidden: can only access node lease with the same name'
    " as the requesting node"
)
REFUSED = (
    'leases.coordination.k8s.io is forbidden: User "system:node:x" cannot create resource "leases"'
)
NOT_ALLOWED = (
    'users "system:node:x" is forbidden: User "reader" cannot impersonate resource "users"'
)
STORED = (201, {"Content-Type": "application/json"}, b'{"kind":"Lease"}')


def said(text: str, status: int = 403) -> Reply:
    return status_reply(status, LEASES, text)


def restriction(
    answer: Any, version: str = "v1.28.15", *, may: bool = True, may_anyone: bool = False
) -> tuple[Read[bool] | None, Replay]:
    answers = {"/version": json_reply({"gitVersion": version})}
    posts: dict[str, Any] = {LEASES: answer}
    if may_anyone:
        posts[REVIEWS] = lambda post: json_reply({**post.body, "status": {"allowed": True}})
    with replay(NODE, replace=answers, posts=posts) as server:
        snapshot = collected(server, asking={"may_impersonate": may})
    (found,) = snapshot.apiservers.value or ()
    assert found.observed is not None
    return found.observed.restriction, server


def leases(server: Replay) -> list[Post]:
    return [post for post in server.posts if post.path == LEASES]


MEANINGS: dict[str, tuple[Reply, Outcome, bool | None, str]] = {
    "refused for its name: on": (said(ON), Outcome.OK, True, ""),
    "let through: off": (STORED, Outcome.OK, False, ""),
    "a webhook that knows no dry run comes later: off": (
        said("admission webhook does not support dry run", 400),
        Outcome.OK,
        False,
        "",
    ),
    "refused by authorizers": (said(REFUSED), Outcome.FAILED, None, "before NodeRestriction"),
    "no right to impersonate": (said(NOT_ALLOWED), Outcome.FORBIDDEN, None, "cannot impersonate"),
    "broken": (said("boom", 500), Outcome.FAILED, None, "answered 500: boom"),
}


@pytest.mark.parametrize(("answer", "outcome", "is_on", "why"), MEANINGS.values(), ids=MEANINGS)
def test_an_answer_has_one_meaning(
    answer: Reply, outcome: Outcome, is_on: bool | None, why: str
) -> None:
    read, server = restriction(answer)

    assert read is not None
    assert (read.outcome, read.value) == (outcome, is_on)
    assert why in read.why
    (post,) = leases(server)
    assert post.query == {"dryRun": "All"}
    user = post.headers["Impersonate-User"]
    assert user.startswith("system:node:authzviz-")
    assert post.body["metadata"]["name"] != user.removeprefix("system:node:")
    assert post.headers["Impersonate-Group"] == "system:nodes"


def test_without_leave_nobody_is_impersonated() -> None:
    read, server = restriction(STORED, may=False)

    assert read is None
    assert leases(server) == []
    assert not any(name.startswith("Impersonate") for post in server.posts for name in post.headers)


def test_with_leave_nothing_else_is_asked_as_somebody_else() -> None:
    _, server = restriction(said(ON))

    others = [post for post in server.posts if post.path != LEASES]
    assert others
    assert not any(name.startswith("Impersonate") for post in others for name in post.headers)
    assert Question.LEASE_DRY_RUN.value == f"{LEASES}?dryRun=All"


@pytest.mark.parametrize("version", ["v1.13.12", "v1.7.0"])
def test_no_dry_run_is_tried_where_it_might_be_stored(version: str) -> None:
    read, server = restriction(STORED, version)

    assert read is not None
    assert (read.outcome, leases(server)) == (Outcome.FAILED, [])


def by_group(alone: Reply, with_group: Reply) -> Any:
    return lambda post: with_group if "Impersonate-Group" in post.headers else alone


SINCE_1_36: dict[str, tuple[Reply, Reply, Outcome, bool | None, int]] = {
    "as any node: on": (said(ON), said(NOT_ALLOWED), Outcome.OK, True, 1),
    "as any node: off": (STORED, said(NOT_ALLOWED), Outcome.OK, False, 2),
    "as a user of the group: on": (said(REFUSED), said(ON), Outcome.OK, True, 2),
    "a mere user's success tells nothing": (STORED, said(ON), Outcome.OK, True, 2),
    "as a user of the group: off": (said(REFUSED), STORED, Outcome.OK, False, 2),
    "neither": (said(NOT_ALLOWED), said(NOT_ALLOWED), Outcome.FORBIDDEN, None, 1),
    "no group": (said(REFUSED), said(NOT_ALLOWED), Outcome.FORBIDDEN, None, 2),
}


@pytest.mark.parametrize(
    ("alone", "with_group", "outcome", "is_on", "times"), SINCE_1_36.values(), ids=SINCE_1_36
)
def test_since_1_36_a_node_is_impersonated_without_its_group(
    alone: Reply, with_group: Reply, outcome: Outcome, is_on: bool | None, times: int
) -> None:
    read, server = restriction(by_group(alone, with_group), "v1.37.2")

    assert read is not None
    assert (read.outcome, read.value, len(leases(server))) == (outcome, is_on, times)


def test_where_a_mere_user_may_have_the_lease_his_success_tells_nothing() -> None:
    read, _ = restriction(by_group(STORED, said(NOT_ALLOWED)), "v1.37.2", may_anyone=True)

    assert read is not None
    assert (read.outcome, read.value) == (Outcome.FORBIDDEN, None)


def test_words_of_anything_but_nodes_admission_are_no_refusal_of_it() -> None:
    text = 'admission webhook "x" denied the request: can only access node lease with the same name'

    read, _ = restriction(said(text))

    assert read is not None
    assert (read.outcome, read.value) == (Outcome.FAILED, None)


NEEDED = {
    "one node alone": (
        "v1.37.2",
        (
            "impersonate:arbitrary-node nodes.authentication.k8s.io authzviz-probe and"
            " impersonate-on:arbitrary-node:create leases.coordination.k8s.io in kube-node-lease"
        ),
    ),
    "its whole group, before 1.36": (
        "v1.35.0",
        "impersonate users system:node:authzviz-probe and impersonate groups system:nodes",
    ),
}


@pytest.mark.parametrize(("version", "permission"), NEEDED.values(), ids=NEEDED)
def test_it_names_the_permissions_that_the_least_role_holds(version: str, permission: str) -> None:
    read, _ = restriction(said(NOT_ALLOWED), version)

    assert read is not None
    assert read.permission == permission
