"""Server URLs: the strict reading, and all the forms that others take for something else."""

from __future__ import annotations

import pytest

from authzviz.net.url import parse_https, parse_webhook

GOOD = {
    "a name": ("https://Kube.Example.COM", "https://kube.example.com:443"),
    "a port": ("https://10.0.0.1:6443/", "https://10.0.0.1:6443"),
    "IPv6": ("https://[FD00:0::1]:6443", "https://[fd00::1]:6443"),
    "a path, as Rancher has it": (
        "https://rancher.example.com/k8s/clusters/c-abc12/",
        "https://rancher.example.com:443/k8s/clusters/c-abc12",
    ),
    "a short name": ("https://master_1:6443", "https://master_1:6443"),
}
BAD = {
    "B10 decimal": ("https://2852039166", "neither a host name nor an IP address"),
    "B10 hexadecimal": ("https://0x7f.1", "neither"),
    "B10 hexadecimal alone": ("https://0xa9fea9fe", "neither"),
    "B10 two parts": ("https://127.1", "neither"),
    "B10 zero": ("https://0", "neither"),
    "B10 octal": ("https://0177.0.0.1", "neither"),
    "B10 circled digits": ("https://①②⑦.⓪.⓪.①", "non-ASCII"),
    "B15 user name": ("https://good@evil", "user name"),
    "B15 backslash": ("https://good\\@evil", "backslash"),
    "B15 CRLF": ("https://good\r\nHost: evil", "control"),
    "B15 tab": ("https://go\tod", "control"),
    "B15 space at the end": ("https://good ", "spaces"),
    "B15 query": ("https://good/?x=1", "query"),
    "B15 fragment": ("https://good/#x", "fragment"),
    "B15 percent": ("https://good/%2e%2e/", "not the URL"),
    "B15 dots": ("https://good/a/../b", "path"),
    "B16 file": ("file:///etc/passwd", "not the URL|https"),
    "B16 gopher": ("gopher://good:70", "not gopher"),
    "B16 http": ("http://good", "not http"),
    "no scheme": ("good:6443", "begins with https"),
    "port 0": ("https://good:0", "not a port"),
    "port too large": ("https://good:65536", "not a port"),
    "empty": ("", "begins with https"),
    "empty label": ("https://a..b", "not a host name"),
    "a zone": ("https://[fe80::1%25eth0]", "not the URL"),
    "too long to be kept": (f"https://good/{'a' * 450}", "longer than 450"),
    "no IPv6": ("https://[1::2::3]", "not an IPv6"),
}


@pytest.mark.parametrize(("text", "expected"), GOOD.values(), ids=GOOD)
def test_a_good_url_becomes_one_form(text: str, expected: str) -> None:
    assert str(parse_https(text)) == expected
    assert str(parse_https(expected)) == expected


@pytest.mark.parametrize(("text", "why"), BAD.values(), ids=BAD)
def test_a_bad_url_is_refused_with_why(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_https(text)


@pytest.mark.parametrize(
    ("url", "is_address"),
    [("https://10.0.0.1", True), ("https://[::1]", True), ("https://node1.example", False)],
)
def test_addresses_and_names_are_told_apart(url: str, is_address: bool) -> None:
    assert parse_https(url).is_address is is_address


HOOKS = {
    "a name alone": ("https://hooks.example.com", "https://hooks.example.com:443", "/"),
    "a query alone": ("https://hooks.example.com?k=1", "https://hooks.example.com:443", "/?k=1"),
    "a path that ends in a slash": ("https://h:8443/in/", "https://h:8443", "/in/"),
    "letters that paths of receivers have": (
        "https://h/webhookb2/1f@2e/In:coming/%2F?sp=%2Frun&sig=a-b_c~d&to=a@b/c?d",
        "https://h:443",
        "/webhookb2/1f@2e/In:coming/%2F?sp=%2Frun&sig=a-b_c~d&to=a@b/c?d",
    ),
}
BAD_HOOKS = {
    "http": "http://h/canary",
    "a user name": "https://canary@h/in",
    "a user name before a backslash": "https://good\\@canary/in",
    "a fragment": "https://h/in?a=canary#canary",
    "CRLF in the path": "https://h/canary\r\nHost: evil",
    "CRLF in the query": "https://h/in?canary=1\r\nHost: evil",
    "a space": "https://h/in canary",
    "letters beyond ASCII": "https://h/in?canary=\N{LATIN SMALL LETTER E WITH ACUTE}",
    "a backslash": "https://h/in\\canary",
    "dots": "https://h/canary/../in",
    "too long": f"https://h/canary{'a' * 2000}",
    "no address": "https://127.1/canary",
    "no URL": "canary",
}


@pytest.mark.parametrize(("text", "server", "resource"), HOOKS.values(), ids=HOOKS)
def test_a_webhook_may_have_a_query(text: str, server: str, resource: str) -> None:
    found, asked = parse_webhook(text)

    assert (str(found), asked) == (server, resource)


@pytest.mark.parametrize("text", BAD_HOOKS.values(), ids=BAD_HOOKS)
def test_b36_a_bad_webhook_is_refused_without_a_word_of_its_secret(text: str) -> None:
    with pytest.raises(ValueError, match=r"must|is ") as caught:
        parse_webhook(text)

    assert "canary" not in str(caught.value)
