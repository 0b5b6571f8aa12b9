"""Clusters of each distribution, as files of what their apiservers answer over a fresh cluster.

A file's `answers` are paths with status and body. A list of ClusterRoleBindings is added to the
default ones, nodes are also served as a Table and one by one, and pods by their label. `reviews`
are the answers to `engine.probes` by the probe's id, `rules_error` and `metrics` what the apiserver
says of itself (without them nobody may ask), `tells` what is to be found out.
"""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from authzviz.engine import probes
from authzviz.engine.fresh import fresh_bindings, fresh_roles
from authzviz.engine.identity import NODE_USER_PREFIX
from authzviz.engine.versions import minor_of
from tests.replay import Post, Replay, Reply, json_reply, serve, status_reply
from tests.reviews import created

FOLDER = Path(__file__).parents[1] / "data" / "distributions"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_NODES = "/api/v1/nodes"
_COLUMNS = ("Name", "Status", "Roles", "Age", "Version")
_ROLE = "node-role.kubernetes.io/"


def names() -> list[str]:
    """The names of all fixtures."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


@functools.cache
def fixture(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return found


@contextlib.contextmanager
def serving(name: str) -> Iterator[Replay]:
    """An apiserver of that distribution until the block ends."""
    answers = _answers(fixture(name))

    def answer(path: str, query: dict[str, str], accept: str) -> Reply | None:
        parent, _, last = path.rpartition("/")
        if path == "/metrics" and "metrics" in fixture(name):
            return 200, {"Content-Type": "text/plain"}, fixture(name)["metrics"].encode()
        if parent == _NODES:
            return _one(answers[_NODES]["body"]["items"], last, path)
        if path not in answers:
            return status_reply(404, path)
        found = answers[path]
        if found["status"] != 200:
            return status_reply(found["status"], path)
        if path == _NODES and "as=Table" in accept:
            return json_reply(_table(found["body"]["items"]))
        return json_reply(_selected(found["body"], query.get("labelSelector", "")))

    def answer_post(post: Post) -> Reply:
        return _review(fixture(name), post)

    with serve(answer, name=name, answer_post=answer_post) as server:
        yield server


def _review(found: dict[str, Any], post: Post) -> Reply:
    """The fixture's answer to a question about kubelets, or about ourselves."""
    if "reviews" not in found:
        return status_reply(403, post.path)
    if post.path.endswith("/selfsubjectrulesreviews"):
        error = found["rules_error"]
        rules: dict[str, Any] = {"resourceRules": [], "nonResourceRules": []}
        return created(post, {**rules, "incomplete": bool(error), "evaluationError": error})
    spec = post.body["spec"]
    asked = spec["resourceAttributes"]
    is_kubelet = spec["user"].startswith(NODE_USER_PREFIX)
    key = (is_kubelet, asked["verb"], asked["resource"], asked.get("subresource", ""))
    probe = next(probe for probe in probes.ALL if _key(probe) == key)
    # What is not in it is what any kubelet may do with its own objects, or what none may.
    own = found["reviews"]["get-service"] if probe in probes.CORE else {"allowed": False}
    said = {**found["reviews"].get(probe.id, own)}
    said["reason"] = said.get("reason", "").replace(
        "<node>", spec["user"].removeprefix(NODE_USER_PREFIX)
    )
    return created(post, said)


def _key(probe: probes.Probe) -> tuple[bool, str, str, str]:
    request = probe.request
    is_kubelet = probe.identity.user.startswith(NODE_USER_PREFIX)
    return is_kubelet, request.verb, request.resource, request.subresource


def _answers(found: dict[str, Any]) -> dict[str, Any]:
    answers = {**_base(found), **found["answers"]}
    path = f"{_RBAC}/clusterrolebindings"
    own = found["answers"].get(path)
    if own:
        named = {one["metadata"]["name"]: one for one in _base(found)[path]["body"]["items"]}
        named |= {one["metadata"]["name"]: one for one in own["body"]["items"]}
        answers[path] = _list("ClusterRoleBindingList", list(named.values()))
    items = answers[_NODES]["body"]["items"]
    for node in items:
        node["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    answers["/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"] = _list(
        "LeaseList",
        [{"metadata": {"name": node["metadata"]["name"]}, "spec": {}} for node in items],
    )
    return answers


def _base(found: dict[str, Any]) -> dict[str, Any]:
    """What a fresh cluster of that version answers."""
    minor = minor_of(found["answers"]["/version"]["body"]["gitVersion"]) or 0
    has_rbac = not found.get("is_rbac_off")
    roles = fresh_roles(minor) if has_rbac else ()
    bindings = fresh_bindings(minor, is_node_on=True) if has_rbac else ()
    slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes"
    endpoint = {"endpoints": [{"addresses": ["192.0.2.1"]}], "ports": [{"port": 6443}]}
    return {
        f"{_RBAC}/clusterroles": _list("ClusterRoleList", [_role(role) for role in roles]),
        f"{_RBAC}/clusterrolebindings": _list(
            "ClusterRoleBindingList", [_binding(binding) for binding in bindings]
        ),
        f"{_RBAC}/roles": _list("RoleList", []),
        f"{_RBAC}/rolebindings": _list("RoleBindingList", []),
        "/api/v1/namespaces/kube-system/pods": _list("PodList", []),
        slices: {"status": 200, "body": endpoint},
    }


def _list(kind: str, items: list[Any]) -> dict[str, Any]:
    return {"status": 200, "body": {"kind": kind, "items": items}}


def _role(role: Any) -> dict[str, Any]:
    rules = [
        {
            "verbs": rule.verbs,
            "apiGroups": rule.api_groups,
            "resources": rule.resources,
            "nonResourceURLs": rule.non_resource_urls,
        }
        for rule in role.rules
    ]
    return {"metadata": {"name": role.name}, "rules": rules}


def _binding(binding: Any) -> dict[str, Any]:
    subjects = [{"kind": subject.kind, "name": subject.name} for subject in binding.subjects]
    ref = {"kind": "ClusterRole", "name": binding.role_ref.name}
    return {"metadata": {"name": binding.name}, "roleRef": ref, "subjects": subjects}


def _table(nodes: list[dict[str, Any]]) -> dict[str, Any]:
    rows = []
    for node in nodes:
        labels = node["metadata"]["labels"]
        roles = ",".join(key.removeprefix(_ROLE) for key in labels if key.startswith(_ROLE))
        version = node["status"]["nodeInfo"]["kubeletVersion"]
        rows.append(
            {"cells": [node["metadata"]["name"], "Ready", roles or "<none>", "1d", version]}
        )
    return {
        "kind": "Table",
        "columnDefinitions": [{"name": name} for name in _COLUMNS],
        "rows": rows,
    }


def _one(items: list[dict[str, Any]], name: str, path: str) -> Reply:
    for item in items:
        if item["metadata"]["name"] == name:
            return json_reply({"kind": "Node", **item})
    return status_reply(404, path)


def _selected(body: dict[str, Any], selector: str) -> dict[str, Any]:
    if not selector:
        return body
    label, _, value = selector.partition("=")
    items = [one for one in body["items"] if one["metadata"]["labels"].get(label) == value]
    return {**body, "items": items}
