"""Tickets as mails: one thread for each, to a list or to a desk that makes tickets of mails.

Nothing is read back. The ids of a ticket's mails are made of deliveries, so that what is sent again
is the same mail. Sources: RFC 5322 (Message-ID, In-Reply-To, References), RFC 3834
(Auto-Submitted, which keeps vacation notices and other desks from answering).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from authzviz.net.url import parse_https
from authzviz.tickets.document import document, plain_text
from authzviz.tickets.errors import TicketRejected
from authzviz.tickets.http import tls_context
from authzviz.tickets.port import Comment, Draft, Field, Remote, Traits
from authzviz.tickets.setup import CA, Kind, Setup
from authzviz.tickets.smtp import IMPLICIT_TLS, PLAIN, STARTTLS, MailServer
from authzviz.tickets.texts import body_of, title_of

_TRAITS = Traits(reads_back=False, found_after=0.0, body_letters=30_000)
_HOW = {
    STARTTLS: "encrypted with STARTTLS",
    IMPLICIT_TLS: "encrypted with TLS",
    PLAIN: "not encrypted",
}
_PORTS = {STARTTLS: 587, IMPLICIT_TLS: 465, PLAIN: 25}
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,200}")
_MOST_RECIPIENTS = 50
_LETTERS_IN_ID = 130
# An id of a mail that does not fit a line would be encoded, and then be no id any more.
_POLICY = policy.SMTP.clone(max_line_length=400)


@dataclass(frozen=True, slots=True)
class _Thread:
    """What the first mail of a ticket was: all that its later ones need. It is the ticket's id."""

    marker: str
    delivery: str
    title: str

    @classmethod
    def of(cls, id_: str) -> _Thread:
        head, _, title = id_.partition(" ")
        marker, _, delivery = head.partition(".")
        return cls(marker, delivery, title)

    @property
    def id(self) -> str:
        return f"{self.marker}.{self.delivery} {self.title[:_LETTERS_IN_ID]}"


class Mail:
    """Mails of one sender to the same recipients."""

    def __init__(
        self, server: MailServer, sender: Address, recipients: tuple[Address, ...]
    ) -> None:
        self._server = server
        self._sender = sender
        self._recipients = recipients

    def check(self) -> str:
        """From whom to whom, after a login and without a mail."""
        self._server.check()
        to = ", ".join(one.addr_spec for one in self._recipients)
        way = f"{self._server.host}:{self._server.port}, {_HOW[self._server.security]}"
        return f"mails go from {self._sender.addr_spec} to {to} through {way}"

    def find(self, marker: str) -> tuple[Remote, ...]:
        """Nothing: what was sent can't be asked for."""
        return ()

    def create(self, draft: Draft, delivery: str) -> Remote:
        """The ticket as it was sent; the same delivery gives the same mail."""
        title, body = _title(draft.title), body_of(draft.body, _TRAITS.body_letters)
        thread = _Thread(draft.marker, delivery, title)
        self._send(title, "\n\n".join(filter(None, (_plain(body), _facts(draft)))), delivery)
        return Remote(thread.id, "", True, "sent", title, body, draft.assignee)

    def read(self, ids: Iterable[str]) -> Mapping[str, Remote]:
        """Nothing: what was sent can't be asked for."""
        return {}

    def update(self, id_: str, *, title: str, body: str, delivery: str) -> Remote:
        """The ticket as it was sent."""
        title, body = _title(title), body_of(body, _TRAITS.body_letters)
        self._answer(id_, f"This ticket is now:\n\n{title}\n\n{_plain(body)}", delivery)
        return Remote(id_, "", True, "sent", title, body)

    def find_comment(self, id_: str, marker: str) -> Comment | None:
        """None: what was sent can't be asked for."""
        return None

    def comment(self, id_: str, text: str, delivery: str) -> Comment:
        """The comment as it was sent."""
        return self.edit_comment(id_, delivery, text, delivery)

    def edit_comment(self, id_: str, comment_id: str, text: str, delivery: str) -> Comment:
        """The comment as it was sent: another mail, as no mail can be changed."""
        text = body_of(text, _TRAITS.body_letters)
        self._answer(id_, _plain(text), delivery)
        return Comment(comment_id, text)

    def close(self, id_: str, delivery: str) -> Remote:
        """The ticket, of which nothing but this is known."""
        self._answer(id_, f"This ticket is closed.\n\n{_Thread.of(id_).marker}", delivery)
        return Remote(id_, "", False, "closing sent", "")

    def reopen(self, id_: str, delivery: str) -> Remote:
        """The ticket, of which nothing but this is known."""
        self._answer(id_, f"This ticket is open again.\n\n{_Thread.of(id_).marker}", delivery)
        return Remote(id_, "", True, "reopening sent", "")

    def _answer(self, id_: str, text: str, delivery: str) -> None:
        thread = _Thread.of(id_)
        self._send(f"Re: {thread.title}", text, delivery, thread.delivery)

    def _send(self, subject: str, text: str, delivery: str, first: str = "") -> None:
        message = EmailMessage(_POLICY)
        message["From"] = self._sender
        message["To"] = self._recipients
        message["Subject"] = subject
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Message-ID"] = self._message_id(delivery)
        if first:
            message["In-Reply-To"] = message["References"] = self._message_id(first)
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text, cte="quoted-printable")
        to = [one.addr_spec for one in self._recipients]
        self._server.send(self._sender.addr_spec, to, message.as_bytes())

    def _message_id(self, delivery: str) -> str:
        return f"<{re.sub(r'[^A-Za-z0-9-]', '', delivery)}@{self._sender.domain}>"


def _title(text: str) -> str:
    return title_of(text, _TRAITS.title_letters)


def _plain(markdown: str) -> str:
    return plain_text(document(markdown))


def _facts(draft: Draft) -> str:
    """What a tracker has fields for."""
    facts = {
        "Page": draft.page if draft.page not in draft.body else "",
        "Assignee": draft.assignee,
        "Due": draft.due.isoformat() if draft.due else "",
        "Labels": ", ".join(draft.labels),
    }
    told = (f"{name}: {title_of(text, 500)}" for name, text in facts.items() if text)
    return "\n".join(told)


def _connect(setup: Setup) -> Mail:
    security = setup.value("security") or STARTTLS
    if security not in _HOW:
        raise TicketRejected("Encryption: is none that is known here", is_of_tracker=True)
    user, password = setup.value("user"), setup.secret("password")
    if security == PLAIN and (user or password):
        raise TicketRejected(
            "User and password: are not sent without encryption", is_of_tracker=True
        )
    if bool(user) is not bool(password):
        raise TicketRejected("User and password: one needs the other", is_of_tracker=True)
    host, port = _place(setup.value("host"), setup.value("port") or str(_PORTS[security]))
    server = MailServer(
        host,
        port,
        security,
        setup.policy,
        tls_context(setup.value("ca")),
        setup.deadline_seconds,
        user,
        password,
    )
    (sender,) = _addresses("From", setup.value("from"), most=1)
    return Mail(server, sender, _addresses("To", setup.value("to"), most=_MOST_RECIPIENTS))


def _place(host: str, port: str) -> tuple[str, int]:
    try:
        server = parse_https(f"https://{host}:{port}")
    except ValueError:
        server = None
    if server is None or server.path or "/" in f"{host}{port}":
        raise TicketRejected("Host and port: are none of a server", is_of_tracker=True)
    return server.host, server.port


def _addresses(what: str, text: str, *, most: int) -> tuple[Address, ...]:
    """The addresses in the text, as in a mail's header. Raises TicketRejected."""
    message = EmailMessage(_POLICY)
    try:
        message["To"] = text
        header = message["To"]
        found: tuple[Address, ...] = () if header.defects else header.addresses
    except (ValueError, IndexError, AttributeError, MessageError):
        found = ()
    if not found or not all(_ADDRESS.fullmatch(one.addr_spec) for one in found):
        raise TicketRejected(f"{what}: must be mail addresses, in ASCII", is_of_tracker=True)
    if len(found) > most:
        raise TicketRejected(f"{what}: more than {most}", is_of_tracker=True)
    return found


KIND = Kind(
    "mail",
    "Mail",
    fields=(
        Field("host", "SMTP server", "Its host name, without a port."),
        Field(
            "security",
            "Encryption",
            kind="choice",
            default=STARTTLS,
            choices=(
                (STARTTLS, "STARTTLS"),
                (IMPLICIT_TLS, "TLS from the start"),
                (PLAIN, "None: mails can be read on their way"),
            ),
        ),
        Field("port", "Port", "587, 465 for TLS from the start, 25 without.", is_required=False),
        Field("user", "User", "Where the server wants a login.", is_required=False),
        Field("password", "Password", kind="secret", is_required=False),
        Field("from", "From", "The sender's address."),
        Field("to", "To", "One address or several, with commas between them."),
        CA,
    ),
    connect=_connect,
    traits=_TRAITS,
)
