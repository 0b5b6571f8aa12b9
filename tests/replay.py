"""An apiserver out of a recording, over TLS, that refuses what it is told to refuse."""

from __future__ import annotations

import contextlib
import functools
import gzip
import http.server
import ipaddress
import json
import socket
import ssl
import tempfile
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

RECORDINGS = Path(__file__).parent / "data" / "recordings"
TOKEN = "canary-token-that-must-never-be-seen"
HANG = "hang"
_WEEK = timedelta(days=7)

# What a handler may answer with: status, headers (Content-Type among them) and body.
Reply = tuple[int, dict[str, str], bytes]
# What takes over the connection after the head of a request instead, to break HTTP at will.
Raw = Callable[[socket.socket], None]
# What gives one, from path, query and the Accept header; None hangs until the server ends.
Answerer = Callable[[str, dict[str, str], str], Reply | Raw | None]


@dataclass(frozen=True)
class Post:
    """What was posted: where, with which headers, and its JSON."""

    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: Any


# What answers a POST; None hangs.
PostAnswerer = Callable[[Post], Reply | Raw | None]


@dataclass(frozen=True)
class Asked:
    """A request of any method; its header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The path, unquoted."""
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, str]:
        """The parameters, each with its first value."""
        return {key: values[0] for key, values in parse_qs(urlsplit(self.target).query).items()}

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


# What answers a request of any method; None hangs.
AnyAnswerer = Callable[[Asked], Reply | Raw | None]


@dataclass
class Replay:
    """A running server: where it is, how to reach it, and what it was asked for."""

    name: str
    url: str
    ca: str
    requests: list[str] = field(default_factory=list)
    posts: list[Post] = field(default_factory=list)
    connections: list[int] = field(default_factory=list)

    @property
    def kubeconfig(self) -> str:
        """A kubeconfig whose one context has the server's name."""
        return merged_kubeconfig(self)


def merged_kubeconfig(*replays: Replay) -> str:
    """One kubeconfig with a context for each server; the first is current."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": replays[0].name,
            "clusters": [
                {
                    "name": one.name,
                    "cluster": {
                        "server": one.url,
                        "certificate-authority-data": b64encode(one.ca.encode()).decode(),
                    },
                }
                for one in replays
            ],
            "users": [{"name": one.name, "user": {"token": TOKEN}} for one in replays],
            "contexts": [
                {"name": one.name, "context": {"cluster": one.name, "user": one.name}}
                for one in replays
            ],
        }
    )


def recordings() -> list[str]:
    """The names of all recordings, as `replay` takes them."""
    return sorted(path.name.removesuffix(".json.gz") for path in RECORDINGS.glob("*.json.gz"))


@functools.cache
def responses(recording: str) -> dict[str, Any]:
    """What a recorded apiserver served: path to status, type, json and perhaps table."""
    with gzip.open(RECORDINGS / f"{recording}.json.gz") as file:
        found: dict[str, Any] = json.load(file)["responses"]
    return found


@contextlib.contextmanager
def replay(
    recording: str,
    *,
    refuse: Mapping[str, int | str] | None = None,
    name: str = "",
    replace: Mapping[str, Reply | Answerer] | None = None,
    delay_seconds: float = 0.0,
    posts: Mapping[str, Reply | PostAnswerer] | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
) -> Iterator[Replay]:
    """Serve a recording until the block ends.

    `refuse` maps a path, or the beginning of one and a star, to the status that it gets (401, 403,
    404, 429, 500), or to HANG: no answer until the end. `replace` maps a path to a whole reply, or
    to an Answerer. Each answer comes `delay_seconds` late. Reviews are answered as the recorded
    apiserver did, or as one of its kind would; `posts` maps a path to another answer.
    """
    served = responses(recording)

    def answer(path: str, query: dict[str, str], accept: str) -> Reply | Raw | None:
        time.sleep(delay_seconds)
        refusal = _refusal(refuse or {}, path)
        if refusal == HANG:
            return None
        if refusal:
            return status_reply(int(refusal), path)
        if replace and path in replace:
            replaced = replace[path]
            return replaced(path, query, accept) if callable(replaced) else replaced
        return recorded_reply(served, path, query, accept)

    def answer_post(post: Post) -> Reply | Raw | None:
        refusal = _refusal(refuse or {}, post.path)
        if refusal:
            return None if refusal == HANG else status_reply(int(refusal), post.path)
        if posts and post.path in posts:
            replaced = posts[post.path]
            return replaced(post) if callable(replaced) else replaced
        from tests.reviews import review_of

        return review_of(recording, post)

    with serve(
        answer, name=name or recording, answer_post=answer_post, host=host, port=port
    ) as server:
        yield server


@contextlib.contextmanager
def serve(
    answer: Answerer,
    *,
    name: str = "fake",
    raw: Raw | None = None,
    valid_days: tuple[int, int] = (-2, 2),
    answer_post: PostAnswerer | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
) -> Iterator[Replay]:
    """Serve what `answer(path, query, accept)` gives over TLS; None hangs until the end.

    `raw` takes over the connection after the request's head, to break HTTP at will. Without
    `answer_post` nothing is known at any path that is posted to.
    """
    ended = threading.Event()
    ca, certificate = certificates(*valid_days)
    running = Replay(name, "", ca)

    class Handler(_Handler):
        def setup(self) -> None:
            super().setup()
            running.connections.append(self.client_address[1])

        def do_GET(self) -> None:
            running.requests.append(self.path)
            url = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(url.query).items()}
            accept = self.headers.get("Accept", "")
            self.answer_unless_refused(lambda: answer(unquote(url.path), query, accept))

        def do_POST(self) -> None:
            url = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(url.query).items()}
            post = Post(url.path, query, dict(self.headers.items()), json.loads(self.body()))
            running.posts.append(post)
            self.answer_unless_refused(
                lambda: answer_post(post) if answer_post else status_reply(404, post.path)
            )

        def answer_unless_refused(self, find: Callable[[], Reply | Raw | None]) -> None:
            self.answer_with(raw or self.refusal() or find(), ended)

    with _listening(Handler, (host, port), certificate, ended) as its_port:
        running.url = f"https://{host}:{its_port}"
        yield running


@contextlib.contextmanager
def serve_any(answer: AnyAnswerer, *, name: str = "fake") -> Iterator[Replay]:
    """Serve what `answer(asked)` gives over TLS, whatever the method and the credentials."""
    ended = threading.Event()
    ca, certificate = certificates(-2, 2)
    running = Replay(name, "", ca)

    class Handler(_Handler):
        def do_any(self) -> None:
            headers = {key.lower(): value for key, value in self.headers.items()}
            asked = Asked(self.command, self.path, headers, self.body())
            running.requests.append(f"{asked.method} {asked.target}")
            self.answer_with(answer(asked), ended)

    for method in ("HEAD", "GET", "POST", "PUT", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.do_any)
    with _listening(Handler, ("127.0.0.1", 0), certificate, ended) as its_port:
        running.url = f"https://127.0.0.1:{its_port}"
        yield running


@contextlib.contextmanager
def _listening(
    handler: type[_Handler], address: tuple[str, int], certificate: str, ended: threading.Event
) -> Iterator[int]:
    """The port on which these requests are handled until the block ends."""
    server = _Server(address, handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(certificate)
        file.flush()
        context.load_cert_chain(file.name)
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        ended.set()
        server.shutdown()
        server.cut_off()
        server.server_close()
        thread.join()


def status_reply(status: int, path: str, message: str = "") -> Reply:
    """A Status as an apiserver sends it."""
    texts = {
        401: "Unauthorized",
        403: f'forbidden: User "reader" cannot get path "{path}"',
        404: "the server could not find the requested resource",
        410: "The provided continue parameter is too old",
        429: "Too many requests, please try again later.",
    }
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": message or texts.get(status, "Internal error occurred"),
        "code": status,
    }
    headers = {"Content-Type": "application/json"}
    if status == 429:
        headers["Retry-After"] = "1"
    return status, headers, json.dumps(body).encode()


def json_reply(value: object) -> Reply:
    """A good answer with this value."""
    return 200, {"Content-Type": "application/json"}, json.dumps(value).encode()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    # Head and body in one packet: else each answer waits 40 ms for a delayed acknowledgement.
    wbufsize = 1 << 16
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.server.open_sockets.add(self.connection)  # type: ignore[attr-defined]

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()
        self.server.open_sockets.discard(self.connection)  # type: ignore[attr-defined]

    def refusal(self) -> Reply | None:
        is_known = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        return None if is_known else status_reply(401, self.path)

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer_with(self, found: Reply | Raw | None, ended: threading.Event) -> None:
        if callable(found):
            self.take_over(found)
        elif found is None:
            ended.wait(60)
            self.close_connection = True
        else:
            self.reply(found)

    def take_over(self, raw: Raw) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            raw(self.connection)

    def reply(self, found: Reply) -> None:
        status, headers, body = found
        self.send_response(status)
        for header, value in headers.items():
            self.send_header(header, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)
            self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Nothing: `requests` holds what was asked for."""


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self, *args: Any) -> None:
        self.open_sockets: set[socket.socket] = set()
        super().__init__(*args)

    def cut_off(self) -> None:
        for connection in tuple(self.open_sockets):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, *_: object) -> None:
        """Nothing: a client that does not trust us, or leaves early, is what is tested."""


def _refusal(refuse: Mapping[str, int | str], path: str) -> int | str:
    for pattern, refusal in refuse.items():
        if path == pattern or (pattern.endswith("*") and path.startswith(pattern[:-1])):
            return refusal
    return 0


def recorded_reply(
    recorded: dict[str, Any], path: str, query: dict[str, str], accept: str
) -> Reply:
    """What the recording holds for that path."""
    parent, _, last = path.rpartition("/")
    if path not in recorded and parent == "/api/v1/nodes":
        return _one(json.loads(recorded[parent]["json"])["items"], last, path)
    if path not in recorded:
        return status_reply(404, path)
    found = recorded[path]
    text = found["table"] if "as=Table" in accept and "table" in found else found["json"]
    if "labelSelector" in query:
        text = _selected(found["json"], *query["labelSelector"].split("=", 1))
    return found["status"], {"Content-Type": found["type"]}, text.encode()


def _one(items: list[dict[str, Any]], name: str, path: str) -> Reply:
    for item in items:
        if item["metadata"]["name"] == name:
            return json_reply({"kind": "Node", "apiVersion": "v1", **item})
    return status_reply(404, path)


def _selected(text: str, label: str, value: str) -> str:
    found = json.loads(text)
    found["items"] = [
        item for item in found["items"] if item["metadata"].get("labels", {}).get(label) == value
    ]
    return json.dumps(found)


@functools.cache
def certificates(since_days: int, until_days: int) -> tuple[str, str]:
    """A CA, and a certificate with its key for loopback, valid so many days from now; all PEM."""
    now = datetime.now(UTC)
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "replay-ca")])
    ca = (
        _builder(
            ca_name, ca_name, ca_key.public_key(), *(now + timedelta(days=n) for n in (-10, 1))
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kube-apiserver")])
    begin, end = (now + timedelta(days=days) for days in (since_days, until_days))
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        _builder(name, ca_name, key.public_key(), begin, end)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return ca.public_bytes(pem).decode(), (certificate.public_bytes(pem) + private).decode()


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    start: datetime,
    end: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )
