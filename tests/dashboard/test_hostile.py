"""Every address, in a fleet where all names are hostile: nothing comes out as it came in."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from html import escape
from typing import Any, Protocol
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse
from django.utils import timezone

from authzviz.engine.finding_keys import keyed
from authzviz.engine.model import (
    Binding,
    Node,
    PolicyRule,
    Ready,
    Role,
    RoleRef,
    Snapshot,
    Subject,
)
from authzviz.plans.plan import Plan, State
from dashboard.models import (
    AcceptedRisk,
    Cluster,
    Invitation,
    LeaseWatch,
    SavedView,
    StartedPlan,
    Ticket,
    TicketEvent,
    Tracker,
    User,
)
from dashboard.models import Role as PersonRole
from dashboard.services import (
    accounts,
    audit,
    audit_logs,
    facts,
    judging,
    plan_acts,
    plan_ticks,
    spreadsheet,
    uploads,
)
from dashboard.visible import visible
from tests.dashboard.assessments import HOSTILE, TARGET, hostile
from tests.dashboard.auditlogs import named
from tests.dashboard.conftest import signed_in
from tests.dashboard.showing import Page, show
from tests.dashboard.snapshots import snapshot
from tests.dashboard.ticketed import ticket_of
from tests.engine.build import ok, server

WIDE = "\uff1d\uff0b\uff0d\uff20"  # the same in full width, which spreadsheets take as well
FORMULAS = ("=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", f"{WIDE[0]}1", " =1", "a;=1+1;b")
SPLIT = "line\none"
NAMES = (*HOSTILE, *FORMULAS, SPLIT)
# What a spreadsheet takes for a formula, where a cell begins with it.
RISKY = (*"=+-@\t\r", *WIDE)
# Forms that only take what is sent to them.
ONLY_POSTS = {
    "add_local",
    "add_bundle",
    "add_own",
    "cluster_test",
    "remove_samples",
    "cluster_pause",
    "cluster_bundle",
    "cluster_poll",
    "risk_withdraw",
    "audit_log_remove",
    "invite",
    "withdraw_invitation",
    "person_role",
    "person_active",
    "fleet_act",
    "view_save",
    "undo",
    "plan_start",
    "plan_leave",
    "plan_renew",
    "plan_tick",
    "ticket_act",
    "tickets_act",
    "tickets_open",
    "tracker_test",
    "tracker_default",
    "tracker_pause",
}
# For whoever isn't signed in, or always lead elsewhere.
ELSEWHERE = {
    "account_login",
    "account_inactive",
    "account_signup",
    "account_email",
    "account_change_password",
    "invitation",
    "sign_in_link",
    "plan_watch",  # a part of the plan's page; the page holds it, too
}
# What a form sends has to be what the thing is called; in a field nothing reorders the page.
FIELDS = re.compile(r"<(?:input|button|option)\b[^>]*>|<textarea\b[^>]*>[^<]*</textarea>")
NO_PAGES = {"livez", "readyz"}


@dataclass(frozen=True)
class Fleet:
    """Two clusters that differ, and what else pages are asked for; `of` for some of them."""

    cluster: Cluster
    other: Cluster
    arguments: dict[str, Any]
    of: dict[str, dict[str, Any]]


class Answer(Protocol):
    """An answer of the test client."""

    content: bytes
    status_code: int

    @property
    def headers(self) -> Mapping[str, str]:
        """By their names, whatever the case."""


def addresses() -> list[str]:
    """The name of every address that there is."""
    return [
        pattern.name or str(pattern.pattern)
        for pattern in get_resolver().url_patterns
        if isinstance(pattern, URLPattern)
    ]


def fleet_of(name: str, user: User) -> Fleet:
    """A fleet in which everything that anybody may name has this name."""
    column = name.replace("\0", "")  # the forms and PostgreSQL refuse it
    now = timezone.now()
    cluster = show(
        hostile(name),
        read=read_of(name),
        group=column[:80],
        labels={column[:60]: column},
        last_error=column,
        last_error_at=now,
        server=f"https://10.0.0.1/{column}"[:500],
        credentials_expire_at=now + timedelta(days=2),
        slug="hostile",
        name=column[:120],
    )
    other = show(TARGET, "other")
    later = replace(read_of(f"{name}2"), read_at=now)
    judging.store(cluster, later, hostile(f"{name}2"))
    User.objects.filter(pk=user.pk).update(username=column[:150])
    user.refresh_from_db()
    accounts.invite(role=PersonRole.VIEWER, note=column[:100], actor=user)
    audit.record(column[:64], actor=user, cluster=cluster, before=column, to=column)
    key, finding = next(iter(keyed(hostile(name)).items()))
    AcceptedRisk.objects.create(
        cluster=cluster,
        finding=key,
        severity=finding.severity.value,
        title=column,
        detail=column,
        reason=column,
        until=now.date() + timedelta(days=9),
        accepted_at=now,
        accepted_by=user,
        accepted_by_name=column[:150],
    )
    started = plan_acts.start(cluster, actor=user)
    for step in facts.unpack(bytes(started.plan), Plan).steps:
        if step.state in (State.MANUAL, State.UNKNOWN):
            plan_ticks.tick(cluster, step.id, column[:1000], actor=user)
    StartedPlan.objects.update(ground=[column])
    LeaseWatch.objects.create(
        cluster=cluster,
        step=column,
        started_at=now,
        started_by_name=column[:150],
        until=now + timedelta(minutes=9),
        total=2,
        renewed=1,
        waiting=[column],
        error=column,
    )
    view = SavedView.objects.create(
        name=column[:60], query=urlencode({"search": column[:99]}), created_at=now, created_by=user
    )
    upload = uploads.start(kubeconfig_of(column), actor=user)
    given = audit_logs.Given((name, f"{name}.log"), 1)
    audit_logs.store(cluster, named(name), given, assessment=None, actor=user)
    arguments = {
        "slug": cluster.slug,
        "uuid": upload.pk,
        "kind": "nodes",
        "name": f"{name}2".replace("\n", " "),
        "pk": view.pk,
        "batch": "00000000-0000-4000-8000-000000000000",
        "token": "never-given-out",
        "key": key,
        "format_": "markdown",
    }
    tracker = tracker_of(column)
    of_tracker = {"pk": tracker.pk}
    names = ("tracker", "tracker_test", "tracker_default", "tracker_pause", "tracker_remove")
    of: dict[str, dict[str, Any]] = dict.fromkeys(names, of_tracker)
    of["tracker_add"] = {"kind": "github"}
    of["ticket"] = of["ticket_act"] = {"pk": hostile_ticket(cluster, tracker, column).pk}
    return Fleet(cluster, other, arguments, of)


def hostile_ticket(cluster: Cluster, tracker: Tracker, name: str) -> Ticket:
    """A ticket of which everything that a tracker or a person may say is this name."""
    ticket = ticket_of(
        cluster,
        tracker=tracker,
        opened_by_name=name[:150],
        title=name,
        body=name,
        labels=[name],
        assignee=name[:200],
        remote_id=name[:200],
        url=f"javascript:{name}"[:1000],
        remote_state=name[:100],
        remote_title=name,
        remote_assignee=name[:200],
        written_body=f"# {name}\n\n- {name}\n\n[{name}](javascript:{name})",
        comment_text=name,
        error=name,
    )
    TicketEvent.objects.create(
        ticket=ticket, at=timezone.now(), what=name[:16], words=name, by_name=name[:150]
    )
    return ticket


def tracker_of(name: str) -> Tracker:
    """A tracker of this name, which says it in its errors."""
    now = timezone.now()
    return Tracker.objects.create(
        name=name[:100],
        kind="github",
        values={"url": f"https://{name}"[:400], "repository": name[:100]},
        title_template=name[:200],
        body_template=name[:200],
        labels=[name[:60]],
        assignee=name[:60],
        created_at=now,
        last_error=name,
        last_error_at=now,
        wait_until=now + timedelta(hours=1),
    )


def read_of(name: str) -> Snapshot:
    """A snapshot in which a cluster gave this name to everything."""
    role = Role(name, namespace=name, rules=(PolicyRule((name,), (name,), (name,), (name,)),))
    to_kubelets = (Subject("Group", "system:nodes"), Subject("User", name, ""))
    bound = Binding(name, RoleRef("Role", name), name, to_kubelets)
    node = Node(name, Ready.FALSE, name, reason=name, message=name)
    return snapshot(
        version=ok(name),
        apiservers=ok((server(f"--authorization-mode=Node,{name}", f"--{name}={name}"),)),
        roles=ok((role,)),
        role_bindings=ok((bound,)),
        cluster_roles=ok((replace(role, namespace=""),)),
        cluster_role_bindings=ok(
            (replace(bound, namespace="", role_ref=RoleRef("ClusterRole", name)),)
        ),
        nodes=ok((node,), name),
    )


def kubeconfig_of(name: str) -> str:
    """A kubeconfig whose context and user have this name."""
    quoted = '"' + "".join(f"\\U{ord(letter):08x}" for letter in name) + '"'
    return (
        "apiVersion: v1\nkind: Config\n"
        f"clusters: [{{name: c, cluster: {{server: 'https://10.0.0.9:6443'}}}}]\n"
        f"users: [{{name: {quoted}, user: {{token: t}}}}]\n"
        f"contexts: [{{name: {quoted}, context: {{cluster: c, user: {quoted}}}}}]\n"
    )


def queries(address: str, fleet: Fleet, name: str) -> Iterator[dict[str, Any]]:
    """What this address is asked for."""
    yield {}
    both = [fleet.cluster.slug, fleet.other.slug]
    keys = list(fleet.cluster.snapshots.order_by("pk").values_list("pk", flat=True))
    more: dict[str, list[dict[str, Any]]] = {
        "fleet": [
            {"search": name, "by": "group"},
            {"verdict": name, "group": name, "label": f"a={name}", "by": f"label:{name}"},
            {"by": f"label:{name.replace(chr(0), '')[:60]}"},
        ],
        "fleet_csv": [{"search": "hostile"}],
        "compare": [
            {"c": both},
            {"c": [*both, name], "baseline": name},
            {"c": both, "baseline": both[0], "format": "csv"},
        ],
        "cluster_history": [{"from": keys[0], "to": keys[-1]}],
        "history": [{"search": name}],
        "risk_accept": [{"finding": fleet.arguments["key"]}],
        "reader": [{"version": name, "distribution": name}],
        "certificates": [{"cluster": fleet.cluster.slug}, {"cluster": name}],
        "explain": [{"cluster": fleet.cluster.slug}],
        "cluster_whatif": [{"modes": name, "plugins": name, "drop": name, "version": name}],
        "cluster_object": [{"namespace": name}],
        "activity": [{"person": name, "search": name}],
        "plans": [{"search": name, "stage": name}],
        "tickets": [{"search": name, "group": name}, {"format": "csv"}],
    }
    yield from more.get(address, [])


def answers(client: Client, fleet: Fleet, name: str) -> Iterator[tuple[str, Answer]]:
    """What every address answers; each is asked for as it is, and as its links ask for it."""
    for pattern in get_resolver().url_patterns:
        assert isinstance(pattern, URLPattern)
        wanted = pattern.pattern.converters
        known = {**fleet.arguments, **fleet.of.get(pattern.name or "", {})}
        unknown = wanted.keys() - known.keys()
        assert not unknown, f"say what {pattern.name} is to be asked for: {unknown}"
        path = reverse(pattern.name, kwargs={one: known[one] for one in wanted})
        for query in queries(str(pattern.name), fleet, name):
            yield str(pattern.name), client.get(path, query)


@pytest.mark.parametrize("name", NAMES)
def test_no_name_comes_out_as_it_came_in(admin: User, name: str) -> None:
    fleet = fleet_of(name, admin)
    client = signed_in(admin)

    wrong = [
        f"{address}: {fault}"
        for address, answer in answers(client, fleet, name)
        for fault in faults(answer, name)
    ]

    assert wrong == []


def faults(answer: Answer, name: str) -> Iterator[str]:
    """What of a page or a file can do harm in a browser or a spreadsheet."""
    kind = answer.headers.get("Content-Type", "")
    if kind.startswith("text/html"):
        html = answer.content.decode()
        yield from Page(html).faults()
        if is_changed(name) and name in FIELDS.sub("", html):
            yield "the name is raw"
    elif kind.startswith("text/csv"):
        yield from formulas(answer.content.decode("utf-8-sig"))
    disposition = answer.headers.get("Content-Disposition", "")
    if not disposition.isascii() or not disposition.isprintable():
        yield f"a file called {disposition!r}"


def is_changed(name: str) -> bool:
    """True for a name that no page may hold as it is: it is escaped, or made visible."""
    return escape(name) != name or visible(name) != name


def formulas(text: str) -> Iterator[str]:
    """The cells that a spreadsheet would run or that break its lines."""
    rows = list(csv.reader(io.StringIO(text, newline="")))
    if len({len(row) for row in rows}) != 1:
        yield "rows of different lengths"
    for row in rows:
        yield from (f"a formula: {cell!r}" for cell in row if cell.lstrip(" ").startswith(RISKY))
    # As read where semicolons part the cells, and a quote within one is a letter.
    for part in text.split(";")[1:]:
        if part.lstrip(" ").startswith(RISKY):
            yield f"a formula behind a semicolon: {part!r}"


def test_every_page_answers(admin: User) -> None:
    fleet = fleet_of(HOSTILE[0], admin)
    client = signed_in(admin)
    expected = {
        address: 405 if address in ONLY_POSTS else 200
        for address in addresses()
        if address not in ELSEWHERE | NO_PAGES
    }

    found: dict[str, int] = {}
    for address, answer in answers(client, fleet, HOSTILE[0]):
        if address in expected:
            found.setdefault(address, answer.status_code)
    # Asked for without the finding that it is about.
    found["risk_accept"] = 200 if found["risk_accept"] == 404 else found["risk_accept"]

    assert found == expected


@pytest.mark.parametrize("name", [*HOSTILE, *FORMULAS])
def test_a_message_with_the_name_is_text(admin: User, name: str) -> None:
    fleet = fleet_of(name, admin)
    client = signed_in(admin)

    removed = client.post(reverse("cluster_remove", args=(fleet.cluster.slug,)), follow=True)

    assert list(faults(removed, name)) == []
    assert Invitation.objects.exists()


@pytest.mark.parametrize("formula", [*FORMULAS, "\n=1", "  @x", *WIDE])
def test_no_cell_begins_like_a_formula(formula: str) -> None:
    assert not spreadsheet.plain_cell(formula).lstrip(" ").startswith(RISKY)


SPLIT_CELLS = {
    "a semicolon": ("a;=1+1", "a;'=1+1"),
    "blanks behind it": ("a; -1;b", "a;' -1;b"),
    "a line of its own": ("a\n@SUM(1)", "a\n'@SUM(1)"),
    "full width": (f"a;{WIDE[1]}1", f"a;'{WIDE[1]}1"),
    "nothing of the kind": ("env=prod, team=core; read-only", "env=prod, team=core; read-only"),
}


@pytest.mark.parametrize(("text", "cell"), SPLIT_CELLS.values(), ids=SPLIT_CELLS)
def test_no_half_of_a_cell_begins_like_a_formula(text: str, cell: str) -> None:
    assert spreadsheet.plain_cell(text) == cell
