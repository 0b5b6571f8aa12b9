"""A change applied to a snapshot: flags, bindings, version; and what can't be changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from authzviz.engine.applying import applied
from authzviz.engine.chain import state_of
from authzviz.engine.change import Change, ChangeError, Words, change_of, subject_words
from authzviz.engine.model import Binding, Flag, Outcome, Snapshot, Subject
from authzviz.engine.rbac import Rbac, index, reindexed
from tests.engine.build import (
    AUTHENTICATED,
    DEFAULT_BINDINGS,
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


def test_bindings_are_added_and_made_anew() -> None:
    added, anew = crb("new", "cluster-admin", NODE1), crb("one", "cluster-admin", NODES)
    change = Change(dropped=("one",), added=(added, anew, rb("x", "ns", "r", NODES)))

    changed = after(BOUND, change)

    assert by_name(changed)["new"] == added
    assert by_name(changed)["one"] == anew
    assert len(changed.role_bindings.value or ()) == 3


AGENT = Subject("ServiceAccount", "agent", "infra")
SUBJECTS: dict[str, tuple[Change, str, tuple[Subject, ...]]] = {
    "given": (Change(added_subjects=(("one", NODES),)), "one", (NODE1, NODES)),
    "given twice": (
        Change(added_subjects=(("one", NODES), ("ClusterRoleBinding one", NODES))),
        "one",
        (NODE1, NODES),
    ),
    "given that is there": (Change(added_subjects=(("one", NODE1),)), "one", (NODE1,)),
    "taken": (Change(dropped_subjects=(("system:node", NODES),)), "system:node", ()),
    "exchanged": (
        Change(dropped_subjects=(("one", NODE1),), added_subjects=(("one", AGENT),)),
        "one",
        (AGENT,),
    ),
    "of a new binding": (
        Change(
            added=(crb("new", "cluster-admin"),),
            added_subjects=(("new", NODE1), ("new", NODES)),
        ),
        "new",
        (NODE1, NODES),
    ),
    "of a binding made anew": (
        Change(
            dropped=("one",),
            added=(crb("one", "cluster-admin", NODES, AUTHENTICATED),),
            dropped_subjects=(("one", AUTHENTICATED),),
        ),
        "one",
        (NODES,),
    ),
    "taken, and put back by the apiserver": (
        Change(dropped_subjects=(("system:discovery", AUTHENTICATED),)),
        "system:discovery",
        (AUTHENTICATED,),
    ),
}


@pytest.mark.parametrize(("change", "binding", "subjects"), SUBJECTS.values(), ids=SUBJECTS)
def test_subjects_after_the_change(
    change: Change, binding: str, subjects: tuple[Subject, ...]
) -> None:
    assert by_name(after(BOUND, change))[binding].subjects == subjects


def test_subjects_of_a_role_binding_change_in_its_namespace_alone() -> None:
    changed = after(BOUND, Change(dropped_subjects=(("RoleBinding team/agents", NODES),)))

    left = {each.namespace: each.subjects for each in changed.role_bindings.value or ()}
    assert left == {"infra": (NODES,), "team": ()}
    assert changed.cluster_role_bindings.value == BOUND.cluster_role_bindings.value


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
    "subjects of no binding": (
        PLAIN,
        Change(added_subjects=(("two", NODES),)),
        "no ClusterRoleBinding two; those that reach kubelets",
    ),
    "a subject that isn't there": (
        BOUND,
        Change(dropped_subjects=(("one", NODES),)),
        "ClusterRoleBinding one has no subject Group system:nodes; it has: User system:node:node1",
    ),
    "a subject of a binding without any": (
        PLAIN,
        Change(dropped_subjects=(("system:node", NODES),)),
        "has no subject Group system:nodes; it has: none",
    ),
    "a subject of what is dropped": (
        BOUND,
        Change(dropped=("one",), added_subjects=(("one", NODES),)),
        "ClusterRoleBinding one is dropped by the same change",
    ),
    "a new binding that is there": (
        BOUND,
        Change(added=(crb("one", "cluster-admin"),)),
        "there is a ClusterRoleBinding one already: give it a subject",
    ),
    "a new binding to no role": (
        BOUND,
        Change(added=(crb("two", "cluster-admni"),)),
        "no ClusterRole cluster-admni to bind",
    ),
    "a new one in a list that was not read": (
        replace(PLAIN, role_bindings=unread(PLAIN.role_bindings)),
        Change(added=(rb("x", "ns", "r", NODES),)),
        "RoleBindings were not read (refused): what becomes of ns/x can't be told",
    ),
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
    assert getattr(change, raised.value.part) != getattr(Change(), raised.value.part)


def test_a_plugin_of_a_distribution_is_known_where_it_is_in_use() -> None:
    own = server("--authorization-mode=RBAC", "--enable-admission-plugins=example.com/Own")

    changed = after(cluster(own), Change(None, ("NodeRestriction", "example.com/Own")))

    assert flags_of(changed) == [(("RBAC",), ("NodeRestriction", "example.com/Own"))]


def test_the_words_of_the_command_line_are_read_as_an_apiserver_reads_them() -> None:
    words = Words("Node,RBAC", "", ("one",), kubernetes_version="1.33")

    assert change_of(words) == Change(("Node", "RBAC"), (), ("one",), kubernetes_version="1.33")
    assert change_of(Words()) == Change()
    assert flags_of(cluster(NODE_RBAC)) == [TARGET]


PAIRS: dict[str, tuple[str, tuple[str, Subject]]] = {
    "a group": ("system:node=Group:system:nodes", ("system:node", NODES)),
    "a user": ("ClusterRoleBinding one=User:system:node:node1", ("one", NODE1)),
    "a ServiceAccount": ("infra/agents=ServiceAccount:infra/agent", ("infra/agents", AGENT)),
    "signs in names": ("a=b=User:c=d:e", ("a=b", Subject("User", "c=d:e"))),
    "a line end": ("a=User:b\n", ("a", Subject("User", "b\n"))),
}


@pytest.mark.parametrize(("text", "pair"), PAIRS.values(), ids=PAIRS)
def test_a_subject_in_words(text: str, pair: tuple[str, Subject]) -> None:
    assert change_of(Words(add_subject=(text,))).added_subjects == (pair,)
    assert change_of(Words(drop_subject=(text,))).dropped_subjects == (pair,)
    assert subject_words(*pair) == text.removeprefix("ClusterRoleBinding ")


def test_a_new_binding_in_words() -> None:
    words = Words(add_binding=("new=cluster-admin", "RoleBinding infra/x=edit=or"))

    assert change_of(words).added == (
        crb("new", "cluster-admin"),
        rb("x", "infra", "edit=or", kind="ClusterRole"),
    )


NONSENSE: dict[str, tuple[Words, str, str]] = {
    "an open quote": (Words('"Node'), "authorization_modes", "no apiserver reads this: an open"),
    "an open quote in plugins": (Words(None, '"x'), "admission_plugins", "no apiserver reads this"),
    "no kind": (Words(add_subject=("one=x",)), "added_subjects", '"one=x" names no subject'),
    "no name": (Words(drop_subject=("one=Group:",)), "dropped_subjects", "kinds are Group, User"),
    "no binding": (Words(drop_subject=("=Group:x",)), "dropped_subjects", "is expected"),
    "an account without namespace": (
        Words(add_subject=("one=ServiceAccount:x",)),
        "added_subjects",
        "is written NAMESPACE/NAME",
    ),
    "no role": (Words(add_binding=("one",)), "added", '"one" is no new binding'),
    "no name of a binding": (Words(add_binding=("ns/=x",)), "added", "NAME=CLUSTERROLE"),
}


@pytest.mark.parametrize(("words", "part", "says"), NONSENSE.values(), ids=NONSENSE)
def test_words_that_mean_nothing_say_what_is_expected(words: Words, part: str, says: str) -> None:
    with pytest.raises(ChangeError, match=says) as raised:
        change_of(words)

    assert raised.value.part == part


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
    "subjects": Change(
        dropped_subjects=(("robots", NODES), ("system:node", NODES)),
        added_subjects=(("idle", NODES), ("infra/agents", ROBOT)),
    ),
    "more": Change(added=(crb("new", "cluster-admin", ROBOT, NODES), rb("x", "ns", "r", ROBOT))),
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
