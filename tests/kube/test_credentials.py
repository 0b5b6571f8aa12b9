"""Secrets that do not show themselves, and when credentials end."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from authzviz.engine.model import Outcome
from authzviz.kube.credentials import Credentials, expires_at
from authzviz.net.secret import Secret
from tests.kube.reading import RECORDING, collected
from tests.replay import replay

SERVER = "https://kube.example.com:443"
END = datetime(2030, 1, 1, tzinfo=UTC)


def jwt(claims: object) -> Secret:
    """A token with these claims, signed by nobody."""
    middle = urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return Secret(f"e30.{middle}.c2ln")


def pair(end: datetime = END) -> tuple[Secret, Secret]:
    """A client certificate that ends then, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "reader")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(end)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Secret(certificate.public_bytes(pem).decode()), Secret(private.decode())


CERTIFICATE, KEY = pair()
ENDS: dict[str, tuple[Credentials, datetime | None]] = {
    "a token that ends": (Credentials(SERVER, token=jwt({"exp": END.timestamp()})), END),
    "a token without end": (Credentials(SERVER, token=jwt({"sub": "x"})), None),
    "a token that is no JWT": (Credentials(SERVER, token=Secret("abc")), None),
    "a token with dots": (Credentials(SERVER, token=Secret("a.b.c")), None),
    "an end that is no number": (Credentials(SERVER, token=jwt({"exp": "soon"})), None),
    "an end beyond all calendars": (Credentials(SERVER, token=jwt({"exp": 1e300})), None),
    "claims that are a list": (Credentials(SERVER, token=jwt([1])), None),
    "a certificate": (
        Credentials(SERVER, client_certificate=CERTIFICATE, client_key=KEY),
        END,
    ),
    "the earlier of both": (
        Credentials(
            SERVER,
            token=jwt({"exp": (END - timedelta(days=1)).timestamp()}),
            client_certificate=CERTIFICATE,
            client_key=KEY,
        ),
        END - timedelta(days=1),
    ),
    "a certificate that is none": (
        Credentials(SERVER, client_certificate=Secret("-----BEGIN x"), client_key=KEY),
        None,
    ),
}


@pytest.mark.parametrize(("credentials", "end"), ENDS.values(), ids=ENDS)
def test_the_end_of_credentials(credentials: Credentials, end: datetime | None) -> None:
    assert expires_at(credentials) == end


def test_a_secret_shows_itself_to_nobody() -> None:
    secret = Secret("canary")

    assert f"{secret} {secret!r} {secret:>10}" == "*** *** ***"
    assert secret.reveal() == "canary"
    assert secret == Secret("canary")
    assert secret != "canary"
    assert len({secret, Secret("canary")}) == 1


def test_credentials_go_through_json_and_back() -> None:
    whole = Credentials(
        SERVER,
        ca_data=CERTIFICATE,
        token=Secret("canary"),
        client_certificate=CERTIFICATE,
        client_key=KEY,
        tls_server_name="x",
    )

    assert Credentials.from_json(whole.to_json()) == whole
    assert "canary" not in repr(whole)


def test_a_client_certificate_and_key_leave_no_file_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("authzviz.kube.connection._memory_folder", lambda: str(tmp_path))

    with replay(RECORDING) as server:
        snapshot = collected(server, client_certificate=CERTIFICATE, client_key=KEY)

    assert snapshot.version.outcome is Outcome.OK
    assert list(tmp_path.iterdir()) == []
