"""Whatever the other side does, a poll ends, and says what happened."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from authzviz import engine
from authzviz.engine.model import Outcome, Snapshot
from authzviz.kube.errors import KubeError
from tests.hostile import MANNERS, RAW, RBAC, VALID, hostile
from tests.kube.reading import RECORDING, collected
from tests.replay import TOKEN

SECONDS = 2.0
# Not a bound on how long it may take, only on how long a test waits for what never ends.
PATIENCE_SECONDS = 60.0
MAX_BYTES = 8 << 20
CRBS = f"{RBAC}/clusterrolebindings"
PATHS = (
    "/version",
    "/api/v1/namespaces/kube-system/pods",
    "/flagz",
    "/apis/discovery.k8s.io/",
    f"{RBAC}/clusterroles",
    CRBS,
    f"{RBAC}/roles",
    f"{RBAC}/rolebindings",
    "/apis/coordination.k8s.io/",
    "/api/v1/nodes",
    "/api/v1/nodes/",
)


def ended(manners: dict[str, str]) -> Snapshot | KubeError:
    """What came of reading a server of these manners; fails where nothing did."""
    came: list[Any] = []

    def read() -> None:
        try:
            with hostile(RECORDING, manners) as server:
                came.append(collected(server, seconds=SECONDS, max_bytes=MAX_BYTES))
        except Exception as error:  # noqa: BLE001 - raised below, in the thread of the test
            came.append(error)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(PATIENCE_SECONDS)
    assert came, "it never ended"
    if isinstance(came[0], (Snapshot, KubeError)):
        return came[0]
    raise came[0]


def check(came: Snapshot | KubeError) -> None:
    """It says what happened, and is no more than what was read."""
    assert TOKEN not in repr(came)
    if isinstance(came, KubeError):
        assert came.message
        assert came.message.isprintable()
        return
    for name, read in came.reads.items():
        assert (read.outcome is Outcome.OK) == (read.value is not None), name
        assert read.value is not None or read.why, name
        assert read.why.isprintable(), name
        assert all(gap.isprintable() and len(gap) <= 300 for gap in read.gaps), name
    engine.judge(came)


@pytest.mark.parametrize("manner", MANNERS)
def test_a_list_that_is_answered_so_is_told_and_the_others_are_read(manner: str) -> None:
    came = ended({CRBS: manner})

    check(came)
    assert isinstance(came, Snapshot)
    assert came.version.is_whole
    assert came.cluster_roles.is_whole
    read = came.cluster_role_bindings
    assert manner in HARMLESS or not read.is_whole
    if manner not in RAW:
        assert came.role_bindings.is_whole


# Nothing of what is read is touched by these.
HARMLESS = {
    "B19 longer than it says",
    "B26 a huge number",
    "B26 a huge exponent",
    "B26 doubled keys",
    "B26 no UTF-8",
    "B26 lone surrogates in a name",
    "B26 NUL in a name",
}


@pytest.mark.parametrize("manner", MANNERS)
def test_a_server_that_answers_all_so_is_no_apiserver(manner: str) -> None:
    came = ended({"/": manner})

    check(came)
    assert isinstance(came, KubeError) or not came.version.is_whole


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
@given(
    st.dictionaries(
        st.sampled_from(PATHS), st.sampled_from([VALID, *MANNERS]), min_size=1, max_size=6
    )
)
def test_any_mixture_of_manners_ends_and_is_told(manners: dict[str, str]) -> None:
    check(ended(manners))
