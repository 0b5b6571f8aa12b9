"""Every address for every role, with right and wrong methods."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import get_resolver, reverse
from django.utils import timezone

from dashboard.models import Cluster, Invitation, Role, SavedView, Source, User
from dashboard.services import bundles, trackers, uploads
from tests.dashboard.conftest import person, signed_in
from tests.dashboard.snapshots import KUBECONFIG, snapshot
from tests.dashboard.ticketed import ticket_of

pytestmark = pytest.mark.django_db

# name: (methods, least role)
OPEN, VIEWER, EDITOR, ADMIN = "anonymous", "viewer", "editor", "admin"
READ, WRITE, BOTH = {"GET"}, {"POST"}, {"GET", "POST"}
ADDRESSES: dict[str, tuple[set[str], str]] = {
    "fleet": (READ, VIEWER),
    "compare": (READ, VIEWER),
    "cluster": (READ, VIEWER),
    "cluster_add": (BOTH, EDITOR),
    "cluster_choose": (BOTH, EDITOR),
    "cluster_test": (WRITE, EDITOR),
    "add_local": (WRITE, EDITOR),
    "add_own": (WRITE, EDITOR),
    "add_bundle": (WRITE, EDITOR),
    "cluster_bundle": (WRITE, EDITOR),
    "remove_samples": (WRITE, EDITOR),
    "cluster_settings": (BOTH, EDITOR),
    "cluster_pause": (WRITE, EDITOR),
    "cluster_credentials": (BOTH, EDITOR),
    "cluster_remove": (BOTH, EDITOR),
    "cluster_poll": (WRITE, EDITOR),
    "cluster_history": (READ, VIEWER),
    "history": (READ, VIEWER),
    "cluster_reader": (READ, VIEWER),
    "reader": (READ, VIEWER),
    "explain": (BOTH, VIEWER),
    "certificates": (BOTH, VIEWER),
    "help": (READ, VIEWER),
    "fleet_csv": (READ, VIEWER),
    "fleet_act": (WRITE, EDITOR),
    "view_save": (WRITE, EDITOR),
    "view_remove": (BOTH, EDITOR),
    "cluster_whatif": (READ, VIEWER),
    "cluster_grants": (READ, VIEWER),
    "cluster_nodes": (READ, VIEWER),
    "cluster_evidence": (READ, VIEWER),
    "cluster_audit_log": (BOTH, VIEWER),
    "audit_log_remove": (WRITE, EDITOR),
    "cluster_object": (READ, VIEWER),
    "cluster_download": (READ, VIEWER),
    "cluster_plan": (READ, VIEWER),
    "plan_start": (WRITE, EDITOR),
    "plan_leave": (WRITE, EDITOR),
    "plan_renew": (WRITE, EDITOR),
    "plan_tick": (WRITE, EDITOR),
    "plan_watch": (BOTH, VIEWER),
    "plan_download": (READ, VIEWER),
    "plans": (READ, VIEWER),
    "ticket_open": (BOTH, EDITOR),
    "tickets_open": (WRITE, EDITOR),
    "tickets": (READ, VIEWER),
    "tickets_act": (WRITE, EDITOR),
    "ticket": (READ, VIEWER),
    "ticket_act": (WRITE, EDITOR),
    "risk_accept": (BOTH, EDITOR),
    "risk_withdraw": (WRITE, EDITOR),
    "undo": (WRITE, EDITOR),
    "activity": (READ, VIEWER),
    "risks": (READ, VIEWER),
    "trackers": (READ, ADMIN),
    "tracker_add": (BOTH, ADMIN),
    "tracker": (BOTH, ADMIN),
    "tracker_test": (WRITE, ADMIN),
    "tracker_default": (WRITE, ADMIN),
    "tracker_pause": (WRITE, ADMIN),
    "tracker_remove": (BOTH, ADMIN),
    "people": (READ, ADMIN),
    "invite": (WRITE, ADMIN),
    "withdraw_invitation": (WRITE, ADMIN),
    "person_role": (WRITE, ADMIN),
    "person_active": (WRITE, ADMIN),
    "profile": (READ, VIEWER),
    "livez": (READ, OPEN),
    "readyz": (READ, OPEN),
    "sign_in_link": (BOTH, OPEN),
    "invitation": (BOTH, OPEN),
}
# allauth's own, tested by what they do in test_entrance
ALLAUTH = {name for name in get_resolver().reverse_dict if str(name).startswith("account_")}
# What these are about isn't there in this test: that is said to whoever may do it.
NOTHING_THERE = {
    *("sign_in_link", "invitation", "add_local", "add_own", "risk_accept", "risk_withdraw", "undo"),
    *("cluster_object", "cluster_download", "cluster_grants", "cluster_nodes", "plan_download"),
    "audit_log_remove",
}
# Whoever may look may look at these, and only whoever may change posts to them.
WRITTEN_BY_EDITORS = {"cluster_audit_log", "plan_watch"}
ROLES = [OPEN, VIEWER, EDITOR, ADMIN]
CASES = {
    f"{name} {method} {role}": (name, method, role)
    for name in ADDRESSES
    for method in ("GET", "POST", "PUT", "DELETE")
    for role in ROLES
}


def test_every_address_is_in_the_table() -> None:
    names = {name for name in get_resolver().reverse_dict if isinstance(name, str)}

    assert names - ALLAUTH == set(ADDRESSES)


def address(name: str, cluster: Cluster, owner: User | None) -> str:
    """The address of this name, with arguments that exist wherever that is possible."""
    if name in {"cluster_choose", "cluster_test"}:
        owner = owner if owner and owner.may_change else person("uploader", Role.EDITOR)
        return reverse(name, args=(uploads.start(KUBECONFIG, actor=owner).pk,))
    if name in ABOUT:
        return reverse(name, args=ABOUT[name](cluster))
    if name.startswith(OF_A_CLUSTER) and name != "cluster_add":
        return reverse(name, args=(cluster.slug,))
    return reverse(name)


OF_A_CLUSTER = ("cluster", "plan_")
ABOUT: dict[str, Callable[[Cluster], tuple[object, ...]]] = {
    "person_role": lambda _: (person("someone", Role.VIEWER).pk,),
    "person_active": lambda _: (person("someone", Role.VIEWER).pk,),
    "withdraw_invitation": lambda _: (_invitation().pk,),
    "sign_in_link": lambda _: ("unknown-token",),
    "invitation": lambda _: ("unknown-token",),
    "view_remove": lambda _: (
        SavedView.objects.create(name="a view", query="", created_at=timezone.now()).pk,
    ),
    "tracker_add": lambda _: ("github",),
    **dict.fromkeys(
        ("tracker", "tracker_test", "tracker_default", "tracker_pause", "tracker_remove"),
        lambda _: (trackers.builtin().pk,),
    ),
    "undo": lambda _: (uuid4(),),
    "risk_accept": lambda cluster: (cluster.slug,),
    "risk_withdraw": lambda cluster: (cluster.slug, 1),
    "audit_log_remove": lambda cluster: (cluster.slug, 1),
    "cluster_object": lambda cluster: (cluster.slug, "Node", "node1"),
    "plan_download": lambda cluster: (cluster.slug, "json"),
    "ticket_open": lambda cluster: (cluster.slug,),
    "ticket": lambda cluster: (ticket_of(cluster).pk,),
    "ticket_act": lambda cluster: (ticket_of(cluster).pk,),
    "cluster_bundle": lambda _: (
        bundles.add(snapshot(), source=Source.BUNDLE, actor=None, name="a bundle").slug,
    ),
}


def _invitation() -> Invitation:
    now = timezone.now()
    return Invitation.objects.create(
        token_hash="x", role="viewer", created_at=now, expires_at=now.replace(year=2100)
    )


def allowed(role: str, least: str) -> bool:
    return ROLES.index(role) >= ROLES.index(least)


@pytest.mark.parametrize(("name", "method", "role"), CASES.values(), ids=CASES)
def test_who_may_do_what(cluster: Cluster, name: str, method: str, role: str) -> None:
    methods, least = ADDRESSES[name]
    if method == "POST" and name in WRITTEN_BY_EDITORS:
        least = EDITOR
    user = None if role == OPEN else User.objects.create_user("me", role=role)
    client = signed_in(user) if user else Client()

    answer = client.generic(method, address(name, cluster, user))

    if not user and least != OPEN:
        assert (answer.status_code, "/account/login/" in answer["Location"]) == (302, True)
    elif method not in methods:
        assert answer.status_code == 405
    elif not allowed(role, least):
        assert answer.status_code == 403
    elif name in NOTHING_THERE and answer.status_code == 404:
        assert b"unknown-token" not in answer.content
    else:
        assert answer.status_code in {200, 302, 422}


HIDDEN = [name for name in ADDRESSES if name.startswith(OF_A_CLUSTER) and name != "cluster_add"]
MORE = {"cluster_object": ("Node", "node1"), "plan_download": ("json",)}


@pytest.mark.parametrize("name", HIDDEN)
def test_what_does_not_exist_is_404(as_admin: Client, name: str) -> None:
    unknown = str(uuid4()) if name in {"cluster_choose", "cluster_test"} else "nope"
    url = reverse(name, args=(unknown, *MORE.get(name, ())))

    answers = {as_admin.generic(method, url).status_code for method in ADDRESSES[name][0]}

    assert answers == {404}


def test_an_upload_is_its_owners_alone(as_editor: Client, admin: User) -> None:
    upload = uploads.start(KUBECONFIG, actor=admin)

    assert as_editor.get(reverse("cluster_choose", args=(upload.pk,))).status_code == 404


WRITES = [name for name, (methods, _) in ADDRESSES.items() if "POST" in methods]


@pytest.mark.parametrize("name", WRITES)
def test_nothing_is_written_without_the_csrf_token(
    cluster: Cluster, admin: User, name: str
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")

    assert client.post(address(name, cluster, admin)).status_code == 403


@pytest.mark.parametrize("name", ["fleet", "cluster", "cluster_add", "account_login", "livez"])
def test_every_answer_carries_the_policy(as_admin: Client, cluster: Cluster, name: str) -> None:
    answer = as_admin.get(reverse(name, args=(cluster.slug,) if name == "cluster" else ()))

    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert "camera=()" in answer["Permissions-Policy"]
