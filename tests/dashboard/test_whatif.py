"""A change thought through on a page: a link is enough, wrong input is said beside its field."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils import timezone

from authzviz import engine
from authzviz.engine.model import Role, Snapshot, Subject
from dashboard.models import Cluster
from dashboard.services import samples
from tests.dashboard.conftest import add_cluster
from tests.dashboard.showing import RECORDED, Page, page, show
from tests.dashboard.snapshots import forbidden, snapshot
from tests.engine.build import (
    LEGACY_BINDING,
    NODE1,
    NODE_RBAC,
    NODES,
    RBAC,
    cluster,
    crb,
    rule,
    server,
    unread,
)

pytestmark = pytest.mark.django_db

URL = "/clusters/alpha/what-if/"
QUICK = "system:node=Group:system:nodes"
OUTAGE = cluster(RBAC)
LEGACY = cluster(RBAC, bindings=(LEGACY_BINDING,))
LEFTOVER = cluster(NODE_RBAC, bindings=(LEGACY_BINDING,))
GOOD = cluster(NODE_RBAC)


def read(found: Snapshot, name: str = "alpha", **fields: Any) -> Cluster:
    """A cluster as a poll leaves it, judged by the engine."""
    return show(engine.judge(found), name, read=found, **fields)


Asked = dict[str, str | list[str]]


def thought(client: Client, **asked: str | list[str]) -> Page:
    answer = client.get(f"{URL}?{urlencode(asked, doseq=True)}")
    assert answer.status_code == 200
    return page(answer)


def refused(client: Client, **asked: str | list[str]) -> Page:
    answer = client.get(f"{URL}?{urlencode(asked, doseq=True)}")
    assert answer.status_code == 422
    return page(answer)


def ticked(found: Page, name: str) -> set[str]:
    boxes = (box for box in found.all("input") if box.get("type") == "checkbox")
    return {box["value"] for box in boxes if box.get("name") == name and "checked" in box}


def headline(found: Page) -> str:
    start = found.html.index('id="answer-heading"')
    return found.html[start : found.html.index("</h2>", start)].partition(">")[2].strip()


ANSWERS: dict[str, tuple[Snapshot, Asked, str, list[str]]] = {
    "the Node authorizer heals": (
        OUTAGE,
        {"modes": "Node,RBAC"},
        "It heals the kubelets: they get all they need.",
        ["It hands out no Secrets beyond", "Answered by nobody now, Node then", "Node authorizer"],
    ),
    "the quick way out heals, too": (
        OUTAGE,
        {"add": QUICK},
        "It heals the kubelets, and hands every kubelet all Secrets of the cluster.",
        ["Rights opened", "It reads all Secrets of the cluster", "Legacy binding"],
    ),
    "both ways at once still hand out Secrets": (
        OUTAGE,
        {"modes": "Node,RBAC", "add": QUICK},
        "It heals the kubelets, and hands every kubelet all Secrets of the cluster.",
        ["Over-granted"],
    ),
    "the subject is taken too early": (
        LEGACY,
        {"take": QUICK},
        "It breaks the kubelets: nobody answers any more what they can&#x27;t do without.",
        ["Would be refused: ", "Renew its Lease core Without it: NotReady", "Rights closed"],
    ),
    "the whole way": (
        LEGACY,
        {"modes": "Node,RBAC", "take": QUICK},
        "Kubelets keep all they need, and no longer read all Secrets of the cluster.",
        ["Loses nothing that it needs. Answered by RBAC now, Node then", "That go"],
    ),
    "Node on, and the binding stays": (
        LEGACY,
        {"modes": "Node,RBAC"},
        "Kubelets keep all they need.",
        ["A stolen kubelet certificate still reads all Secrets", "Over-granted"],
    ),
    "what does not heal": (
        OUTAGE,
        {"plugins": ""},
        "It doesn&#x27;t heal the kubelets: what they can&#x27;t do without stays refused.",
        ["NodeRestriction off changed"],
    ),
    "nothing": (
        GOOD,
        {"version": "1.29"},
        "Nothing changes for kubelets.",
        ["Before and after", "It does not read all Secrets"],
    ),
    "NodeRestriction off": (
        GOOD,
        {"plugins": ""},
        "The kubelets would keep all they need, and could do more than now.",
        ["start pods on its node that use, and so read, any Secret"],
    ),
    "a grant to every kubelet": (
        GOOD,
        {"bind": "all=cluster-admin", "add": "all=Group:system:nodes"},
        "It hands every kubelet all Secrets of the cluster.",
        ["binding all to ClusterRole cluster-admin made · Group system:nodes bound by all"],
    ),
    "less than before": (
        cluster(server("--authorization-mode=Node,RBAC")),
        {"plugins": "NodeRestriction"},
        "Kubelets keep all they need.",
        ["They may do less besides"],
    ),
    "a webhook": (
        LEGACY,
        {"modes": "Webhook"},
        "It can&#x27;t be told whether the kubelets would still get what they need.",
        ["It can be:", "Can't be told: ", "Webhook is in the chain after the change"],
    ),
    "a binding that comes back": (
        GOOD,
        {"take": "system:discovery=Group:system:authenticated"},
        "Nothing changes for kubelets.",
        [
            "The path, the same before and after",
            "gets back Group system:authenticated",
            "At its next start an apiserver does by itself",
        ],
    ),
    "a new version": (
        cluster(NODE_RBAC, version="v1.13.12"),
        {"version": "1.14"},
        "Kubelets keep all they need.",
        ["New with the version, and not refused Renew its Lease"],
    ),
}


@pytest.mark.parametrize(("found", "asked", "said", "words"), ANSWERS.values(), ids=ANSWERS)
def test_says_what_a_change_would_do(
    as_viewer: Client,
    found: Snapshot,
    asked: Asked,
    said: str,
    words: list[str],
) -> None:
    read(found)
    shown = thought(as_viewer, **asked)

    assert headline(shown) == said
    assert [each for each in words if each not in shown.text] == []
    assert not shown.faults()
    assert max(shown.ids.values()) == 1


def test_some_nodes_lose_what_others_keep(as_viewer: Client) -> None:
    bound = crb("one", "system:node", NODE1, Subject("User", "system:node:node2"))
    read(cluster(RBAC, bindings=(bound,)))
    shown = thought(as_viewer, take="one=User:system:node:node1")

    assert headline(shown).startswith("It breaks the kubelets of 1 node: ")
    worst = shown.text.index("node1 Legacy binding then Refused")
    assert worst < shown.text.index("node2 Legacy binding Loses nothing that it needs.")


def test_a_need_that_is_not_core_is_lost(as_viewer: Client) -> None:
    core = Role("core", rules=(rule("create get list watch", "nodes"), rule("*", "nodes/status")))
    core = replace(core, rules=(*core.rules, rule("*", "leases", "coordination.k8s.io")))
    both = (crb("core", "core", NODES), LEGACY_BINDING)
    read(cluster(RBAC, bindings=both, cluster_roles=(core,)))

    shown = thought(as_viewer, take=QUICK)

    assert headline(shown).startswith("The kubelets would lose ")
    assert "Nodes stay Ready, but something else fails." in shown.text


def test_a_mere_restart_is_told_only_where_it_does_something(as_viewer: Client) -> None:
    read(OUTAGE)
    plain = thought(as_viewer)
    read(cluster(RBAC, bindings=(crb("system:node", "cluster-admin", NODES),)), "beta")
    odd = page(as_viewer.get("/clusters/beta/what-if/"))

    assert "A restart of the apiservers alone would change nothing" in plain.text
    assert "answer" not in plain.ids
    assert "what a restart of the apiservers alone would do" in odd.text
    assert headline(odd).startswith("It breaks the kubelets")


def test_the_form_is_filled_with_how_things_are(as_viewer: Client) -> None:
    plugins = "--enable-admission-plugins=PodNodeSelector,NodeRestriction"
    read(cluster(server("--authorization-mode=Node,RBAC", plugins), bindings=(LEGACY_BINDING,)))
    shown = thought(as_viewer)

    chosen = [option["value"] for option in shown.all("option") if "selected" in option]
    fields = {field["id"]: field.get("value") for field in shown.all("input") if "id" in field}
    assert chosen[:3] == ["Node", "RBAC", ""]
    assert ticked(shown, "plugins") == {"NodeRestriction"}
    assert (fields["other-plugins"], fields["version"]) == ("PodNodeSelector", "v1.28.15")
    assert not ticked(shown, "take") | ticked(shown, "drop") | ticked(shown, "add")


def test_what_is_as_it_was_is_no_change(as_viewer: Client) -> None:
    read(LEGACY)
    asked: Asked = {
        "modes": ["RBAC", "", ""],
        "plugins": ["NodeRestriction", ""],
        "version": "v1.28.15",
    }
    shown = thought(as_viewer, **asked, find="", add="", take="", bind="")

    assert "A restart of the apiservers alone would change nothing" in shown.text


def test_the_form_keeps_the_whole_change(as_viewer: Client) -> None:
    read(LEGACY)
    shown = thought(
        as_viewer,
        modes="Node,RBAC",
        take=[QUICK],
        drop=["system:basic-user"],
        bind=["x=system:node"],
        add=["x=User:system:node:node1"],
    )

    assert ticked(shown, "take") == {QUICK}
    assert ticked(shown, "drop") == {"system:basic-user"}
    assert ticked(shown, "bind") == {"x=system:node"}
    assert ticked(shown, "add") == {"x=User:system:node:node1"}
    command = (
        "authzviz simulate --bundle alpha.json.gz --authorization-mode=Node,RBAC"
        " --drop-binding=system:basic-user --add-binding=x=system:node"
        f" --drop-subject={QUICK} --add-subject=x=User:system:node:node1"
    )
    assert command in shown.text.replace("  ", " ")


NODE_LINK = "?modes=Node,RBAC"
PRESETS: dict[str, tuple[Snapshot, dict[str, str]]] = {
    "an outage": (
        OUTAGE,
        {
            "Turn on the Node authorizer": NODE_LINK,
            "Quick way out: bind system:nodes": "?add=system:node%3DGroup:system:nodes",
            "Upgrade to 1.29": "?version=1.29",
        },
    ),
    "an outage without the binding": (
        cluster(RBAC, bindings=()),
        {
            "Turn on the Node authorizer": NODE_LINK,
            "Quick way out: bind system:nodes": "?bind=system:node%3Dsystem:node"
            "&add=system:node%3DGroup:system:nodes",
            "Upgrade to 1.29": "?version=1.29",
        },
    ),
    "the legacy binding": (
        LEGACY,
        {
            "Turn on the Node authorizer": NODE_LINK,
            "…and drop the leftover grant": NODE_LINK + "&take=system:node%3DGroup:system:nodes",
            "Upgrade to 1.29": "?version=1.29",
        },
    ),
    "two leftovers": (
        cluster(
            NODE_RBAC, bindings=(LEGACY_BINDING, crb("x", "system:node", NODE1)), version="v1.37.2"
        ),
        {"Drop 2 grants": "?take=system:node%3DGroup:system:nodes&take=x%3DUser:system:node:node1"},
    ),
    "NodeRestriction off": (
        cluster(server("--authorization-mode=Node,RBAC"), version="v1.37.2"),
        {"Turn on NodeRestriction": "?plugins=NodeRestriction"},
    ),
    "AlwaysAllow": (
        cluster(server(), version="v1.37.2"),
        {"Turn on the Node authorizer": "?modes=Node,RBAC&plugins=NodeRestriction"},
    ),
    "flags that were not read": (
        replace(cluster(RBAC, version="v1.37.2"), apiservers=unread(cluster(RBAC).apiservers)),
        {"Turn on the Node authorizer": "?modes=Node,RBAC&plugins=NodeRestriction"},
    ),
    "a webhook beside RBAC": (
        cluster(server("--authorization-mode=RBAC,Webhook"), version="v1.37.2"),
        {"Turn on the Node authorizer": "?modes=Node,RBAC,Webhook&plugins=NodeRestriction"},
    ),
    "the target": (
        cluster(NODE_RBAC, version="v1.37.2"),
        {"Turn the Node authorizer off": "?modes=RBAC"},
    ),
}


@pytest.mark.parametrize(("found", "links"), PRESETS.values(), ids=PRESETS)
def test_presets_fit_the_cluster_and_can_be_made(
    as_viewer: Client, found: Snapshot, links: dict[str, str]
) -> None:
    read(found)
    shown = thought(as_viewer)

    assert {link["href"] for link in shown.all("a") if "what-if/?" in link["href"]} == {
        URL + link for link in links.values()
    }
    assert [title for title in links if title not in shown.text] == []
    for link in links.values():
        answer = as_viewer.get(URL + link)
        assert answer.status_code == 200
        assert 'aria-current="true"' in answer.content.decode()


WRONG: dict[str, tuple[dict[str, str], str, str]] = {
    "mode": ({"modes": "Node,RBCA"}, "modes-error", 'No authorization mode "RBCA"; there are'),
    "quotes": ({"modes": '"Node'}, "modes-error", "No apiserver reads this: an open quote"),
    "plugin": ({"plugins": "NodeRestrict"}, "plugins-error", 'No admission plugin "NodeRestrict"'),
    "version": ({"version": "2"}, "version-error", "2 is no version that is known"),
    "binding": ({"drop": "two"}, "bindings-error", "No ClusterRoleBinding two; those that reach"),
    "subject": ({"take": "system:node=User:x"}, "bindings-error", "has no subject User x"),
    "words": ({"add": "system:nodes"}, "bindings-error", "BINDING=KIND:NAME is expected"),
    "new binding": ({"bind": "system:node=x"}, "bindings-error", "there is a ClusterRoleBinding"),
}


@pytest.mark.parametrize(("asked", "where", "says"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_beside_its_field(
    as_viewer: Client, asked: dict[str, str], where: str, says: str
) -> None:
    read(LEGACY)
    shown = refused(as_viewer, **asked)

    assert where in shown.ids
    assert says.casefold() in shown.text.casefold()
    assert f"#{where}" in {link["href"] for link in shown.all("a")}
    assert "answer" not in shown.ids
    assert any(field.get("aria-describedby") == where for field in shown.all("fieldset"))
    assert not shown.faults()


def test_what_was_wrong_stays_in_the_form(as_viewer: Client) -> None:
    read(LEGACY)
    shown = refused(as_viewer, modes="RBCA", plugins="Own", version="x", drop="gone", find="node")

    options = [option for option in shown.all("option") if "selected" in option]
    fields = {field["id"]: field.get("value") for field in shown.all("input") if "id" in field}
    assert options[0]["value"] == "RBCA"
    assert fields["other-plugins"] == "Own"
    assert (fields["version"], fields["find"]) == ("x", "node")
    assert ticked(shown, "drop") == {"gone"}


def test_what_was_not_read_is_said(as_viewer: Client) -> None:
    read(snapshot("RBAC", cluster_role_bindings=forbidden()))
    shown = thought(as_viewer, modes="Node,RBAC")
    unread = refused(as_viewer, drop="system:node")

    assert "It can't be told for sure. What was not read decides: ClusterRoleBindings" in shown.text
    assert "It can be:" in shown.text
    assert "were not read (403 Forbidden): what becomes of system:node can't be told" in (
        unread.text
    )


def test_flags_that_were_not_read_stay_as_they_are(as_viewer: Client) -> None:
    read(replace(OUTAGE, apiservers=unread(OUTAGE.apiservers)))
    plain = thought(as_viewer, modes=["", "", ""], plugins="unchanged")
    half = thought(as_viewer, modes="Node,RBAC", plugins="unchanged")
    both = thought(as_viewer, modes="Node,RBAC", plugins="NodeRestriction")

    assert "as they are, which can't be told" in plain.text
    assert "Today's can't be told for all apiservers" in plain.text
    assert "give modes and plugins both" in half.text
    assert "Node authorizer" in both.text
    assert ticked(both, "plugins") == {"NodeRestriction"}


def test_apiservers_that_differ_are_said_to(as_viewer: Client) -> None:
    read(cluster(RBAC, replace(NODE_RBAC, name="cp2")))
    shown = thought(as_viewer, version="1.29")

    assert "apiservers differ" in shown.text


def test_a_cluster_that_was_never_read_has_nothing_to_change(as_viewer: Client) -> None:
    add_cluster("alpha")
    shown = thought(as_viewer, modes="Node,RBAC")

    assert "Not read yet" in shown.text
    assert "change" not in shown.ids


AGES: dict[str, tuple[dict[str, Any], str]] = {
    "live": ({}, " s ago"),
    "stale": (
        {"age": timedelta(days=3), "last_error": "403: no more", "last_error_at": timezone.now()},
        "Can't read this cluster since",
    ),
    "recorded": (RECORDED, "a recording of"),
    "a bundle": ({"source": "bundle", "credentials": None}, "Not live: it was read"),
}


@pytest.mark.parametrize(("fields", "words"), AGES.values(), ids=AGES)
def test_the_age_of_what_it_rests_on_is_said(
    as_viewer: Client, fields: dict[str, Any], words: str
) -> None:
    read(OUTAGE, **fields)

    assert words in thought(as_viewer, modes="Node,RBAC").text


def test_the_sample_fleet_leads_from_the_cause_to_what_heals(as_viewer: Client) -> None:
    samples.load()
    elders = "&".join(f"c=eu-{number}" for number in (1, 2, 3, 4, 5))
    compared = page(as_viewer.get(f"/clusters/compare/?{elders}"))
    link = "/clusters/eu-5/what-if/?modes=Node,RBAC"

    assert link in {a["href"] for a in compared.all("a")}
    assert "It hands out no Secrets" in page(as_viewer.get(link)).text
