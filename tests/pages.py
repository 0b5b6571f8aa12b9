"""The pages that have to be as quick with a thousand clusters as with ten: a line for each.

Their queries and sizes are tested in tests/dashboard/test_pages_speed.py; `make bench` prints how
long each takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.fleet import slug

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

_ONE = f"/clusters/{slug(3)}"
_TWENTY = "&".join(f"c={slug(number)}" for number in range(20))
PAGES = {
    "fleet": "/",
    "fleet, by name, last page": "/?sort=-name&page=99",
    "fleet, one verdict, searched": "/?verdict=refused&search=prod",
    "fleet, grouped, page 2": "/?by=group&state=stale&state=trouble&sort=findings&page=2",
    "fleet as a file": "/fleet.csv",
    "cluster": f"{_ONE}/",
    "cluster grants": f"{_ONE}/grants/",
    "cluster nodes": f"{_ONE}/nodes/",
    "cluster evidence": f"{_ONE}/evidence/",
    "cluster audit log": f"{_ONE}/audit-log/",
    "cluster plan": f"{_ONE}/plan/",
    "cluster plan, running": f"/clusters/{slug(6)}/plan/",
    "plans": "/plans/",
    "plans, one phase": "/plans/?stage=node-authorizer&search=000",
    "tickets": "/tickets/",
    "tickets, open, by cluster, page 2": "/tickets/?state=open&sort=cluster&page=2",
    "tickets, searched": "/tickets/?search=0003&group=Europe",
    "tickets as a file": "/tickets/?format=csv",
    "open a ticket": f"{_ONE}/ticket/",
    "fleet, tickets that failed": "/?ticket=failed&ticket=unknown",
    "cluster object": f"{_ONE}/objects/clusterroles/system:node/",
    "accepted risks": "/risks/",
    "activity": "/activity/",
    "activity, older": "/activity/?before=300",
    "cluster history": f"{_ONE}/history/",
    "cluster history, last page": f"{_ONE}/history/?page=4",
    "compare 20": f"/clusters/compare/?{_TWENTY}",
    "compare 20 with a baseline": f"/clusters/compare/?{_TWENTY}&baseline={slug(1)}",
    "explain": "/explain/",
    "explain a log of a node": "/explain/",
    "check a certificate": "/certificates/",
    "what-if": f"{_ONE}/what-if/?modes=Node,RBAC&drop=system:node",
    "fleet history": "/history/",
    "fleet history, one verdict": "/history/?verdict=refused",
    "fleet history, searched": "/history/?search=0003",
    "fleet history, page 5": "/history/?page=5",
    "fleet history, last page": "/history/?page=9999",
}
_LOG = (
    'E1124 09:00:00.000000 1 controller.go:145] "Failed to ensure lease exists, will retry" '
    'err="leases.coordination.k8s.io \\"worker-07\\" is forbidden: User '
    '\\"system:node:worker-07\\" cannot get resource \\"leases\\" in API group '
    '\\"coordination.k8s.io\\" in the namespace \\"kube-node-lease\\""'
)
POSTED = {"explain a log of a node": {"log": _LOG}}
"""What is sent to the pages of these names."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a page took and gave."""

    status: int
    size: int
    queries: tuple[str, ...]


def send(client: Client, page: str) -> Response:
    """The answer for the page of that name in PAGES, through all of Django."""
    address, data = PAGES[page], POSTED.get(page)
    return client.get(address) if data is None else client.post(address, data)


def ask(client: Client, page: str) -> Answer:
    """What the page took and gave."""
    with CaptureQueriesContext(connection) as captured:
        response = send(client, page)
    return Answer(
        response.status_code,
        len(response.content),
        tuple(query["sql"] for query in captured.captured_queries),
    )
