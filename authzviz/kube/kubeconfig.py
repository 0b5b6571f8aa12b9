"""Kubeconfigs, parsed here and never by a library's loader: that one runs commands and reads files.

Two strictnesses: what is uploaded to a server holds everything in itself and may make us do
nothing; what people name on their own command line may also name files, this machine's addresses
and, where they allow it, a command.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from authzviz.kube.credentials import Credentials, ExecPlugin, expires_at
from authzviz.kube.fields import Fields, KubeconfigError
from authzviz.kube.strict_yaml import MAX_BYTES, Value, YamlRefused, parse
from authzviz.kube.users import Strictness, credentials_of
from authzviz.net import COMMAND_LINE, AddressPolicy
from authzviz.net.secret import Secret

__all__ = [
    "Context",
    "Credentials",
    "ExecPlugin",
    "KubeconfigError",
    "Secret",
    "current_context",
    "default_paths",
    "embed",
    "expires_at",
    "load_files",
    "parse_upload",
]

_MAX_ENTRIES = 1000


@dataclass(frozen=True, slots=True)
class Context:
    """One context. Where it can't be used, `credentials` is None and `problem` names the field."""

    name: str
    cluster: str
    user: str
    namespace: str
    credentials: Credentials | None
    problem: str


@dataclass(frozen=True, slots=True)
class _File:
    """One parsed kubeconfig: `folder` is what its relative paths are relative to."""

    root: Fields
    folder: Path | None = None


def parse_upload(
    text: str | bytes,
    *,
    policy: AddressPolicy = AddressPolicy(),  # noqa: B008 - frozen
    allow_insecure: bool = False,
    allow_tls_server_name: bool = False,
) -> tuple[Context, ...]:
    """Every context of an uploaded kubeconfig, the unusable ones with their problem.

    Refuses whatever would run a command, read a file of the server, act as someone else, or go
    through a proxy. `policy` judges servers given as addresses; names are judged when connected
    to. Raises KubeconfigError where the whole text is unusable.
    """
    strictness = Strictness(
        policy=policy, insecure=allow_insecure, tls_server_name=allow_tls_server_name
    )
    return _contexts([_File(_root(text, "the kubeconfig"))], strictness)


def load_files(paths: Sequence[Path], *, allow_exec: bool = False) -> tuple[Context, ...]:
    """Every context of these files, merged as kubectl does: the first to name a thing wins.

    Files, loopback addresses and insecure-skip-tls-verify are taken, exec plugins only with
    `allow_exec` (and run only when the cluster is read). Of several files, missing ones are
    skipped. Raises KubeconfigError where a file can't be read or used.
    """
    strictness = Strictness(
        policy=COMMAND_LINE,
        insecure=True,
        tls_server_name=True,
        files=True,
        exec_plugins=allow_exec,
    )
    return _contexts(_files(paths), strictness)


def default_paths() -> tuple[Path, ...]:
    """What kubectl would read: the files of $KUBECONFIG, else ~/.kube/config."""
    named = [part for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    return tuple(Path(part) for part in named) or (Path.home() / ".kube" / "config",)


def current_context(source: str | bytes | Sequence[Path]) -> str | None:
    """The name of the current context of a text or of files; None where none is set.

    Raises KubeconfigError like the parsers.
    """
    if isinstance(source, (str, bytes)):
        files = [_File(_root(source, "the kubeconfig"))]
    else:
        files = _files(source)
    return next((name for file in files if (name := file.root.text("current-context"))), None)


def embed(context: Context) -> Credentials:
    """The context's credentials with all files in them, to be stored.

    Raises KubeconfigError where it has none, or they come from a command.
    """
    if context.credentials is None:
        raise KubeconfigError(context.problem)
    if context.credentials.exec_plugin:
        raise KubeconfigError(
            f"context {context.name}: its credentials come from a command and can't be stored;"
            " use those of a ServiceAccount that may only read"
        )
    return context.credentials


def _files(paths: Sequence[Path]) -> list[_File]:
    found = []
    for path in paths:
        try:
            with path.open("rb") as file:
                raw = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            if len(paths) == 1:
                raise KubeconfigError(f"{path}: no such file") from None
            continue
        except OSError as error:
            raise KubeconfigError(f"{path}: {error.strerror}") from None
        found.append(_File(_root(raw, str(path)), path.absolute().parent))
    if not found:
        names = ", ".join(str(path) for path in paths)
        raise KubeconfigError(f"no such file: {names}" if names else "no kubeconfig is named")
    return found


def _root(text: str | bytes, what: str) -> Fields:
    try:
        value: Value = parse(text)
    except YamlRefused as refused:
        raise KubeconfigError(f"{what}: {refused}") from None
    if not isinstance(value, dict):
        raise KubeconfigError(f"{what} is not a kubeconfig: it holds no fields")
    root = Fields("", value)
    if root.text("kind") not in {"", "Config"}:
        raise KubeconfigError(f"kind: {what} is not a kubeconfig (kind: Config)")
    return root


def _contexts(files: list[_File], strictness: Strictness) -> tuple[Context, ...]:
    clusters, users = _entries(files, "clusters"), _entries(files, "users")
    contexts: dict[str, list[tuple[_File, Fields]]] = _entries(files, "contexts")
    if not contexts:
        raise KubeconfigError("contexts: there are none")
    return tuple(
        _context(name, found, clusters, users, strictness) for name, found in contexts.items()
    )


def _entries(files: list[_File], field: str) -> dict[str, list[tuple[_File, Fields]]]:
    """The named entries of a list by name; of several files the first that has the name counts,
    and a name that one file gives twice has two entries.
    """
    merged: dict[str, list[tuple[_File, Fields]]] = {}
    for file in files:
        own: dict[str, list[tuple[_File, Fields]]] = {}
        for entry in file.root.entries(field, _MAX_ENTRIES):
            own.setdefault(entry.text("name"), []).append((file, entry))
        for name, found in own.items():
            merged.setdefault(name, found)
    return merged


def _context(
    name: str,
    found: list[tuple[_File, Fields]],
    clusters: dict[str, list[tuple[_File, Fields]]],
    users: dict[str, list[tuple[_File, Fields]]],
    strictness: Strictness,
) -> Context:
    cluster = user = namespace = ""
    try:
        entry = found[0][1]
        if not name:
            raise KubeconfigError(f"{entry.path}.name: is missing")
        if len(found) > 1:
            raise KubeconfigError(f"{found[1][1].path}.name: {name} stands twice")
        body = entry.child("context")
        cluster, user = body.required("cluster"), body.required("user")
        namespace = body.text("namespace")
        cluster_file, cluster_body = _named(clusters, cluster, body, "cluster")
        user_file, user_body = _named(users, user, body, "user")
        credentials = credentials_of(
            cluster_body, cluster_file.folder, user_body, user_file.folder, strictness
        )
    except KubeconfigError as error:
        return Context(name, cluster, user, namespace, None, str(error))
    return Context(name, cluster, user, namespace, credentials, "")


def _named(
    entries: dict[str, list[tuple[_File, Fields]]], name: str, body: Fields, field: str
) -> tuple[_File, Fields]:
    found = entries.get(name, [])
    if not found:
        raise KubeconfigError(f"{body.path}.{field}: there is no {field} {name}")
    if len(found) > 1:
        raise KubeconfigError(f"{found[1][1].path}.name: {name} stands twice")
    file, entry = found[0]
    return file, entry.child(field)
