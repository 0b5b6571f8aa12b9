"""A plan carried out on a live cluster: each step's commands as printed, on the step's machine."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from authzviz import engine
from authzviz.kube.collect import collect
from authzviz.net import COMMAND_LINE
from authzviz.plans.following import Seen, followed
from authzviz.plans.making import plan_of
from authzviz.reports.reader_role import Reader
from tests.lab.machine import Machine
from tests.lab.process import LabError
from tests.lab.reader import PATIENCE_SECONDS, credentials_of, objects_of, read_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from authzviz.engine.assessment import Verdict
    from authzviz.engine.model import Snapshot
    from authzviz.plans.plan import Plan, State, Step
    from tests.lab.cluster import Cluster

_READER = Reader(minor=37)
_PAUSE_SECONDS = 0.3
_MOMENT_SECONDS = 3.0
Found = TypeVar("Found")


class Site:
    """A live cluster as its operator has it: a machine for each apiserver, and the least reader."""

    def __init__(self, live: Cluster, *peers: Cluster) -> None:
        self.live = live
        self.machines = {each.address: Machine(each) for each in (live, *peers)}
        self._urls = tuple(each.url for each in (live, *peers)) if peers else ()
        live.apply(objects_of(_READER))
        self.credentials = credentials_of(live, _READER)
        read_until(self.credentials, _is_whole, apiserver_urls=self._urls)

    def seen(self) -> Seen:
        """What the cluster is and is judged to be now."""
        snapshot = collect(
            self.credentials, name="live", policy=COMMAND_LINE, apiserver_urls=self._urls
        )
        return Seen(snapshot, engine.judge(snapshot))

    def plan(self) -> Plan:
        """The plan for what the cluster is now."""
        now = self.seen()
        return plan_of(now.snapshot, now.assessment)

    def states(self, plan: Plan) -> dict[str, State]:
        """How each step stands now, by its id."""
        return {step.id: step.state for step in followed(plan, self.seen()).steps}

    def machine(self, step: Step) -> Machine:
        """The machine of the apiserver that the step is about, which has the address in its name;
        what needs only kubectl is done on the first one.
        """
        for address, machine in self.machines.items():
            if address in step.observation.target:
                return machine
        return next(iter(self.machines.values()))

    def carry_out(self, step: Step) -> str:
        """Run the step's commands and then what verifies it; return what was printed."""
        return self.machine(step).run([*step.commands, *step.verify])

    def is_verified(self, step: Step) -> bool:
        """Whether what verifies the step succeeds within a moment, as part of a longer script."""
        with suppress(LabError):
            self.machine(step).run([*step.verify, "true"], seconds=_MOMENT_SECONDS)
            return True
        return False

    def roll_back(self, step: Step) -> str:
        """Run what takes the step back; return what was printed, with the apiserver up again."""
        machine = self.machine(step)
        said = machine.run(step.rollback)
        machine.cluster.wait_until_ready()
        return said

    def wait_for_state(self, plan: Plan, step: Step, state: State) -> dict[str, State]:
        """Return all states once the step has this one, or after some patience what they are."""
        return _eventually(lambda: self.states(plan), lambda states: states[step.id] is state)

    def wait_for_verdict(self, verdict: Verdict) -> Verdict:
        """Return the verdict once it is this, or after some patience what it is."""
        return _eventually(lambda: self.seen().assessment.verdict, lambda found: found is verdict)


def _eventually(read: Callable[[], Found], is_it: Callable[[Found], bool]) -> Found:
    """What is read once it is so: the apiserver's caches lag a moment behind what is written."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = read()
        if is_it(found) or time.monotonic() > until:
            return found
        time.sleep(_PAUSE_SECONDS)


def _is_whole(found: Snapshot) -> bool:
    return all(read.is_whole for read in found.reads.values())
