"""A migration plan as values: phases of steps, each with how to do, verify and undo it.

Commands are for a POSIX shell and hold names from clusters only quoted; a command may span lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from authzviz.engine.assessment import Verdict
from authzviz.engine.model import Subject

PLANS_VERSION = 1
"""Stored with each started plan; raised whenever what is stored of one can't be read any more."""


class State(StrEnum):
    """How a step stands. MANUAL is for what nothing that is read shows: a person says when it is
    done. UNKNOWN is for what a read would show, which was not possible or is too old.
    """

    DONE = "done"
    TODO = "todo"
    UNKNOWN = "unknown"
    MANUAL = "manual"


class PhaseId(StrEnum):
    """The phases, in the order in which they are gone through."""

    QUICK_WAY = "quick-way"
    FIND_OUT = "find-out"
    PREFLIGHT = "preflight"
    NODE_AUTHORIZER = "node-authorizer"
    EVIDENCE = "evidence"
    REMOVE_GRANTS = "remove-grants"
    VERIFY = "verify"


class Sees(StrEnum):
    """What shows that a step is done; `Observation.target` says of what.

    FLAGS: the apiserver of that name has Node and NodeRestriction ("" for every one), and no
    AlwaysAllow. ORDER: the apiserver of that name asks Node before RBAC. DECLARED: the cluster's
    own configuration (kubeadm-config) says so, too. SUBJECT_GONE and SUBJECT_BOUND: the binding of
    that full name has `subject` no more, or has it. CHECK: the preflight check of that id holds.
    READ: the read of that name (Snapshot.reads, or "flags") is there. AUDIT: the audit log proves
    that nothing breaks. VERDICT: the target is reached. NODES: every node that there was is Ready
    and renews its Lease. NOTHING: a person says.
    """

    FLAGS = "flags"
    ORDER = "order"
    DECLARED = "declared"
    SUBJECT_GONE = "subject-gone"
    SUBJECT_BOUND = "subject-bound"
    CHECK = "check"
    READ = "read"
    AUDIT = "audit"
    VERDICT = "verdict"
    NODES = "nodes"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Observation:
    """What tells the state of a step, at each read anew. `target` as Sees says: the full name of a
    binding is "NAME", or "NAMESPACE/NAME" of a RoleBinding. Not `was_there` where the subject that
    is to go was not bound when the plan was made: only the quick way binds it.
    """

    sees: Sees
    target: str = ""
    subject: Subject | None = None
    was_there: bool = True


BY_HAND = Observation(Sees.NOTHING)
UNSEEN = (State.MANUAL, "nothing that is read shows this: say when it is done")
"""The state and its reason where only a person can tell."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What may go wrong: how it looks (the very text of a log or an error), and what to do."""

    what: str
    looks: str
    then: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step; `id` is the same for the same step in every plan of the cluster.

    `where` is the machine or program that it is done on ("cp1", "kubectl", "ansible"). `commands`
    only change things: with any, `rollback` is not empty. `verify`, which never is, only reads.
    `diff` is a unified diff of the file or object, "" for none. `takes` is how long it may take, in
    words. `watches_leases` where nodes may lose their Lease by it. `source` is the documentation
    that it rests on, "" where it was tried on a real apiserver. `because` gives the reason of the
    state.
    """

    id: str
    title: str
    why: str
    where: str
    verify: tuple[str, ...]
    observation: Observation
    commands: tuple[str, ...] = ()
    diff: str = ""
    rollback: tuple[str, ...] = ()
    takes: str = ""
    troubles: tuple[Trouble, ...] = ()
    caution: str = ""
    watches_leases: bool = False
    source: str = ""
    state: State = State.MANUAL
    because: str = ""


@dataclass(frozen=True, slots=True)
class HostFlags:
    """What one apiserver that needs a step is to be started with, beside what it has; None for
    modes or plugins whose flags nobody read. `is_file_configured` where its modes are in the file
    that --authorization-config names.
    """

    apiserver: str
    port: str
    modes: tuple[str, ...] | None
    plugins: tuple[str, ...] | None
    is_file_configured: bool = False


@dataclass(frozen=True, slots=True)
class Phase:
    """Steps that belong together. `why` is a sentence; nobody has to take what `is_optional`."""

    id: PhaseId
    name: str
    why: str
    steps: tuple[Step, ...]
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """The way of one cluster from the verdict `start` to `node-authorizer`.

    No phases where the target is reached. `notes` are sentences about the whole: what a provider
    fixes, what can't be reached, what rests on documentation only. `version` is Kubernetes' own
    when the plan was made, "" where unknown. `flags` has an entry for each apiserver that is to get
    others.
    """

    cluster: str
    start: Verdict
    distribution: str
    phases: tuple[Phase, ...]
    notes: tuple[str, ...] = ()
    target: Verdict = Verdict.NODE_AUTHORIZER
    version: str = ""
    flags: tuple[HostFlags, ...] = ()

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every step, in order."""
        return tuple(step for phase in self.phases for step in phase.steps)
