"""The page "Check a certificate": the answer on one screen, for the right cluster, and no trace."""

from __future__ import annotations

import logging
import sqlite3
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from authzviz import engine
from authzviz.engine.model import Node, Read, Ready, SigningRequest, Snapshot
from authzviz.kube.credentials import Credentials
from authzviz.net.secret import Secret
from dashboard.logs import JsonLines
from dashboard.models import Cluster
from dashboard.services import clusters, judging, reading
from tests.dashboard.showing import RECORDED, Page, opened, page, show
from tests.dashboard.snapshots import CANARY, READ_AT, forbidden, snapshot
from tests.engine.build import ok
from tests.evidence.certificates import Authority, Keys, der, make, pem

pytestmark = pytest.mark.django_db

URL = "/certificates/"
NOW = timezone.now().replace(microsecond=0)
LIFE: dict[str, Any] = {"begin": NOW - timedelta(days=30), "end": NOW + timedelta(days=335)}
GOOD = pem(make(**LIFE))
SUBJECT = "subject=O = system:nodes, CN = system:node:node1"
KEY = Keys().all()["PKCS 8"].decode()


def checked(client: Client, text: str = GOOD, status: int = 200, **more: Any) -> Page:
    response = client.post(URL, {"certificate": text, **more})
    assert response.status_code == status
    found = page(response)
    assert not found.faults()
    assert max(found.ids.values()) == 1
    return found


def cluster(name: str, authority: Authority | None = None, read: Snapshot | None = None) -> Cluster:
    """A cluster that was read, with the CA of that authority in its kubeconfig."""
    read = read or snapshot()
    found = show(engine.judge(read), name, read=read)
    held = Credentials(
        "https://10.0.0.1:6443",
        ca_data=Secret(authority.pem) if authority else None,
        token=Secret(CANARY),
    )
    found.credentials = reading.seal(held, found)
    found.save()
    return found


def nodes(*names: str) -> Read[Any]:
    return ok(tuple(Node(name, Ready.TRUE, "v1.37.2") for name in names))


def test_the_page_asks_for_a_certificate_and_says_how_to_get_it(as_viewer: Client) -> None:
    found = page(as_viewer.get(URL))

    assert "Whom an apiserver takes" in found.text
    assert "openssl x509 -in" in found.text
    assert not found.faults()
    assert {"aria-current": "page", "href": URL} in found.all("a")


def test_the_answer_is_one_sentence_and_every_check_has_a_word(as_viewer: Client) -> None:
    found = checked(as_viewer)

    assert "This is the kubelet of node1, and nothing is wrong with it." in found.text
    assert "No cluster fits" in found.text
    assert "Right It is in group system:nodes" in found.text
    assert "in 334 days" in found.text
    ends = next(time for time in found.all("time") if "title" in time)
    assert ends["title"].endswith(" UTC")
    assert "CN=kubernetes" in found.text


def test_what_is_wrong_stands_first_with_what_to_do(as_viewer: Client) -> None:
    found = checked(as_viewer, pem(make(groups=["system:masters"], **LIFE)))

    assert "No apiserver takes this for a kubelet: it is in group system:masters." in found.text
    assert "Critical It is in group system:masters" in found.text
    assert next(iter(n for n in found.ids if n.startswith("check-"))) == "check-masters"


FILES = {"PEM": GOOD.encode(), "DER": der(make(**LIFE))}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_a_file_is_taken_as_well(as_viewer: Client, content: bytes) -> None:
    file = SimpleUploadedFile("client.pem", content)
    found = page(as_viewer.post(URL, {"certificate_file": file}))

    assert "This is the kubelet of node1" in found.text


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "Give one thing"),
    "both": (
        {"certificate": GOOD, "certificate_file": SimpleUploadedFile("a.pem", GOOD.encode())},
        "Give one thing",
    ),
    "a file that is too large": (
        {"certificate_file": SimpleUploadedFile("a.pem", b"a" * ((64 << 10) + 1))},
        "more than 64 KB",
    ),
    "a text that is too large": ({"certificate": "a" * ((64 << 10) + 1)}, "more than 64 KB"),
    "garbage": ({"certificate": "hello <b>"}, "neither a certificate nor the subject"),
    "a cluster that is none": ({"certificate": GOOD, "cluster": "nowhere"}, "Select a valid"),
}


@pytest.mark.parametrize(("data", "words"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_checked_is_said(
    as_viewer: Client, data: dict[str, Any], words: str
) -> None:
    response = as_viewer.post(URL, data)

    assert response.status_code == 422
    assert words in page(response).text


def test_the_cluster_whose_ca_signed_it_is_found(as_viewer: Client) -> None:
    cluster("other", Authority("other", "other"), snapshot(nodes=nodes("node1")))
    cluster("mine", Authority())

    found = checked(as_viewer)

    assert "Held against mine" in found.text
    assert "because its CA signed the certificate" in found.text
    assert "The Node authorizer of mine serves that identity" in found.text
    assert "Its node in mine" in found.text


def test_of_two_that_share_a_ca_the_one_with_its_node_is_found(as_viewer: Client) -> None:
    cluster("here", Authority(), snapshot(nodes=nodes("node1")))
    cluster("there", Authority(), snapshot(nodes=nodes("node2")))

    assert "Held against here" in checked(as_viewer).text
    assert "Several clusters fit" in checked(as_viewer, pem(make(["system:node:a"], **LIFE))).text


def test_a_subject_finds_the_only_cluster_with_its_node(as_viewer: Client) -> None:
    cluster("here", None, snapshot(nodes=nodes("node1")))
    cluster("there", None, snapshot(nodes=nodes("node10", "node")))

    found = checked(as_viewer, SUBJECT)
    assert "Held against here" in found.text
    assert "because no other cluster that you may see has a node of that name" in found.text

    cluster("twin", None, snapshot(nodes=nodes("node1")))
    assert "Several clusters fit" in checked(as_viewer, SUBJECT).text


def test_of_several_that_fit_each_is_named_and_can_be_chosen(as_viewer: Client) -> None:
    for number in range(25):
        cluster(f"twin{number:02}", None, snapshot(nodes=nodes("node1")))
    cluster("other", None, snapshot(nodes=nodes("node2")))

    found = checked(as_viewer, SUBJECT)

    links = [a["href"] for a in found.all("a")]
    assert f"{URL}?cluster=twin00#give" in links
    assert "/clusters/twin19/" in links
    assert not any("twin20" in link or "other" in link for link in links)
    assert "5 more are not listed" in found.text


def test_the_number_of_queries_is_that_of_one_cluster(as_viewer: Client) -> None:
    cluster("mine", Authority(), snapshot(nodes=nodes("node1")))
    counts = []
    for more in range(2):
        for number in range(more * 12):
            cluster(f"other{number}", Authority(f"other{number}", "other"))
        with CaptureQueriesContext(connection) as queries:
            assert "Held against mine" in checked(as_viewer).text
        counts.append(len(queries))

    assert counts[0] == counts[1]


def test_a_cluster_that_was_chosen_is_it(as_viewer: Client) -> None:
    cluster("mine", Authority(), snapshot(nodes=nodes("node1")))
    cluster("chosen", Authority("other", "other"), snapshot("RBAC", nodes=nodes("node2")))

    found = checked(as_viewer, cluster="chosen")

    assert "Held against chosen" in found.text
    assert "chosen has no Node node1" in found.text
    assert "chosen would refuse it" in found.text
    selected = page(as_viewer.get(f"{URL}?cluster=chosen"))
    assert [o["value"] for o in selected.all("option") if "selected" in o] == ["chosen"]


def test_a_recording_and_a_cluster_that_was_never_read_can_be_chosen(as_viewer: Client) -> None:
    show(engine.judge(snapshot()), "old", **RECORDED)
    clusters.add(
        name="new",
        credentials=Credentials("https://10.0.0.1:6443", token=Secret(CANARY)),
        interval_seconds=60,
        actor=None,
    )

    found = checked(as_viewer, cluster="old")
    assert "No CA of old is known here" in found.text
    assert "Old: this is what it said at" in found.text
    assert "has not been read yet" in checked(as_viewer, cluster="new").text


def asked(name: str, user: str = "system:node:node1", state: str = "pending") -> SigningRequest:
    signer = "kubernetes.io/kube-apiserver-client-kubelet"
    return SigningRequest(name, signer, user, READ_AT, state, user, ("system:nodes",))


def test_its_recent_signing_requests_are_shown(as_viewer: Client) -> None:
    mine, other = asked("csr-mine"), asked("csr-other", "system:node:node2")
    cluster("mine", None, snapshot(signing_requests=ok((mine, other))))
    cluster("none", None, snapshot(nodes=nodes(), signing_requests=ok((other,))))
    cluster("unread", None, snapshot(nodes=nodes(), signing_requests=forbidden()))

    found = checked(as_viewer, SUBJECT)

    assert "csr-mine" in found.text
    assert "csr-other" not in found.text
    assert "pending" in found.text
    assert "is none for it" in checked(as_viewer, SUBJECT, cluster="none").text
    assert "were not read" in checked(as_viewer, SUBJECT, cluster="unread").text


def test_the_evidence_shows_recent_requests_where_they_were_read(as_viewer: Client) -> None:
    read = snapshot(signing_requests=ok((asked("csr-mine", state="denied"),)))
    shown = opened(as_viewer, "cluster_evidence", cluster("mine", None, read))
    unread = opened(as_viewer, "cluster_evidence", cluster("unread"))

    assert "Recent certificate signing requests (1)" in shown.text
    assert "denied" in shown.text
    assert "signing requests" not in unread.text


def test_requests_that_an_earlier_read_brought_are_shown_with_their_age(
    as_viewer: Client,
) -> None:
    requests = ok((asked("csr-mine"),))
    first = snapshot(signing_requests=requests)
    mine = show(engine.judge(first), "mine", read=first, age=timedelta(minutes=4))
    alone = opened(as_viewer, "cluster_evidence", mine)
    later = snapshot(signing_requests=requests, read_at=timezone.now())
    judging.store(mine, later, engine.judge(later))

    both = opened(as_viewer, "cluster_evidence", mine)

    assert mine.last_success_at
    assert "as of" not in alone.text
    assert f"as of {mine.last_success_at:%Y-%m-%d %H:%M} UTC" in both.text


HOSTILE = {
    "markup": ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
    "template": ("{{7*7}}", "{{7*7}}"),
    "bidi override": ("node\u202e1", "node⟨U+202E⟩1"),
    "Cyrillic": ("n\u043ede1", "CYRILLIC SMALL LETTER O"),
}


@pytest.mark.parametrize(("name", "shown"), HOSTILE.values(), ids=HOSTILE)
def test_names_are_shown_as_text(as_viewer: Client, name: str, shown: str) -> None:
    cluster("mine", Authority(), snapshot(nodes=nodes("node1")))
    found = checked(as_viewer, pem(make([f"system:node:{name}"], [name, "system:nodes"], **LIFE)))

    assert shown in found.text
    assert "\u202e" not in found.html
    assert not found.all("img")[1:]


@pytest.mark.sqlite
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", ["text", "file"])
def test_a_key_is_forgotten(as_viewer: Client, caplog: pytest.LogCaptureFixture, way: str) -> None:
    caplog.set_level(logging.DEBUG)
    given = GOOD + KEY
    data: dict[str, Any] = (
        {"certificate": given}
        if way == "text"
        else {"certificate_file": SimpleUploadedFile("kubelet-client-current.pem", given.encode())}
    )

    response = as_viewer.post(URL, data)

    assert response.status_code == 422
    found = page(response)
    assert "That held a private key. It was forgotten at once" in found.text
    assert "Treat it as exposed" in found.text
    said = response.content.decode()
    logged = "\n".join(JsonLines().format(record) for record in caplog.records)
    assert isinstance(connection.connection, sqlite3.Connection)
    stored = "\n".join(connection.connection.iterdump())
    for line in (line for line in given.splitlines() if "-----" not in line):
        assert line not in said
        assert line not in logged
        assert line not in stored


@pytest.mark.sqlite
@pytest.mark.django_db(transaction=True)
def test_nothing_of_a_certificate_is_kept(as_viewer: Client) -> None:
    response = as_viewer.post(URL, {"certificate": pem(make(["canary-name"], **LIFE))})

    assert response["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    assert isinstance(connection.connection, sqlite3.Connection)
    assert "canary-name" not in "\n".join(connection.connection.iterdump())


def test_a_form_without_its_token_is_refused(as_viewer: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = as_viewer.cookies

    assert strict.post(URL, {"certificate": GOOD}).status_code == 403


def test_findings_about_certificates_lead_here(as_viewer: Client) -> None:
    old = snapshot().leases.value
    assert old
    read = snapshot(server_time=READ_AT + timedelta(hours=1), leases=ok(old))
    found = page(as_viewer.get(cluster("mine", None, read).get_absolute_url()))

    assert f"{reverse('certificates')}?cluster=mine" in [a["href"] for a in found.all("a")]
