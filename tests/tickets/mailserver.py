"""An SMTP server on loopback, as far as handing in mails needs one, with faults to switch on."""

from __future__ import annotations

import contextlib
import email
import socket
import socketserver
import ssl
import tempfile
import threading
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP

from tests.replay import TOKEN, certificates

USER = "desk"
END = "the end"
"""In `replies`: instead of an answer, the connection ends."""
HANG = "hang"


@dataclass
class MailServer:
    """What was taken and what was said. `replies` maps the beginning of a command, or "." for the
    end of a message, or "" for the greeting, to a reply in place of the usual one.
    """

    port: int = 0
    ca: str = ""
    replies: dict[str, str] = field(default_factory=dict)
    features: tuple[str, ...] = ("STARTTLS", "AUTH PLAIN")
    taken: list[tuple[str, tuple[str, ...], bytes]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    was_encrypted: list[bool] = field(default_factory=list)

    def messages(self) -> list[EmailMessage]:
        """What was taken, parsed."""
        parsed = (email.message_from_bytes(raw, policy=SMTP) for _, _, raw in self.taken)
        return list(parsed)


@contextlib.contextmanager
def mail_server(*, is_tls: bool = False) -> Iterator[MailServer]:
    """One that runs until the block ends, with TLS from the start or on demand."""
    ca, certificate = certificates(-2, 2)
    state, ended = MailServer(ca=ca), threading.Event()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(certificate)
        file.flush()
        context.load_cert_chain(file.name)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                talk = _Talk(state, self.request, context, ended)
                with contextlib.closing(talk):
                    talk.run(is_tls=is_tls)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        state.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield state
        finally:
            ended.set()
            server.shutdown()
            thread.join()


class _Talk:
    def __init__(
        self,
        state: MailServer,
        connection: socket.socket,
        context: ssl.SSLContext,
        ended: threading.Event,
    ) -> None:
        self.state, self.context, self.ended = state, context, ended
        self.connection = connection
        self.is_encrypted = False
        self.sender, self.recipients = "", list[str]()
        self.file = connection.makefile("rb")

    def close(self) -> None:
        self.file.close()
        self.connection.close()

    def encrypt(self) -> None:
        self.file.close()
        self.connection = self.context.wrap_socket(self.connection, server_side=True)
        self.is_encrypted = True
        self.file = self.connection.makefile("rb")

    def run(self, *, is_tls: bool) -> None:
        if is_tls:
            self.encrypt()
        self.say("", "220 mail.example.org ESMTP")
        while line := self.file.readline():
            word, space, rest = line.decode().rstrip("\r\n").partition(" ")
            command = word.upper() + space + rest
            self.state.said.append(command)
            self.obey(command)
            if command == "QUIT":
                return

    def say(self, command: str, usual: str) -> bool:
        """Whether it was the usual answer."""
        found = next(
            (
                reply
                for start, reply in self.state.replies.items()
                if (command.startswith(start) if start else not command)
            ),
            usual,
        )
        if found == HANG:
            self.ended.wait(60)
        if found in (END, HANG):
            raise OSError("ended")
        self.connection.sendall(f"{found}\r\n".encode())
        return found == usual

    def obey(self, command: str) -> None:
        word = command.partition(" ")[0]
        if word == "EHLO":
            features = [
                one for one in self.state.features if not (self.is_encrypted and one == "STARTTLS")
            ]
            lines = ["mail.example.org", *features]
            self.say(command, "\r\n".join(f"250-{one}" for one in lines) + "\r\n250 8BITMIME")
        elif word == "STARTTLS":
            if self.say(command, "220 go ahead"):
                self.encrypt()
        elif word == "AUTH":
            offered = b64decode(command.split(" ")[2]).decode().split("\0")[1:]
            is_known = offered == [USER, TOKEN]
            self.say(command, "235 welcome" if is_known else f"535 not {offered[1]}")
        elif word == "DATA":
            self.data(command)
        else:
            self.envelope(command)

    def envelope(self, command: str) -> None:
        if command.startswith("MAIL FROM:"):
            self.sender, self.recipients = command[10:].strip("<>").split(">")[0], []
        if self.say(command, "250 fine") and command.startswith("RCPT TO:"):
            self.recipients.append(command[8:].strip("<>"))

    def data(self, command: str) -> None:
        if not self.say(command, "354 go ahead"):
            return
        lines = []
        for line in iter(self.file.readline, b".\r\n"):
            if not line:
                raise OSError("ended within a message")
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        if self.state.replies.get(".", "250")[:3] in ("250", END[:3], HANG[:3]):
            self.state.taken.append((self.sender, tuple(self.recipients), b"".join(lines)))
            self.state.was_encrypted.append(self.is_encrypted)
        self.say(".", "250 taken")
