"""Clusters that don't exist yet, out of the files that will start their apiservers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from authzviz.engine.fresh import fresh_cluster
from authzviz.engine.model import Snapshot
from authzviz.engine.versions import NEWEST_MINOR, minor_of
from authzviz.kube.flag_files import FlagFile, FlagFileError, joined, read_flag_file


@dataclass(frozen=True, slots=True)
class Planned:
    """A cluster as a file plans it; `source` is the file's name."""

    source: str
    snapshot: Snapshot


def planned_clusters(
    files: Sequence[tuple[str, bytes]], version: str, read_at: datetime
) -> list[Planned]:
    """A cluster for each file, in their order.

    Two files of which one is an AuthorizationConfiguration are one cluster: its flags and the file
    that they name. `version` is the Kubernetes version to judge by, "" for that of the file, or
    the newest known. Raises FlagFileError, with the name of the file at fault.
    """
    read = [_named(name, raw) for name, raw in files]
    chains = [pair for pair in read if pair[1].is_chain_only]
    flagged = [pair for pair in read if not pair[1].is_chain_only]
    if len(read) == 2 and len(chains) == 1:
        name, flag_file = flagged[0]
        try:
            read = [(name, joined(flag_file, chains[0][1]))]
        except FlagFileError as error:
            raise FlagFileError(f"{name} {error}") from None
    return [Planned(name, _snapshot(name, each, version, read_at)) for name, each in read]


def _named(name: str, raw: bytes) -> tuple[str, FlagFile]:
    try:
        return name, read_flag_file(name, raw)
    except FlagFileError as error:
        raise FlagFileError(f"{name} {error}") from None


def _snapshot(name: str, flag_file: FlagFile, asked: str, read_at: datetime) -> Snapshot:
    version, said = _version(flag_file, asked)
    minor = minor_of(version) or NEWEST_MINOR
    if minor < flag_file.since:
        raise FlagFileError(
            f"{name}: its apiVersion is read from 1.{flag_file.since} on, not by 1.{minor}"
        )
    assumed = (
        *said,
        *flag_file.assumed,
        f"RBAC is what a fresh 1.{minor} cluster creates by itself, and nothing beside it",
        "every kube-apiserver of the cluster gets these flags",
    )
    snapshot = fresh_cluster(flag_file.server, version, read_at, assumed)
    return replace(snapshot, name=name)


def _version(flag_file: FlagFile, asked: str) -> tuple[str, tuple[str, ...]]:
    """The version to judge by, and what to say of it where nobody named one."""
    found = asked or flag_file.version
    if minor_of(found) is not None:
        return f"v{found.removeprefix('v')}", ()
    newest = f"1.{NEWEST_MINOR}"
    return f"v{newest}.0", (f"Kubernetes {newest}, the newest known here: nothing names a version",)
