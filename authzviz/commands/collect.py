"""`authzviz collect`: a cluster as a file."""

from __future__ import annotations

from pathlib import Path

import click
from click.exceptions import Exit

from authzviz.commands.common import (
    FILE,
    UNREACHABLE,
    allow_exec_option,
    chosen,
    in_cluster_option,
    kubeconfig_option,
    read,
    wrong_usage,
)


@click.command()
@click.option(
    "--output", type=FILE, required=True, metavar="BUNDLE", help="BUNDLE.json or BUNDLE.json.gz"
)
@kubeconfig_option
@click.option("--context", metavar="C", help="Not the current one.")
@in_cluster_option
@allow_exec_option
@click.option("--with-pods", is_flag=True, help="With the names of what each pod uses.")
def collect(
    output: Path,
    kubeconfig: Path | None,
    context: str | None,
    in_cluster: bool,
    allow_exec: bool,
    with_pods: bool,
) -> None:
    """Read a cluster into a bundle: names, rules and authorization flags, no secrets."""
    from authzviz.kube import bundle

    (source,) = chosen(kubeconfig, [context] if context else [], False, allow_exec, in_cluster)
    snapshot = read(source, with_pods=with_pods)
    if isinstance(snapshot, str):
        click.echo(f"{source.name}: {snapshot}", err=True)
        raise Exit(UNREACHABLE)
    try:
        bundle.dump(snapshot, output)
    except OSError as error:
        raise wrong_usage(f"{output} can't be written: {error.strerror}") from None
