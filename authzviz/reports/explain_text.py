"""`authzviz explain` for people: who was refused what, why, and what to do about it."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from authzviz.engine.phrases import counted
from authzviz.reports.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authzviz.engine.request import Request
    from authzviz.evidence.explanation import Explained, Explanation

_WIDTH = 100
REFUSED_BY = {
    "authorizers": "refused by every authorizer that was asked",
    "node-authorizer": "the Node authorizer did not allow it; a later authorizer may have",
    "rbac": "RBAC did not allow it; another authorizer may have",
    "node-restriction": "allowed by the authorizers, refused by the admission plugin"
    " NodeRestriction",
    "authentication": "refused before any authorizer was asked: the credentials are not accepted",
}


def explain_text(explained: Explained) -> str:
    """Return the explanations in the order of the log, and what the other lines were."""
    blocks = ["\n".join(_block(each)) for each in explained.explanations]
    blocks.append("\n".join(_wrapped(_total(explained), "")))
    return "\n\n".join(blocks)


def _block(each: Explanation) -> Iterator[str]:
    times = f"{each.count} lines, first line" if each.count > 1 else "line"
    yield from _wrapped(
        f"{who_in_words(each)}: {request_in_words(each.request)} ({times} {each.first_line})", ""
    )
    yield from _wrapped(REFUSED_BY[each.refused_by])
    if each.said:
        yield from _wrapped(f"The apiserver says: {each.said}")
    if each.need:
        core = ", and the node can't live without it" if each.is_core else ""
        yield from _wrapped(f"A kubelet needs this to: {each.need_title}{core}.")
        yield from _wrapped(f"Without it: {each.without}.")
    yield from _wrapped(f"Cause ({each.cause.code}): {each.cause.text}")
    if each.modes:
        yield "  Who allows it:"
    for mode in each.modes:
        by = f" by {mode.by}" if mode.by else ""
        said = f"{mode.configuration}: {mode.decision}{by}; {mode.because}"
        yield from _wrapped(said, "    ")
    yield "  Fix:"
    for number, step in enumerate(each.cause.steps, start=1):
        yield from _wrapped(f"{number}. {step.title}. {step.detail}", "    ")
        yield from (f"         {printable(command)}" for command in step.commands)
        if step.caution:
            yield from _wrapped(f"Mind: {step.caution}", "       ")


def who_in_words(each: Explanation) -> str:
    """The user who was refused, or that the line doesn't tell."""
    if each.user:
        return each.user
    return "A kubelet whose name the line doesn't tell" if each.modes else "Somebody"


def request_in_words(request: Request) -> str:
    """The request: "get leases.coordination.k8s.io node1 in namespace kube-node-lease"."""
    if request.path:
        return f"{request.verb} {request.path}"
    if not request.resource:
        return "any request"
    group = f".{request.group}" if request.group else ""
    name = f" {request.name}" if request.name else ""
    where = f" in namespace {request.namespace}" if request.namespace else ""
    return f"{request.verb or 'change'} {request.full_resource}{group}{name}{where}"


def _total(explained: Explained) -> str:
    lines = counted(explained.lines, "line")
    said = [f"{lines} read, by the rules of Kubernetes 1.{explained.minor}"]
    rest = (
        (explained.silent, "says", "say", "nothing of a refusal"),
        (explained.too_long, "was", "were", "left out, longer than 1 MB"),
        (explained.left_out, "tells", "tell", "of more refusals than are shown"),
    )
    said += [f"{n} {one if n == 1 else many} {what}" for n, one, many, what in rest if n]
    return "; ".join(said) + "."


def _wrapped(text: str, indent: str = "  ") -> Iterator[str]:
    yield from textwrap.wrap(
        printable(text.replace("\n", "; ")),
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
