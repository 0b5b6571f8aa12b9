"""What commands share: choosing clusters, exit statuses, and saying what was used wrongly."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.exceptions import Exit

from authzviz.engine.assessment import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from authzviz.engine.model import Snapshot
    from authzviz.kube.kubeconfig import Context

FAILED, WRONG_USAGE, UNREACHABLE = 1, 2, 3

FILE = click.Path(path_type=Path)

kubeconfig_option = click.option(
    "--kubeconfig",
    type=FILE,
    metavar="F",
    help="The kubeconfig; without it, $KUBECONFIG or ~/.kube/config.",
)
allow_exec_option = click.option(
    "--allow-exec", is_flag=True, help="Run the credential plugins that the kubeconfig names."
)
in_cluster_option = click.option(
    "--in-cluster",
    is_flag=True,
    help="The cluster that this runs in, by its pod's service account; used by itself where there"
    " is no kubeconfig.",
)

apiserver_option = click.option(
    "--apiserver",
    "apiservers",
    multiple=True,
    metavar="URL",
    help="An apiserver that is asked by itself, with the context's credentials; may be repeated."
    " Where every one of several is named, none goes unseen behind a balancer. Needs one context.",
)
probe_restriction_option = click.option(
    "--probe-node-restriction",
    is_flag=True,
    help="Ask for NodeRestriction with a dry run, as a node that nobody has; nothing is stored."
    " Needs the right to impersonate kubelets: where system:nodes is bound to system:node, whoever"
    " holds that right can read every secret. Give it for this purpose only, and take it back.",
)

plain_format_option = click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For people, or for programs.",
)


def failing_verdicts(fail_on: str) -> frozenset[str]:
    """The verdicts of --fail-on; every word must be one."""
    if not fail_on:
        return frozenset(Verdict) - {Verdict.NODE_AUTHORIZER}
    if fail_on == "none":
        return frozenset()
    words = [word.strip() for word in fail_on.split(",")]
    unknown = [word for word in words if word not in set(Verdict)]
    if unknown:
        raise wrong_usage(
            f"--fail-on {', '.join(unknown)}: no such verdict; there are {', '.join(Verdict)}"
        )
    return frozenset(words)


def contexts(
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
        found = {context.name: context for context in load_files(paths, allow_exec=allow_exec)}
        current = current_context(paths)
    except KubeconfigError as error:
        raise wrong_usage(str(error)) from None
    if all_contexts and found:
        return list(found.values())
    wanted = list(dict.fromkeys(names)) or ([current] if current else [])
    if not wanted:
        raise wrong_usage(_nothing_chosen(found, paths))
    unknown = [name for name in wanted if name not in found]
    if unknown:
        known = ", ".join(found) or "none"
        raise wrong_usage(f"no context {', '.join(unknown)}; there are: {known}")
    return [found[name] for name in wanted]


def chosen(
    kubeconfig: Path | None,
    names: Sequence[str],
    all_contexts: bool,
    allow_exec: bool,
    in_cluster: bool,
) -> list[Context]:
    """The contexts asked for, or this pod's own cluster where that is asked for; as in kubectl also
    where nothing is asked for and there is no kubeconfig. Exits with 2 where there is none.
    """
    from authzviz.kube.in_cluster import is_there
    from authzviz.kube.kubeconfig import default_paths

    asks_for_contexts = bool(kubeconfig or names or all_contexts)
    if in_cluster and asks_for_contexts:
        raise wrong_usage("--in-cluster takes no kubeconfig and no context")
    if in_cluster:
        return [_own_cluster()]
    if not asks_for_contexts and is_there() and not any(p.exists() for p in default_paths()):
        return [_own_cluster()]
    return contexts(kubeconfig, names, all_contexts, allow_exec)


def _own_cluster() -> Context:
    from authzviz.kube import in_cluster
    from authzviz.kube.kubeconfig import Context

    try:
        account = in_cluster.load()
    except in_cluster.InClusterError as error:
        raise wrong_usage(f"--in-cluster: {error}") from None
    name = in_cluster.NAME
    return Context(name, name, "", account.namespace, account.credentials, "")


def _nothing_chosen(contexts: dict[str, Context], paths: Sequence[Path]) -> str:
    if not contexts:
        looked = ", ".join(str(path) for path in paths)
        return f"no context in {looked}; name a file with --kubeconfig, or a --bundle"
    return f"no current context; choose with --context from: {', '.join(contexts)}"


def read(
    context: Context,
    *,
    with_pods: bool = False,
    apiservers: tuple[str, ...] = (),
    may_impersonate: bool = False,
) -> Snapshot | str:
    """The context's snapshot, or why not even /version was answered."""
    if context.credentials is None:
        return context.problem
    from authzviz.kube.collect import collect
    from authzviz.kube.errors import ClusterUnreachable
    from authzviz.net import COMMAND_LINE

    try:
        return collect(
            context.credentials,
            name=context.name,
            policy=COMMAND_LINE,
            with_pods=with_pods,
            apiserver_urls=apiservers,
            may_impersonate=may_impersonate,
        )
    except ClusterUnreachable as error:
        return error.message


def check_apiservers(urls: Sequence[str], contexts: Sequence[Context]) -> None:
    """Exit with 2 where --apiserver names no URL of a server, or several contexts are read."""
    from authzviz.net.url import parse_https

    if urls and len(contexts) != 1:
        raise wrong_usage("--apiserver names apiservers of one cluster: choose one context")
    for url in urls:
        try:
            parse_https(url)
        except ValueError as problem:
            raise wrong_usage(f"--apiserver {url}: {problem}") from None


def load_bundle(path: Path) -> Snapshot:
    """The snapshot of a bundle; exits with 2 where the file is none."""
    from authzviz.kube import bundle

    try:
        return bundle.load(path)
    except bundle.BundleError as error:
        raise wrong_usage(str(error)) from None
    except OSError as error:
        raise wrong_usage(f"{path} can't be read: {error.strerror}") from None


def paint(text: str, color: str) -> str:
    """The text in a color; click takes it away again where no terminal shows it."""
    return click.style(text, fg=color, bold=True)


def wrong_usage(message: str) -> Exit:
    """The end of a command that can't do what was asked, after saying why."""
    click.echo(f"authzviz: {message}", err=True)
    return Exit(WRONG_USAGE)
