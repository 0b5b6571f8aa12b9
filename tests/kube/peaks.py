"""How much reading and judging a hostile cluster takes at most, each case in a process of its own.

`python -m tests.kube.peaks [CASE]...` prints a line of JSON for each; `serve` is the server, apart
from the memory that is measured.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack

from authzviz import engine
from authzviz.engine.model import Snapshot
from authzviz.kube.collect import collect
from authzviz.kube.credentials import Credentials
from authzviz.kube.errors import KubeError
from authzviz.kube.kubeconfig import embed, parse_upload
from authzviz.net import COMMAND_LINE
from tests.hostile import JSON, RBAC
from tests.memory import growth
from tests.replay import Answerer, Reply, merged_kubeconfig, replay

RECORDING = "v1.37.2-node-authorizer"
ROLES, CRBS = f"{RBAC}/clusterroles", f"{RBAC}/clusterrolebindings"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
NODES = "/api/v1/nodes"
PODS = "/api/v1/namespaces/kube-system/pods"
# The most that is taken for one answer, and what is just below the size that is looked into.
FULL, BELOW = 24 << 20, 750 << 10
SECONDS = 60.0


def text(begin: bytes, unit: bytes, end: bytes, size: int) -> Reply:
    """An answer of that size: a unit again and again."""
    count = (size - len(begin) - len(end)) // len(unit)
    return 200, JSON, begin + (unit * count).removesuffix(b",") + end


def listed(kind: str, unit: bytes, size: int) -> Reply:
    return text(b'{"kind":"%s","items":[' % kind.encode(), unit, b"]}", size)


def rules(unit: bytes, size: int) -> Reply:
    begin = b'{"kind":"ClusterRoleList","items":[{"metadata":{"name":"x"},"rules":['
    return text(begin, unit, b"]}]}", size)


def subjects(unit: bytes, size: int) -> Reply:
    begin = b'{"kind":"ClusterRoleBindingList","items":[{"metadata":{"name":"x"},'
    begin += b'"roleRef":{"kind":"","name":""},"subjects":['
    return text(begin, unit, b"]}]}", size)


def table(unit: bytes, size: int) -> Reply:
    names = ("Name", "Status", "Roles", "Version")
    columns = json.dumps([{"name": name} for name in names]).encode()
    begin = b'{"kind":"Table","columnDefinitions":' + columns + b',"rows":['
    return text(begin, unit, b"]}", size)


def listed_all(kind: str, item: Callable[[int], str], number: int) -> Reply:
    """A whole list in one answer."""
    items = ",".join(map(item, range(number)))
    return 200, JSON, f'{{"kind":"{kind}","items":[{items}]}}'.encode()


def rows_of(number: int) -> Reply:
    """The Table of so many nodes that are Ready."""
    reply = table(b" ", 0)
    rows = ",".join(f'{{"cells":["n{n}","Ready","<none>","v1.37.2"]}}' for n in range(number))
    return 200, JSON, reply[2].removesuffix(b"]}") + rows.encode() + b"]}"


def lease(number: int) -> str:
    """A Lease as kubelets write it, with the fields that are skipped."""
    fields = '{"f:spec":{"f:holderIdentity":{},"f:leaseDurationSeconds":{},"f:renewTime":{}}}'
    managed = f'[{{"manager":"kubelet","operation":"Update","fieldsV1":{fields}}}]'
    spec = '{"leaseDurationSeconds":40,"renewTime":"2026-11-24T02:54:20.000000Z"}'
    return f'{{"metadata":{{"name":"n{number}","managedFields":{managed}}},"spec":{spec}}}'


def endless_pages(kind: str, item: Callable[[int], str], size: int) -> Answerer:
    """A list whose pages of that size never end, each item new."""
    return pages(kind, item, 1 << 40, size)


def pages(kind: str, item: Callable[[int], str], number: int, size: int) -> Answerer:
    """A list of so many items in pages of that size."""

    def answer(_path: str, query: dict[str, str], _accept: str) -> Reply:
        start = int(query.get("continue", "0"))
        count = min(size // len(item(start)), number - start)
        items = ",".join(item(start + number) for number in range(count))
        token = start + count if start + count < number else ""
        metadata = f'"metadata":{{"continue":"{token}"}}'
        return 200, JSON, f'{{"kind":"{kind}",{metadata},"items":[{items}]}}'.encode()

    return answer


def binding(number: int) -> str:
    subject = f'{{"kind":"User","name":"system:node:n{number}"}}'
    role = '{"kind":"ClusterRole","name":"system:node"}'
    return f'{{"metadata":{{"name":"b{number}"}},"roleRef":{role},"subjects":[{subject}]}}'


def of_b25(number: int) -> str:
    """Every node has one to its own user; the others are of service accounts."""
    found = binding(number)
    if number < 15_000:
        return found
    return found.replace(
        '"User","name":"system:node:', f'"ServiceAccount","namespace":"t{number}","name":"'
    )


def role(number: int) -> str:
    rule = f'{{"verbs":["v{number}"],"resources":["secrets"],"apiGroups":[""]}}'
    return f'{{"metadata":{{"name":"r{number}"}},"rules":[{rule}]}}'


ROLE, BINDING = b'{"metadata":{"name":""}},', b'{"kind":"","name":""},'
LEASE = b'{"metadata":{"name":""},"spec":{}},'
WORDY_LEASE = b'{"metadata":{"name":"a","namespace":"b"},"spec":{"renewTime":"c"}},'
SMALL: dict[str, tuple[str, Callable[[int], Reply]]] = {
    "numbers": (ROLES, lambda size: listed("ClusterRoleList", b"0,", size)),
    "empty objects": (ROLES, lambda size: listed("ClusterRoleList", b"{},", size)),
    "small roles": (ROLES, lambda size: listed("ClusterRoleList", ROLE, size)),
    "empty rules": (ROLES, lambda size: rules(b"{},", size)),
    "small rules": (ROLES, lambda size: rules(b'{"verbs":["a"]},', size)),
    "many verbs": (ROLES, lambda size: rules(b'{"verbs":[' + b'"a",' * 999 + b'"a"]},', size)),
    "wide verbs": (ROLES, lambda size: rules(b'{"verbs":["\\ud83d\\ude00"]},', size)),
    "small subjects": (CRBS, lambda size: subjects(BINDING, size)),
    "broken subjects": (CRBS, lambda size: subjects(b'{"kind":0},', size)),
    "small leases": (LEASES, lambda size: listed("LeaseList", LEASE, size)),
    "wordy leases": (LEASES, lambda size: listed("LeaseList", WORDY_LEASE, size)),
    "rows": (NODES, lambda size: table(b'{"cells":["",""]},', size)),
    "rows of nothing": (NODES, lambda size: table(b'{"cells":[]},', size)),
    "cells": (NODES, lambda size: table(b'{"cells":[' + b'"a",' * 999 + b'"a"]},', size)),
    "pods": (PODS, lambda size: listed("PodList", b"{},", size)),
    "nested arrays": (ROLES, lambda size: listed("ClusterRoleList", b"[[[]]],", size)),
    "escapes": (ROLES, lambda size: text(b'{"kind":"', b"\\u00e9", b'","items":[]}', size)),
    "wide text": (
        ROLES,
        lambda size: text(b'{"items":[],"kind":"\\ud83d\\ude00', b"a", b'"}', size),
    ),
    "wide names": (
        ROLES,
        lambda size: listed(
            "ClusterRoleList",
            b'{"metadata":{"name":"\\ud83d\\ude00' + b"a" * 2000 + b'"}},',
            size,
        ),
    ),
}
CASES: dict[str, dict[str, Reply | Answerer]] = {
    **{f"{name}, small": {path: make(BELOW)} for name, (path, make) in SMALL.items()},
    **{f"{name}, 3 MB": {path: make(3 << 20)} for name, (path, make) in SMALL.items()},
    **{f"{name}, full": {path: make(FULL - 9)} for name, (path, make) in SMALL.items()},
    "too much": {ROLES: listed("ClusterRoleList", ROLE, FULL + 99)},
    "bindings for ever": {CRBS: endless_pages("ClusterRoleBindingList", binding, 60_000)},
    "roles for ever": {ROLES: endless_pages("ClusterRoleList", role, 60_000)},
    "everything for ever": {
        ROLES: endless_pages("ClusterRoleList", role, 300_000),
        CRBS: endless_pages("ClusterRoleBindingList", binding, 300_000),
        f"{RBAC}/roles": endless_pages("RoleList", role, 300_000),
        f"{RBAC}/rolebindings": endless_pages("RoleBindingList", binding, 300_000),
        LEASES: listed("LeaseList", LEASE, FULL - 9),
        NODES: table(b'{"cells":["",""]},', FULL - 9),
    },
    "as many bindings as fit": {
        CRBS: pages("ClusterRoleBindingList", binding, 40_000, 60_000),
    },
    "as many roles as fit": {
        ROLES: pages("ClusterRoleList", role, 40_000, 60_000),
    },
    "B25": {
        CRBS: pages("ClusterRoleBindingList", of_b25, 50_000, 60_000),
        LEASES: listed_all("LeaseList", lease, 15_000),
        NODES: rows_of(15_000),
    },
    "everything, just small enough": {
        ROLES: rules(b"{},", BELOW // 2),
        CRBS: subjects(BINDING, BELOW * 2),
        LEASES: listed("LeaseList", LEASE, BELOW * 4),
        NODES: table(b'{"cells":["",""]},', BELOW * 2),
    },
}


def serve() -> None:
    """Serve every case until standard input ends; prints a kubeconfig of them, "plain" first."""
    with ExitStack() as stack:
        servers = [stack.enter_context(replay(RECORDING, name="plain"))]
        servers += [
            stack.enter_context(replay(RECORDING, name=name, replace=replies))
            for name, replies in CASES.items()
        ]
        print(merged_kubeconfig(*servers), flush=True)
        sys.stdin.read()


def measured(kubeconfig: str, chosen: list[str]) -> Iterator[dict[str, object]]:
    """Each case: its name, what was said, and the bytes of reading, and of reading and judging."""
    contexts = {found.name: found for found in parse_upload(kubeconfig, policy=COMMAND_LINE)}
    credentials = embed(contexts["plain"])
    engine.judge(collect(credentials, name="x", policy=COMMAND_LINE))
    for name in chosen or CASES:
        inside, outside = os.pipe()
        if os.fork() == 0:
            with os.fdopen(outside, "w") as answer:
                json.dump(one(name, embed(contexts[name])), answer)
            os._exit(0)
        os.close(outside)
        with os.fdopen(inside) as answer:
            yield json.load(answer)
        os.wait()


def outcome(name: str, credentials: Credentials) -> Snapshot | KubeError:
    """What reading gives, or why it gave nothing."""
    try:
        return collect(credentials, name=name, policy=COMMAND_LINE, deadline_seconds=SECONDS)
    except KubeError as error:
        return error


def one(name: str, credentials: Credentials) -> dict[str, object]:
    with growth() as judged:
        with growth() as read:
            got = outcome(name, credentials)
        if isinstance(got, Snapshot):
            engine.judge(got)
            reads = got.reads.items()
            said = "; ".join(f"{what}: {of.why}" for what, of in reads if of.why)
        else:
            said = got.message
    return {"name": name, "read": read.most_bytes, "judged": judged.most_bytes, "said": said}


def main() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", __spec__.name, "serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdin
        assert server.stdout
        for found in measured(server.stdout.readline(), sys.argv[1:]):
            print(json.dumps(found), flush=True)
        server.stdin.close()


if __name__ == "__main__":
    serve() if sys.argv[1:] == ["serve"] else main()
