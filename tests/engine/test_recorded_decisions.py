"""Every decision that the recorded apiservers gave, held against the engine's."""

from __future__ import annotations

import gzip
import json
from collections import Counter

import pytest

from authzviz.engine.assessment import Decision
from authzviz.engine.authorize import authorization_of
from authzviz.engine.identity import Identity
from authzviz.engine.request import Request
from tests.engine.agreement import agrees, hangs_on_a_relation
from tests.kube.reading import collected
from tests.replay import RECORDINGS, recordings, replay

# Those of 1.37.2 hold no decisions: they were made for the sample fleet.
WITH_TRUTH = [name for name in recordings() if not name.startswith("v1.37.2-")]
DECISIONS = 6_250
SHOWN = 20


@pytest.mark.parametrize("recording", WITH_TRUTH)
def test_every_recorded_decision_is_the_apiservers(
    recording: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with gzip.open(RECORDINGS / f"{recording}.json.gz") as file:
        recorded = json.load(file)
    with replay(recording) as server:
        authorization = authorization_of(collected(server))
    minor = authorization.chains[0].minor
    identities = {
        name: Identity(user, tuple(groups))
        for name, (user, groups) in recorded["identities"].items()
    }

    differences, given = [], Counter[str]()
    for who, asked, is_allowed, reason in recorded["truth"]:
        said = authorization.decide(identities[who], Request(**asked))
        given[said.decision] += 1
        hangs = hangs_on_a_relation(identities[who], Request(**asked), minor)
        if not agrees(said, is_allowed, reason, hangs=hangs):
            differences.append(f"{who} {asked}: apiserver {is_allowed} {reason!r}, engine {said}")

    equal = given.total() - len(differences)
    with capsys.disabled():
        print(f"\n{recording}: {equal} of {given.total()} equal, {dict(given)}")
    assert not differences, "\n".join(differences[:SHOWN])
    assert given.total() == DECISIONS
    assert given[Decision.UNKNOWN] == 0
