"""A change to a cluster, thought through on what was last read of it; nothing is changed anywhere,
and no cluster is asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from authzviz.engine.assessment import Assessment
from authzviz.engine.change import Change, ChangeError, Words, change_of
from authzviz.engine.flags import BadFlagError, split_record
from authzviz.engine.fresh import NODE_ROLE
from authzviz.engine.model import Binding, Snapshot
from authzviz.engine.whatif import WhatIf, whatif
from dashboard.models import Cluster
from dashboard.services import facts, pages
from dashboard.services.pages import FleetRow

MOST_PARTS = 60


@dataclass(frozen=True, slots=True)
class Today:
    """What a change starts from; `modes` and `plugins` are None where apiservers disagree or can't
    be told, `node_binding` where there is none, or it was not read.
    """

    assessment: Assessment
    modes: tuple[str, ...] | None
    plugins: tuple[str, ...] | None
    version: str
    node_binding: Binding | None
    are_bindings_whole: bool


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A change and what would come of it.

    `asked` is what differs from how things are. `today` is None where the cluster was never read;
    `answer` where the change can't be made, and `error` then says why.
    """

    row: FleetRow
    today: Today | None
    asked: Words
    answer: WhatIf | None = None
    error: ChangeError | None = None


def foresee(cluster: Cluster, asked: Words) -> Foreseen:
    """What the change would do; two queries, and one snapshot unpacked."""
    row = pages.row_of(cluster)
    if row.current is None:
        return Foreseen(row, None, asked)
    snapshot = facts.current_snapshot(row.current)
    today = _today(facts.current_assessment(row.current), snapshot)
    asked = _differing(asked, today)
    try:
        answer = whatif(snapshot, _change(asked))
    except ChangeError as error:
        return Foreseen(row, today, asked, error=error)
    return Foreseen(row, today, asked, answer)


def plugins_of(assessment: Assessment) -> tuple[str, ...] | None:
    """The admission plugins that are on; None where apiservers disagree or it can't be told."""
    plugins = {state.admission_plugins for state in assessment.apiservers}
    return plugins.pop() if len(plugins) == 1 else None


def _today(assessment: Assessment, snapshot: Snapshot) -> Today:
    bindings = snapshot.cluster_role_bindings
    named = (binding for binding in bindings.value or () if binding.name == NODE_ROLE)
    return Today(
        assessment=assessment,
        modes=assessment.authorization_modes,
        plugins=plugins_of(assessment),
        version=assessment.version,
        node_binding=next(named, None),
        are_bindings_whole=bindings.is_whole,
    )


def _differing(asked: Words, today: Today) -> Words:
    """The same without what is so already: a form is filled with how things are."""
    mode, plugins = asked.authorization_mode, asked.admission_plugins
    same_plugins = today.plugins is not None and set(_split(plugins)) == set(today.plugins)
    return replace(
        asked,
        authorization_mode=None if _split(mode) == (today.modes or ()) else mode,
        admission_plugins=None if same_plugins else plugins,
        kubernetes_version=_unless(asked.kubernetes_version, today.version),
        drop_binding=_once(asked.drop_binding),
        add_binding=_once(asked.add_binding),
        drop_subject=_once(asked.drop_subject),
        add_subject=_once(asked.add_subject),
    )


def _split(flag: str | None) -> tuple[str, ...]:
    try:
        return split_record(flag or "")
    except BadFlagError:
        return ()


def _unless(text: str, same: str) -> str:
    return "" if text == same else text


def _once(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def _change(asked: Words) -> Change:
    for part, texts in (
        ("dropped", asked.drop_binding),
        ("added", asked.add_binding),
        ("dropped_subjects", asked.drop_subject),
        ("added_subjects", asked.add_subject),
    ):
        if len(texts) > MOST_PARTS:
            raise ChangeError(
                f"at most {MOST_PARTS} of a kind are thought through at once here, these are"
                f" {len(texts)}; authzviz simulate takes more",
                part,
            )
    return change_of(asked)
