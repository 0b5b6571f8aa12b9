"""`authzviz plan`: the way of one cluster to the Node authorizer, step by step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.exceptions import Exit

from authzviz.commands.audit_logs import read_logs, since_option
from authzviz.commands.common import (
    FILE,
    UNREACHABLE,
    allow_exec_option,
    apiserver_option,
    check_apiservers,
    chosen,
    in_cluster_option,
    kubeconfig_option,
    load_bundle,
    paint,
    probe_restriction_option,
    read,
    wrong_usage,
)

if TYPE_CHECKING:
    from authzviz.engine.model import Snapshot
    from authzviz.plans.plan import Plan


@click.command()
@click.option("--bundle", type=FILE, metavar="B", help="A bundle of the cluster.")
@kubeconfig_option
@click.option("--context", metavar="C", help="A context; by default the current one.")
@in_cluster_option
@click.option(
    "--audit-log",
    "logs",
    type=FILE,
    multiple=True,
    metavar="F",
    help="An audit log that the step of evidence takes its state from, as for authzviz evidence;"
    " may be repeated.",
)
@since_option
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json", "markdown", "shell", "ansible"]),
    default="text",
    show_default=True,
    help="For people, for programs, a runbook, a script whose steps are called one by one, or"
    " plays.",
)
@allow_exec_option
@apiserver_option
@probe_restriction_option
def plan(
    bundle: Path | None,
    kubeconfig: Path | None,
    context: str | None,
    in_cluster: bool,
    logs: tuple[Path, ...],
    since: str,
    format_: str,
    allow_exec: bool,
    apiservers: tuple[str, ...],
    probe_node_restriction: bool,
) -> None:
    """Show how to move a cluster to the Node authorizer, step by step; nothing is changed."""
    if bundle and (kubeconfig or context or in_cluster or apiservers):
        raise wrong_usage("--bundle is a cluster as it was read: name it without any other")
    if bundle:
        snapshot = load_bundle(bundle)
    else:
        names = (context,) if context else ()
        (found,) = chosen(kubeconfig, names, False, allow_exec, in_cluster)
        check_apiservers(apiservers, [found])
        answer = read(found, apiservers=apiservers, may_impersonate=probe_node_restriction)
        if isinstance(answer, str):
            click.echo(f"authzviz: {found.name}: {answer}", err=True)
            raise Exit(UNREACHABLE)
        snapshot = answer
    click.echo(_report(_plan(snapshot, logs, since), format_), nl=format_ in ("text", "json"))


def _plan(snapshot: Snapshot, logs: tuple[Path, ...], since: str) -> Plan:
    from authzviz.engine import judge
    from authzviz.plans.making import plan_of

    if since and not logs:
        raise wrong_usage("--since is of audit logs: name one with --audit-log")
    assessment = judge(snapshot)
    audit = read_logs(snapshot, assessment, logs, since) if logs else None
    return plan_of(snapshot, assessment, audit)


def _report(plan: Plan, format_: str) -> str:
    if format_ == "json":
        from authzviz.reports.plan_json import plan_json

        return plan_json(plan)
    if format_ == "markdown":
        from authzviz.reports.plan_markdown import plan_markdown

        return plan_markdown(plan)
    if format_ == "shell":
        from authzviz.reports.plan_shell import plan_shell

        return plan_shell(plan)
    if format_ == "ansible":
        from authzviz.reports.plan_ansible import plan_ansible

        return plan_ansible(plan)
    from authzviz.reports.plan_text import plan_text

    return plan_text(plan, paint)
