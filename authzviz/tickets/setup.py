"""What an adapter is made from: what people told of the tracker, and the way to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from authzviz.net import AddressPolicy
from authzviz.net.secret import Secret
from authzviz.tickets.http import DEADLINE_SECONDS, Deadline, TrackerHttp
from authzviz.tickets.port import Field, Port, Traits
from authzviz.tickets.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Setup:
    """`values` and `secrets` are by the names of the kind's fields; `shelf` is where the built-in
    list keeps its tickets. The seconds are for each request, and for all of them together.
    """

    values: Mapping[str, str]
    secrets: Mapping[str, Secret]
    policy: AddressPolicy
    shelf: Shelf
    deadline_seconds: float = DEADLINE_SECONDS
    whole: Deadline | None = None

    def value(self, name: str) -> str:
        """What was told under that name, "" for nothing."""
        return self.values.get(name, "").strip()

    def secret(self, name: str) -> str:
        """The secret of that name, for the wire only; "" for none."""
        found = self.secrets.get(name)
        return found.reveal() if found else ""

    def http(
        self, url: str, headers: Mapping[str, str], also_secret: tuple[str, ...] = ()
    ) -> TrackerHttp:
        """The way to the tracker's server. `also_secret` is what the secrets are made into for the
        wire, as for basic authentication. Raises TicketRejected where the URL can't be used.
        """
        return TrackerHttp(
            url,
            self.policy,
            headers=headers,
            secrets=(*(secret.reveal() for secret in self.secrets.values()), *also_secret),
            ca_pem=self.value("ca"),
            deadline_seconds=self.deadline_seconds,
            whole=self.whole,
        )


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of tracker. `connect` sends nothing yet; raises TicketRejected where what was told
    can't be used. `is_outward` where it goes to an address that somebody chose (webhooks): then
    private networks are closed unless the server's settings open them.
    """

    id: str
    title: str
    fields: tuple[Field, ...]
    connect: Callable[[Setup], Port]
    traits: Traits = field(default=Traits())
    is_outward: bool = False

    @property
    def secret_names(self) -> frozenset[str]:
        """The fields that are secrets."""
        return frozenset(one.name for one in self.fields if one.kind == "secret")


CA = Field(
    "ca",
    "CA certificates",
    "PEM, where the tracker's certificate is signed by a CA of your own.",
    kind="pem",
    is_required=False,
)
"""The field that every tracker of one's own has."""
