"""From snapshots to verdicts, and what is stored of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from authzviz import engine
from authzviz.engine.assessment import Assessment
from authzviz.engine.finding_keys import keyed
from authzviz.engine.model import ENGINE_VERSION, Snapshot
from dashboard.models import Cluster, CurrentState, StoredSnapshot, VerdictChange
from dashboard.services import changes, clock, facts, following, ticket_following

# A bundle may hold any text for it.
_VERSION_LETTERS = 64


def store(cluster: Cluster, snapshot: Snapshot, assessment: Assessment) -> CurrentState:
    """Make `snapshot` the current state of `cluster`; a new row of history only where facts or
    verdict changed. Needs a transaction around it.
    """
    now = clock.now()
    known = CurrentState.objects.filter(cluster=cluster)
    previous, remembered = known.values_list("verdict", "remembered").first() or (None, None)
    values = {
        "snapshot": _stored_snapshot(cluster, snapshot),
        "generation": cluster.generation,
        "passing": facts.pack(facts.passing(snapshot)),
        "remembered": facts.remember(snapshot, remembered),
        "reads": facts.read_summaries(snapshot),
        "read_at": snapshot.read_at,
        "clock_skew_seconds": facts.skew_seconds(snapshot),
        **_judged(assessment, now),
    }
    state = CurrentState(cluster=cluster, **values)
    if previous is None:
        state.save(force_insert=True)
    else:
        known.update(**values)
    _note_change(previous or "", state, snapshot.read_at)
    following.follow(cluster.pk, snapshot, assessment)
    ticket_following.follow(cluster.pk, snapshot.read_at, assessment.verdict)
    return state


def judge_again(state: CurrentState) -> None:
    """Judge the current snapshot with today's engine. Needs a transaction around it."""
    now = clock.now()
    snapshot = facts.current_snapshot(state)
    assessment = engine.judge(snapshot)
    previous = state.verdict
    for name, value in _judged(assessment, now).items():
        setattr(state, name, value)
    # A poll may have stored a newer state meanwhile: then there is nothing left to judge.
    changed = CurrentState.objects.filter(pk=state.pk, generation=state.generation).update(
        **_judged(assessment, now)
    )
    if changed:
        _note_change(previous, state, now)
        following.follow(state.pk, snapshot, assessment)


def judge_outdated(at_most: int = 5) -> int:
    """How many verdicts of another engine were judged anew: `at_most`, the others next time."""
    outdated = CurrentState.objects.exclude(engine_version=ENGINE_VERSION)
    states = list(outdated.select_related("snapshot")[:at_most])
    for state in states:
        with transaction.atomic():
            judge_again(state)
    return len(states)


def _stored_snapshot(cluster: Cluster, snapshot: Snapshot) -> StoredSnapshot:
    digest = facts.facts_hash(snapshot)
    newest_first = cluster.snapshots.order_by("-last_seen_at", "-pk")
    latest = newest_first.defer("bundle").first()
    if latest is not None and latest.facts_hash == digest:
        cluster.snapshots.filter(pk=latest.pk).update(last_seen_at=snapshot.read_at)
        return latest
    stored = StoredSnapshot.objects.create(
        cluster=cluster,
        facts_hash=digest,
        bundle=facts.pack_snapshot(snapshot),
        is_whole=facts.is_whole(snapshot),
        first_seen_at=snapshot.read_at,
        last_seen_at=snapshot.read_at,
    )
    changes.note(stored, snapshot)
    return stored


def _judged(assessment: Assessment, now: datetime) -> dict[str, Any]:
    """The columns that an assessment fills."""
    return {
        "assessment": facts.pack(assessment),
        "engine_version": ENGINE_VERSION,
        "judged_at": now,
        "verdict": assessment.verdict.value,
        "possible": [verdict.value for verdict in assessment.possible],
        "summary": assessment.summary,
        "version": assessment.version[:_VERSION_LETTERS],
        "distribution": assessment.distribution,
        "nodes_total": assessment.nodes.total,
        "nodes_ready": assessment.nodes.ready,
        "nodes_not_ready": assessment.nodes.not_ready,
        "nodes_unknown": assessment.nodes.unknown,
        "findings_count": len(assessment.findings),
        "findings": {key: found.severity.value for key, found in keyed(assessment).items()},
        "missing_count": len(assessment.missing),
    }


def _note_change(previous: str, state: CurrentState, at: datetime) -> None:
    if previous != state.verdict:
        VerdictChange.objects.create(
            cluster_id=state.pk,
            snapshot=state.snapshot,
            at=at,
            verdict=state.verdict,
            previous=previous,
            summary=state.summary,
            engine_version=state.engine_version,
        )
