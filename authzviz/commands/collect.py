"""`authzviz collect`: a cluster as a file."""

from __future__ import annotations

from pathlib import Path

import click
from click.exceptions import Exit

from authzviz.commands.common import (
    FILE,
    UNREACHABLE,
    allow_exec_option,
    apiserver_option,
    check_apiservers,
    chosen,
    in_cluster_option,
    kubeconfig_option,
    probe_restriction_option,
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
@apiserver_option
@probe_restriction_option
@click.option("--with-pods", is_flag=True, help="With the names of what each pod uses.")
def collect(
    output: Path,
    kubeconfig: Path | None,
    context: str | None,
    in_cluster: bool,
    allow_exec: bool,
    apiservers: tuple[str, ...],
    probe_node_restriction: bool,
    with_pods: bool,
) -> None:
    """Read a cluster into a bundle: names, rules and authorization flags, no secrets."""
    from authzviz.kube import bundle

    found = chosen(kubeconfig, [context] if context else [], False, allow_exec, in_cluster)
    check_apiservers(apiservers, found)
    (source,) = found
    snapshot = read(
        source,
        with_pods=with_pods,
        apiservers=apiservers,
        may_impersonate=probe_node_restriction,
    )
    if isinstance(snapshot, str):
        click.echo(f"{source.name}: {snapshot}", err=True)
        raise Exit(UNREACHABLE)
    try:
        bundle.dump(snapshot, output)
    except OSError as error:
        raise wrong_usage(f"{output} can't be written: {error.strerror}") from None
