"""`authzviz check` from the kubeconfig to the exit status, on apiservers out of recordings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from authzviz.cli import app
from authzviz.engine.assessment import Verdict
from tests.kube.reading import UNTOLD
from tests.replay import TOKEN, Replay, merged_kubeconfig, recordings, replay

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

VERDICTS = {
    "seed-outage": "refused",
    "seed-fix1-legacy": "legacy-binding",
    "seed-fix2-node": "node-authorizer",
    "leftover": "over-granted",
    "no-restriction": "unrestricted",
    "one-user": "mixed",
    "outage": "refused",
    "legacy": "legacy-binding",
    "unrestricted": "unrestricted",
    "node-authorizer": "node-authorizer",
    "mixed": "mixed",
}
SCENARIOS = list(VERDICTS)[:6]
# Of the recordings with real kubelets; in the others two nodes were written by hand.
KUBELETS = {
    "v1.37.2-outage": 0,
    "v1.37.2-legacy": 5,
    "v1.37.2-leftover": 4,
    "v1.37.2-unrestricted": 3,
    "v1.37.2-node-authorizer": 6,
    "v1.37.2-mixed": 3,
}
RBAC = "/apis/rbac.authorization.k8s.io/v1/"
FLAGS = {"/api/v1/namespaces/kube-system/pods": 403, "/flagz": 403}
DECISIVE = {
    "flags": FLAGS,
    **{
        name: {RBAC + name: 403}
        for name in ("clusterroles", "clusterrolebindings", "roles", "rolebindings")
    },
    "all but the version": {"/api*": 403, "/flagz": 403},
}
# Where the missing read decides nothing, the verdict stands: these are the exceptions to unknown.
STANDS = {
    # No RoleBinding to a Role reaches a kubelet. (An unread RoleBinding could: one that serves some
    # node's Lease would make the outage mixed.)
    ("seed-outage", "roles"),
    ("no-restriction", "roles"),
    # Every need is served cluster-wide already, and further grants only add.
    ("seed-fix1-legacy", "roles"),
    ("seed-fix1-legacy", "rolebindings"),
    # The leftover grant is seen, whatever else there is.
    ("leftover", "roles"),
    ("leftover", "rolebindings"),
    # One node is served and others are refused the core.
    ("one-user", "roles"),
    ("one-user", "rolebindings"),
}
KEYS = {
    "name", "server", "version", "distribution", "read_at", "verdict", "possible", "summary",
    "node_authorizer", "node_restriction", "authorization_modes", "apiservers", "paths", "grants",
    "nodes", "findings", "missing",
}  # fmt: skip


def check(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["check", *arguments], catch_exceptions=False)


def checked(kubeconfig: Path, *arguments: str) -> list[dict[str, Any]]:
    result = check("--kubeconfig", str(kubeconfig), "--format", "json", *arguments)
    clusters: list[dict[str, Any]] = json.loads(result.stdout)["clusters"]
    return clusters


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    return tmp_path / "kubeconfig"


def write(path: Path, *replays: Replay) -> Path:
    path.write_text(merged_kubeconfig(*replays))
    return path


@pytest.mark.parametrize("recording", recordings())
def test_gives_the_verdict_of_every_recording(recording: str, kubeconfig: Path) -> None:
    version, _, scenario = recording.partition("-")
    with replay(recording) as server:
        result = check("--kubeconfig", str(write(kubeconfig, server)), "--format", "json")

    (cluster,) = json.loads(result.stdout)["clusters"]
    assert cluster["verdict"] == VERDICTS[scenario]
    assert cluster["possible"] == [cluster["verdict"]]
    assert cluster["version"] == version
    assert cluster["nodes"]["total"] == KUBELETS.get(recording, 2)
    assert cluster.keys() == KEYS
    assert result.exit_code == (0 if cluster["verdict"] == "node-authorizer" else 1)


@pytest.mark.parametrize("refused", DECISIVE)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_without_a_decisive_read_is_never_good_and_keeps_the_truth_possible(
    scenario: str, refused: str, kubeconfig: Path
) -> None:
    with replay(f"v1.28.15-{scenario}", refuse={**DECISIVE[refused], **UNTOLD}) as server:
        (cluster,) = checked(write(kubeconfig, server))

    assert cluster["verdict"] != "node-authorizer"
    assert VERDICTS[scenario] in cluster["possible"]
    expected = VERDICTS[scenario] if (scenario, refused) in STANDS else "unknown"
    assert cluster["verdict"] == expected
    assert cluster["missing"]
    assert all(missing["permission"] for missing in cluster["missing"])


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_without_flags_the_apiservers_own_answers_tell(scenario: str, kubeconfig: Path) -> None:
    with replay(f"v1.28.15-{scenario}", refuse=FLAGS) as server:
        (cluster,) = checked(write(kubeconfig, server))

    assert cluster["possible"] == [VERDICTS[scenario]]


@pytest.mark.parametrize("refused", DECISIVE)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_with_answers_in_place_of_a_decisive_read_the_truth_stays_possible(
    scenario: str, refused: str, kubeconfig: Path
) -> None:
    with replay(f"v1.28.15-{scenario}", refuse=DECISIVE[refused]) as server:
        (cluster,) = checked(write(kubeconfig, server))

    assert VERDICTS[scenario] in cluster["possible"]


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize(
    "path", ["/api/v1/nodes*", "/apis/coordination.k8s.io*"], ids=["nodes", "leases"]
)
def test_without_nodes_or_leases_the_verdict_stands_unless_it_hangs_on_them(
    scenario: str, path: str, kubeconfig: Path
) -> None:
    with replay(f"v1.28.15-{scenario}", refuse={path: 403}) as server:
        (cluster,) = checked(write(kubeconfig, server))

    assert cluster["verdict"] == VERDICTS[scenario]
    assert [missing["permission"] for missing in cluster["missing"]]


UNREACHABLE = {
    "401": ({"*": 401}, "does not accept the credentials"),
    "500": ({"*": 500}, "500"),
    "404": ({"*": 404}, "404"),
}


@pytest.mark.parametrize(("refuse", "says"), UNREACHABLE.values(), ids=UNREACHABLE)
def test_a_cluster_that_answers_nothing_is_3_and_unknown(
    refuse: dict[str, int], says: str, kubeconfig: Path
) -> None:
    with replay("v1.28.15-seed-fix2-node", refuse=refuse) as server:
        result = check("--kubeconfig", str(write(kubeconfig, server)), "--format", "json")

    (cluster,) = json.loads(result.stdout)["clusters"]
    assert result.exit_code == 3
    assert cluster["verdict"] == "unknown"
    assert set(cluster["possible"]) == set(Verdict) - {Verdict.UNKNOWN}
    assert says in cluster["error"]
    assert cluster.keys() == KEYS | {"error"}


def test_a_server_that_is_not_there_is_3_and_named(kubeconfig: Path) -> None:
    with replay("v1.28.15-seed-fix2-node") as server:
        write(kubeconfig, server)
    result = check("--kubeconfig", str(kubeconfig))

    assert result.exit_code == 3
    assert "127.0.0.1" in result.stdout
    assert "refused" in result.stdout


def test_forbidden_reads_are_no_3(kubeconfig: Path) -> None:
    with replay("v1.28.15-seed-fix2-node", refuse={"*": 403}) as server:
        result = check("--kubeconfig", str(write(kubeconfig, server)), "--format", "json")

    (cluster,) = json.loads(result.stdout)["clusters"]
    assert result.exit_code == 1
    assert cluster["verdict"] == "unknown"


def test_checks_every_context_and_counts_the_verdicts(kubeconfig: Path) -> None:
    with (
        replay("v1.19.16-seed-outage", name="fresh") as fresh,
        replay("v1.28.15-seed-fix2-node", name="elder") as elder,
    ):
        result = check("--kubeconfig", str(write(kubeconfig, fresh, elder)), "--all-contexts")

    assert result.exit_code == 1
    assert "fresh: refused" in result.stdout
    assert "elder: node-authorizer" in result.stdout
    assert "2 clusters: 1 refused, 1 node-authorizer" in result.stdout


def test_reads_the_current_context_or_the_one_named(kubeconfig: Path) -> None:
    with (
        replay("v1.19.16-seed-outage", name="fresh") as fresh,
        replay("v1.28.15-seed-fix2-node", name="elder") as elder,
    ):
        write(kubeconfig, fresh, elder)
        current = checked(kubeconfig)
        named = checked(kubeconfig, "--context", "elder")

    assert [cluster["name"] for cluster in current] == ["fresh"]
    assert [cluster["name"] for cluster in named] == ["elder"]


def test_counts_each_node_once(kubeconfig: Path) -> None:
    with replay("v1.28.15-one-user") as server:
        (cluster,) = checked(write(kubeconfig, server))

    assert cluster["nodes"] == {"total": 2, "ready": 1, "not_ready": 0, "unknown": 1}


FAIL_ON = {
    "the verdict itself": ("legacy-binding", 1),
    "another": ("refused,mixed", 0),
    "never": ("none", 0),
    "the default": ("", 1),
}


@pytest.mark.parametrize(("fail_on", "status"), FAIL_ON.values(), ids=FAIL_ON)
def test_fails_on_the_verdicts_asked_for(fail_on: str, status: int, kubeconfig: Path) -> None:
    with replay("v1.28.15-seed-fix1-legacy") as server:
        write(kubeconfig, server)
        result = check("--kubeconfig", str(kubeconfig), "--fail-on", fail_on)

    assert result.exit_code == status


WRONG_USAGE: dict[str, tuple[Sequence[str], str]] = {
    "no such file": (["--kubeconfig", "nowhere"], "nowhere"),
    "no such context": (["--context", "other"], "no context other"),
    "no such verdict": (["--fail-on", "legacy"], "no such verdict"),
    "no such format": (["--format", "xml"], "xml"),
    "no such bundle": (["--bundle", "nowhere.json"], "nowhere.json"),
    "no URL of an apiserver": (["--apiserver", "http://a"], "must begin with https://"),
}


@pytest.mark.parametrize(("arguments", "says"), WRONG_USAGE.values(), ids=WRONG_USAGE)
def test_wrong_usage_is_2_and_says_what(
    arguments: Sequence[str], says: str, kubeconfig: Path
) -> None:
    with replay("v1.28.15-seed-fix2-node") as server:
        write(kubeconfig, server)
    given = [] if "--kubeconfig" in arguments else ["--kubeconfig", str(kubeconfig)]
    result = check(*given, *arguments)

    assert result.exit_code == 2
    assert says in result.stderr


def test_apiservers_are_those_of_one_context(kubeconfig: Path) -> None:
    with replay("v1.28.15-leftover") as one, replay("v1.28.15-one-user") as other:
        write(kubeconfig, one, other)
        both = check("--kubeconfig", str(kubeconfig), "--all-contexts", "--apiserver", one.url)
        (cluster,) = checked(kubeconfig, "--apiserver", one.url, "--probe-node-restriction")

    assert both.exit_code == 2
    assert "choose one context" in both.stderr
    assert cluster["verdict"] == "over-granted"
    assert any("dryRun" in post.query for post in one.posts)


NEXT = {
    "not there": ("eu-1", True),
    "at the target": ("eu-4", False),
}


@pytest.mark.parametrize(("sample", "names_it"), NEXT.values(), ids=NEXT)
def test_names_the_command_that_shows_all_steps(sample: str, names_it: bool) -> None:
    bundle = f"dashboard/sample/{sample}.json.gz"

    assert (f"  authzviz plan --bundle {bundle}\n" in check("--bundle", bundle).stdout) is names_it


def test_collects_a_bundle_that_is_judged_alike(kubeconfig: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "cluster.json.gz"
    with replay("v1.28.15-leftover") as server:
        write(kubeconfig, server)
        collected = CliRunner().invoke(
            app, ["collect", "--kubeconfig", str(kubeconfig), "--output", str(bundle)]
        )
        (live,) = checked(kubeconfig)
    result = check("--bundle", str(bundle), "--format", "json")

    (judged,) = json.loads(result.stdout)["clusters"]
    assert collected.exit_code == 0
    assert {**judged, "read_at": None} == {**live, "read_at": None}


@pytest.mark.parametrize("format_", ["text", "json"])
def test_never_prints_a_token_that_the_cluster_echoes(format_: str, kubeconfig: Path) -> None:
    echo = (403, {"Content-Type": "application/json"}, json.dumps(
        {"kind": "Status", "status": "Failure", "code": 403, "message": f"no: Bearer {TOKEN}"}
    ).encode())  # fmt: skip
    paths = [RBAC + "clusterroles", "/flagz", "/api/v1/nodes"]
    with replay("v1.28.15-leftover", replace=dict.fromkeys(paths, echo)) as server:
        write(kubeconfig, server)
        result = check("--kubeconfig", str(kubeconfig), "--format", format_)

    assert "no: " in result.stdout
    assert TOKEN not in result.output


def test_sarif_and_junit_have_the_verdict_and_the_same_exit_status(kubeconfig: Path) -> None:
    with replay("v1.28.15-seed-outage") as server:
        file = str(write(kubeconfig, server))
        sarif = check("--kubeconfig", file, "--format", "sarif")
        junit = check("--kubeconfig", file, "--format", "junit")

    assert (sarif.exit_code, junit.exit_code) == (1, 1)
    assert "refused" in [r["ruleId"] for r in json.loads(sarif.stdout)["runs"][0]["results"]]
    assert '<failure message="refused: ' in junit.stdout
