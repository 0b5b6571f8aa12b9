"""What people paste: every form is understood, keys are refused, and nothing is ever quoted."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authzviz.evidence.certificate import (
    KeyRefused,
    NotUnderstood,
    check_certificate,
    read_certificate,
)
from authzviz.evidence.certificate_facts import Form
from tests.evidence.certificates import NOW, Keys, der, make, pem, request

LEAF = make()
PEM, DER = pem(LEAF), der(LEAF)


def packed(raw: bytes | str) -> str:
    return base64.b64encode(raw.encode() if isinstance(raw, str) else raw).decode()


CSR_JSON = {
    "apiVersion": "certificates.k8s.io/v1",
    "kind": "CertificateSigningRequest",
    "spec": {"request": packed(request()), "username": "system:bootstrap:abcdef"},
}
CFSSL = {"CN": "system:node:node1", "key": {"algo": "rsa"}, "names": [{"O": "system:nodes"}]}
FORMS: dict[str, str | bytes] = {
    "PEM": PEM,
    "PEM with text before it": f"subject=CN = system:node:other\n\n{PEM}",
    "PEM, indented": "\n".join(f"    {line}" for line in PEM.splitlines()),
    "PEM with Windows' line ends": PEM.replace("\n", "\r\n"),
    "PEM in UTF-16": PEM.encode("utf-16"),
    "PEM with a byte order mark": b"\xef\xbb\xbf" + PEM.encode(),
    "a chain": PEM + pem(make(["kubernetes"], (), is_authority=True)),
    "DER": DER,
    "DER in base64": packed(DER),
    "PEM in base64": packed(PEM),
    "PEM in base64, broken into lines": "\n".join(
        packed(PEM)[at : at + 76] for at in range(0, len(packed(PEM)), 76)
    ),
    "a request": request(),
    "kubectl get csr -o json": json.dumps(CSR_JSON, indent=1),
    "kubectl get csr -o yaml": f"spec:\n  request: {packed(request())}\n  signerName: a\n",
    "kubectl get csr -o yaml, issued": (
        f"spec:\n  request: {packed(request(['other']))}\nstatus:\n  certificate: {packed(PEM)}\n"
    ),
    "cfssl": json.dumps(CFSSL),
    "JSON with a subject": json.dumps(
        {"subject": {"commonName": "system:node:node1", "organization": ["system:nodes"]}}
    ),
    "openssl of old": "subject= /O=system:nodes/CN=system:node:node1",
    "openssl": "subject=O = system:nodes, CN = system:node:node1",
    "openssl 3.2": "subject=O=system:nodes, CN=system:node:node1",
    "openssl -text": (
        "Certificate:\n    Data:\n        Issuer: CN = kubernetes\n        Validity\n"
        "            Not Before: Nov  1 09:00:00 2026 GMT\n"
        "            Not After : Nov  1 09:00:00 2027 GMT\n"
        "        Subject: O = system:nodes, CN = system:node:node1\n"
    ),
    "openssl, multiline": (
        "subject=\n    organizationName          = system:nodes\n"
        "    commonName                = system:node:node1\n"
    ),
    "RFC 2253": "CN=system:node:node1,O=system:nodes",
    "RFC 2253 with its name": "subject=CN=system:node:node1,O=system:nodes",
    "RFC 4514, escaped": "CN=system\\:node\\3Anode1+O=\\73ystem:nodes",
    "quoted": 'O = "system:nodes", CN = "system:node:node1"',
    "by number": "2.5.4.3=system:node:node1,2.5.4.10=system:nodes",
    "kubectl describe csr": (
        "Name:               csr-1\nSubject:\n         Common Name:    system:node:node1\n"
        "         Serial Number:  \n         Organization:   system:nodes\n"
    ),
}


@pytest.mark.parametrize("pasted", FORMS.values(), ids=FORMS)
def test_every_form_is_understood(pasted: str | bytes) -> None:
    found = read_certificate(pasted.encode() if isinstance(pasted, str) else pasted)

    assert found.identity.user == "system:node:node1"
    assert found.organizations == ("system:nodes",)


VALUES = {
    "comma, escaped": ("CN=a\\,b", "a,b"),
    "comma, quoted": ('CN="a,b"', "a,b"),
    "comma, in hex": ("CN=a\\2cb", "a,b"),
    "slash in old": ("/O=system:nodes/CN=system:node:a/b", "system:node:a/b"),
    "UTF-8 in old": ("/CN=\\xD1\\x95ystem", "\u0455ystem"),
    "UTF-8 in hex": ("CN=\\D1\\95ystem", "\u0455ystem"),
    "UTF-8 as it is": ("CN=\u0455ystem", "\u0455ystem"),
    "blank, escaped": ("CN=a\\ ,O=b", "a "),
    "a lone backslash": ("CN=a\\", "a\\"),
    "bytes that are no UTF-8": ("CN=\\ff", "\ufffd"),
    "the last of two": ("CN=a,CN=b", "b"),
    "the first subject": ("subject=CN=a\nsubject=CN=b", "a"),
}


@pytest.mark.parametrize(("line", "user"), VALUES.values(), ids=VALUES)
def test_a_value_is_what_was_meant(line: str, user: str) -> None:
    assert read_certificate(line.encode()).identity.user == user


KEYS = {
    **Keys().all(),
    "kubelet-client-current.pem": PEM.encode() + Keys().all()["SEC 1"],
    "cut off": Keys().all()["PKCS 8"][:60],
    "base64": base64.b64encode(Keys().all()["PKCS 8"]),
    "base64 of DER": base64.b64encode(Keys().all()["SEC 1 in DER"]),
    "base64 of base64": base64.b64encode(base64.b64encode(Keys().all()["PKCS 8"])),
    "UTF-16": Keys().all()["PKCS 8"].decode().encode("utf-16"),
    "in a certificate's frame": Keys().all()["PKCS 8"].replace(b"PRIVATE KEY", b"CERTIFICATE"),
    "PuTTY": b"PuTTY-User-Key-File-3: ecdsa-sha2-nistp256\nPrivate-Lines: 1\nAAAA\n",
    "kubeconfig with a key": b"users:\n- user:\n    client-certificate-data: QQ==\n"
    b"    client-key-data: QUJD\n",
    "kubeconfig with a token": b"apiVersion: v1\nkind: Config\nusers:\n- user: {token: abc}\n",
    "kubeconfig in JSON": b'{"kind": "Config", "users": [{"user": {"token": "abc"}}]}',
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_a_key_is_refused_and_not_quoted(key: bytes) -> None:
    with pytest.raises(KeyRefused) as refused:
        read_certificate(key)

    said = str(refused.value)
    assert "forgotten at once" in said
    assert "Treat it as exposed" in said
    body = "".join(key.decode("latin-1").split("-----")[2:3]).split()
    assert not any(line in said for line in body)


WRONG = {
    "nothing": (b"", "Nothing was given"),
    "blank": (b" \n\t ", "Nothing was given"),
    "a word": (b"hello", "neither a certificate nor the subject"),
    "other attributes": (b"C=DE,ST=Hessen", "neither a certificate nor the subject"),
    "an empty CN": (b"CN=", "neither a certificate nor the subject"),
    "several lines": (b"CN=a\nCN=b", "neither a certificate nor the subject"),
    "JSON": (b'{"a": 1}', "neither a certificate nor the subject"),
    "JSON, odd": (b'{"subject": {"CN": 1, "organization": [[]]}, "names": [1]}', "neither"),
    "JSON, damaged": (b'{"CN": ', "neither a certificate nor the subject"),
    "JSON, deep": (b'{"CN":' + b"[" * 20_000, "neither a certificate nor the subject"),
    "no text": (b"\xff\x00\x80abc", "neither text nor a certificate"),
    "DER of something else": (b"\x30\x03\x0c\x01a", "no certificate that can be read"),
    "DER, cut off": (DER[:100], "no certificate that can be read"),
    "a lone byte": (b"\x30", "no certificate that can be read"),
    "PEM, cut off": (PEM[:200].encode(), "cut off"),
    "PEM, damaged": (PEM.replace("M", "*").encode(), "should be base64"),
    "PEM of nothing": (b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", "no certificate"),
    "a request, damaged": (
        b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----",
        "no signing request",
    ),
    "a public key": (
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        "holds PEM, but no certificate",
    ),
    "eleven certificates": ((PEM * 11).encode(), "more than 10 certificates"),
    "too large": (b"a" * (64 << 10) + b"a", "more than 64 KB"),
    "several requests": (json.dumps([CSR_JSON, CSR_JSON]).encode(), "give one"),
    "a kubeconfig without a key": (
        b"apiVersion: v1\nkind: Config\nusers:\n- user: {client-certificate: /var/x.pem}\n",
        "That is a kubeconfig",
    ),
}


@pytest.mark.parametrize(("pasted", "words"), WRONG.values(), ids=WRONG)
def test_what_is_no_certificate_is_an_error_that_says_so(pasted: bytes, words: str) -> None:
    with pytest.raises(NotUnderstood) as error:
        read_certificate(pasted)

    assert not isinstance(error.value, KeyRefused)
    assert words in str(error.value)


def test_times_in_another_form_are_not_told() -> None:
    lines = "subject=CN=a\nnotBefore=Foo  1 09:00:00 2026 GMT\nnotAfter=Feb 30 09:00:00 2026 GMT\n"
    found = read_certificate(lines.encode())

    assert (found.not_before, found.not_after, found.form) == (None, None, Form.SUBJECT)
    assert read_certificate(b"subject=CN=a\nnotAfter=tomorrow").not_after is None


def answered(pasted: bytes) -> None:
    """Reads and judges it, where that is possible; any other error than the declared one fails."""
    try:
        found = read_certificate(pasted)
    except NotUnderstood:
        return
    assert check_certificate(found, now=NOW).sentence


@given(st.binary(max_size=400))
@settings(deadline=None, max_examples=200)
def test_any_bytes_are_answered(pasted: bytes) -> None:
    answered(pasted)
    answered(b"\x30" + pasted)


PIECES = st.sampled_from(
    [
        *'=,/\\"+\n{}:# ',
        "CN",
        "O",
        "subject=",
        "system:node:",
        "request: ",
        "notAfter=",
        "-----BEGIN CERTIFICATE-----",
        "-----END CERTIFICATE-----",
    ]
)


@given(st.lists(st.one_of(PIECES, st.text(max_size=5)), max_size=30).map("".join))
@settings(deadline=None, max_examples=300)
def test_any_text_is_answered(pasted: str) -> None:
    answered(pasted.encode("utf-8", "replace"))


@given(st.data())
@settings(deadline=None, max_examples=300)
def test_a_certificate_with_other_bytes_in_it_is_answered(data: st.DataObject) -> None:
    raw = bytearray(DER)
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))

    answered(bytes(raw))
