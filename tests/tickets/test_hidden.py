"""Our secrets in what trackers send back, in whatever form it comes (B35)."""

from __future__ import annotations

import copy
import html
import json
import pickle
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from authzviz.net.secret import Secret
from authzviz.net.words import clean
from authzviz.tickets.hidden import forms
from authzviz.tickets.http import Answer
from authzviz.tickets.webhook import Hook

TOKEN = "s3cr=t/with+odd&signs<é>" + "that-nobody-sees"
FORMS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "JSON": lambda text: json.dumps({"message": text}),
    "a URL": lambda text: quote(text, safe=""),
    "a form": quote_plus,
    "a page": html.escape,
    "hexadecimal": lambda text: text.encode().hex(),
}
LEADS = ("", "a", "me", "our", "user:", "longer@example.org:", ":")


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_b35_a_secret_is_taken_out_in_each_form(form: Callable[[str], str]) -> None:
    said = clean(f"you sent {form(TOKEN)}, did you not", forms((TOKEN,)))

    assert said.startswith("you sent ")
    assert "***" in said
    assert not any(one in said for one in forms((TOKEN,)))


@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode], ids=["usual", "of URLs"])
@pytest.mark.parametrize("lead", LEADS, ids=[lead or "alone" for lead in LEADS])
def test_b35_a_secret_is_taken_out_of_base64_wherever_it_begins(
    lead: str, encode: Callable[[bytes], bytes]
) -> None:
    sent = encode(f"{lead}{TOKEN}".encode()).decode()

    said = clean(f"Basic {sent}", forms((TOKEN,)))

    assert "***" in said
    # What is left is too little to know more than a letter of it.
    assert len(said.removeprefix("Basic ").replace("***", "")) <= len(lead) * 4 // 3 + 8


def test_b35_texts_of_an_answer_hold_no_secret_and_nothing_that_a_database_refuses() -> None:
    spelled = "".join(f"\\u{ord(letter):04x}" for letter in TOKEN)
    body = f'{{"title": "{spelled}", "{spelled}": ["\\ud800 \\u0000 \\ud83d\\ude00"]}}'

    found = Answer(200, {}, body.encode(), forms((TOKEN,))).json()

    assert found == {"title": "***", "***": ["\ufffd \ufffd \U0001f600"]}


NO_JSON = {"NaN": b"[NaN]", "infinite": b"[1e999]", "deep": b"[" * 100_000, "digits": b"9" * 9_999}


@pytest.mark.parametrize("body", NO_JSON.values(), ids=NO_JSON)
def test_b48_what_is_no_json_is_said(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Answer(200, {}, body).json()


HOLDERS: dict[str, object] = {
    "a secret": Secret(TOKEN),
    "an answer": Answer(200, {}, b"", (TOKEN,)),
    "a webhook": Hook(None, TOKEN, TOKEN.encode()),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("holder", HOLDERS.values(), ids=HOLDERS)
def test_b36_nothing_that_holds_a_secret_prints_it(holder: object) -> None:
    assert TOKEN not in f"{holder!r}{holder}{holder:}"


def test_b36_a_secret_goes_into_no_queue_and_no_file() -> None:
    for write in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="is not written"):
            write(Secret(TOKEN))
