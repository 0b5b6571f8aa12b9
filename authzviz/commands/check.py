"""`authzviz check`: clusters, bundles and flags to come, judged."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.exceptions import Exit

from authzviz.commands.common import (
    FAILED,
    FILE,
    UNREACHABLE,
    allow_exec_option,
    apiserver_option,
    check_apiservers,
    chosen,
    failing_verdicts,
    in_cluster_option,
    kubeconfig_option,
    load_bundle,
    paint,
    probe_restriction_option,
    read,
    wrong_usage,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from authzviz.engine.model import Snapshot
    from authzviz.kube.kubeconfig import Context
    from authzviz.reports.checked import Checked

_MOST_AT_ONCE = 8


@click.command()
@kubeconfig_option
@click.option("--context", multiple=True, metavar="C", help="A context; may be repeated.")
@click.option("--all-contexts", is_flag=True, help="Every context.")
@in_cluster_option
@click.option("--bundle", type=FILE, multiple=True, metavar="B", help="A bundle; may be repeated.")
@click.option(
    "--flags",
    type=FILE,
    multiple=True,
    metavar="FILE",
    help="A manifest, unit or configuration of a kube-apiserver, judged before its cluster exists;"
    " may be repeated, also for the AuthorizationConfiguration that it names.",
)
@click.option(
    "--kubernetes-version", default="", metavar="V", help="The version to judge --flags by."
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json", "sarif", "junit"]),
    default="text",
    show_default=True,
    help="For people, or for programs.",
)
@click.option(
    "--fail-on",
    default="",
    metavar="VERDICT,...",
    help="Exit with 1 on these; by default on all but node-authorizer; 'none' for never.",
)
@allow_exec_option
@apiserver_option
@probe_restriction_option
def check(
    kubeconfig: Path | None,
    context: tuple[str, ...],
    all_contexts: bool,
    in_cluster: bool,
    bundle: tuple[Path, ...],
    flags: tuple[Path, ...],
    kubernetes_version: str,
    format_: str,
    fail_on: str,
    allow_exec: bool,
    apiservers: tuple[str, ...],
    probe_node_restriction: bool,
) -> None:
    """Judge clusters: by which path do their kubelets get their permissions, and is it safe?"""
    failing = failing_verdicts(fail_on)
    checked = [_check_bundle(path) for path in bundle]
    if flags or kubernetes_version:
        checked += _check_flags(flags, kubernetes_version)
    if not checked or kubeconfig or context or all_contexts or in_cluster or apiservers:
        found = chosen(kubeconfig, context, all_contexts, allow_exec, in_cluster)
        check_apiservers(apiservers, found)
        asked = partial(
            _check_context, apiservers=apiservers, may_impersonate=probe_node_restriction
        )
        checked += _each(asked, found)
    click.echo(_report(checked, format_, failing))
    if any(cluster.assessment is None for cluster in checked):
        raise Exit(UNREACHABLE)
    if any(cluster.verdict in failing for cluster in checked):
        raise Exit(FAILED)


def _check_context(
    context: Context, *, apiservers: tuple[str, ...], may_impersonate: bool
) -> Checked:
    from authzviz.reports.checked import Checked

    snapshot = read(context, apiservers=apiservers, may_impersonate=may_impersonate)
    if isinstance(snapshot, str):
        server = context.credentials.server if context.credentials else ""
        return Checked(context.name, server, None, None, snapshot)
    return _judged(snapshot)


def _check_bundle(path: Path) -> Checked:
    from dataclasses import replace
    from datetime import UTC, datetime

    snapshot = load_bundle(path)
    seconds = (datetime.now(UTC) - snapshot.read_at).total_seconds()
    return replace(_judged(snapshot, str(path)), age_seconds=seconds)


def _check_flags(paths: tuple[Path, ...], version: str) -> list[Checked]:
    from datetime import UTC, datetime

    from authzviz.engine.versions import minor_of
    from authzviz.kube.flag_files import FlagFileError
    from authzviz.kube.planned import planned_clusters

    if version and (not paths or minor_of(version) is None):
        need = "is for --flags" if not paths else "must be such as 1.28 or v1.28.15"
        raise wrong_usage(f"--kubernetes-version {need}")
    try:
        files = [(str(path), _start_of(path)) for path in paths]
        planned = planned_clusters(files, version, datetime.now(UTC))
    except FlagFileError as error:
        raise wrong_usage(str(error)) from None
    return [_judged(each.snapshot, each.source) for each in planned]


def _start_of(path: Path) -> bytes:
    """The file, or so much of it that the reader sees it is too large."""
    from authzviz.kube.strict_yaml import MAX_BYTES

    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise wrong_usage(f"{path} can't be read: {error.strerror}") from None


def _judged(snapshot: Snapshot, source: str = "") -> Checked:
    from authzviz.engine import judge
    from authzviz.engine.own_access import as_a_person_reads
    from authzviz.reports.checked import Checked

    assessment = as_a_person_reads(judge(snapshot))
    return Checked(snapshot.name, snapshot.server, snapshot.read_at, assessment, source=source)


def _each(check_one: Callable[[Context], Checked], contexts: list[Context]) -> list[Checked]:
    """Each context checked, a few at once: one that hangs doesn't hold up the others."""
    if len(contexts) == 1:
        return [check_one(contexts[0])]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_MOST_AT_ONCE) as pool:
        return list(pool.map(check_one, contexts))


def _report(checked: list[Checked], format_: str, failing: frozenset[str]) -> str:
    if format_ == "json":
        from authzviz.reports.check_json import check_json

        return check_json(checked)
    if format_ == "sarif":
        from authzviz.reports.check_sarif import check_sarif

        return check_sarif(checked)
    if format_ == "junit":
        from authzviz.reports.check_junit import check_junit

        return check_junit(checked, failing)
    from authzviz.reports.check_text import check_text

    return check_text(checked, paint)
