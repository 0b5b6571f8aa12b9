"""One mail over SMTP: to checked addresses only, with a deadline, encrypted or without credentials.

Sources: RFC 5321 (SMTP), RFC 3207 (STARTTLS), RFC 8314 (implicit TLS), RFC 4954 (AUTH).
"""

from __future__ import annotations

import contextlib
import re
import smtplib
import socket
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from authzviz.net import AddressForbidden, AddressPolicy
from authzviz.net.pinned import (
    LimitedPlainSocket,
    LimitedSocket,
    Limits,
    NameUnresolved,
    Route,
)
from authzviz.net.words import clean
from authzviz.tickets.errors import (
    OutcomeUnknown,
    TicketRejected,
    TrackerError,
    TrackerUnavailable,
)
from authzviz.tickets.hidden import forms

STARTTLS, IMPLICIT_TLS, PLAIN = "starttls", "tls", "none"
_MOST_BYTES = 256 << 10
_TO_QUIT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mails are handed in. `security` is STARTTLS, IMPLICIT_TLS or PLAIN, and never less
    than that; without a user nobody signs in.
    """

    host: str
    port: int
    security: str
    policy: AddressPolicy
    tls: ssl.SSLContext
    seconds: float
    user: str = ""
    password: str = field(default="", repr=False)

    def check(self) -> None:
        """Connect, sign in and send nothing. Raises TrackerError."""
        with self._session() as session:
            self._expect(session.docmd("NOOP"), "NOOP", 250)

    def send(self, sender: str, recipients: Sequence[str], message: bytes) -> None:
        """Hand the message in for all of the recipients, or for none. Raises TrackerError."""
        with self._session() as session:
            self._expect(session.mail(sender), f"the sender {sender}", 250)
            for recipient in recipients:
                self._expect(session.rcpt(recipient), f"the recipient {recipient}", 250, 251)
            self._expect(session.docmd("DATA"), "DATA", 354)
            session.send(_lines(message))
            reply = self._end(session)
        self._expect(reply, "the mail", 250, is_of_tracker=False)

    def _end(self, session: _Session) -> tuple[int, bytes]:
        """The reply to the end of the message, from which on it may have been taken."""
        try:
            session.send(b".\r\n")
            reply = session.getreply()
        except (smtplib.SMTPException, OSError) as error:
            said = self._clean(str(error))
            raise OutcomeUnknown(f"{self.host} took the mail without an answer: {said}") from None
        with contextlib.suppress(smtplib.SMTPException, OSError):
            session.limits.begin_read(_TO_QUIT_SECONDS)
            session.docmd("QUIT")
        return reply

    @contextlib.contextmanager
    def _session(self) -> Iterator[_Session]:
        """A session that is encrypted and signed in, as far as it has to be."""
        try:
            with contextlib.closing(self._connected()) as session:
                self._greet(session)
                yield session
        except ssl.SSLCertVerificationError as error:
            said = self._clean(error.verify_message)
            raise TrackerUnavailable(
                f"the certificate of {self.host} is not trusted: {said}"
            ) from None
        except UnicodeError:
            raise TicketRejected(
                "user and password must be ASCII: that is all SMTP takes", is_of_tracker=True
            ) from None
        except (smtplib.SMTPException, OSError, ValueError) as error:
            said = self._clean(str(error))
            raise TrackerUnavailable(f"{self.host} ended the conversation: {said}") from None

    def _connected(self) -> _Session:
        limits = Limits(self.seconds, _MOST_BYTES)
        try:
            plain = Route(self.policy, limits).connect(self.host, self.port)
        except AddressForbidden as error:
            raise TicketRejected(f"{self.host}: {error}", is_of_tracker=True) from None
        except NameUnresolved:
            raise TrackerUnavailable(f"DNS knows no {self.host}") from None
        except OSError as error:
            said = "in time" if isinstance(error, TimeoutError) else self._clean(str(error))
            raise TrackerUnavailable(f"{self.host} could not be reached: {said}") from None
        session = _Session(LimitedPlainSocket.of(plain, limits), limits)
        try:
            if self.security == IMPLICIT_TLS:
                session.encrypt(self.tls, self.host)
        except BaseException:
            session.close()
            raise
        return session

    def _greet(self, session: _Session) -> None:
        self._expect(session.getreply(), "the connection", 220)
        self._expect(session.ehlo(), "EHLO", 250)
        if self.security == STARTTLS:
            if not session.has_extn("starttls"):
                raise TicketRejected(f"{self.host} offers no STARTTLS", is_of_tracker=True)
            self._expect(session.docmd("STARTTLS"), "STARTTLS", 220)
            session.encrypt(self.tls, self.host)
            self._expect(session.ehlo(), "EHLO", 250)
        if self.user:
            self._sign_in(session)

    def _sign_in(self, session: _Session) -> None:
        try:
            session.login(self.user, self.password)
        except smtplib.SMTPAuthenticationError as error:
            raise self._error((error.smtp_code, _bytes(error.smtp_error)), "the login") from None
        except smtplib.SMTPNotSupportedError:
            raise TicketRejected(
                f"{self.host} offers no login that is known here", is_of_tracker=True
            ) from None

    def _expect(
        self, reply: tuple[int, bytes], what: str, *codes: int, is_of_tracker: bool = True
    ) -> None:
        if reply[0] not in codes:
            raise self._error(reply, what, is_of_tracker=is_of_tracker)

    def _error(
        self, reply: tuple[int, bytes], what: str, *, is_of_tracker: bool = True
    ) -> TrackerError:
        """What a reply other than the good one means: the fives stay, anything else may pass."""
        code, words = reply
        said = (
            f"{self.host} answered {code} to {what}: {self._clean(words.decode(errors='replace'))}"
        )
        if 500 <= code < 600:
            return TicketRejected(said, is_of_tracker=is_of_tracker)
        return TrackerUnavailable(said)

    def _clean(self, text: str) -> str:
        return clean(text, forms((self.password,)))


class _Session(smtplib.SMTP):
    """A connection whose every wait is bounded by the limits."""

    def __init__(self, connected: socket.socket, limits: Limits) -> None:
        address = connected.getsockname()[0]
        literal = f"[IPv6:{address}]" if ":" in address else f"[{address}]"
        # Without a host it connects to nothing itself. Our host's name is nobody's business.
        super().__init__(local_hostname=literal)
        self.sock: socket.socket | None = connected
        self.limits = limits

    def send(self, s: object) -> None:
        """Send, within what time is left."""
        if self.sock is not None:
            self.sock.settimeout(self.limits.read_left())
        super().send(s)  # type: ignore[arg-type]

    def encrypt(self, tls: ssl.SSLContext, host: str) -> None:
        """Go on within TLS, and forget what was said before it."""
        assert self.sock is not None  # noqa: S101
        self.sock.settimeout(self.limits.read_left())
        self.sock = tls.wrap_socket(self.sock, server_hostname=host)
        if isinstance(self.sock, LimitedSocket):
            self.sock.limits = self.limits
        self.file = self.helo_resp = self.ehlo_resp = None
        self.esmtp_features = {}
        self.does_esmtp = False


def _lines(message: bytes) -> bytes:
    """The message as DATA takes it: lines that begin with a dot get another one."""
    text = re.sub(rb"(?m)^\.", b"..", re.sub(rb"\r\n|\r|\n", b"\r\n", message))
    return text if text.endswith(b"\r\n") else text + b"\r\n"


def _bytes(words: bytes | str) -> bytes:
    return words.encode() if isinstance(words, str) else words
