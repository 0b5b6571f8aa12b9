"""`authzviz reader`: the least role that suffices, and how to make its credentials."""

from __future__ import annotations

import click

from authzviz.commands.common import wrong_usage


@click.command()
@click.option("--with-pods", is_flag=True, help="Also what `collect --with-pods` reads.")
@click.option(
    "--with-node-restriction-probe",
    "with_probe",
    is_flag=True,
    help="Also what NodeRestriction's dry-run probe needs: acting as a node that nobody has.",
)
@click.option(
    "--kubernetes-version",
    default="",
    metavar="V",
    help="Such as 1.28; by default the newest that is known.",
)
@click.option(
    "--distribution",
    default="unknown",
    metavar="D",
    help="Such as kubeadm, k3s or openshift; by default unknown, which is served as kubeadm.",
)
@click.option("--namespace", default="authzviz", show_default=True, metavar="NS")
@click.option(
    "--name", default="reader", show_default=True, metavar="NAME", help="The ServiceAccount's."
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["yaml", "kubeconfig"]),
    default="yaml",
    show_default=True,
    help="Objects for `kubectl apply -f -`, or the shell commands that make the kubeconfig.",
)
def reader(
    with_pods: bool,
    with_probe: bool,
    kubernetes_version: str,
    distribution: str,
    namespace: str,
    name: str,
    format_: str,
) -> None:
    """Print the least role that authzviz needs, or how to make its kubeconfig."""
    from authzviz.reports.reader_recipe import reader_recipe
    from authzviz.reports.reader_role import Reader, reader_role

    _refuse_bad_names(namespace, name)
    wanted = Reader(
        minor=_minor(kubernetes_version),
        distribution=_distribution(distribution),
        with_pods=with_pods,
        with_probe=with_probe,
        namespace=namespace,
        name=name,
    )
    print_ = reader_role if format_ == "yaml" else reader_recipe
    click.echo(print_(wanted), nl=False)


def _refuse_bad_names(namespace: str, name: str) -> None:
    from authzviz.reports.reader_role import DNS_LABEL

    for option, given in (("--namespace", namespace), ("--name", name)):
        if not DNS_LABEL.fullmatch(given):
            raise wrong_usage(
                f"{option} {given!r}: lower-case letters, digits and dashes, at most 63"
            )


def _minor(version: str) -> int:
    from authzviz.engine.versions import NEWEST_MINOR, clamp, minor_of

    if not version:
        return NEWEST_MINOR
    minor = minor_of(version)
    if minor is None:
        raise wrong_usage("--kubernetes-version must be such as 1.28 or v1.28.15")
    return clamp(minor)


def _distribution(name: str) -> str:
    from authzviz.engine.least_role import DISTRIBUTIONS

    if name not in DISTRIBUTIONS:
        raise wrong_usage(f"--distribution {name}: there are {', '.join(DISTRIBUTIONS)}")
    return name
