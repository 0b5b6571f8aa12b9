"""What someone pasted -> certificates, a signing request, or a line of text; never a key."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from authzviz.evidence.certificate_facts import Form, KeyRefused, NotUnderstood

MAX_BYTES = 64 << 10
MAX_CERTIFICATES = 10
TOO_LARGE = f"That is more than {MAX_BYTES >> 10} KB: a certificate is far smaller."
_DEEPEST = 3

_KEY = re.compile(r"PRIVATE\W?KEY|PuTTY-User-Key|Private-Lines", re.IGNORECASE)
_KUBECONFIG = re.compile(
    r"client-certificate(?:-data)?[\"']?\s*:|client-key(?:-data)?[\"']?\s*:"
    r"|\bkind[\"']?\s*:\s*[\"']?Config\b"
)
_CREDENTIAL = re.compile(r"client-key-data|\b(?:id-|refresh-)?(?:token|password)[\"']?\s*:")
# No dash in a body: looking for each END to the end of the text would take seconds.
_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----([^-]*)-----END \1-----")
_ISSUED = re.compile(
    r"^\s*[\"']?certificate[\"']?\s*:\s*[\"']?([A-Za-z0-9+/=]{100,})", re.MULTILINE
)
_REQUESTED = re.compile(r"[\"']?\brequest[\"']?\s*:\s*[\"']?([A-Za-z0-9+/=]{100,})")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{40,}={0,2}")
_ENCRYPTED = bytes.fromhex("2a864886f70d0105")  # PKCS 5: an encrypted PKCS 8 key begins with it

PRINT_IT = "openssl x509 -in /var/lib/kubelet/pki/kubelet-client-current.pem"
"""Prints the certificate alone: openssl leaves out the key that stands in the same file."""

_EXPOSED = (
    "It was forgotten at once, and nothing of it was kept. Treat it as exposed if this page is not"
    " yours alone, or if the way to it was not encrypted: then remove the certificate from the node"
    " and let the kubelet ask for a new one."
)
_INSTEAD = f"Give the certificate alone: {PRINT_IT}"


@dataclass(frozen=True, slots=True)
class Pasted:
    """What was given: DER of certificates or of one request, else a text that may be a subject."""

    form: Form
    ders: tuple[bytes, ...] = ()
    text: str = ""


def understand(given: bytes) -> Pasted:
    """What the bytes are.

    Raises KeyRefused for anything that holds a private key, NotUnderstood for what is too large,
    cut off, or nothing of the kind. No message quotes what was given.
    """
    if len(given) > MAX_BYTES:
        raise NotUnderstood(
            f"That is more than {MAX_BYTES >> 10} KB: a certificate is far smaller."
        )
    return _understand(given, _DEEPEST)


def _understand(given: bytes, depth: int) -> Pasted:
    _refuse_keys(given.replace(b"\0", b"").decode("latin-1"))
    if given[:1] == b"\x30":
        return Pasted(Form.CERTIFICATE, (_der(given),))
    text = _text(given).strip()
    if not text:
        raise NotUnderstood("Nothing was given.")
    _refuse_kubeconfig(text)
    blocks = _blocks(text)
    if blocks is not None:
        return blocks
    for pattern in (_ISSUED, _REQUESTED):
        found = pattern.findall(text)
        if len(found) > 1:
            raise NotUnderstood("That holds several requests or certificates: give one.")
        if found and depth:
            return _understand(_decoded(found[0]), depth - 1)
    packed = "".join(text.split())
    if depth and _BASE64.fullmatch(packed):
        return _understand(_decoded(packed), depth - 1)
    return Pasted(Form.SUBJECT, text=text)


def _text(given: bytes) -> str:
    encoding = "utf-16" if given[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return given.decode(encoding)
    except UnicodeDecodeError:
        raise NotUnderstood(f"That is neither text nor a certificate in DER. {_INSTEAD}") from None


def _refuse_keys(text: str) -> None:
    if _KEY.search(text):
        raise KeyRefused(f"That held a private key. {_EXPOSED} {_INSTEAD}")


def _refuse_kubeconfig(text: str) -> None:
    if not _KUBECONFIG.search(text):
        return
    if _CREDENTIAL.search(text):
        raise KeyRefused(f"That was a kubeconfig with a key or token. {_EXPOSED} {_INSTEAD}")
    raise NotUnderstood(
        f"That is a kubeconfig, which usually holds keys, so none is taken here. {_INSTEAD}"
    )


def _blocks(text: str) -> Pasted | None:
    """The PEM blocks in it, None where there are none; certificates go before requests."""
    if "-----BEGIN" not in text:
        return None
    found = [(label, body) for label, body in _BLOCK.findall(text)]
    for form, ending in ((Form.CERTIFICATE, "CERTIFICATE"), (Form.REQUEST, "CERTIFICATE REQUEST")):
        bodies = [
            body for label, body in found if label in (ending, f"X509 {ending}", f"NEW {ending}")
        ]
        if len(bodies) > MAX_CERTIFICATES:
            raise NotUnderstood(
                f"That is more than {MAX_CERTIFICATES} certificates: give one chain."
            )
        if bodies:
            return Pasted(form, tuple(_der(_decoded(body)) for body in bodies))
    if found:
        raise NotUnderstood(f"That holds PEM, but no certificate. {_INSTEAD}")
    raise NotUnderstood(f"That begins as PEM and is cut off: its END line is missing. {_INSTEAD}")


def _decoded(body: str) -> bytes:
    packed = "".join(body.split()).replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise NotUnderstood(f"That is damaged: what should be base64 is not. {_INSTEAD}") from None


def _der(given: bytes) -> bytes:
    """The same; raises KeyRefused where it is built as keys are, which a certificate never is.

    A key (PKCS 1, PKCS 8, SEC 1) and PKCS 12 begin with a version number, an encrypted key with
    how it is encrypted.
    """
    skipped = 2 + (given[1] & 0x7F if len(given) > 1 and given[1] & 0x80 else 0)
    if given[skipped : skipped + 1] == b"\x02" or _ENCRYPTED in given[: skipped + 16]:
        raise KeyRefused(f"That looked like a private key. {_EXPOSED} {_INSTEAD}")
    return given
