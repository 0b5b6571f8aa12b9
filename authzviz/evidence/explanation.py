"""What `explain` answers, as values."""

from __future__ import annotations

from dataclasses import dataclass

from authzviz.engine.assessment import Decision, NextStep
from authzviz.engine.request import Request
from authzviz.evidence.refusals import Refusal, RefusedBy


@dataclass(frozen=True, slots=True)
class ModeAnswer:
    """What one configuration of the apiserver says to the request, by whom and why."""

    configuration: str
    decision: Decision
    by: str
    because: str


@dataclass(frozen=True, slots=True)
class Cause:
    """The likely cause: a stable code, what it means in a sentence or two, and what to do."""

    code: str
    text: str
    steps: tuple[NextStep, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """One refusal explained, and on how many lines of the log it stands, `first_line` first.

    `asked` is the request with what no line shows, as a kubelet makes it: a field selector, or the
    name in a create. `need` is the id of the kubelet's need that it is, "" for none; `need_title`
    and `without` say what it is for and what fails without it. `said` is the apiserver's own
    reason. `line` is the text of the first line, cut at 1,000 letters.
    """

    user: str
    groups: tuple[str, ...] | None
    node: str
    request: Request
    asked: Request
    refused_by: RefusedBy
    said: str
    need: str
    need_title: str
    is_core: bool
    without: str
    modes: tuple[ModeAnswer, ...]
    cause: Cause
    count: int
    first_line: int
    line: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a refusal stands in a log: the number and the text of its first line, the text cut at
    1,000 letters, and on how many lines.
    """

    number: int
    text: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class ReadLog:
    """What a log tells, not yet explained; the numbers are those of Explained."""

    refusals: tuple[tuple[Refusal, Place], ...]
    lines: int
    silent: int
    too_long: int
    left_out: int


@dataclass(frozen=True, slots=True)
class Explained:
    """A whole log: explanations in the order of their lines, how many lines there were, how many
    said nothing of a refusal, were too long to read, or told of refusals beyond the first.
    """

    explanations: tuple[Explanation, ...]
    lines: int
    silent: int
    too_long: int
    left_out: int
    minor: int
