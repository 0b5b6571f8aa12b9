"""What ConfigMap kubeadm-config declares, and where it says nothing that can be used."""

from __future__ import annotations

from typing import Any

import pytest

from authzviz.engine.model import FlagSource, Outcome, Read
from tests.kube.reading import with_answers
from tests.kube.test_imports import modules_after
from tests.replay import Reply, json_reply, status_reply

PATH = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config"
EVIDENCE = "ConfigMap kube-system/kubeadm-config"
HEAD = "apiVersion: kubeadm.k8s.io/{}\nkind: ClusterConfiguration\n"
MAP = (
    "apiServer:\n  extraArgs:\n    authorization-mode: Node,RBAC\n    audit-log-path: /var/log/a\n"
)
LIST = (
    "apiServer:\n  extraArgs:\n"
    "  - {name: enable-admission-plugins, value: PodSecurity}\n"
    "  - {name: etcd-servers, value: https://canary}\n"
    "  - {name: authorization_mode, value: RBAC}\n"
)
EARLY = "apiServerExtraArgs:\n  authorization-mode: RBAC\n"


def config_map(text: str | None, kind: str = "ConfigMap") -> Reply:
    data: dict[str, Any] = {"ClusterStatus": "canary"}
    return json_reply({"kind": kind, "data": {**data, "ClusterConfiguration": text}})


def declared(reply: Reply) -> Read[tuple[FlagSource, ...]]:
    read = with_answers({PATH: reply}).declared
    assert read is not None
    return read


GIVEN: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "a map, v1beta1": (HEAD.format("v1beta1") + MAP, [("authorization-mode", "Node,RBAC")]),
    "a map, v1beta3": (HEAD.format("v1beta3") + MAP, [("authorization-mode", "Node,RBAC")]),
    "a list, v1beta4": (
        HEAD.format("v1beta4") + LIST,
        [("enable-admission-plugins", "PodSecurity"), ("authorization-mode", "RBAC")],
    ),
    "a list, v1": (
        HEAD.format("v1") + LIST,
        [("enable-admission-plugins", "PodSecurity"), ("authorization-mode", "RBAC")],
    ),
    "before there was apiServer": (
        HEAD.format("v1alpha3") + EARLY,
        [("authorization-mode", "RBAC")],
    ),
    "nothing given": (HEAD.format("v1beta4") + "apiServer: {}\n", []),
    "no apiServer": (HEAD.format("v1beta4"), []),
    "a file of authorizers": (
        HEAD.format("v1beta4")
        + "apiServer: {extraArgs: [{name: authorization-config, value: /a.yaml}]}\n",
        [("authorization-config", "/a.yaml")],
    ),
}


@pytest.mark.parametrize(("text", "flags"), GIVEN.values(), ids=GIVEN)
def test_what_was_given_to_kubeadm_is_declared(text: str, flags: list[tuple[str, str]]) -> None:
    (source,) = declared(config_map(text)).value or ()

    assert [(flag.name, flag.value) for flag in source.flags] == flags
    assert (source.evidence, source.defaults) == (EVIDENCE, "kubeadm")
    assert "canary" not in repr(source)


def test_a_cluster_without_it_declares_nothing() -> None:
    read = declared(status_reply(404, PATH))

    assert (read.outcome, read.value) == (Outcome.OK, ())
    assert declared(json_reply({"kind": "ConfigMap"})).value == ()


def test_the_permission_that_would_tell_is_named() -> None:
    read = declared(status_reply(403, PATH))

    assert (read.outcome, read.permission) == (
        Outcome.FORBIDDEN,
        "get configmaps kubeadm-config in kube-system",
    )


UNUSABLE: dict[str, tuple[Reply, str]] = {
    "no YAML": (config_map("a: [canary"), "not YAML"),
    "B17 aliases": (config_map("a: &x [1]\nb: *x\n"), "aliases are not taken"),
    "no fields": (config_map("- canary"), "holds no fields"),
    "another kind": (config_map("apiVersion: kubeadm.k8s.io/v1\nkind: Other\n"), "kind: must be"),
    "another group": (config_map("apiVersion: v1\nkind: ClusterConfiguration\n"), "apiVersion"),
    "a list that merges": (
        config_map(
            HEAD.format("v1")
            + "apiServer: {extraArgs: [{name: a, value: b, mergeMethod: append}]}\n"
        ),
        "mergeMethod: is not understood",
    ),
    "args that are a text": (
        config_map(HEAD.format("v1beta3") + "apiServer: {extraArgs: canary}\n"),
        "apiServer.extraArgs: must be a list",
    ),
    "B24 no ConfigMap": (config_map("", "Secret"), "no ConfigMap"),
    "B24 data of numbers": (json_reply({"kind": "ConfigMap", "data": {"a": 1}}), "no ConfigMap"),
    "too long": (config_map("#" * (65 << 10)), "longer than 64 KiB"),
}


@pytest.mark.parametrize(("reply", "why"), UNUSABLE.values(), ids=UNUSABLE)
def test_what_can_t_be_used_is_said_and_never_quoted(reply: Reply, why: str) -> None:
    read = declared(reply)

    assert (read.outcome, read.value) == (Outcome.FAILED, None)
    assert why in read.why
    assert "canary" not in read.why


def test_only_a_cluster_of_kubeadm_needs_yaml() -> None:
    code = "import authzviz.kube.collect"

    assert "yaml" not in modules_after(code)
