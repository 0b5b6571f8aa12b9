"""`authzviz explain`: refusals in logs."""

from __future__ import annotations

from typing import Annotated

import typer

from authzviz.commands.common import FAILED, PlainFormat, wrong_usage


def explain(
    lines: Annotated[
        list[str] | None, typer.Argument(metavar="LINE", help="Without any, standard input.")
    ] = None,
    format: Annotated[  # noqa: A002
        PlainFormat, typer.Option(help="For people, or for programs.")
    ] = PlainFormat.TEXT,
) -> None:
    """Explain refusals in kubelet or apiserver logs: who, what for, why, and the fix.

    Exit status: 0 where a line tells of a refusal, 1 where none does, 2 for more than 10 MB.
    """
    from authzviz.evidence.explain import explain as explain_log
    from authzviz.evidence.lines import MAX_BYTES, LogTooLarge
    from authzviz.reports.explain_json import explain_json
    from authzviz.reports.explain_text import explain_text

    if not lines and typer.get_text_stream("stdin").isatty():
        typer.echo("Paste log lines, then Ctrl-D:", err=True)
    raw = None if lines else typer.get_binary_stream("stdin").read(4 * MAX_BYTES + 1)
    text = "\n".join(lines or ()) if raw is None else raw.decode("utf-8", "replace")
    try:
        explained = explain_log(text)
    except LogTooLarge as error:
        raise wrong_usage(str(error)) from None
    as_text = format is PlainFormat.TEXT
    typer.echo(explain_text(explained) if as_text else explain_json(explained))
    if not explained.explanations:
        raise typer.Exit(FAILED)
