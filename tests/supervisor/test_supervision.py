"""Children are restarted, ended in order, and never left behind. All with small stand-ins."""

import os
import signal
from collections.abc import Callable

from tests.supervisor.conftest import Rig, eventually, is_running


def test_a_child_that_is_killed_is_started_again(rig: Callable[..., Rig]) -> None:
    run = rig("steady", "steady")
    first = run.pids("two")[0]

    os.kill(first, signal.SIGKILL)

    run.wait_for("two started", count=2)
    assert run.pids("two")[1] != first
    assert len(run.pids("one")) == 1
    assert "two ended (SIGKILL) and is started again" in run.output.read_text()


def test_what_a_killed_child_started_goes_with_it(rig: Callable[..., Rig]) -> None:
    run = rig("parent")
    run.wait_for("one started", count=2)
    grandchild, child = run.pids("one")

    os.kill(child, signal.SIGKILL)

    eventually(lambda: not is_running(grandchild), "the end of the grandchild")


def test_a_child_that_keeps_failing_is_named_with_its_last_words(rig: Callable[..., Rig]) -> None:
    run = rig("failing")

    run.wait_for("one started", count=4)

    assert "for the 3. time: no luck today" in run.output.read_text()


def test_sigterm_ends_all_from_the_last_to_the_first_with_status_0(
    rig: Callable[..., Rig],
) -> None:
    run = rig("steady", "steady", "steady")

    status = run.end(signal.SIGTERM)

    ended = [e for e in run.events() if e.endswith(" ended")]
    assert (status, ended) == (0, ["three ended", "two ended", "one ended"])


def test_ctrl_c_is_for_the_supervisor_alone(rig: Callable[..., Rig]) -> None:
    run = rig("steady", "steady")

    # What a terminal does: the signal goes to the whole foreground process group.
    os.killpg(run.process.pid, signal.SIGINT)

    assert run.process.wait(60) == 0
    ended = [e for e in run.events() if e.endswith(" ended")]
    assert ended == ["two ended", "one ended"]


def test_the_next_is_not_ended_before_the_last_is_gone(rig: Callable[..., Rig]) -> None:
    run = rig("steady", "stubborn")

    run.process.send_signal(signal.SIGTERM)
    run.wait_for("two asked to end")

    assert "one asked to end" not in run.events()
    assert is_running(run.pids("one")[0])


def test_a_second_request_kills_what_does_not_end(rig: Callable[..., Rig]) -> None:
    run = rig("steady", "stubborn")
    run.process.send_signal(signal.SIGINT)
    run.wait_for("two asked to end")

    def asked_again() -> bool:
        # The first moments after a request count as the same request: ask until it is heard.
        run.process.send_signal(signal.SIGINT)
        return run.process.poll() is not None

    eventually(asked_again, "the end of the supervisor")
    assert run.process.returncode == 0
    assert not any(is_running(pid) for pid in run.pids("one") + run.pids("two"))


def test_kill_9_of_the_supervisor_leaves_no_child(rig: Callable[..., Rig]) -> None:
    run = rig("steady", "stubborn", "steady")
    pids = run.pids("one") + run.pids("two") + run.pids("three")
    assert all(map(is_running, pids))

    run.end(signal.SIGKILL)

    eventually(lambda: not any(map(is_running, pids)), "the end of all children")


def test_a_child_above_its_memory_is_asked_to_end_and_started_again(
    rig: Callable[..., Rig],
) -> None:
    run = rig("steady", "greedy")

    run.wait_for("two started", count=2)

    assert run.events()[2:4] == ["two asked to end", "two ended"]
    assert "two holds more than 100000000 bytes" in run.output.read_text()
    assert "two ended (" not in run.output.read_text()
