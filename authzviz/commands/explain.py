"""`authzviz explain`: refusals in logs."""

from __future__ import annotations

import sys

import click
from click.exceptions import Exit

from authzviz.commands.common import FAILED, plain_format_option, wrong_usage


@click.command()
@click.argument("lines", nargs=-1, metavar="[LINE]...")
@plain_format_option
def explain(lines: tuple[str, ...], format_: str) -> None:
    """Explain refusals in kubelet or apiserver logs: who, what for, why, and the fix.

    Exit status: 0 where a line tells of a refusal, 1 where none does, 2 for more than 10 MB.
    """
    from authzviz.evidence.explain import explain as explain_log
    from authzviz.evidence.lines import MAX_BYTES, LogTooLarge
    from authzviz.reports.explain_json import explain_json
    from authzviz.reports.explain_text import explain_text

    if not lines and sys.stdin.isatty():
        click.echo("Paste log lines, then Ctrl-D:", err=True)
    raw = None if lines else sys.stdin.buffer.read(4 * MAX_BYTES + 1)
    text = "\n".join(lines) if raw is None else raw.decode("utf-8", "replace")
    try:
        explained = explain_log(text)
    except LogTooLarge as error:
        raise wrong_usage(str(error)) from None
    as_text = format_ == "text"
    click.echo(explain_text(explained) if as_text else explain_json(explained))
    if not explained.explanations:
        raise Exit(FAILED)
