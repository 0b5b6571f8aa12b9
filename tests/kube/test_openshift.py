"""OpenShift's apiservers: their pods, the ConfigMap that holds their flags, and when to ask."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from authzviz.engine.model import ApiServer, Outcome, Read, Snapshot
from tests.kube.reading import RECORDING, collected
from tests.kube.test_apiservers import pod
from tests.replay import Reply, json_reply, replay, status_reply

KUBE_PODS = "/api/v1/namespaces/kube-system/pods"
PODS = "/api/v1/namespaces/openshift-kube-apiserver/pods"
CONFIG = "/api/v1/namespaces/openshift-kube-apiserver/configmaps/config"
BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
AUTHORIZATION = "/apis/authorization.k8s.io/v1"
REVIEWS = (f"{AUTHORIZATION}/subjectaccessreviews", f"{AUTHORIZATION}/selfsubjectrulesreviews")
NO_PODS = json_reply({"kind": "PodList", "items": []})
ARGUMENTS = {
    "authorization-mode": ["Scope", "SystemMasters", "RBAC", "Node"],
    "enable-admission-plugins": ["NodeRestriction", "route.openshift.io/IngressAdmission"],
    "etcd-servers": ["https://canary:2379"],
}
FLAGS = [
    *(("authorization-mode", mode) for mode in ARGUMENTS["authorization-mode"]),
    *(("enable-admission-plugins", plugin) for plugin in ARGUMENTS["enable-admission-plugins"]),
]
SCRIPT = """\
LOCK=/var/log/kube-apiserver/.lock
# We should be able to get it, since the other one is gone. If not, that is a bug.
exec {LOCK_FD}>${LOCK} && flock --verbose -w 30 "${LOCK_FD}" || {
  echo "no lock for kube-apiserver."
  exit 1
}
if [ -f /etc/ca-bundle.crt ]; then
  cp -f /etc/ca-bundle.crt /etc/pki/tls-ca-bundle.pem
fi

exec watch-termination --kubeconfig=/etc/kubeconfig -- hyperkube kube-apiserver \
--openshift-config=/etc/config.yaml --advertise-address=${HOST_IP} -v=2 --permit-address-sharing
"""


def binding_list(*names: str) -> Reply:
    ref = {"kind": "ClusterRole", "name": "x", "apiGroup": "rbac.authorization.k8s.io"}
    items = [{"metadata": {"name": name}, "roleRef": ref} for name in names]
    return json_reply({"kind": "ClusterRoleBindingList", "items": items})


def mirror(node: str, revision: str, script: str = SCRIPT) -> dict[str, Any]:
    containers = [
        {"name": "kube-apiserver", "command": ["/bin/bash", "-ec"], "args": [script]},
        {"name": "kube-apiserver-cert-syncer", "command": ["x", "cert-syncer"]},
    ]
    labels = {"app": "openshift-kube-apiserver", "revision": revision}
    return pod(node, labels=labels, containers=containers)


def pods(*found: dict[str, Any]) -> Reply:
    return json_reply({"kind": "PodList", "items": list(found)})


def config(text: str) -> Reply:
    return json_reply({"kind": "ConfigMap", "data": {"config.yaml": text}})


GOOD = config(json.dumps({"apiServerArguments": ARGUMENTS}))
IS_OPENSHIFT = binding_list("system:openshift:discovery")


def snapshot(**changes: Any) -> Snapshot:
    paths = {
        "pods": PODS,
        "config": CONFIG,
        "bindings": BINDINGS,
        "kube_pods": KUBE_PODS,
        "flagz": "/flagz",
    }
    replies: dict[str, Any] = {
        "kube_pods": NO_PODS,
        "pods": pods(mirror("m1", "7"), mirror("m2", "7")),
        "config": GOOD,
        "bindings": IS_OPENSHIFT,
        **changes,
    }
    refused = replies.pop("reviews", None)
    posts = dict.fromkeys(REVIEWS, refused) if refused else {}
    answers = {paths[name]: reply for name, reply in replies.items()}
    answers |= {"/metrics": refused} if refused else {}
    with replay(RECORDING, replace=answers, posts=posts) as server:
        return collected(server)


def apiservers(**changes: Any) -> Read[tuple[ApiServer, ...]]:
    """The read, without the one that answers and is one of the others."""
    read = snapshot(**changes).apiservers
    return replace(read, value=tuple(one for one in read.value or () if not one.is_alias))


def flags_of(server: ApiServer) -> list[tuple[str, str]]:
    return [(flag.name, flag.value) for flag in server.flags or ()]


def test_every_pod_has_the_flags_of_the_configmap() -> None:
    read = apiservers()

    assert read.is_whole
    for server, node in zip(read.value or (), ("m1", "m2"), strict=True):
        assert flags_of(server) == [("openshift-config", "/etc/config.yaml"), *FLAGS]
        assert server.evidence == (
            f"mirror pod openshift-kube-apiserver/kube-apiserver-{node}, "
            "ConfigMap openshift-kube-apiserver/config"
        )
        assert server.defaults == "openshift"
    assert "canary" not in repr(read)


def test_yaml_by_hand_is_read_too() -> None:
    text = "apiServerArguments:\n  authorization-mode: [RBAC, Node]\n  v: ['2']\n"

    first, _ = apiservers(config=config(text)).value or ()

    assert flags_of(first)[1:] == [("authorization-mode", "RBAC"), ("authorization-mode", "Node")]


def test_a_pod_of_an_older_revision_has_older_flags() -> None:
    old, new = apiservers(pods=pods(mirror("m1", "6"), mirror("m2", "10"))).value or ()

    assert old.flags is None
    assert "revision 6" in old.why
    assert flags_of(new)[1:] == FLAGS


def test_a_pod_whose_own_command_can_t_be_read_has_the_flags_of_the_configmap() -> None:
    (server,) = apiservers(pods=pods(mirror("m1", "x", "exec /start.sh"))).value or ()

    assert flags_of(server) == FLAGS


def test_a_lookalike_is_no_apiserver() -> None:
    fake = {**mirror("m9", "9")}
    fake["metadata"] = {**fake["metadata"], "ownerReferences": []}

    read = apiservers(pods=pods(fake, mirror("m1", "7")))

    assert [server.name for server in read.value or ()] == ["kube-apiserver-m1"]


WITHOUT_PODS = {"forbidden": status_reply(403, PODS), "none": NO_PODS}


@pytest.mark.parametrize("reply", WITHOUT_PODS.values(), ids=WITHOUT_PODS)
def test_the_configmap_tells_the_flags_where_no_pod_is_seen(reply: Reply) -> None:
    (server,) = apiservers(pods=reply).value or ()

    assert flags_of(server) == FLAGS
    assert server.evidence == "ConfigMap openshift-kube-apiserver/config"


UNREAD: dict[str, tuple[Reply, str]] = {
    "forbidden": (status_reply(403, CONFIG), "get configmaps config in openshift-kube-apiserver"),
    "gone": (status_reply(404, CONFIG), "there is none"),
    "no YAML": (config("a: [canary"), "not YAML"),
    "no fields": (config("- canary"), "holds no fields"),
    "no arguments": (config("a: b"), "apiServerArguments: is missing"),
}


@pytest.mark.parametrize(("reply", "why"), UNREAD.values(), ids=UNREAD)
def test_pods_without_a_readable_configmap_say_what_would_tell(reply: Reply, why: str) -> None:
    read = apiservers(config=reply)

    assert [server.flags for server in read.value or ()] == [None, None]
    assert all(why in server.why and "canary" not in server.why for server in read.value or ())


def test_where_nothing_of_it_can_be_read_the_permission_is_named() -> None:
    refused = {"pods": status_reply(403, PODS), "config": status_reply(403, CONFIG)}

    (asked,) = apiservers(**refused).value or ()
    silent = snapshot(**refused, reviews=status_reply(403, AUTHORIZATION)).apiservers

    assert asked.flags is None
    assert "get configmaps config in openshift-kube-apiserver: " in asked.why
    assert (silent.outcome, silent.value) == (Outcome.FORBIDDEN, None)
    assert "get configmaps config in openshift-kube-apiserver" in silent.permission
    assert "get configmaps config in openshift-kube-apiserver: " in silent.why


def test_the_configmap_alone_tells_where_not_even_reviews_are_allowed() -> None:
    refused = {"pods": status_reply(403, PODS), "reviews": status_reply(403, AUTHORIZATION)}

    read = snapshot(**refused).apiservers

    (server,) = read.value or ()
    assert (server.name, flags_of(server)) == ("kube-apiserver", FLAGS)
    assert (read.outcome, read.why) == (Outcome.OK, "")


def test_a_hosted_control_plane_has_neither() -> None:
    (server,) = apiservers(pods=NO_PODS, config=status_reply(404, CONFIG)).value or ()

    assert server.flags is None
    assert "openshift" not in server.why


def test_what_the_running_process_shows_comes_first_and_nothing_stands_twice() -> None:
    flags = json_reply({"kind": "Flagz", "flags": {"authorization-mode": "[RBAC]"}})

    (server,) = apiservers(pods=pods(mirror("m1", "7")), flagz=flags).value or ()

    assert (server.evidence, flags_of(server)) == ("/flagz", [("authorization-mode", "RBAC")])
    (pod_and_config,) = server.other_sources
    assert pod_and_config.evidence.endswith("ConfigMap openshift-kube-apiserver/config")


def test_a_pod_says_where_its_apiserver_is() -> None:
    here = {**mirror("m1", "7"), "status": {"hostIP": "192.0.2.1"}}

    (server,) = apiservers(pods=pods(here)).value or ()

    assert server.address == "192.0.2.1:6443"


def test_flags_that_were_seen_otherwise_stay_before_the_configmap() -> None:
    (server,) = apiservers(kube_pods=pods(pod("cp1")), pods=NO_PODS).value or ()

    assert flags_of(server) == [("authorization-mode", "Node,RBAC")]
    assert [source.evidence for source in server.other_sources] == [
        "ConfigMap openshift-kube-apiserver/config"
    ]


def test_a_seen_apiserver_without_flags_gets_those_of_the_configmap() -> None:
    hidden = pods(pod("cp1", command=["/start.sh"]))

    (server,) = apiservers(kube_pods=hidden, pods=NO_PODS).value or ()
    (unread,) = (
        apiservers(kube_pods=hidden, pods=NO_PODS, config=status_reply(403, CONFIG)).value or ()
    )

    assert flags_of(server) == FLAGS
    assert (unread.flags, "started by start.sh" in unread.why) == (None, True)


def test_while_revisions_differ_the_configmap_is_not_that_of_all() -> None:
    hidden = pods(pod("cp1", command=["/start.sh"]))

    read = apiservers(kube_pods=hidden, pods=pods(mirror("m1", "6"), mirror("m2", "7")))

    unseen = [one.name for one in read.value or () if one.flags is None]
    assert unseen == ["kube-apiserver-cp1", "kube-apiserver-m1"]


ASKED: dict[str, tuple[dict[str, Reply], bool]] = {
    "nothing tells it": ({KUBE_PODS: NO_PODS}, False),
    "bindings tell it": ({BINDINGS: IS_OPENSHIFT}, True),
    "no flags, and bindings unread": (
        {KUBE_PODS: NO_PODS, BINDINGS: status_reply(403, BINDINGS)},
        True,
    ),
    "flags, and bindings unread": ({BINDINGS: status_reply(403, BINDINGS)}, False),
}


@pytest.mark.parametrize(("answers", "is_asked"), ASKED.values(), ids=ASKED)
def test_other_clusters_are_not_asked_for_it(answers: dict[str, Reply], is_asked: bool) -> None:
    with replay(RECORDING, replace=answers) as server:
        collected(server)
        asked = [path for path in server.requests if "openshift-kube-apiserver" in path]

    assert bool(asked) == is_asked
