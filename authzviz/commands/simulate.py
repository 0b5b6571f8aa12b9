"""`authzviz simulate`: what a change would do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from authzviz.commands.common import (
    FAILED,
    PlainFormat,
    failing_verdicts,
    load_bundle,
    paint,
    wrong_usage,
)


def simulate(
    bundle: Annotated[Path, typer.Option(metavar="B", help="The bundle of the cluster.")],
    authorization_mode: Annotated[
        str | None, typer.Option(metavar="M", help="Such as Node,RBAC; on every apiserver.")
    ] = None,
    admission_plugins: Annotated[
        str | None,
        typer.Option(metavar="P", help="The whole --enable-admission-plugins; '' for none."),
    ] = None,
    drop_binding: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="NAME or NAMESPACE/NAME; may be repeated."),
    ] = None,
    kubernetes_version: Annotated[str, typer.Option(metavar="V", help="Such as 1.33.")] = "",
    format: Annotated[  # noqa: A002
        PlainFormat, typer.Option(help="For people, or for programs.")
    ] = PlainFormat.TEXT,
    fail_on: Annotated[
        str,
        typer.Option(
            metavar="VERDICT,...", help="Exit with 1 on these after it; by default never."
        ),
    ] = "none",
) -> None:
    """Tell what a change would break and close, before anybody makes it."""
    from authzviz.engine.change import ChangeError, change_of
    from authzviz.engine.whatif import whatif

    failing = failing_verdicts(fail_on)
    snapshot = load_bundle(bundle)
    try:
        change = change_of(
            authorization_mode, admission_plugins, drop_binding or (), kubernetes_version
        )
        answer = whatif(snapshot, change)
    except ChangeError as error:
        raise wrong_usage(str(error)) from None
    if format is PlainFormat.JSON:
        from authzviz.reports.simulate_json import simulate_json

        typer.echo(simulate_json(snapshot.name, change, answer))
    else:
        from authzviz.reports.simulate_text import simulate_text

        typer.echo(simulate_text(snapshot.name, change, answer, paint))
    if answer.after.verdict in failing:
        raise typer.Exit(FAILED)
