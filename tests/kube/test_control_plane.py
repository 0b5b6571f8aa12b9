"""Every apiserver is asked by itself where it can be, and no answer is given to the wrong one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from authzviz.engine.model import ApiServer, Outcome, Snapshot, Unasked
from authzviz.kube import remembered
from authzviz.kube.remembered import KnownServer, Remembered
from tests.kube.reading import UNTOLD, collected
from tests.replay import HANG, Replay, Reply, json_reply, replay, status_reply

SLICE = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes"
PODS = "/api/v1/namespaces/kube-system/pods"
# Each has a loopback address of its own, as on hosts of their own.
pytestmark = pytest.mark.allow_hosts(["127.0.0.0/8"])
NODE, RBAC = "v1.37.2-node-authorizer", "v1.37.2-legacy"


def slice_of(port: int, *hosts: str) -> Reply:
    return json_reply(
        {
            "kind": "EndpointSlice",
            "endpoints": [{"addresses": [host]} for host in hosts],
            "ports": [{"name": "https", "port": port}],
        }
    )


def mirror_pod(node: str, host: str, port: int, mode: str = "Node,RBAC") -> dict[str, Any]:
    command = [
        "kube-apiserver",
        f"--authorization-mode={mode}",
        "--enable-admission-plugins=NodeRestriction",
        f"--secure-port={port}",
    ]
    return {
        "metadata": {
            "name": f"kube-apiserver-{node}",
            "annotations": {"kubernetes.io/config.mirror": "5f0e2a"},
            "labels": {"component": "kube-apiserver"},
            "ownerReferences": [{"kind": "Node", "name": node, "controller": True}],
        },
        "spec": {
            "nodeName": node,
            "containers": [{"name": "kube-apiserver", "command": command}],
        },
        "status": {"hostIP": host},
    }


def pod_list(*pods: Any) -> Any:
    def answer(path: str, query: dict[str, str], _: str) -> Reply:
        is_first = query["labelSelector"].startswith("component")
        return json_reply({"kind": "PodList", "items": pods if is_first else []})

    return answer


@contextlib.contextmanager
def two(
    first: str = NODE, second: str = RBAC, *, hosts: tuple[str, ...] = ("127.0.0.1", "127.0.0.2")
) -> Iterator[tuple[Replay, Replay]]:
    """Two apiservers on one port that both list `hosts`."""
    found: list[Replay] = []

    def listed(*_: object) -> Reply:
        return slice_of(port_of(found[0]), *hosts)

    with replay(first, replace={SLICE: listed}) as one:
        found.append(one)
        with replay(second, replace={SLICE: listed}, host="127.0.0.2", port=port_of(one)) as other:
            yield one, other


def port_of(server: Replay) -> int:
    return int(server.url.rpartition(":")[2])


def servers(snapshot: Snapshot) -> tuple[ApiServer, ...]:
    return snapshot.apiservers.value or ()


def mode(server: ApiServer) -> list[str]:
    return [flag.value for flag in server.flags or () if flag.name == "authorization-mode"]


def test_each_listed_address_is_asked_by_itself() -> None:
    with two() as (one, other):
        snapshot = collected(one)

    port = port_of(one)
    assert [(s.name, s.address, s.evidence, mode(s)) for s in servers(snapshot)] == [
        (
            f"kube-apiserver at 127.0.0.1:{port}",
            f"127.0.0.1:{port}",
            "/flagz",
            ["Node,RBAC"],
        ),
        (f"kube-apiserver at 127.0.0.2:{port}", f"127.0.0.2:{port}", "/flagz", ["RBAC"]),
    ]
    assert all(server.observed and server.observed.reviews.value for server in servers(snapshot))
    assert (len(one.connections), len(other.connections)) == (1, 1)
    assert not any(server.is_alias for server in servers(snapshot))
    assert snapshot.endpoints.value == ("127.0.0.1", "127.0.0.2")


def test_behind_a_balancer_it_is_not_known_which_one_answered() -> None:
    with two() as (one, _):

        def listed(*_: object) -> Reply:
            return slice_of(port_of(one), "127.0.0.1", "127.0.0.4")

        with replay(NODE, replace={SLICE: listed}, host="127.0.0.3") as balancer:
            snapshot = collected(balancer, tls_server_name="127.0.0.1")

    asked, dark, alias = servers(snapshot)
    assert asked.observed
    assert dark.unasked is not None
    assert "127.0.0.4 refused the connection" in dark.unasked.why
    assert "not asked by itself: 127.0.0.4 refused" in dark.why
    assert (alias.name, alias.is_alias) == ("the apiserver that answers at 127.0.0.3", True)
    assert alias.observed is not None


def test_where_all_were_asked_there_is_no_alias() -> None:
    with two() as (one, _):

        def listed(*_: object) -> Reply:
            return slice_of(port_of(one), "127.0.0.1", "127.0.0.2")

        with replay(NODE, replace={SLICE: listed}, host="127.0.0.3") as balancer:
            snapshot = collected(balancer, tls_server_name="127.0.0.1")

    assert [mode(server) for server in servers(snapshot)] == [["Node,RBAC"], ["RBAC"]]


def test_a_certificate_of_another_name_is_not_trusted() -> None:
    with two() as (one, other):
        snapshot = collected(one, asking={"apiserver_urls": (other.url,)})

    (dark,) = [server for server in servers(snapshot) if server.unasked]
    assert dark.name == other.url.removeprefix("https://")
    assert dark.unasked is not None
    assert "is not trusted" in dark.unasked.why


def test_an_address_that_whoever_could_list_is_not_asked_without_verification() -> None:
    with two() as (one, other):
        snapshot = collected(one, insecure=True, ca_data=None)

    assert other.connections == []
    (dark,) = [server for server in servers(snapshot) if server.unasked]
    assert dark.unasked is not None
    assert dark.unasked.why.startswith("insecure-skip-tls-verify is set")


def test_the_address_policy_holds_for_listed_addresses() -> None:
    with replay(NODE, replace={SLICE: slice_of(443, "127.0.0.1", "169.254.169.254")}) as server:
        snapshot = collected(server)

    (dark,) = [one for one in servers(snapshot) if "169.254" in one.name]
    assert dark.unasked is not None
    assert "may not be connected to: link-local address" in dark.unasked.why


def test_at_most_sixteen_are_asked() -> None:
    hosts = [f"127.0.1.{number}" for number in range(18)]
    with replay(NODE, replace={SLICE: slice_of(1, *hosts)}) as server:
        snapshot = collected(server)

    unasked = [one.unasked.why for one in servers(snapshot) if one.unasked]
    assert len(unasked) == 18
    assert unasked[16:] == ["only 16 apiservers are asked by themselves"] * 2


@pytest.mark.parametrize("version", ["v1.31.1-eks-abc", "v1.31.1-gke.1"])
def test_a_providers_control_plane_counts_as_one(version: str) -> None:
    with two() as (one, other):
        answers = {
            "/version": json_reply({"gitVersion": version}),
            SLICE: slice_of(port_of(one), "127.0.0.1", "127.0.0.2"),
        }
        with replay(NODE, replace=answers, host="127.0.0.3") as managed:
            snapshot = collected(managed, tls_server_name="127.0.0.1")

    (server,) = servers(snapshot)
    assert (server.is_alias, bool(server.observed), other.connections) == (False, True, [])


def test_the_running_process_outranks_its_pod() -> None:
    with replay(RBAC, replace={PODS: pod_list(mirror_pod("cp1", "192.0.2.1", 6443))}) as server:
        snapshot = collected(server)

    (found,) = servers(snapshot)
    assert (found.name, found.evidence, mode(found)) == ("kube-apiserver-cp1", "/flagz", ["RBAC"])
    (other,) = found.other_sources
    assert other.evidence == "mirror pod kube-system/kube-apiserver-cp1"
    assert [flag.value for flag in other.flags][:1] == ["Node,RBAC"]


def test_a_pod_and_an_address_are_one_apiserver() -> None:
    with two() as (one, other):
        port = port_of(one)
        pods = pod_list(mirror_pod("cp1", "127.0.0.1", port), mirror_pod("cp2", "127.0.0.2", port))
        answers = {
            PODS: pods,
            SLICE: slice_of(port, "127.0.0.1", "127.0.0.2"),
            "/flagz": status_reply(403, "/flagz"),
        }
        with replay(NODE, replace=answers, host="127.0.0.3") as balancer:
            snapshot = collected(balancer, tls_server_name="127.0.0.1")

    assert [(s.name, mode(s), bool(s.observed)) for s in servers(snapshot)] == [
        ("kube-apiserver-cp1", ["Node,RBAC"], True),
        ("kube-apiserver-cp2", ["RBAC"], True),
    ]
    assert len(other.connections) == 1


def test_addresses_that_are_no_pods_are_no_more_apiservers() -> None:
    pods = pod_list(mirror_pod("cp1", "192.0.2.1", 6443), mirror_pod("cp2", "192.0.2.2", 6443))
    with replay(NODE, replace={PODS: pods, SLICE: slice_of(1, "127.0.0.1", "127.0.0.2")}) as server:
        snapshot = collected(server)

    assert [(one.name, one.is_alias) for one in servers(snapshot)] == [
        ("kube-apiserver-cp1", False),
        ("kube-apiserver-cp2", False),
        ("the apiserver that answers at 127.0.0.1", True),
    ]


def test_more_addresses_than_pods_are_apiservers_that_were_not_seen() -> None:
    pods = pod_list(mirror_pod("cp1", "127.0.0.1", 1))
    with replay(NODE, replace={PODS: pods, SLICE: slice_of(1, "127.0.0.1", "127.0.0.2")}) as server:
        snapshot = collected(server)

    assert [(s.name, s.is_alias, bool(s.unasked)) for s in servers(snapshot)] == [
        ("kube-apiserver-cp1", False, True),
        ("kube-apiserver at 127.0.0.2:1", False, True),
        ("the apiserver that answers at 127.0.0.1", True, False),
    ]


def test_what_an_operator_lists_stands_for_all() -> None:
    with two() as (one, other):
        urls = (one.url.replace("127.0.0.1", "localhost"), other.url, "http://x", other.url)
        snapshot = collected(one, tls_server_name="127.0.0.1", asking={"apiserver_urls": urls[:2]})
        bad = collected(one, asking={"apiserver_urls": urls[2:3]})

    port = port_of(one)
    assert [(s.name, mode(s)) for s in servers(snapshot)] == [
        (f"localhost:{port}", ["Node,RBAC"]),
        (f"127.0.0.2:{port}", ["RBAC"]),
    ]
    (dark,) = [server for server in servers(bad) if server.name == "http://x"]
    assert dark.unasked is not None
    assert dark.unasked.why == "its URL must begin with https://, not http://"


def test_one_that_was_not_reached_just_now_is_not_tried_again() -> None:
    with two(hosts=("127.0.0.1", "127.0.0.2")) as (one, _):
        name = f"kube-apiserver at 127.0.0.2:{port_of(one)}"
        before = Unasked("it did not answer", datetime.now(UTC))
        known = Remembered((KnownServer(name, unasked=before),))
        snapshot = collected(one, asking={"remembered": known})
        old = Unasked("it did not answer", before.tried_at - remembered.AGAIN_AFTER)
        later = collected(one, asking={"remembered": Remembered((KnownServer(name, unasked=old),))})

    assert [server.unasked for server in servers(snapshot)] == [None, before]
    assert [server.unasked for server in servers(later)] == [None, None]


def test_one_that_hangs_leaves_time_for_the_rest() -> None:
    with two() as (one, _), replay(NODE, refuse={"*": HANG}, host="127.0.0.5") as slow:
        urls = (one.url, slow.url)
        snapshot = collected(
            one, seconds=6, tls_server_name="127.0.0.1", asking={"apiserver_urls": urls}
        )

    first, second = servers(snapshot)[:2]
    assert first.observed is not None
    assert second.observed is None or second.observed.reviews.outcome is Outcome.FAILED
    assert snapshot.cluster_roles.is_whole


def test_without_time_none_is_tried_and_none_is_remembered_as_unreachable() -> None:
    with two() as (one, other):
        snapshot = collected(one, seconds=4)

    (dark,) = [server for server in servers(snapshot) if server.unasked]
    assert dark.unasked is not None
    assert dark.unasked.why == remembered.NO_TIME
    assert other.connections == []
    assert all(known.unasked is None for known in remembered.of(snapshot).servers)


def test_an_apiserver_that_tells_nothing_is_no_reading_of_any() -> None:
    with replay(NODE, refuse={**UNTOLD, "/flagz": 403}) as server:
        read = collected(server).apiservers

    assert (read.outcome, read.value) == (Outcome.FORBIDDEN, None)
    assert "get /flagz" in read.permission


def test_reviews_alone_make_an_apiserver_whose_flags_are_unknown() -> None:
    with replay(NODE, refuse={"/flagz": 403}) as server:
        read = collected(server).apiservers

    (found,) = read.value or ()
    assert found.flags is None
    assert found.observed is not None
    assert found.observed.reviews.is_whole
    assert "no kube-apiserver pod in kube-system; get /flagz: forbidden" in found.why
    assert read.permission == "get /flagz"


@pytest.mark.parametrize("number", [101, 10_000])
def test_more_apiservers_than_there_can_be_are_no_answer(number: int) -> None:
    hosts = [f"10.0.{n // 250}.{n % 250}" for n in range(number)]

    with replay(NODE, replace={SLICE: slice_of(6443, *hosts)}) as server:
        snapshot = collected(server)

    assert snapshot.endpoints.outcome is Outcome.FAILED
    assert "more than 100 apiservers" in snapshot.endpoints.why
    assert len(snapshot.apiservers.value or ()) <= 1


def test_a_listed_metadata_address_is_never_connected_to() -> None:
    hosts = ["169.254.169.254", "127.0.0.1"]

    with replay(NODE, replace={SLICE: slice_of(6443, *hosts)}) as server:
        snapshot = collected(server)

    why = [each.unasked.why for each in snapshot.apiservers.value or () if each.unasked]
    assert any("may not be connected to: link-local address" in one for one in why)
