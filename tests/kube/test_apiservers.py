"""Which kube-apiservers are believed, and what /flagz gives where no pod shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from authzviz.engine.model import ApiServer, Outcome, Read
from authzviz.net import AddressPolicy
from tests.kube.reading import UNTOLD, with_answers
from tests.replay import Reply, json_reply, status_reply

PODS = "/api/v1/namespaces/kube-system/pods"
SLICES = "/apis/discovery.k8s.io/{}/namespaces/default/endpointslices/kubernetes"
ENDPOINTS = "/api/v1/namespaces/default/endpoints/kubernetes"
MIRROR = {"kubernetes.io/config.mirror": "5f0e2a"}


def pod(node: str = "cp1", **changes: Any) -> dict[str, Any]:
    """A mirror pod as the kubelet of `node` makes it, with these fields changed."""
    made = {
        "name": f"kube-apiserver-{node}",
        "annotations": MIRROR,
        "labels": {"component": "kube-apiserver"},
        "owners": [{"kind": "Node", "name": node, "controller": True}],
        "command": ["kube-apiserver", "--authorization-mode=Node,RBAC"],
        "containers": None,
        **changes,
    }
    containers = [{"name": "kube-apiserver", "command": made["command"]}]
    return {
        "metadata": {
            "name": made["name"],
            "annotations": made["annotations"],
            "labels": made["labels"],
            "ownerReferences": made["owners"],
        },
        "spec": {"nodeName": node, "containers": made["containers"] or containers},
    }


def pods(*found: Any, label: str = "component") -> Callable[..., Reply]:
    def answer(path: str, query: dict[str, str], _: str) -> Reply:
        wanted = query["labelSelector"].startswith(f"{label}=")
        return json_reply({"kind": "PodList", "items": list(found) if wanted else []})

    return answer


def flagz(path: str, query: dict[str, str], accept: str) -> Reply:
    assert "as=Flagz;v=v1beta1;g=config.k8s.io" in accept
    return json_reply({"kind": "Flagz", "flags": {"authorization-mode": "[RBAC]"}})


def apiservers(**answers: Any) -> Read[tuple[ApiServer, ...]]:
    """The read with these answers for pods and flagz, where nothing else tells of apiservers."""
    paths = {"pods": PODS, "flagz": "/flagz"}
    replaced = {paths[name]: answer for name, answer in answers.items()}
    return with_answers(replaced, refuse=UNTOLD).apiservers


LOOKALIKES = {
    "B34 no mirror annotation": {"annotations": {}},
    "B34 an empty mirror annotation": {"annotations": {"kubernetes.io/config.mirror": ""}},
    "B34 no owner": {"owners": []},
    "B34 another node owns it": {"owners": [{"kind": "Node", "name": "cp2", "controller": True}]},
    "B34 a ReplicaSet owns it": {
        "owners": [{"kind": "ReplicaSet", "name": "cp1", "controller": True}]
    },
    "B34 an owner that controls nothing": {"owners": [{"kind": "Node", "name": "cp1"}]},
    "B34 another node's name": {"name": "kube-apiserver-cp2"},
}


@pytest.mark.parametrize("changes", LOOKALIKES.values(), ids=LOOKALIKES)
def test_a_lookalike_is_not_believed(changes: dict[str, Any]) -> None:
    fake = pod(**{"command": ["kube-apiserver", "--authorization-mode=Node,RBAC"], **changes})

    alone = apiservers(pods=pods(fake))
    beside = apiservers(pods=pods(fake, pod("cp9", command=["kube-apiserver"])))

    assert (alone.outcome, alone.value) == (Outcome.FAILED, None)
    assert f"no kubelet made them: {fake['metadata']['name']}" in alone.why
    assert [one.name for one in beside.value or ()] == ["kube-apiserver-cp9"]
    assert beside.is_whole


def test_b34_a_lookalike_does_not_cast_doubt_on_flagz() -> None:
    read = apiservers(pods=pods(pod(annotations={})), flagz=flagz)

    assert [one.evidence for one in read.value or ()] == ["/flagz"]
    assert read.is_whole


def test_every_apiserver_is_seen_with_its_own_flags() -> None:
    read = apiservers(
        pods=pods(
            pod("cp1"), pod("cp2", command=["kube-apiserver", "--authorization-mode", "RBAC"])
        )
    )

    modes = {
        one.name: [flag.value for flag in one.flags or ()]
        for one in read.value or ()
        if not one.is_alias
    }
    assert modes == {"kube-apiserver-cp1": ["Node,RBAC"], "kube-apiserver-cp2": ["RBAC"]}


def test_pods_of_kops_and_talos_are_found_by_their_label() -> None:
    read = apiservers(pods=pods(pod(), label="k8s-app"))

    assert [one.evidence for one in read.value or ()] == [
        "mirror pod kube-system/kube-apiserver-cp1"
    ]


def test_a_pod_whose_flags_are_hidden_is_seen_without_them() -> None:
    read = apiservers(pods=pods(pod(command=["/start.sh"])))

    (server,) = read.value or ()
    assert server.flags is None
    assert "started by start.sh" in server.why


def test_a_pod_with_several_containers_needs_one_of_the_name() -> None:
    two = [{"name": "a", "command": ["kube-apiserver"]}, {"name": "b", "command": ["x"]}]

    (server,) = apiservers(pods=pods(pod(containers=two))).value or ()

    assert server.flags is None
    assert "none of its containers" in server.why


def test_a_malformed_pod_is_a_gap() -> None:
    read = apiservers(pods=pods(pod(), {"metadata": {"name": "kube-apiserver-cp2"}, "spec": None}))

    assert [one.name for one in read.value or ()] == ["kube-apiserver-cp1"]
    assert read.gaps[0].startswith("kube-apiserver-cp2: ")


def test_the_second_label_unread_is_a_gap() -> None:
    def answer(path: str, query: dict[str, str], accept: str) -> Reply:
        if query["labelSelector"].startswith("k8s-app"):
            return status_reply(500, path)
        return pods(pod())(path, query, accept)

    read = apiservers(pods=answer)

    assert read.value
    assert not read.is_whole


def test_without_a_pod_flagz_is_read() -> None:
    read = apiservers(pods=pods(), flagz=flagz)

    (server,) = read.value or ()
    assert [(flag.name, flag.value) for flag in server.flags or ()] == [
        ("authorization-mode", "RBAC")
    ]
    assert server.evidence == "/flagz"
    assert read.source == "GET /flagz"


def test_pods_forbidden_flagz_still_tells() -> None:
    read = apiservers(pods=status_reply(403, PODS), flagz=flagz)

    assert read.is_whole
    assert read.source == "GET /flagz"


def test_flagz_in_its_text_form() -> None:
    text = (200, {"Content-Type": "text/plain; charset=utf-8"}, b"authorization-mode=[Node,RBAC]")

    (server,) = apiservers(pods=pods(), flagz=text).value or ()

    assert [flag.value for flag in server.flags or ()] == ["Node,RBAC"]


def test_flagz_that_knows_none_of_our_forms_is_asked_for_text() -> None:
    def answer(path: str, query: dict[str, str], accept: str) -> Reply:
        if accept != "text/plain":
            return status_reply(406, path)
        return 200, {"Content-Type": "text/plain"}, b"authorization-mode: [RBAC]\n"

    assert apiservers(pods=pods(), flagz=answer).is_whole


BOTH = {
    "both forbidden": (403, 403, Outcome.FORBIDDEN, ["list pods in kube-system", "get /flagz"]),
    "no pod, flagz forbidden": (
        200,
        403,
        Outcome.FORBIDDEN,
        ["no kube-apiserver pod in kube-system", "get /flagz"],
    ),
    "no pod, no flagz": (
        200,
        404,
        Outcome.FAILED,
        ["no kube-apiserver pod in kube-system", "404 Not Found"],
    ),
    "pods forbidden, no flagz": (403, 404, Outcome.FORBIDDEN, ["list pods in kube-system"]),
    "pods fail, no flagz": (500, 404, Outcome.FAILED, ["500 Internal Server Error"]),
}


@pytest.mark.parametrize(("first", "second", "outcome", "said"), BOTH.values(), ids=BOTH)
def test_where_neither_tells_both_reasons_are_given(
    first: int, second: int, outcome: Outcome, said: list[str]
) -> None:
    answer = pods() if first == 200 else status_reply(first, PODS)

    read = apiservers(pods=answer, flagz=status_reply(second, "/flagz"))

    assert (read.outcome, read.value) == (outcome, None)
    assert all(text in read.why for text in said)
    assert "get /flagz" in read.permission
    assert ("list pods" in read.permission) is (first != 200)


@pytest.mark.parametrize(
    "reply",
    [
        (200, {"Content-Type": "text/html"}, b"<html>"),
        json_reply({"kind": "Other", "flags": {"authorization-mode": "[Node]"}}),
        json_reply({"kind": "Flagz", "flags": {}}),
        json_reply({"kind": "Flagz", "flags": {"authorization-mode": 1}}),
    ],
    ids=["HTML", "another kind", "no flags", "no text"],
)
def test_b23_an_unexpected_flagz_is_no_answer(reply: Reply) -> None:
    assert apiservers(pods=pods(), flagz=reply).outcome is Outcome.FAILED


SLICE = json_reply(
    {
        "kind": "EndpointSlice",
        "endpoints": [{"addresses": ["10.0.0.1"]}, {"addresses": ["10.0.0.2"]}],
    }
)
ADDRESSES = {
    "v1": ({SLICES.format("v1"): SLICE}, ("10.0.0.1", "10.0.0.2")),
    "v1beta1": ({SLICES.format("v1beta1"): SLICE}, ("10.0.0.1", "10.0.0.2")),
    "Endpoints": (
        {ENDPOINTS: json_reply({"subsets": [{"addresses": [{"ip": "10.0.0.3"}]}]})},
        ("10.0.0.3",),
    ),
}


@pytest.mark.parametrize(("answers", "expected"), ADDRESSES.values(), ids=ADDRESSES)
def test_the_apiservers_addresses_are_read(
    answers: dict[str, Reply], expected: tuple[str, ...]
) -> None:
    nobody = AddressPolicy(loopback=True, private=False)

    assert with_answers({**answers}, policy=nobody).endpoints.value == expected


def test_addresses_that_may_not_be_read_are_forbidden() -> None:
    path = SLICES.format("v1")

    read = with_answers({path: status_reply(403, path)}).endpoints

    assert (read.outcome, read.value) == (Outcome.FORBIDDEN, None)
    assert read.permission == "get endpointslices.discovery.k8s.io kubernetes in default"
