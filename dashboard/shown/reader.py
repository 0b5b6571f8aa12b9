"""The page with the least role for a cluster, and with the commands that make its kubeconfig."""

from __future__ import annotations

from dataclasses import dataclass, replace

from authzviz.engine.least_role import DISTRIBUTIONS, FIRST_CONSTRAINED_MINOR
from authzviz.engine.versions import NEWEST_MINOR, OLDEST_MINOR, clamp, minor_of
from authzviz.reports.reader_recipe import CLUSTER, FIRST_CREATE_TOKEN_MINOR, reader_recipe
from authzviz.reports.reader_role import Reader, reader_role
from dashboard.services.pages import FleetRow
from dashboard.visible import visible
from dashboard.words import DISTRIBUTIONS as TITLES


@dataclass(frozen=True, slots=True)
class RoleCard:
    """One depth of the role, as a command that applies it."""

    id: str
    title: str
    says: str
    command: str


@dataclass(frozen=True, slots=True)
class ReaderPage:
    """What reader.html shows; `slug` is empty where it is for no cluster of the fleet.

    `is_own` for the cluster that authzviz runs in, read by its pod's own ServiceAccount.
    `is_version_known` is False where the newest version was taken for want of another.
    """

    slug: str
    name: str
    minor: int
    is_version_known: bool
    distribution: str
    role: RoleCard
    deeper: tuple[RoleCard, ...]
    recipe: str
    does_token_last: bool
    is_own: bool = False
    is_recorded: bool = False

    @property
    def distribution_title(self) -> str:
        """The distribution as its makers write it."""
        return TITLES[self.distribution]

    @property
    def minors(self) -> range:
        """The minor versions to choose from, newest first."""
        return range(NEWEST_MINOR, OLDEST_MINOR, -1)

    @property
    def distributions(self) -> tuple[tuple[str, str], ...]:
        """The distributions to choose from, each with its title."""
        return tuple((name, TITLES[name]) for name in DISTRIBUTIONS)


def reader_page(version: str, distribution: str) -> ReaderPage:
    """The page for no cluster in particular; what is none of ours counts as unknown."""
    return _page(version, distribution, slug="", name=CLUSTER, server="")


def cluster_reader_page(row: FleetRow) -> ReaderPage:
    """The page for a cluster of the fleet: its version, distribution, name and server."""
    cluster, current = row.cluster, row.current
    page = _page(
        current.version if current else "",
        current.distribution if current else "",
        slug=cluster.slug,
        name=visible(cluster.name),
        server=visible(cluster.server),
    )
    return replace(page, is_own=cluster.is_own, is_recorded=cluster.is_recorded)


def _page(version: str, distribution: str, *, slug: str, name: str, server: str) -> ReaderPage:
    known = minor_of(version)
    minor = clamp(known or NEWEST_MINOR)
    where = distribution if distribution in DISTRIBUTIONS else "unknown"
    reader = Reader(minor, where)
    role, *deeper = _cards(minor, where)
    return ReaderPage(
        slug=slug,
        name=name,
        minor=minor,
        is_version_known=known is not None,
        distribution=where,
        role=role,
        deeper=tuple(deeper),
        recipe=reader_recipe(reader, cluster=name, server=server).rstrip(),
        does_token_last=minor < FIRST_CREATE_TOKEN_MINOR,
    )


def _cards(minor: int, distribution: str) -> tuple[RoleCard, ...]:
    probe = (
        "Turn the probe on in the cluster's settings, and only where flags and metrics don't tell."
    )
    if minor < FIRST_CONSTRAINED_MINOR:
        probe += (
            " Before Kubernetes 1.36 these credentials may do whatever group system:nodes may: "
            "with the legacy binding, read every Secret."
        )
    return (
        RoleCard(
            "role",
            "The role",
            "What the dashboard reads. It writes nothing and reads no Secret.",
            _command(Reader(minor, distribution)),
        ),
        RoleCard(
            "role-with-pods",
            "With pods, for bundles",
            "What `authzviz collect --with-pods` reads; the dashboard does not need it.",
            _command(Reader(minor, distribution, with_pods=True)),
        ),
        RoleCard(
            "role-with-probe",
            "With the dry-run probe of NodeRestriction",
            probe,
            _command(Reader(minor, distribution, with_probe=True)),
        ),
    )


def _command(reader: Reader) -> str:
    return f"kubectl apply -f - <<'END'\n{reader_role(reader)}END"
