"""The story, live: an outage on a real apiserver is added, seen, and mended step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.browser.chromium import Complaints, chromium
from tests.browser.story import play, sign_in
from tests.supervisor.conftest import environment_of_a_run
from tests.supervisor.sites import running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.plugin import ClusterFactory, ControllerManagerFactory, KubeletFactory


def test_the_outage_is_seen_and_mended(
    tmp_path: Path,
    cluster: ClusterFactory,
    kubelet: KubeletFactory,
    controller_manager: ControllerManagerFactory,
) -> None:
    fresh = cluster("fresh", authorization_mode="RBAC", admission_plugins="NodeRestriction")
    node = kubelet(fresh, "node1")
    controller_manager(fresh)
    node.wait_for_log('cannot get resource "leases"')
    shown: list[str] = []
    complaints = Complaints()

    with (
        running(environment_of_a_run(tmp_path), tmp_path / "terminal") as site,
        chromium() as browser,
    ):
        page = browser.new_page()
        complaints.watch(page)
        link = site.sign_in_link()
        sign_in(page, link)
        play(page, link.split("/sign-in/")[0], fresh, node, shown.append)

    assert shown == ["add", "refused", "legacy-binding", "node-authorizer"]
    assert not complaints
