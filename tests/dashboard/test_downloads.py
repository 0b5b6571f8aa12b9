"""The bundle that a cluster's page gives is judged as its page says."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from authzviz import engine
from authzviz.engine.finding_keys import keyed
from authzviz.kube import bundle
from dashboard.models import CurrentState
from dashboard.services import samples
from tests.dashboard.showing import show

RECORDINGS = sorted(samples.DIRECTORY.glob("*.json.gz"))


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.name.split(".")[0])
def test_a_bundle_says_what_the_page_says(as_viewer: Client, recording: Path) -> None:
    found = bundle.load(recording)
    show(engine.judge(found), "alpha", read=found)

    taken = bundle.load(as_viewer.get("/clusters/alpha/bundle.json.gz").content)

    said, current = engine.judge(taken), CurrentState.objects.get()
    assert (said.verdict, list(said.possible)) == (current.verdict, current.possible)
    assert said.version == current.version
    assert {key: one.severity for key, one in keyed(said).items()} == current.findings
