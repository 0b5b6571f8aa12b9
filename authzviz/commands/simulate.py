"""`authzviz simulate`: what a change would do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.exceptions import Exit

from authzviz.commands.common import (
    FAILED,
    FILE,
    failing_verdicts,
    load_bundle,
    paint,
    plain_format_option,
    wrong_usage,
)


@click.command()
@click.option("--bundle", type=FILE, required=True, metavar="B", help="The bundle of the cluster.")
@click.option("--authorization-mode", metavar="M", help="Such as Node,RBAC; on every apiserver.")
@click.option(
    "--admission-plugins",
    metavar="P",
    help="The whole --enable-admission-plugins; '' for none.",
)
@click.option(
    "--drop-binding",
    multiple=True,
    metavar="NAME",
    help="NAME or NAMESPACE/NAME; may be repeated.",
)
@click.option(
    "--add-binding",
    multiple=True,
    metavar="NAME=CLUSTERROLE",
    help="A new binding, without subjects; may be repeated.",
)
@click.option(
    "--drop-subject",
    multiple=True,
    metavar="BINDING=KIND:NAME",
    help="Take a subject from a binding, such as system:node=Group:system:nodes; may be repeated.",
)
@click.option(
    "--add-subject",
    multiple=True,
    metavar="BINDING=KIND:NAME",
    help="Give a binding a subject, as kubectl set subject does; may be repeated.",
)
@click.option("--kubernetes-version", default="", metavar="V", help="Such as 1.33.")
@plain_format_option
@click.option(
    "--fail-on",
    default="none",
    metavar="VERDICT,...",
    help="Exit with 1 on these after it; by default never.",
)
def simulate(bundle: Path, format_: str, fail_on: str, **words: Any) -> None:
    """Tell what a change would break and close, before anybody makes it."""
    from authzviz.engine.change import ChangeError, Words, change_of
    from authzviz.engine.whatif import whatif

    failing = failing_verdicts(fail_on)
    snapshot = load_bundle(bundle)
    try:
        change = change_of(Words(**words))
        answer = whatif(snapshot, change)
    except ChangeError as error:
        raise wrong_usage(str(error)) from None
    if format_ == "json":
        from authzviz.reports.simulate_json import simulate_json

        click.echo(simulate_json(snapshot.name, change, answer))
    else:
        from authzviz.reports.simulate_text import simulate_text

        click.echo(simulate_text(snapshot.name, change, answer, paint))
    if answer.after.verdict in failing:
        raise Exit(FAILED)
