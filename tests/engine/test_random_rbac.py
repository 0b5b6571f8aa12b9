"""Whatever RBAC grants: rules are judged as the verdict is, and what-if as the change would be."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from authzviz.engine import judge
from authzviz.engine.assessment import Assessment
from authzviz.engine.bootstrap import started
from authzviz.engine.change import Change, full_name
from authzviz.engine.findings import OBSERVED
from authzviz.engine.model import Binding, Read, Snapshot, Subject
from authzviz.engine.resolved import resolved
from authzviz.engine.whatif import whatif
from tests.engine.random_rbac import SNAPSHOTS, SUBJECTS, bindings_of


@settings(max_examples=100)
@given(SNAPSHOTS)
def test_a_grant_is_beyond_only_where_one_of_its_rules_is(snapshot: Snapshot) -> None:
    grants = judge(snapshot).grants

    full = resolved(snapshot, grants)

    assert [one.grant for one in full] == list(grants)
    for one in full:
        is_beyond = any(judged.excess for judged in one.rules)
        assert one.grant.beyond_node_authorizer is is_beyond is bool(one.grant.exposes)


@settings(max_examples=100)
@given(SNAPSHOTS, st.data())
def test_what_is_thought_of_is_judged_as_what_is_done(
    snapshot: Snapshot, data: st.DataObject
) -> None:
    binding = data.draw(st.sampled_from(bindings_of(snapshot)))
    taken = tuple(subject for subject in binding.subjects if data.draw(st.booleans()))
    given_ = data.draw(st.none() | st.sampled_from(SUBJECTS))
    name = full_name(binding)
    change = Change(
        dropped_subjects=tuple((name, subject) for subject in taken),
        added_subjects=((name, given_),) if given_ else (),
    )

    told = whatif(snapshot, change)

    done = started(_done(snapshot, binding, taken, given_)).snapshot
    assert _said(told.after) == _said(judge(done))
    assert _said(told.before) == _said(judge(snapshot))


def _said(side: Assessment) -> tuple[object, ...]:
    found = {(one.id, one.title) for one in side.findings if one.id not in OBSERVED}
    return side.verdict, side.possible, side.grants, found


def _done(
    snapshot: Snapshot, binding: Binding, taken: tuple[Subject, ...], given_: Subject | None
) -> Snapshot:
    """The snapshot with the subjects of one binding as they would be, by no code of the engine."""
    kept = [subject for subject in binding.subjects if subject not in taken]
    kept += [given_] if given_ and given_ not in kept else []
    new = replace(binding, subjects=tuple(kept))

    def edited(read: Read[tuple[Binding, ...]]) -> Read[tuple[Binding, ...]]:
        every = tuple(new if one == binding else one for one in read.value or ())
        return replace(read, value=every)

    return replace(
        snapshot,
        cluster_role_bindings=edited(snapshot.cluster_role_bindings),
        role_bindings=edited(snapshot.role_bindings),
    )
