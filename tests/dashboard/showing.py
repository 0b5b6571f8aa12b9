"""Clusters whose pages show an assessment made by hand, and pages as a browser would read them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any, Protocol

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from authzviz.engine.assessment import Assessment
from authzviz.engine.model import Snapshot
from dashboard.models import Cluster, Source
from dashboard.services import judging
from tests.dashboard.conftest import add_cluster
from tests.dashboard.snapshots import snapshot


def show(
    assessment: Assessment,
    name: str = "alpha",
    *,
    read: Snapshot | None = None,
    age: timedelta = timedelta(seconds=12),
    **fields: Any,
) -> Cluster:
    """A cluster that was read `age` ago and judged so; `fields` are set on its row."""
    cluster = add_cluster(name)
    at = timezone.now() - age
    judging.store(cluster, replace(read or snapshot(), read_at=at), assessment)
    values = {"last_success_at": at, "next_poll_at": timezone.now() + timedelta(hours=1)}
    Cluster.objects.filter(pk=cluster.pk).update(**{**values, **fields})
    cluster.refresh_from_db()
    return cluster


RECORDED: dict[str, Any] = {"source": Source.RECORDING.value, "credentials": None}


@dataclass
class Page(HTMLParser):
    """What a browser makes of a page: elements with their attributes, ids, text and links."""

    html: str
    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        """All text, with white space as a browser shows it."""
        return " ".join(" ".join(self.words).split())

    @property
    def ids(self) -> Counter[str]:
        """How often each id occurs."""
        return Counter(attrs["id"] for _, attrs in self.elements if "id" in attrs)

    def all(self, tag: str) -> list[dict[str, str]]:
        """The attributes of every element with this tag."""
        return [attrs for name, attrs in self.elements if name == tag]

    def faults(self) -> list[str]:
        """What a strict content security policy would refuse, and what would reach another host."""
        found = []
        for tag, attrs in self.elements:
            if tag == "style" or "style" in attrs or (tag == "script" and "src" not in attrs):
                found.append(f"inline: <{tag}>")
            found += [f"handler: {name}" for name in attrs if name.startswith(("on", "hx-on"))]
            for name in ("src", "href", "action", "hx-get", "hx-post", "formaction"):
                link = attrs.get(name, "#")
                is_docs = tag == "a" and link.startswith("https://kubernetes.io/docs/")
                is_ours = link.startswith(("/", "#", "?", "http://testserver/"))
                if not (is_ours or link == "" or is_docs):
                    found.append(f"link: {link}")
        return found


class Answer(Protocol):
    """An answer of the test client."""

    content: bytes


def page(response: Answer) -> Page:
    """The parsed page of an answer."""
    return Page(response.content.decode())


OF_THE_LAST_READ = ("cluster", "cluster_grants", "cluster_nodes", "cluster_evidence")
"""The tabs of a cluster that show its last good read, the overview first."""


def opened(client: Client, name: str, cluster: Cluster, asked: str = "", status: int = 200) -> Page:
    """One page of a cluster, by the name of its address."""
    response = client.get(reverse(name, args=(cluster.slug,)) + asked)
    assert response.status_code == status
    return page(response)


def opened_all(client: Client, cluster: Cluster) -> Page:
    """All tabs of the last good read, one after the other."""
    return Page("".join(opened(client, name, cluster).html for name in OF_THE_LAST_READ))
