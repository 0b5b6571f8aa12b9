"""The one place where the dashboard reaches out to a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from django.conf import settings

from authzviz.engine.model import Snapshot
from authzviz.kube import in_cluster
from authzviz.kube.credentials import Credentials
from authzviz.kube.errors import KubeError
from authzviz.kube.remembered import NOTHING, Remembered
from authzviz.net import AddressForbidden, AddressPolicy
from authzviz.net.pinned import DeadlineOver, NameUnresolved, resolve, resolve_in_time
from authzviz.net.url import parse_https
from dashboard.logs import redact
from dashboard.models import Cluster
from dashboard.services import own_services, sealing

if TYPE_CHECKING:
    from authzviz.kube.renewals import Renewals

_PURPOSE = "cluster-credentials"
# Whoever waits for a page waits no longer than this for DNS.
_RESOLVE_SECONDS = 5.0


class ReadError(Exception):
    """Not even the version was answered. The message is for people, with secrets taken out."""


class Reader(Protocol):
    """What reads a cluster: the network, or a test's fake."""

    def __call__(
        self,
        credentials: Credentials,
        *,
        name: str,
        deadline_seconds: float,
        apiserver_urls: tuple[str, ...] = (),
        may_impersonate: bool = False,
        own_server: str = "",
        remembered: Remembered = NOTHING,
    ) -> Snapshot:
        """What was read; raises ReadError."""


def over_the_network(
    credentials: Credentials,
    *,
    name: str,
    deadline_seconds: float,
    apiserver_urls: tuple[str, ...] = (),
    may_impersonate: bool = False,
    own_server: str = "",
    remembered: Remembered = NOTHING,
) -> Snapshot:
    """Read the cluster's apiserver; raises ReadError.

    `apiserver_urls` are its apiservers where the operator lists them, each asked by itself.
    `may_impersonate` lets NodeRestriction be probed. `own_server` is as in `address_policy`.
    `remembered` is what the last poll saw.
    """
    # Only a process that reads pays for the client: it takes longer to import than all of Django.
    from authzviz.kube.collect import collect

    try:
        return collect(
            credentials,
            name=name,
            policy=address_policy(own_server),
            deadline_seconds=deadline_seconds,
            apiserver_urls=apiserver_urls,
            may_impersonate=may_impersonate,
            remembered=remembered,
        )
    except KubeError as error:
        raise ReadError(without_secrets(str(error), credentials)) from error


class LeaseReader(Protocol):
    """What reads the Leases of a cluster's nodes: the network, or a test's fake."""

    def __call__(
        self,
        credentials: Credentials,
        *,
        deadline_seconds: float,
        is_first: bool,
        own_server: str = "",
    ) -> Renewals:
        """The Leases as `kube.renewals` gives them; raises ReadError."""


def leases_over_the_network(
    credentials: Credentials, *, deadline_seconds: float, is_first: bool, own_server: str = ""
) -> Renewals:
    """Read the Leases of the cluster's nodes, and nothing else; raises ReadError."""
    from authzviz.kube.renewals import read_renewals

    try:
        return read_renewals(
            credentials,
            policy=address_policy(own_server),
            deadline_seconds=deadline_seconds,
            is_first=is_first,
        )
    except KubeError as error:
        raise ReadError(without_secrets(str(error), credentials)) from error


# Tests put a fake here: a name in a module is all the seam that one implementation needs.
read: Reader = over_the_network
read_leases: LeaseReader = leases_over_the_network


def address_policy(own_server: str = "") -> AddressPolicy:
    """Which addresses clusters may have on this server.

    `own_server` is the apiserver of the cluster that this server runs in, whose address its
    operator has set by running it there: allowed outside of the networks, too, and in no case on
    loopback.
    """
    cidrs = list(settings.CLUSTER_CIDRS)
    if cidrs and own_server and parse_https(own_server).is_address:
        cidrs.append(parse_https(own_server).host)
    return AddressPolicy.narrowed(
        " ".join(cidrs),
        loopback=settings.AUTHZVIZ_LOCAL and not own_server,
        own=own_services.addresses(settings.DATABASES, settings.CELERY_BROKER_URL, resolve),
    )


def check_server(server: str, *, own_server: str = "") -> None:
    """Raise ReadError where the server's URL or one of its addresses is not allowed.

    The connection checks again and goes only where it checked; this is to say so before anything
    is saved. A name that has no address yet, or that DNS is slow to tell, passes.
    """
    try:
        url = parse_https(server)
    except ValueError as error:
        raise ReadError(f"server: {error}") from error
    try:
        policy = address_policy(own_server)
        for address in resolve_in_time(url.host, url.port, _RESOLVE_SECONDS, resolve):
            policy.check(address, url.port)
    except (NameUnresolved, DeadlineOver):
        return
    except AddressForbidden as error:
        raise ReadError(f"server: {error}") from error


def without_secrets(message: str, credentials: Credentials) -> str:
    """`message` without what these credentials hold, should a server have echoed it."""
    for text in credentials.secret_texts:
        message = message.replace(text, "***")
    return redact(message)


def seal(credentials: Credentials, cluster: Cluster) -> bytes:
    """`credentials` as the row of `cluster` keeps them."""
    return sealing.seal(credentials.to_json().encode(), purpose=_PURPOSE, row=str(cluster.uuid))


def open_credentials(cluster: Cluster) -> Credentials:
    """The credentials of `cluster`; raises ReadError where there are none that can be opened.

    Those of our own cluster are the pod's as they are now: they change all the time.
    """
    if cluster.is_own:
        return own_credentials()
    if cluster.credentials is None:
        raise ReadError("There are no credentials: give some in the cluster's settings.")
    try:
        plain = sealing.open_sealed(
            bytes(cluster.credentials), purpose=_PURPOSE, row=str(cluster.uuid)
        )
    except sealing.SealError as error:
        raise ReadError(str(error)) from error
    credentials = Credentials.from_json(plain.decode())
    if credentials.insecure and not settings.ALLOW_INSECURE_TLS:
        raise ReadError(
            "insecure-skip-tls-verify is not allowed on this server any more: replace the "
            "credentials by some with the cluster's CA, or have AUTHZVIZ_ALLOW_INSECURE_TLS set."
        )
    return credentials


def own_credentials() -> Credentials:
    """The service account of the pod that this server runs in; raises ReadError."""
    try:
        return in_cluster.load().credentials
    except in_cluster.InClusterError as error:
        raise ReadError(f"This pod's service account can't be used: {error}") from error


def read_cluster(
    cluster: Cluster, *, deadline_seconds: float, remembered: Remembered = NOTHING
) -> Snapshot:
    """Read `cluster` as its settings say; `remembered` is what the last poll saw.

    Raises ReadError.
    """
    credentials = open_credentials(cluster)
    return read(
        credentials,
        name=cluster.name,
        deadline_seconds=deadline_seconds,
        apiserver_urls=tuple(cluster.apiserver_urls) if knows_its_ca(credentials) else (),
        may_impersonate=cluster.probes_node_restriction,
        own_server=credentials.server if cluster.is_own else "",
        remembered=remembered,
    )


def read_leases_of(cluster: Cluster, *, deadline_seconds: float, is_first: bool) -> Renewals:
    """The Leases of the cluster's nodes, as they are stored where `is_first`; raises ReadError."""
    credentials = open_credentials(cluster)
    return read_leases(
        credentials,
        deadline_seconds=deadline_seconds,
        is_first=is_first,
        own_server=credentials.server if cluster.is_own else "",
    )


def knows_its_ca(credentials: Credentials) -> bool:
    """True where a server is trusted only with a certificate of the cluster's own CA.

    Otherwise whoever lists a server of their own, with any certificate, would be sent the token.
    """
    return bool(credentials.ca_data) and not credentials.insecure


def reseal(cluster: Cluster) -> bool:
    """Seal the credentials with the first key; False where they are already, or there are none."""
    if cluster.credentials is None or sealing.is_current(bytes(cluster.credentials)):
        return False
    before = cluster.credentials
    sealed = seal(open_credentials(cluster), cluster)
    # Only over what was opened: someone may have replaced the credentials meanwhile.
    Cluster.objects.filter(pk=cluster.pk, credentials=before).update(credentials=sealed)
    return True
