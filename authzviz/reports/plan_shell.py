"""A plan as one script: every step can be shown, done, verified and rolled back by its number."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from authzviz.reports.plan_words import CONTEXT
from authzviz.reports.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from authzviz.plans.plan import Plan, Step

_PARTS = ("do", "verify", "rollback")
_HEAD = """\
set -eu

usage() {
  cat <<USAGE
Usage: $0 COMMAND [STEP]
  list           every step: number, state as of when this was made, where, title
  show STEP      what a step would run
  do STEP        change something, after asking
  verify STEP    look, and change nothing
  rollback STEP  undo a step, after asking
AUTHZVIZ_YES=1 leaves the question out. A step runs only where you are: go to the machine that it
names, as root.
USAGE
}
"""
_TAIL = """\
confirmed() {
  about "$2"
  if [ "${AUTHZVIZ_YES:-}" = 1 ]; then return; fi
  printf '%s this step here, on %s? Type yes: ' "$1" "$(hostname)" >&2
  read -r answer
  if [ "$answer" != yes ]; then
    echo 'Nothing was done.' >&2
    exit 1
  fi
}

known() {
  case "$1" in
    '' | *[!0-9]* | 0*) usage >&2; exit 2 ;;
  esac
  if [ "$1" -gt "$steps" ]; then usage >&2; exit 2; fi
}

case "${1:-}" in
  list) list ;;
  show)
    known "${2:-}"
    about "$2"
    # What a name holds shows, and moves no terminal.
    for part in do verify rollback; do declare -f "step_$2_$part"; done | cat -v
    ;;
  do | rollback)
    known "${2:-}"
    confirmed "$1" "$2"
    "step_$2_$1"
    ;;
  verify)
    known "${2:-}"
    about "$2"
    "step_$2_verify"
    ;;
  '' | help | -h | --help) usage ;;
  *) usage >&2; exit 2 ;;
esac
"""


def plan_shell(plan: Plan) -> str:
    """Return a script for bash; without arguments it tells how to use it, and changes nothing."""
    return "\n".join(_script(plan))


def _script(plan: Plan) -> Iterator[str]:
    yield "#!/usr/bin/env bash"
    yield f"# {printable(plan.cluster)}: from {plan.start} to {plan.target}, step by step."
    for note in (CONTEXT, *plan.notes):
        yield f"# {printable(note)}"
    yield _HEAD
    steps = plan.steps
    yield f"steps={len(steps)}"
    yield ""
    yield from _list(steps)
    yield from _about(steps)
    for number, step in enumerate(steps, start=1):
        yield from _functions(step, number)
    yield _TAIL


def _list(steps: Sequence[Step]) -> Iterator[str]:
    yield "list() {"
    for number, step in enumerate(steps, start=1):
        yield f"  echo {_said(f'{number}. [{step.state}] {step.where}: {step.title}')}"
    if not steps:
        yield "  echo 'The target is reached: there is nothing to do.'"
    yield from ("}", "")


def _about(steps: Sequence[Step]) -> Iterator[str]:
    """What is said before a step runs: where, why, and what to mind."""
    yield "about() {"
    yield '  case "$1" in'
    for number, step in enumerate(steps, start=1):
        yield f"    {number})"
        yield f"      echo {_said(f'{number}. {step.title} (on {step.where})')}"
        yield f"      echo {_said(f'{step.state}: {step.because}')}"
        if step.caution:
            yield f"      echo {_said(f'Mind: {step.caution}')}"
        yield "      ;;"
    yield from ("  esac >&2", "}", "")


def _functions(step: Step, number: int) -> Iterator[str]:
    """One function for each part. A subshell, so that a step leaves no directory or umask behind;
    the commands stand at the first column, where the ends of their here-documents have to be.
    """
    yield f"# {number}. {printable(step.title)}"
    yield from (f"#   {printable(line)}" for line in step.diff.splitlines())
    for part, commands in zip(_PARTS, (step.commands, step.verify, step.rollback), strict=True):
        yield f"step_{number}_{part}() ("
        yield from commands or ("echo 'This step changes nothing: verify it.' >&2",)
        yield from (")", "")


def _said(text: str) -> str:
    return quote(printable(text))
