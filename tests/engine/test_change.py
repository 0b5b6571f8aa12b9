"""A change applied to a snapshot: flags, bindings, version; and what can't be changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from authzviz.engine.chain import state_of
from authzviz.engine.change import Change, ChangeError, applied, change_of
from authzviz.engine.model import Binding, Flag, Outcome, Snapshot, Subject
from authzviz.engine.rbac import Rbac, index, reindexed
from tests.engine.build import (
    DEFAULT_BINDINGS,
    EMPTY_BINDING,
    LEGACY_BINDING,
    NODE1,
    NODE_RBAC,
    NODES,
    RBAC,
    cluster,
    crb,
    ok,
    rb,
    server,
    unread,
)

PLAIN = cluster(RBAC)
BOUND = cluster(
    RBAC,
    bindings=(LEGACY_BINDING, crb("one", "system:node", NODE1)),
    role_bindings=(rb("agents", "infra", "reader", NODES), rb("agents", "team", "reader", NODES)),
)
UNREAD = replace(PLAIN, apiservers=unread(PLAIN.apiservers))
Half = tuple[tuple[str, ...] | None, tuple[str, ...] | None]


def after(snapshot: Snapshot, change: Change) -> Snapshot:
    return applied(snapshot, change).snapshot


def flags_of(snapshot: Snapshot) -> list[Half]:
    states = [state_of(each) for each in snapshot.apiservers.value or ()]
    return [(state.authorization_modes, state.admission_plugins) for state in states]


BOTH = Change(("Node", "RBAC"), ("NodeRestriction",))
TARGET: Half = (("Node", "RBAC"), ("NodeRestriction",))
FLAGS: dict[str, tuple[Snapshot, Change, list[Half]]] = {
    "modes alone": (cluster(RBAC, RBAC), Change(("Node", "RBAC")), [TARGET, TARGET]),
    "plugins alone": (PLAIN, Change(None, ()), [(("RBAC",), ())]),
    "both": (cluster(server()), BOTH, [TARGET]),
    "in place of a configuration file": (
        cluster(server("--authorization-config=/etc/a.yaml")),
        BOTH,
        [TARGET],
    ),
    "in place of the old list of plugins": (
        cluster(server("--authorization-mode=RBAC", "--admission-control=LimitRanger")),
        BOTH,
        [TARGET],
    ),
    "of a plugin that was disabled": (
        cluster(server("--authorization-mode=RBAC", "--disable-admission-plugins=NodeRestriction")),
        BOTH,
        [TARGET],
    ),
    "of flags that were not read": (UNREAD, BOTH, [TARGET]),
    "half of flags that were not read": (UNREAD, Change(("Node", "RBAC")), []),
    "half of one apiserver's that were not read": (
        cluster(RBAC, replace(RBAC, flags=None)),
        Change(("Node", "RBAC")),
        [TARGET, (None, None)],
    ),
    "of apiservers that were not seen": (
        cluster(RBAC, endpoints=("192.0.2.1", "192.0.2.2", "192.0.2.3")),
        BOTH,
        [TARGET, TARGET, TARGET],
    ),
    "none": (PLAIN, Change(), [(("RBAC",), ("NodeRestriction",))]),
}


@pytest.mark.parametrize(("snapshot", "change", "expected"), FLAGS.values(), ids=FLAGS)
def test_flags_after_the_change(snapshot: Snapshot, change: Change, expected: list[Half]) -> None:
    assert flags_of(after(snapshot, change)) == expected


def test_files_of_modes_that_go_go_too() -> None:
    webhook = server(
        "--authorization-mode=Webhook,ABAC,RBAC",
        "--authorization-webhook-config-file=w",
        "--authorization-policy-file=p",
    )

    (changed,) = after(cluster(webhook), Change(("Node", "ABAC"))).apiservers.value or ()

    assert changed.flags == (
        Flag("authorization-policy-file", "p"),
        Flag("authorization-mode", "Node,ABAC"),
    )


def test_changed_flags_are_known_whatever_was_read() -> None:
    changed = after(UNREAD, BOTH)

    assert changed.apiservers.outcome is Outcome.OK
    assert not changed.apiservers.why


VERSIONS = {
    "minor": ("v1.28.15", "1.33", "v1.33.0"),
    "patch": ("v1.28.15", "v1.33.4", "v1.33.4"),
    "of a distribution": ("v1.28.15-eks-5e0fdde", "1.33", "v1.33.0-eks-5e0fdde"),
    "of k3s": ("v1.28.15+k3s1", "1.33.1", "v1.33.1+k3s1"),
    "from nothing known": ("unknown", "1.33", "v1.33.0"),
    "newer than known": ("v1.28.15", "1.40", "v1.40.0"),
}


@pytest.mark.parametrize(("old", "wanted", "new"), VERSIONS.values(), ids=VERSIONS)
def test_the_version_changes_and_the_distribution_stays(old: str, wanted: str, new: str) -> None:
    changed = after(cluster(RBAC, version=old), Change(kubernetes_version=wanted))

    assert changed.version.value == new


def test_a_version_that_was_not_read_is_known_after_it_is_set() -> None:
    before = replace(PLAIN, version=unread(PLAIN.version))

    version = after(before, Change(kubernetes_version="1.33")).version

    assert (version.outcome, version.value, version.why) == (Outcome.OK, "v1.33.0", "")


def names(snapshot: Snapshot) -> set[str]:
    reads = (snapshot.cluster_role_bindings, snapshot.role_bindings)
    default = {binding.name for binding in DEFAULT_BINDINGS}
    return {
        f"{binding.namespace}/{binding.name}" if binding.namespace else binding.name
        for read in reads
        for binding in read.value or ()
        if binding.name not in default
    }


EVERY = {"system:node", "one", "infra/agents", "team/agents"}
DROPPED: dict[str, tuple[tuple[str, ...], set[str]]] = {
    "a ClusterRoleBinding": (("one",), EVERY - {"one"}),
    "as check names it": (("ClusterRoleBinding one",), EVERY - {"one"}),
    "a RoleBinding": (("infra/agents",), EVERY - {"infra/agents"}),
    "a RoleBinding as check names it": (("RoleBinding team/agents",), EVERY - {"team/agents"}),
    "several": (("one", "infra/agents", "team/agents"), {"system:node"}),
    "one that comes back": (("system:node",), EVERY),
}


@pytest.mark.parametrize(("dropped", "left"), DROPPED.values(), ids=DROPPED)
def test_bindings_that_are_left(dropped: tuple[str, ...], left: set[str]) -> None:
    assert names(after(BOUND, Change(dropped=dropped))) == left


def by_name(snapshot: Snapshot) -> dict[str, Binding]:
    return {binding.name: binding for binding in snapshot.cluster_role_bindings.value or ()}


def test_subjects_are_set_and_bindings_added() -> None:
    added, anew = crb("new", "cluster-admin", NODE1), crb("one", "cluster-admin", NODES)
    change = Change(subjects=(("system:node", ()),), added=(added, anew, rb("x", "ns", "r", NODES)))

    changed = after(BOUND, change)

    assert by_name(changed)["system:node"] == EMPTY_BINDING
    assert by_name(changed)["new"] == added
    assert by_name(changed)["one"] == anew
    assert len(changed.role_bindings.value or ()) == 3


def test_to_a_list_that_was_not_read_nothing_is_added() -> None:
    before = replace(BOUND, role_bindings=unread(BOUND.role_bindings))

    changed = after(before, Change(added=(rb("x", "ns", "r", NODES),)))

    assert changed.role_bindings == before.role_bindings


IMPOSSIBLE: dict[str, tuple[Snapshot, Change, str]] = {
    "no such mode": (
        PLAIN,
        Change(("Node", "RBCA")),
        'no authorization mode "RBCA"; there are ABAC, AlwaysAllow, AlwaysDeny, Node, RBAC, Web',
    ),
    "a blank in a mode": (PLAIN, Change(("Node", " RBAC")), 'no authorization mode " RBAC"'),
    "no mode at all": (PLAIN, Change(()), "no authorization mode given; there are ABAC"),
    "a mode twice": (PLAIN, Change(("RBAC", "Node", "RBAC")), "RBAC is given more than once"),
    "no such plugin": (
        PLAIN,
        Change(None, ("NodeRestrict",)),
        'no admission plugin "NodeRestrict"; there are AlwaysAdmit',
    ),
    "no version": (PLAIN, Change(kubernetes_version="new"), "new is no version that is known"),
    "half a version": (PLAIN, Change(kubernetes_version="1.33x"), "there are 1.7 to 1.37"),
    "too old a version": (PLAIN, Change(kubernetes_version="1.6"), "there are 1.7 to 1.37"),
    "no such ClusterRoleBinding": (
        BOUND,
        Change(dropped=("two",)),
        "no ClusterRoleBinding two; those that reach kubelets: ClusterRoleBinding system:basic",
    ),
    "no such RoleBinding": (
        BOUND,
        Change(dropped=("other/agents",)),
        "ClusterRoleBinding one, RoleBinding infra/agents, RoleBinding team/agents",
    ),
    "no binding at all": (
        replace(PLAIN, cluster_role_bindings=ok(())),
        Change(dropped=("one",)),
        "those that reach kubelets: none",
    ),
    "subjects of no binding": (PLAIN, Change(subjects=(("two", ()),)), "no ClusterRoleBinding two"),
    "of a list that was not read": (
        replace(PLAIN, role_bindings=unread(PLAIN.role_bindings)),
        Change(dropped=("infra/agents",)),
        "RoleBindings were not read (refused)",
    ),
}


@pytest.mark.parametrize(("snapshot", "change", "says"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_what_cannot_be_changed_says_what_there_is(
    snapshot: Snapshot, change: Change, says: str
) -> None:
    with pytest.raises(ChangeError) as raised:
        applied(snapshot, change)

    assert says in str(raised.value)


def test_a_plugin_of_a_distribution_is_known_where_it_is_in_use() -> None:
    own = server("--authorization-mode=RBAC", "--enable-admission-plugins=example.com/Own")

    changed = after(cluster(own), Change(None, ("NodeRestriction", "example.com/Own")))

    assert flags_of(changed) == [(("RBAC",), ("NodeRestriction", "example.com/Own"))]


def test_the_words_of_the_command_line_are_read_as_an_apiserver_reads_them() -> None:
    change = change_of("Node,RBAC", "", ["one"], "1.33")

    assert change == Change(("Node", "RBAC"), (), ("one",), kubernetes_version="1.33")
    assert change_of(None, None, (), "") == Change()
    with pytest.raises(ChangeError, match="no apiserver reads this: an open quote"):
        change_of('"Node', None, (), "")
    assert flags_of(cluster(NODE_RBAC)) == [TARGET]


ROBOT = Subject("ServiceAccount", "robot", "infra")
RICH = cluster(
    RBAC,
    bindings=(
        LEGACY_BINDING,
        crb("robots", "reader", ROBOT, Subject("ServiceAccount", "nowhere"), NODES),
        crb("idle", "reader"),
        crb("odd", "reader", Subject("Robot", "x")),
    ),
    role_bindings=(rb("agents", "infra", "reader", NODES, Subject("ServiceAccount", "own")),),
)
REINDEXED = {
    "nothing": Change(),
    "a binding that comes back": Change(dropped=("system:node",)),
    "service accounts": Change(dropped=("robots",)),
    "a RoleBinding": Change(dropped=("infra/agents",)),
    "one without subjects": Change(dropped=("idle",)),
    "what reaches nobody": Change(dropped=("odd",)),
    "subjects": Change(subjects=(("robots", (ROBOT,)), ("system:node", ()))),
    "more": Change(added=(crb("new", "reader", ROBOT, NODES), rb("x", "ns", "r", ROBOT))),
    "roles": Change(kubernetes_version="1.37"),
}


@pytest.mark.parametrize("is_started", [False, True], ids=["as read", "as started"])
@pytest.mark.parametrize("change", REINDEXED.values(), ids=REINDEXED)
def test_an_index_that_is_changed_is_the_index_of_what_changed(
    change: Change, is_started: bool
) -> None:
    before = after(RICH, Change()) if is_started else RICH
    changed, old = after(before, change), index(before)

    new = reindexed(old, before, changed)

    assert contents(new) == contents(index(changed))
    assert contents(old) == contents(index(before))


def contents(rbac: Rbac) -> tuple[object, ...]:
    """What an index holds, whatever the order of the bindings."""
    users, groups = (
        {name: frozenset(pairs) for name, pairs in bound.items()}
        for bound in (rbac.users, rbac.groups)
    )
    return users, groups, rbac.roles, frozenset(rbac.idle)
