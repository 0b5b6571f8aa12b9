"""What each distribution's cluster tells: its name, where its flags are, and what they mean."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from authzviz.engine import judge
from authzviz.engine.assessment import ApiServerState, Switch, Verdict
from authzviz.engine.chain import state_of
from authzviz.engine.model import ApiServer, Snapshot
from tests.kube.distributions import fixture, names, serving
from tests.kube.reading import collected

SHOWN = [name for name in names() if fixture(name)["tells"]["apiservers"]]
UNSHOWN = [name for name in names() if name not in SHOWN]
ASKED = [name for name in names() if "reviews" in fixture(name)]
EVERY = (
    "aks eks gke k0s k3s kind kops kops-2020 kubeadm kubespray microk8s openshift rke2 systemd"
    " talos talos-2024"
)


def read(name: str) -> Snapshot:
    with serving(name) as server:
        return collected(server)


def tells(name: str) -> dict[str, Any]:
    found: dict[str, Any] = fixture(name)["tells"]
    return found


def seen(state: ApiServerState, server: ApiServer) -> dict[str, Any]:
    return {
        "name": re.sub(r":\d+$", "", state.name),  # the port is another each time
        "evidence": state.evidence,
        "modes": state.authorization_modes and list(state.authorization_modes),
        "plugins": state.admission_plugins and list(state.admission_plugins),
        "node_authorizer": state.node_authorizer,
        "node_restriction": state.node_restriction,
        "why": state.why,
        "other_sources": [source.evidence for source in server.other_sources],
    }


def test_each_distribution_has_a_fixture_that_says_where_it_comes_from() -> None:
    assert names() == EVERY.split()
    starts = ("built from documentation: ", "real recording: ")
    assert all(fixture(name)["from"].startswith(starts) for name in names())


@pytest.mark.parametrize("name", names())
def test_the_distribution_is_recognized_with_its_evidence(name: str) -> None:
    assessment = judge(read(name))

    assert assessment.distribution == tells(name)["distribution"]
    assert tells(name)["evidence"] in assessment.distribution_evidence


@pytest.mark.parametrize("name", SHOWN)
def test_flags_are_found_in_their_own_place_and_form(name: str) -> None:
    servers = [one for one in read(name).apiservers.value or () if not one.is_alias]

    states = [state_of(replace(server, observed=None)) for server in servers]
    found = [seen(state, server) for state, server in zip(states, servers, strict=True)]
    assert found == tells(name)["apiservers"]


@pytest.mark.parametrize("name", UNSHOWN)
def test_where_nothing_shows_flags_it_is_said(name: str) -> None:
    snapshot = read(name)

    assert not any(server.flags is not None for server in snapshot.apiservers.value or ())
    (server,) = snapshot.apiservers.value or ()
    assert fixture(name)["unread"] in server.why


@pytest.mark.parametrize("name", names())
def test_what_was_given_to_kubeadm_is_declared(name: str) -> None:
    declared = read(name).declared

    assert declared is not None
    flags = [[flag.name, flag.value] for source in declared.value or () for flag in source.flags]
    assert flags == tells(name)["declared"]


@pytest.mark.parametrize("name", ASKED)
def test_what_it_answers_itself_tells_what_no_flag_shows(name: str) -> None:
    (state,) = judge(read(name)).apiservers

    expected = tells(name)["asked"]
    assert state.node_authorizer == expected["node_authorizer"]
    assert state.node_restriction == expected["node_restriction"]
    modes = state.authorization_modes
    assert (modes and list(modes)) == expected["modes"]


def test_k3s_arguments_of_the_kubelet_and_tokens_are_not_kept() -> None:
    snapshot = read("k3s")

    kept = repr(snapshot.nodes.value)
    assert "enable-admission-plugins+=PodSecurity" in kept
    assert "kubelet-arg" not in kept
    assert "token" not in kept


def test_a_leftover_of_kubespray_undoes_the_node_authorizer() -> None:
    assessment = judge(read("kubespray"))

    assert assessment.verdict is Verdict.OVER_GRANTED
    assert assessment.node_authorizer is Switch.ON
