"""What is asked about kubelets and ourselves, and what becomes of the answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from authzviz.engine import probes
from authzviz.engine.assessment import Switch
from authzviz.engine.model import Observed, Outcome, Read, Review, Snapshot
from authzviz.engine.told import told_by
from authzviz.kube.collect import collect
from authzviz.kube.connection import Connection, Question
from authzviz.net import COMMAND_LINE
from tests.engine.answers import INDIVIDUAL
from tests.kube.reading import collected, credentials
from tests.replay import TOKEN, Post, Replay, Reply, json_reply, replay, status_reply
from tests.reviews import created

NODE = "v1.37.2-node-authorizer"
REVIEWS, RULES = Question.ACCESS_REVIEW.value, Question.OWN_RULES_REVIEW.value


def observed(posts: dict[str, Any], recording: str = NODE) -> Observed:
    """What the one apiserver of the recording answered, with these paths answering otherwise."""
    with replay(recording, posts=posts) as server:
        return of_one(collected(server))


def of_one(snapshot: Snapshot) -> Observed:
    (server,) = snapshot.apiservers.value or ()
    assert server.observed is not None
    return server.observed


def asked_by(server: Replay, path: str) -> list[Post]:
    return [post for post in server.posts if post.path == path]


def test_the_first_questions_are_asked_for_a_node_that_nobody_has() -> None:
    with replay(NODE) as server:
        reviews = of_one(collected(server)).reviews

    assert reviews.is_whole
    assert [one.probe for one in reviews.value or ()] == [probe.id for probe in probes.FIRST]
    specs = [post.body["spec"] for post in asked_by(server, REVIEWS)]
    name = specs[0]["resourceAttributes"]["name"]
    assert specs[0] == {
        "user": f"system:node:{name}",
        "groups": ["system:nodes", "system:authenticated"],
        "resourceAttributes": {"verb": "delete", "resource": "persistentvolumes", "name": name},
    }
    assert specs[2]["user"] == name


def test_the_made_up_name_differs_and_is_never_shown() -> None:
    def answer(post: Post) -> Reply:
        name = post.body["spec"]["user"].removeprefix("system:node:")
        names.add(name)
        text = f"no relationship found between node '{name}' and this"
        return created(post, {"allowed": False, "reason": text})

    names: set[str] = set()
    with replay(NODE, posts={REVIEWS: answer}) as server:
        first, second = (of_one(collected(server)).reviews.value or () for _ in range(2))

    made_up = [name for name in names if name.startswith("authzviz-")]
    assert len(made_up) == 2
    assert first[0].reason == "no relationship found between node '<node>' and this"
    assert first == second


ANSWERS: dict[str, tuple[dict[str, Any], Review]] = {
    "a webhook's denial": (
        {"allowed": False, "denied": True, "reason": "no nodes\ttoday"},
        Review("delete-volume", False, True, "no nodes today"),
    ),
    "each authorizer on a line of its own": (
        {"allowed": False, "reason": f"node: can only\nmywh: \x1b[31m{TOKEN}\n\n"},
        Review("delete-volume", False, reason="node: can only\nmywh: [31m***"),
    ),
    "more than is kept": (
        {"allowed": True, "reason": "x" * 5000},
        Review("delete-volume", True, reason="x" * 299 + "…"),
    ),
    "an evaluation error": (
        {"allowed": False, "evaluationError": "webhook: timeout"},
        Review("delete-volume", False, error="webhook: timeout"),
    ),
}


@pytest.mark.parametrize(("status", "expected"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_is_kept_as_it_was_given(status: dict[str, Any], expected: Review) -> None:
    reviews = observed({REVIEWS: lambda post: created(post, status)}).reviews

    assert (reviews.value or ())[0] == expected


REFUSALS: dict[str, tuple[Reply | Callable[[Post], Reply], Outcome, str]] = {
    "forbidden": (status_reply(403, REVIEWS), Outcome.FORBIDDEN, "forbidden"),
    "not there": (status_reply(404, REVIEWS), Outcome.FAILED, "404 Not Found"),
    "a login page": ((200, {"Content-Type": "text/html"}, b"<html>"), Outcome.FAILED, "unexpected"),
    "another kind": (
        json_reply({"kind": "Other", "status": {"allowed": True}}),
        Outcome.FAILED,
        "no SubjectAccessReview",
    ),
    "no answer in it": (
        lambda post: created(post, {"denied": False}),
        Outcome.FAILED,
        "no SubjectAccessReview",
    ),
    "a redirect": ((302, {"Location": "https://127.0.0.1:1"}, b""), Outcome.FAILED, "302 Found"),
}


@pytest.mark.parametrize(("answer", "outcome", "said"), REFUSALS.values(), ids=REFUSALS)
def test_f10_unanswered_reviews_are_never_empty(answer: Any, outcome: Outcome, said: str) -> None:
    with replay(NODE, posts={REVIEWS: answer}) as server:
        snapshot = collected(server)
    reviews, nodes = of_one(snapshot).reviews, snapshot.node_reviews

    assert (reviews.outcome, reviews.value) == (outcome, None)
    assert said in reviews.why
    assert reviews.permission == "create subjectaccessreviews.authorization.k8s.io"
    assert nodes is not None
    assert (nodes.outcome, nodes.value, nodes.why) == (outcome, None, reviews.why)
    assert len(asked_by(server, REVIEWS)) == 1
    assert of_one(snapshot).rules.is_whole


def test_f16_a_busy_apiserver_is_asked_again() -> None:
    def answer(post: Post) -> Reply:
        asked.append(post)
        if len(asked) == 1:
            return status_reply(429, post.path)
        return created(post, {"allowed": False})

    asked: list[Post] = []

    assert observed({REVIEWS: answer}).reviews.is_whole


def test_what_follows_is_asked_only_where_something_is_left_open() -> None:
    def rules(post: Post) -> Reply:
        error = "webhook authorizer does not support user rule resolution"
        return created(post, {"incomplete": True, "evaluationError": error})

    plain, suspicious = observed({}), observed({RULES: rules})

    first = [probe.id for probe in probes.FIRST]
    assert [one.probe for one in plain.reviews.value or ()] == first
    more = [one.probe for one in suspicious.reviews.value or ()][len(first) :]
    assert more == [probe.id for probe in (*probes.LEAKS, *probes.CORE)]


def test_what_follows_unanswered_is_a_gap() -> None:
    def rules(post: Post) -> Reply:
        error = "webhook authorizer does not support user rule resolution"
        return created(post, {"incomplete": True, "evaluationError": error})

    def answer(post: Post) -> Reply:
        asked.append(post)
        if len(asked) > len(probes.FIRST):
            return status_reply(500, post.path)
        return created(post, {"allowed": False})

    asked: list[Post] = []

    reviews = observed({RULES: rules, REVIEWS: answer}).reviews

    assert len(reviews.value or ()) == len(probes.FIRST)
    assert "500 Internal Server Error" in reviews.gaps[0]


def test_our_own_rules_are_read_once_each() -> None:
    rule = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["p"]}
    path = {"verbs": ["get"], "nonResourceURLs": ["/metrics"]}

    def rules(post: Post) -> Reply:
        assert post.body["spec"] == {"namespace": "kube-system"}
        status = {"resourceRules": [rule, rule], "nonResourceRules": [path], "incomplete": False}
        return created(post, {**status, "evaluationError": 'role "x" not found'})

    read = observed({RULES: rules}).rules

    assert read.value is not None
    found, other = read.value.rules
    assert (found.verbs, found.resources, found.resource_names) == (("get",), ("pods",), ("p",))
    assert other.non_resource_urls == ("/metrics",)
    assert (read.value.is_incomplete, read.value.error) == (False, 'role "x" not found')


def test_endless_rules_are_incomplete() -> None:
    rules = [{"verbs": ["get"], "resources": [f"r{n}"], "apiGroups": [""]} for n in range(6000)]

    read = observed({RULES: lambda post: created(post, {"resourceRules": rules})}).rules

    assert read.value is not None
    assert (len(read.value.rules), read.value.is_incomplete) == (5000, True)


@pytest.mark.parametrize("body", [b"{}", b"[", json_reply({"kind": "Other", "status": {}})[2]])
def test_b23_rules_that_are_none_are_no_rules(body: bytes) -> None:
    read: Read[Any] = observed({RULES: (201, {"Content-Type": "application/json"}, body)}).rules

    assert (read.outcome, read.value) == (Outcome.FAILED, None)


def test_nothing_but_a_question_is_posted_and_only_a_dry_run_as_somebody_else() -> None:
    with replay(NODE) as server:
        collected(server)
        with Connection(
            credentials(server), COMMAND_LINE, deadline_seconds=5, max_bytes=1 << 20
        ) as connection:
            with pytest.raises(ValueError, match="as somebody else"):
                connection.post(Question.ACCESS_REVIEW, b"{}", headers={"Impersonate-User": "root"})
            with pytest.raises(ValueError, match="is not a valid Question"):
                connection.post("/api/v1/namespaces", b"{}")  # type: ignore[arg-type]

    assert {post.path for post in server.posts} == {REVIEWS, RULES}
    assert not any(name.startswith("Impersonate") for post in server.posts for name in post.headers)


def test_reviews_need_no_connection_of_their_own() -> None:
    with replay(NODE) as server:
        collect(credentials(server), name="x", policy=COMMAND_LINE)

    assert len(server.connections) == 1


def test_a_reason_that_was_not_read_whole_proves_nothing() -> None:
    def answer(post: Post) -> Reply:
        long = "\n".join(f"line {number}" for number in range(11))
        return created(post, {"allowed": False, "reason": f"{long}\n{INDIVIDUAL}"})

    found = observed({REVIEWS: answer})

    assert {one.error for one in found.reviews.value or ()} == {
        "a reason of 12 lines, of which 10 were read"
    }
    assert told_by(found.reviews.value or (), found.rules.value).node is Switch.UNKNOWN
