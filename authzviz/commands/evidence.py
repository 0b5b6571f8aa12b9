"""`authzviz evidence`: what an audit log proves about the grants that a plan takes away."""

from __future__ import annotations

from pathlib import Path

import click
from click.exceptions import Exit

from authzviz.commands.audit_logs import read_logs, since_option
from authzviz.commands.common import (
    FAILED,
    FILE,
    load_bundle,
    paint,
    plain_format_option,
    wrong_usage,
)


@click.command()
@click.option("--bundle", type=FILE, required=True, metavar="B", help="The bundle of the cluster.")
@click.argument("logs", nargs=-1, required=True, type=FILE, metavar="AUDIT_LOG...")
@since_option
@click.option(
    "--fail-on",
    default="none",
    metavar="PROOF,...",
    help="Exit with 1 on these (breaks, too-little, proves-nothing); by default never.",
)
@plain_format_option
def evidence(bundle: Path, logs: tuple[Path, ...], since: str, fail_on: str, format_: str) -> None:
    """Tell who needs the grants that a plan takes away, by the apiservers' audit logs.

    Takes any number of files in any order, plain or gzip, and - for standard input: one JSON event
    or EventList a line, of the level Metadata or above.
    """
    from authzviz import engine
    from authzviz.reports.evidence_json import evidence_json
    from authzviz.reports.evidence_text import evidence_text

    failing = _failing(fail_on)
    snapshot = load_bundle(bundle)
    found = read_logs(snapshot, engine.judge(snapshot), logs, since)
    if format_ == "json":
        click.echo(evidence_json(snapshot.name, found))
    else:
        click.echo(evidence_text(snapshot.name, found, paint))
    if found.proof in failing:
        raise Exit(FAILED)


def _failing(fail_on: str) -> frozenset[str]:
    from authzviz.evidence.audit import Proof

    if fail_on == "none":
        return frozenset()
    words = [word.strip() for word in fail_on.split(",")]
    unknown = [word for word in words if word not in set(Proof)]
    if unknown:
        raise wrong_usage(f"--fail-on {', '.join(unknown)}: there are {', '.join(Proof)}")
    return frozenset(words)
