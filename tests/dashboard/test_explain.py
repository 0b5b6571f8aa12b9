"""The page "Explain a log": the answer first, held against the right cluster, and no trace."""

from __future__ import annotations

import gzip
import json
import logging
import sqlite3
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from authzviz import engine
from authzviz.engine.model import Node, Read, Ready, Snapshot
from authzviz.evidence import explain as evidence
from authzviz.evidence.explanation import Explanation, Place
from authzviz.evidence.refusals import Refusal
from dashboard.logs import JsonLines
from dashboard.models import Cluster
from dashboard.services import explain, judging
from dashboard.shown.explain import EXAMPLE
from tests.dashboard.showing import RECORDED, Page, page, show
from tests.dashboard.snapshots import snapshot
from tests.engine.build import ok

pytestmark = pytest.mark.django_db

URL = "/explain/"
MB = 1_000_000
MOST_HTML_BYTES = 250_000


def message(
    node: str = "node1",
    verb: str = "get",
    resource: str = "leases",
    name: str = "",
    *,
    group: str = "coordination.k8s.io",
    namespace: str = "kube-node-lease",
    reason: str = "",
) -> str:
    """What an apiserver says to a node's kubelet that it refuses."""
    kind = f"{resource}.{group}" if group else resource
    named = f' "{name}"' if name else ""
    where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    said = f": {reason}" if reason else ""
    return (
        f'{kind}{named} is forbidden: User "system:node:{node}" cannot {verb} resource'
        f' "{resource}" in API group "{group}" {where}{said}'
    )


LEASE = message(name="node1")
SECRET = message(verb="get", resource="secrets", name="db", group="", namespace="prod")
NOT_NEEDED = message(verb="list", resource="deployments", group="apps", namespace="")
OTHER_NODE = 'nodes "node2" is forbidden: node "node1" is not allowed to modify node "node2"'


def explained(client: Client, log: str = LEASE, status: int = 200, **more: Any) -> Page:
    response = client.post(URL, {"log": log, **more})
    assert response.status_code == status
    found = page(response)
    assert not found.faults()
    assert max(found.ids.values()) == 1
    return found


def cluster(name: str, read: Snapshot | None = None, **fields: Any) -> Cluster:
    read = read or snapshot()
    return show(engine.judge(read), name, read=read, **fields)


def nodes(*names: str) -> Read[Any]:
    return ok(tuple(Node(name, Ready.TRUE, "v1.37.2") for name in names))


def test_the_page_is_ready_for_a_paste(as_viewer: Client) -> None:
    found = page(as_viewer.get(URL))

    assert "autofocus" in found.all("textarea")[0]
    assert "grep -iE" in found.text
    assert not found.faults()
    assert {"aria-current": "page", "href": URL} in found.all("a")


def test_the_example_leads_to_an_answer(as_viewer: Client) -> None:
    assert EXAMPLE.splitlines()[1] in as_viewer.get(f"{URL}?example").content.decode().replace(
        "&quot;", '"'
    )

    found = explained(as_viewer, EXAMPLE)

    assert "The kubelet of eu-5-worker-1 may not get leases.coordination.k8s.io" in found.text
    assert "Likely cause: The Node authorizer would have answered this" in found.text
    assert "kubectl set subject clusterrolebinding system:node --group=system:nodes" in found.text
    assert "Node,RBAC with NodeRestriction" in found.text
    assert "2 different refusals in 4 lines" in found.text
    assert "2 lines say nothing of a refusal" in found.text


def test_what_is_worst_comes_first_and_what_has_one_cause_stands_together(
    as_viewer: Client,
) -> None:
    log = [NOT_NEEDED, SECRET, OTHER_NODE, SECRET, LEASE, "nothing", LEASE, LEASE, "Unauthorized"]

    found = explained(as_viewer, "\n".join(log))

    headings = [n for n in found.ids if n.startswith("refusal-") and n.endswith("-heading")]
    order = [
        found.text.index(words)
        for words in (
            "The kubelet of node1 may not get leases",
            "Credentials were not accepted",
            "The kubelet of node1 may not change nodes node2",
            "The kubelet of node1 may not list deployments",
        )
    ]
    assert order == sorted(order)
    assert len(headings) == 4
    assert "Refused for the same cause (1)" in found.text
    assert "on 3 lines, first on line 5" in found.text
    assert "on 2 lines, first on line 2" in found.text


def test_a_log_without_a_refusal_says_what_to_look_for(as_viewer: Client) -> None:
    found = explained(as_viewer, "all is well\n\nreally")

    assert "No refusal in it 2 lines say nothing of a refusal." in found.text
    assert "RBAC: no rules authorize" in found.text
    assert {"href": f"{URL}?example"} in found.all("a")


FORMS = {
    "klog": f'E1124 09:00:00.000000 812 a.go:1] "Failed" err={json.dumps(LEASE)}',
    "journald": f"Nov 24 09:00:00 node1 kubelet[812]: E1124 09:00:00.000000 812 a.go:1] {LEASE}",
    "a JSON line": json.dumps({"ts": 1.5, "msg": "Failed", "err": LEASE}),
    "a Status body": json.dumps({"kind": "Status", "message": LEASE, "code": 403}),
    "Windows ends of lines": f"first\r\n{LEASE}\r\n",
}


@pytest.mark.parametrize("log", FORMS.values(), ids=FORMS)
def test_every_form_of_a_line_is_understood(as_viewer: Client, log: str) -> None:
    found = explained(as_viewer, log)

    assert "may not get leases.coordination.k8s.io node1 in namespace kube-node-lease" in found.text


FILES = {
    "plain": LEASE.encode(),
    "gzip": gzip.compress(LEASE.encode()),
    "two gzips in a row, as rotated logs": gzip.compress(b"one\n") + gzip.compress(LEASE.encode()),
    "UTF-16, as PowerShell writes": LEASE.encode("utf-16"),
    "odd bytes": b"\xff\xfd\x00\n" + LEASE.encode(),
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_a_file_is_taken_as_well(as_viewer: Client, content: bytes) -> None:
    file = SimpleUploadedFile("kubelet.log", content)
    found = page(as_viewer.post(URL, {"log_file": file}))

    assert "The kubelet of node1 may not get leases" in found.text


def file(content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("kubelet.log.gz", content)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "Give one thing"),
    "both": ({"log": LEASE, "log_file": file(b"a")}, "Give one thing"),
    "blanks": ({"log": " \n "}, "Give one thing"),
    "a file of blanks": ({"log_file": file(b" \n ")}, "Nothing was given"),
    "an empty file": ({"log_file": file(b"")}, "empty"),
    "a long text": ({"log": "a" * (10 * MB + 1)}, "more than 10 MB"),
    "a long text of long letters": ({"log": "\u0434" * (5 * MB + 1)}, "more than 10 MB"),
    "a long file": ({"log_file": file(b"a" * (10 * MB + 1))}, "more than 10 MB"),
    "a file that unpacks to far more": (
        {"log_file": file(gzip.compress(b"a" * (40 * MB), 1))},
        "more than 10 MB",
    ),
    "a cut gzip": ({"log_file": file(gzip.compress(LEASE.encode())[:-9])}, "damaged or cut off"),
    "a broken gzip": ({"log_file": file(b"\x1f\x8bxxxxxxxxxxxx")}, "damaged or cut off"),
    "half a million gzips of nothing": (
        {"log_file": file(gzip.compress(b"") * (10 * MB // 20))},
        "more than 1,000 gzips",
    ),
    "no text": ({"log_file": file(bytes(range(128, 256)) * 9)}, "no text"),
    "a cluster that is none": ({"log": LEASE, "cluster": "nowhere"}, "Select a valid"),
    "one chosen that is none": ({"log": LEASE, "choose": "nowhere"}, "Select a valid"),
}


@pytest.mark.parametrize(("data", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_read_is_said(as_viewer: Client, data: dict[str, Any], words: str) -> None:
    response = as_viewer.post(URL, data)

    assert response.status_code == 422
    found = page(response)
    assert words in found.text
    assert found.text.count(words) == 1
    assert len(found.html) < 30_000


def test_what_is_too_large_is_told_with_the_command_that_finds_less(as_viewer: Client) -> None:
    found = page(as_viewer.post(URL, {"log": "a" * (10 * MB + 1)}))

    assert found.text.count("journalctl -u kubelet --since=-1h | grep") == 2


def test_ten_megabytes_cost_a_bounded_number_of_explanations(
    as_viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    plain = evidence._explained

    def counted(refusal: Refusal, minor: int, place: Place) -> Explanation:
        asked.append(refusal)
        return plain(refusal, minor, place)

    monkeypatch.setattr(evidence, "_explained", counted)
    cluster("mine", snapshot(nodes=nodes("node1")))
    lines = (message(verb="get", resource="secrets", name=f"s{n}", group="") for n in range(50_000))
    log = "\n".join(lines)[: 10 * MB]

    response = as_viewer.post(URL, {"log": log})

    found = page(response)
    assert len(asked) == explain.MOST_EXPLAINED
    assert "tell of more than the first 200 refusals, which are not shown" in found.text
    assert len(response.content) < MOST_HTML_BYTES


def test_hostile_names_make_no_large_page(as_viewer: Client) -> None:
    log = "\n".join(message('"\u202e' * n + "A" * 9_000) for n in range(1_000))

    assert len(as_viewer.post(URL, {"log": log}).content) < 4 * MOST_HTML_BYTES


def test_a_line_of_ten_megabytes_is_counted_and_left_out(as_viewer: Client) -> None:
    found = explained(as_viewer, "is forbidden " * 760_000)

    assert "1 line was left out, longer than 1 MB" in found.text


HOSTILE = {
    "markup": ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
    "template": ("{{7*7}}", "{{7*7}}"),
    "bidi override": ("node\u202e1", "node⟨U+202E⟩1"),
    "zero width": ("no\u200bde", "no⟨U+200B⟩de"),
    "ANSI escape": ("\x1b[31mred", "⟨U+001B⟩[31mred"),
    "half a letter": (r"node\ud800", "node⟨U+D800⟩"),
    "NUL": ("node\0", "node⟨U+0000⟩"),
}


@pytest.mark.parametrize(("name", "shown"), HOSTILE.values(), ids=HOSTILE)
def test_what_a_log_says_is_shown_as_text(as_viewer: Client, name: str, shown: str) -> None:
    cluster("mine", snapshot(nodes=nodes("node1")))
    found = explained(as_viewer, message(name, name=name))

    assert f"The kubelet of {shown} may not" in found.text
    assert not {"\u202e", "\u200b", "\x1b", "\0"} & set(found.html)
    assert not found.all("img")[1:]


def test_the_cluster_with_the_node_is_found(as_viewer: Client) -> None:
    cluster("here", snapshot("RBAC", nodes=nodes("node1")))
    cluster("there", snapshot(nodes=nodes("node10", "node")))

    found = explained(as_viewer)

    assert "Held against here" in found.text
    assert "because no other cluster that you may see has a node of that name" in found.text
    assert "In here : Refused now, too nobody in RBAC allows it" in found.text


def test_of_several_with_the_node_each_is_named_and_can_be_chosen(as_viewer: Client) -> None:
    for name in ("one", "two"):
        cluster(name, snapshot(nodes=nodes("node1")))
    cluster("other", snapshot(nodes=nodes("node9")))

    found = explained(as_viewer)

    assert "Several clusters fit" in found.text
    buttons = [one["value"] for one in found.all("button") if one.get("name") == "choose"]
    assert buttons == ["one", "two"]
    assert "Held against two" in explained(as_viewer, choose="two").text


def test_the_server_that_a_log_names_goes_before_the_node(as_viewer: Client) -> None:
    cluster("by-node", snapshot(nodes=nodes("node1")), server="https://a.example:6443")
    cluster("by-server", snapshot(nodes=nodes()), server="https://10.1.2.3:6443")
    log = f'Get "https://10.1.2.3:6443/api": dial tcp 127.0.0.1:6443: refused\n{LEASE}'

    assert "Held against by-server because the log names its server" in explained(
        as_viewer, log
    ).text.replace("  ", " ")


def test_the_cluster_with_most_of_the_nodes_is_it(as_viewer: Client) -> None:
    cluster("some", snapshot(nodes=nodes("node1", "x")))
    cluster("all", snapshot(nodes=nodes("node1", "node2")))

    found = explained(as_viewer, f"{LEASE}\n{message('node2')}")

    assert "Held against all" in found.text


def test_where_none_fits_those_that_refuse_their_kubelets_are_offered(
    as_editor: Client, as_viewer: Client
) -> None:
    fresh = snapshot("RBAC", nodes=ok(()))
    cluster("a", fresh)
    cluster("eu-5", fresh)
    cluster("fine")

    found = explained(as_editor, message("eu-5-worker-1"))

    assert "No cluster of the fleet fits" in found.text
    buttons = [one["value"] for one in found.all("button") if one.get("name") == "choose"]
    assert buttons == ["eu-5", "a"]
    assert "Add its cluster" in found.text
    assert "Add its cluster" not in explained(as_viewer, message("eu-5-worker-1")).text


def test_what_is_allowed_now_is_said_with_when_the_verdict_changed(as_viewer: Client) -> None:
    refused = snapshot("RBAC", nodes=nodes("node1"))
    mine = cluster("mine", refused, age=timedelta(hours=1))
    healed = snapshot(
        nodes=nodes("node1"), read_at=timezone.now() - timedelta(minutes=3, seconds=5)
    )
    judging.store(mine, healed, engine.judge(healed))
    Cluster.objects.update(last_success_at=timezone.now())

    found = explained(as_viewer)

    assert "Allowed now Node: a rule" in found.text
    assert (
        "Its verdict changed 3 minutes ago , from Refused to Node authorizer: the line may be of"
        " before that. If it is newer than what was read" in found.text
    )
    assert "Last change of its facts" in found.text
    assert "the authorizers were RBAC, and are Node,RBAC" in found.text


def test_what_is_allowed_and_never_was_refused_leads_to_the_certificate(as_viewer: Client) -> None:
    cluster("mine", snapshot(nodes=nodes("node1")))

    found = explained(as_viewer)

    assert "Allowed now Node: a rule" in found.text
    assert "No change of its verdict is known" in found.text
    assert {"href": "/certificates/?cluster=mine"} in found.all("a")


def test_a_user_whose_groups_no_line_tells_is_not_said_to_be_refused(as_viewer: Client) -> None:
    cluster("mine", snapshot("RBAC", nodes=nodes("node1")))
    log = LEASE.replace("system:node:node1", "admin")

    found = explained(as_viewer, log, cluster="mine")
    own = explained(
        as_viewer, log.replace('"admin"', '"system:serviceaccount:a:b"'), cluster="mine"
    )

    assert "Refused now" not in found.text
    assert "doesn't tell the user's groups" in found.text
    assert "Refused now, too" in own.text


def test_a_recording_is_said_to_be_old(as_viewer: Client) -> None:
    cluster("old", snapshot("RBAC", nodes=nodes("node1")), **RECORDED)

    found = explained(as_viewer)

    assert "Refused then, too" in found.text
    assert "Old: this is what it said at" in found.text
    assert "now, too" not in found.text


def test_a_write_that_node_restriction_refused_is_held_against_it(as_viewer: Client) -> None:
    cluster("mine", snapshot(nodes=nodes("node1")))

    found = explained(as_viewer, OTHER_NODE)

    assert "Refused now, too NodeRestriction is on" in found.text


def test_credentials_that_were_not_accepted_are_held_against_nothing(as_viewer: Client) -> None:
    cluster("mine", snapshot(nodes=nodes("node1")))

    found = explained(as_viewer, 'E1 "Failed" err="Unauthorized" node="node1"')

    assert "Held against mine" in found.text
    assert "now, too" not in found.text


def test_a_cluster_that_was_never_read_is_said_to_be_so(as_viewer: Client) -> None:
    Cluster.objects.filter(pk=cluster("mine").pk).update(source="kubeconfig")
    Cluster.objects.get(slug="mine").current.delete()

    assert "mine was not read yet" in explained(as_viewer, cluster="mine").text


def test_a_link_chooses_a_cluster_and_one_to_a_cluster_that_is_gone_says_so(
    as_viewer: Client,
) -> None:
    cluster("mine")

    chosen = page(as_viewer.get(f"{URL}?cluster=mine"))
    gone = page(as_viewer.get(f"{URL}?cluster=gone%E2%80%AE<b>"))

    assert [o["value"] for o in chosen.all("option") if "selected" in o] == ["mine"]
    assert "There is no cluster gone⟨U+202E⟩<b> any more" in gone.text


def test_htmx_gets_the_answer_alone_and_swaps_what_was_refused_too(as_viewer: Client) -> None:
    for data in ({"log": LEASE}, {}):
        response = as_viewer.post(URL, data, headers={"HX-Request": "true"})
        assert response.status_code == 200
        assert "HX-Request" in response["Vary"]
        assert "<html" not in response.content.decode()


def test_the_number_of_queries_is_that_of_one_cluster(as_viewer: Client) -> None:
    cluster("mine", snapshot(nodes=nodes("node1")))
    counts = []
    for more in range(2):
        for number in range(more * 12):
            cluster(f"other{number}", snapshot(nodes=nodes(f"x{number}")))
        with CaptureQueriesContext(connection) as queries:
            explained(as_viewer, f"{LEASE}\n{SECRET}\nhttps://a.example")
        counts.append(len(queries))

    assert counts[0] == counts[1]


@pytest.mark.sqlite
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", ["text", "file", "too large"])
def test_nothing_of_a_log_is_kept(
    as_viewer: Client, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    caplog.set_level(logging.DEBUG)
    log = message("canary-name") + ("\n" * 10 * MB if way == "too large" else "")
    data = {"log_file": file(log.encode())} if way == "file" else {"log": log}

    response = as_viewer.post(URL, data)

    assert response["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    assert "canary-name" not in "\n".join(JsonLines().format(one) for one in caplog.records)
    assert isinstance(connection.connection, sqlite3.Connection)
    assert "canary-name" not in "\n".join(connection.connection.iterdump())


def test_a_long_paste_is_not_sent_back(as_viewer: Client) -> None:
    short = explained(as_viewer, f"{LEASE}\nremembered")
    long = explained(as_viewer, f"{LEASE}\nremembered\n" + "x" * 20_000)

    assert "remembered" in short.text
    assert "remembered" not in long.text
