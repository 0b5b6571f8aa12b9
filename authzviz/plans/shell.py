"""Names from clusters in commands for a POSIX shell, where they may say nothing but themselves."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from shlex import quote

from authzviz.engine.model import Binding


def heredoc(command: str, body: str, then: str = "") -> str:
    """The command with the text as its standard input, whatever the text is; what it prints goes
    to `then`.
    """
    lines = set(body.splitlines())
    end = next(end for end in _ends() if end not in lines)
    pipe = f" | {then}" if then else ""
    return f"{command} <<'{end}'{pipe}\n{body.rstrip()}\n{end}"


def kubectl(verb: str, binding: Binding, *options: str) -> str:
    """`kubectl VERB` of the binding; the options are words of the shell."""
    kind = "rolebinding" if binding.namespace else "clusterrolebinding"
    place = [f"--namespace={quote(binding.namespace)}"] if binding.namespace else []
    name = quote(binding.name)
    # A binding may be called --server=…: what follows "--" is no option.
    words = [kind, *place, *options, "--", name]
    if not binding.name.startswith("-"):
        words = [kind, *place, name, *options]
    return " ".join(("kubectl", verb, *words))


def until(command: str, seconds: int) -> str:
    """The command again and again until it succeeds; fails after so many seconds."""
    return f"timeout {seconds} sh -c {quote(f'until {command}; do sleep 2; done')}"


def never(command: str) -> str:
    """Fails where the command succeeds, within a script, too: `sh -e` passes over what `!` alone
    turned around.
    """
    return f"! {command} || false"


def _ends() -> Iterator[str]:
    yield "EOF"
    yield from (f"EOF{number}" for number in count(1))
