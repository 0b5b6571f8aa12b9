"""Speed of the engine on a large cluster: decisions beside the apiserver's own, verdict, index."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from authzviz.engine import judge
from authzviz.engine.assessment import Decision
from authzviz.engine.authorize import authorization_of
from authzviz.engine.identity import Identity, kubelet_of
from authzviz.engine.rbac import index
from authzviz.engine.request import Request
from authzviz.kube.collect import collect
from authzviz.kube.kubeconfig import parse_upload
from authzviz.kube.lists import Page
from authzviz.kube.objects import BindingJson, to_binding
from authzviz.net import COMMAND_LINE
from tests.lab.reviews import review_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from authzviz.engine.model import Snapshot
    from tests.lab.cluster import Cluster

_RUNS = 7
_DECISIONS, _REVIEWS = 100_000, 4_000
_SEED = 4
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_KINDS = (
    ("", "pods", ""),
    ("", "pods", "log"),
    ("", "services", ""),
    ("", "secrets", ""),
    ("", "nodes", ""),
    ("apps", "deployments", ""),
    ("batch", "jobs", ""),
    ("coordination.k8s.io", "leases", ""),
)
_VERBS = ("get", "list", "create", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of what is measured: its aim is "" where it has none."""

    name: str
    value: float
    unit: str
    aim: str = ""

    def __str__(self) -> str:
        whole = self.value >= 100 or self.value == int(self.value)
        digits = 0 if whole else 1 if self.value >= 10 else 3
        number = f"{self.value:,.{digits}f}"
        return f"{self.name:<54}{number:>10} {self.unit:<5}{self.aim}".rstrip()


def engine_figures(cluster: Cluster) -> Iterator[Figure]:
    """Yield each figure: CPU of one core, the least of several runs."""
    credentials = parse_upload(cluster.kubeconfig(), policy=COMMAND_LINE)[0].credentials
    if credentials is None:
        raise SystemExit("the lab's kubeconfig has no credentials")
    snapshot = collect(credentials, name="bench", policy=COMMAND_LINE)
    yield from _decisions(cluster, snapshot)
    nodes = len(snapshot.nodes.value or ())
    yield Figure(f"verdict for {nodes:,} nodes", _cpu_ms(judge, snapshot), "ms", "<= 20")
    yield _indexing(cluster, snapshot)


def _decisions(cluster: Cluster, snapshot: Snapshot) -> Iterator[Figure]:
    asked = _questions(_DECISIONS)
    authorization = authorization_of(snapshot)

    def decide_all() -> None:
        for identity, request in asked:
            authorization.decide(identity, request)

    ours = len(asked) / (_cpu_ms(decide_all) / 1000)
    started = time.monotonic()
    reviews = review_all(cluster.admin, asked[:_REVIEWS])
    theirs = _REVIEWS / (time.monotonic() - started)
    yield Figure("decisions, engine on one core", ours, "/s", ">= 100,000")
    yield Figure("SubjectAccessReviews, apiserver on all cores", theirs, "/s")
    differing = 0
    for (identity, request), review in zip(asked, reviews, strict=False):
        decision = authorization.decide(identity, request).decision
        # Nothing on this cluster mounts anything: no relation holds.
        differing += (decision is Decision.ALLOW) is not review.is_allowed
    yield Figure(f"decisions that differ, of {_REVIEWS:,}", differing, "", "0")


def _questions(count: int) -> list[tuple[Identity, Request]]:
    chance = random.Random(_SEED)  # noqa: S311
    return [(_identity(chance), _request(chance)) for _ in range(count)]


def _identity(chance: random.Random) -> Identity:
    kind, number = chance.randrange(3), chance.randrange(5_000)
    everybody = "system:authenticated"
    if kind == 0:
        return Identity("ann", (f"team-{number % 400}", everybody))
    if kind == 1:
        user = f"system:serviceaccount:default:robot-{number % 3_000}"
        groups = ("system:serviceaccounts", "system:serviceaccounts:default", everybody)
        return Identity(user, groups)
    return kubelet_of(f"worker-{number:05}")


def _request(chance: random.Random) -> Request:
    if chance.random() < 0.05:
        return Request("get", path=chance.choice(("/version", "/metrics", "/apis/apps")))
    group, resource, subresource = chance.choice(_KINDS)
    namespace = "" if resource == "nodes" else f"team-{chance.randrange(100):03}"
    return Request(
        chance.choice(_VERBS), resource, group, subresource, namespace, chance.choice(("", "x"))
    )


def _indexing(cluster: Cluster, snapshot: Snapshot) -> Figure:
    paths = ("clusterrolebindings", "rolebindings")
    bodies = [cluster.admin.request("GET", f"{_RBAC}/{path}").body.encode() for path in paths]
    decoder = msgspec.json.Decoder(Page[BindingJson])

    def parse_and_index() -> None:
        for body in bodies:
            for item in decoder.decode(body).items:
                to_binding(item)
        index(snapshot)

    count = sum(len(decoder.decode(body).items) for body in bodies)
    name = f"parsing and indexing {count:,} bindings"
    return Figure(name, _cpu_ms(parse_and_index), "ms", "<= 100")


def _cpu_ms(work: Callable[..., object], *arguments: object) -> float:
    """The CPU time of one run in milliseconds: the least of several, as others use the machine."""
    times = []
    for _ in range(_RUNS):
        started = time.process_time()
        work(*arguments)
        times.append(time.process_time() - started)
    return min(times) * 1000
