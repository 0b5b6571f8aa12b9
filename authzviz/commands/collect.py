"""`authzviz collect`: a cluster as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from authzviz.commands.common import (
    UNREACHABLE,
    AllowExec,
    Kubeconfig,
    contexts,
    read,
    wrong_usage,
)


def collect(
    output: Annotated[Path, typer.Option(help="BUNDLE.json or BUNDLE.json.gz", metavar="BUNDLE")],
    kubeconfig: Kubeconfig = None,
    context: Annotated[str | None, typer.Option(metavar="C", help="Not the current one.")] = None,
    allow_exec: AllowExec = False,
    with_pods: Annotated[
        bool, typer.Option("--with-pods", help="With the names of what each pod uses.")
    ] = False,
) -> None:
    """Read a cluster into a bundle: names, rules and authorization flags, no secrets."""
    from authzviz.kube import bundle

    chosen = contexts(kubeconfig, [context] if context else [], False, allow_exec)
    snapshot = read(chosen[0], with_pods=with_pods)
    if isinstance(snapshot, str):
        typer.echo(f"{chosen[0].name}: {snapshot}", err=True)
        raise typer.Exit(UNREACHABLE)
    try:
        bundle.dump(snapshot, output)
    except OSError as error:
        raise wrong_usage(f"{output} can't be written: {error.strerror}") from None
