"""The authzviz command: the same answers as the dashboard's, without server or database.

Exit status: 0 fine, 1 a verdict that --fail-on names, 2 wrong usage, 3 a cluster that did not
answer. Start-up time is part of the product: what only one command needs is imported there.
"""

from __future__ import annotations

import gc
import sys
from enum import StrEnum
from pathlib import Path  # typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from authzviz.engine.assessment import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from authzviz.engine.model import Snapshot
    from authzviz.kube.kubeconfig import Context
    from authzviz.reports.checked import Checked

FAILED, WRONG_USAGE, UNREACHABLE = 1, 2, 3
_MOST_AT_ONCE = 8
_FEW_COLLECTIONS = 100_000

app = typer.Typer(
    name="authzviz",
    help="By which path does every kubelet get its permissions, and is that safe?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Kubeconfig = Annotated[
    Path | None,
    typer.Option(help="The kubeconfig; without it, $KUBECONFIG or ~/.kube/config.", metavar="F"),
]
AllowExec = Annotated[
    bool, typer.Option("--allow-exec", help="Run the credential plugins that the kubeconfig names.")
]


class Format(StrEnum):
    """How `check` prints."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    JUNIT = "junit"


class PlainFormat(StrEnum):
    """How `simulate` and `explain` print."""

    TEXT = "text"
    JSON = "json"


@app.callback()
def _authzviz() -> None:
    """By which path does every kubelet get its permissions, and is that safe?"""


@app.command()
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

    chosen = _contexts(kubeconfig, [context] if context else [], False, allow_exec)
    snapshot = _read(chosen[0], with_pods=with_pods)
    if isinstance(snapshot, str):
        typer.echo(f"{chosen[0].name}: {snapshot}", err=True)
        raise typer.Exit(UNREACHABLE)
    try:
        bundle.dump(snapshot, output)
    except OSError as error:
        raise _wrong_usage(f"{output} can't be written: {error.strerror}") from None


@app.command()
def check(
    kubeconfig: Kubeconfig = None,
    context: Annotated[
        list[str] | None, typer.Option(metavar="C", help="A context; may be repeated.")
    ] = None,
    all_contexts: Annotated[bool, typer.Option("--all-contexts", help="Every context.")] = False,
    bundle: Annotated[
        list[Path] | None, typer.Option(metavar="B", help="A bundle; may be repeated.")
    ] = None,
    flags: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="A manifest, unit or configuration of a kube-apiserver, judged before its cluster"
            " exists; may be repeated, also for the AuthorizationConfiguration that it names.",
        ),
    ] = None,
    kubernetes_version: Annotated[
        str, typer.Option(metavar="V", help="The version to judge --flags by.")
    ] = "",
    format: Annotated[Format, typer.Option(help="For people, or for programs.")] = Format.TEXT,  # noqa: A002
    fail_on: Annotated[
        str,
        typer.Option(
            metavar="VERDICT,...",
            help="Exit with 1 on these; by default on all but node-authorizer; 'none' for never.",
        ),
    ] = "",
    allow_exec: AllowExec = False,
) -> None:
    """Judge clusters: by which path do their kubelets get their permissions, and is it safe?"""
    failing = _failing(fail_on)
    checked = [_check_bundle(path) for path in bundle or []]
    checked += _check_flags(flags or [], kubernetes_version)
    if not checked or kubeconfig or context or all_contexts:
        contexts = _contexts(kubeconfig, context or [], all_contexts, allow_exec)
        checked += _each(_check_context, contexts)
    typer.echo(_report(checked, format, failing))
    if any(cluster.assessment is None for cluster in checked):
        raise typer.Exit(UNREACHABLE)
    if any(cluster.verdict in failing for cluster in checked):
        raise typer.Exit(FAILED)


def _failing(fail_on: str) -> frozenset[str]:
    """The verdicts of --fail-on; every word must be one."""
    if not fail_on:
        return frozenset(Verdict) - {Verdict.NODE_AUTHORIZER}
    if fail_on == "none":
        return frozenset()
    words = [word.strip() for word in fail_on.split(",")]
    unknown = [word for word in words if word not in set(Verdict)]
    if unknown:
        raise _wrong_usage(
            f"--fail-on {', '.join(unknown)}: no such verdict; there are {', '.join(Verdict)}"
        )
    return frozenset(words)


def _contexts(
    kubeconfig: Path | None, names: Sequence[str], all_contexts: bool, allow_exec: bool
) -> list[Context]:
    """The contexts asked for, or the current one; exits with 2 where there is none such."""
    from authzviz.kube.kubeconfig import (
        KubeconfigError,
        current_context,
        default_paths,
        load_files,
    )

    paths = (kubeconfig,) if kubeconfig else default_paths()
    try:
        contexts = {context.name: context for context in load_files(paths, allow_exec=allow_exec)}
        current = current_context(paths)
    except KubeconfigError as error:
        raise _wrong_usage(str(error)) from None
    if all_contexts and contexts:
        return list(contexts.values())
    wanted = list(dict.fromkeys(names)) or ([current] if current else [])
    if not wanted:
        raise _wrong_usage(_nothing_chosen(contexts, paths))
    unknown = [name for name in wanted if name not in contexts]
    if unknown:
        known = ", ".join(contexts) or "none"
        raise _wrong_usage(f"no context {', '.join(unknown)}; there are: {known}")
    return [contexts[name] for name in wanted]


def _nothing_chosen(contexts: dict[str, Context], paths: Sequence[Path]) -> str:
    if not contexts:
        looked = ", ".join(str(path) for path in paths)
        return f"no context in {looked}; name a file with --kubeconfig, or a --bundle"
    return f"no current context; choose with --context from: {', '.join(contexts)}"


def _read(context: Context, *, with_pods: bool = False) -> Snapshot | str:
    """The context's snapshot, or why not even /version was answered."""
    if context.credentials is None:
        return context.problem
    from authzviz.kube.collect import collect
    from authzviz.kube.errors import ClusterUnreachable
    from authzviz.net import COMMAND_LINE

    try:
        return collect(
            context.credentials, name=context.name, policy=COMMAND_LINE, with_pods=with_pods
        )
    except ClusterUnreachable as error:
        return error.message


def _check_context(context: Context) -> Checked:
    from authzviz.reports.checked import Checked

    snapshot = _read(context)
    if isinstance(snapshot, str):
        server = context.credentials.server if context.credentials else ""
        return Checked(context.name, server, None, None, snapshot)
    return _judged(snapshot)


def _check_bundle(path: Path) -> Checked:
    return _judged(_load_bundle(path), str(path))


def _load_bundle(path: Path) -> Snapshot:
    """The snapshot of a bundle; exits with 2 where the file is none."""
    from authzviz.kube import bundle

    try:
        return bundle.load(path)
    except bundle.BundleError as error:
        raise _wrong_usage(str(error)) from None
    except OSError as error:
        raise _wrong_usage(f"{path} can't be read: {error.strerror}") from None


def _check_flags(paths: list[Path], version: str) -> list[Checked]:
    from datetime import UTC, datetime

    from authzviz.engine.versions import minor_of
    from authzviz.kube.flag_files import FlagFileError
    from authzviz.kube.planned import planned_clusters

    if version and (not paths or minor_of(version) is None):
        need = "is for --flags" if not paths else "must be such as 1.28 or v1.28.15"
        raise _wrong_usage(f"--kubernetes-version {need}")
    try:
        files = [(str(path), _start_of(path)) for path in paths]
        planned = planned_clusters(files, version, datetime.now(UTC))
    except FlagFileError as error:
        raise _wrong_usage(str(error)) from None
    return [_judged(each.snapshot, each.source) for each in planned]


def _start_of(path: Path) -> bytes:
    """The file, or so much of it that the reader sees it is too large."""
    from authzviz.kube.strict_yaml import MAX_BYTES

    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _wrong_usage(f"{path} can't be read: {error.strerror}") from None


def _judged(snapshot: Snapshot, source: str = "") -> Checked:
    from authzviz.engine import judge
    from authzviz.reports.checked import Checked

    assessment = judge(snapshot)
    return Checked(snapshot.name, snapshot.server, snapshot.read_at, assessment, source=source)


def _each(check_one: Callable[[Context], Checked], contexts: list[Context]) -> list[Checked]:
    """Each context checked, a few at once: one that hangs doesn't hold up the others."""
    if len(contexts) == 1:
        return [check_one(contexts[0])]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_MOST_AT_ONCE) as pool:
        return list(pool.map(check_one, contexts))


def _report(checked: list[Checked], format_: Format, failing: frozenset[str]) -> str:
    if format_ is Format.JSON:
        from authzviz.reports.check_json import check_json

        return check_json(checked)
    if format_ is Format.SARIF:
        from authzviz.reports.check_sarif import check_sarif

        return check_sarif(checked)
    if format_ is Format.JUNIT:
        from authzviz.reports.check_junit import check_junit

        return check_junit(checked, failing)
    from authzviz.reports.check_text import check_text

    return check_text(checked, _paint)


def _paint(text: str, color: str) -> str:
    return typer.style(text, fg=color, bold=True)


def _wrong_usage(message: str) -> typer.Exit:
    typer.echo(f"authzviz: {message}", err=True)
    return typer.Exit(WRONG_USAGE)


@app.command()
def can(
    bundle: Annotated[Path, typer.Option(metavar="B", help="The bundle that is asked.")],
    verb: Annotated[str, typer.Argument(metavar="VERB", show_default=False)] = "",
    target: Annotated[
        str, typer.Argument(metavar="RESOURCE[.GROUP][/NAME]|/PATH", show_default=False)
    ] = "",
    user: Annotated[
        str,
        typer.Option(
            "--as", metavar="USER", help="Who asks; as for kubectl, system:authenticated is added."
        ),
    ] = "",
    group: Annotated[
        list[str] | None, typer.Option("--as-group", metavar="G", help="May be repeated.")
    ] = None,
    namespace: Annotated[str, typer.Option("-n", "--namespace", metavar="NS")] = "",
    subresource: Annotated[str, typer.Option(metavar="S", help="Such as status or log.")] = "",
    requests: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="JSON lines; groups are as given, none is added."),
    ] = None,
) -> None:
    """Say who allows a request, and why, as the apiservers would: a line of JSON for each."""
    from authzviz.engine.authorize import authorization_of
    from authzviz.engine.identity import impersonated
    from authzviz.kube.access_request import AccessRequestError, from_file, from_words
    from authzviz.reports.can_json import can_json

    others = (user, verb, target, group, namespace, subresource)
    if any(others) if requests else not (user and verb and target):
        raise _wrong_usage("give --as USER VERB RESOURCE, or --requests FILE and nothing else")
    authorization = authorization_of(_load_bundle(bundle))
    try:
        if requests:
            asked = from_file(requests)
        else:
            request = from_words(verb, target, namespace=namespace, subresource=subresource)
            asked = iter([(impersonated(user, tuple(group or ())), request)])
        for identity, request in asked:
            sys.stdout.write(f"{can_json(authorization.decide(identity, request))}\n")
    except AccessRequestError as error:
        raise _wrong_usage(str(error)) from None


@app.command()
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

    failing = _failing(fail_on)
    snapshot = _load_bundle(bundle)
    try:
        change = change_of(
            authorization_mode, admission_plugins, drop_binding or (), kubernetes_version
        )
        answer = whatif(snapshot, change)
    except ChangeError as error:
        raise _wrong_usage(str(error)) from None
    if format is PlainFormat.JSON:
        from authzviz.reports.simulate_json import simulate_json

        typer.echo(simulate_json(snapshot.name, change, answer))
    else:
        from authzviz.reports.simulate_text import simulate_text

        typer.echo(simulate_text(snapshot.name, change, answer, _paint))
    if answer.after.verdict in failing:
        raise typer.Exit(FAILED)


@app.command()
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
        raise _wrong_usage(str(error)) from None
    as_text = format is PlainFormat.TEXT
    typer.echo(explain_text(explained) if as_text else explain_json(explained))
    if not explained.explanations:
        raise typer.Exit(FAILED)


def main() -> None:
    """Run the command line; typer ends the process with the exit status."""
    # A large cluster is many small objects and hardly a cycle: by default, looking for cycles
    # among them takes up to a third of the time that reading them does.
    gc.set_threshold(_FEW_COLLECTIONS)
    app()
