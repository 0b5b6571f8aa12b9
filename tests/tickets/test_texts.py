"""Titles and bodies as they go out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from authzviz.tickets.texts import CUT_SHORT, body_of, link_of, title_of

MARKER_LINE = "`authzviz-0123456789ab`"


@given(st.text(), st.integers(5, 80))
def test_a_title_is_one_printable_line_within_its_length(text: str, most: int) -> None:
    title = title_of(text, most)

    assert len(title) <= most
    assert title == " ".join(title.split())
    assert title.isprintable() or not title.isascii()
    assert "\u202e" not in title
    title.encode()


@given(st.text(max_size=3000), st.integers(500, 900))
def test_a_body_is_within_its_length_and_can_be_sent(text: str, most: int) -> None:
    body = body_of(text, most)

    assert len(body) <= most
    assert not {*body} & {"\x00", "\r", "\x1b", "\u2028"}
    assert (CUT_SHORT in body) or len(text) <= most + text.count("\r\n")
    body.encode()


def test_a_body_that_fits_is_left_as_it_is() -> None:
    text = f"# Title\n\n\ttab, ünïcode, 🙂\n\n{MARKER_LINE}"
    assert body_of(text, 100) == text


def test_a_long_body_is_cut_at_a_line_says_so_and_keeps_its_marker() -> None:
    lines = [f"- node-{number:04} has `system:nodes`" for number in range(500)]
    body = body_of("\n".join([*lines, "", MARKER_LINE]), 2000)

    assert len(body) <= 2000
    kept, said = body.split(CUT_SHORT)
    assert {*kept.strip().split("\n")} <= {*lines}
    assert said.strip() == MARKER_LINE


FENCES = {
    "backticks": "```yaml",
    "more backticks": "`````",
    "tildes": "~~~",
    "indented": "   ```",
}


@pytest.mark.parametrize("fence", FENCES.values(), ids=FENCES)
def test_a_fence_that_is_cut_is_closed(fence: str) -> None:
    inner = ["``` not its end x", "@everyone", "/close"] * 300
    body = body_of("\n".join(["text", fence, *inner, MARKER_LINE]), 3000)

    tokens = MarkdownIt("commonmark").parse(body)
    assert len(body) <= 3000
    assert [token.type for token in tokens].count("fence") == 1
    assert any(token.type == "inline" and MARKER_LINE in token.content for token in tokens)
    assert any(token.type == "inline" and CUT_SHORT in token.content for token in tokens)


def test_a_line_that_is_too_long_for_itself_is_left_out() -> None:
    body = body_of("`" + "x" * 10_000 + f" @everyone`\n{MARKER_LINE}", 1000)

    assert "x" not in body.replace(CUT_SHORT, "").replace(MARKER_LINE, "")
    assert MARKER_LINE in body


LINKS = {
    "https://host.example/a/1": True,
    "http://host.example:3000/a/1": True,
    "javascript:alert(1)": False,
    "//host.example": False,
    "https://host.example/\nx": False,
    "https://host.example/ x": False,
    "https://" + "h" * 2000: False,
    "": False,
}


@pytest.mark.parametrize(("url", "is_link"), LINKS.items(), ids=[url[:30] for url in LINKS])
def test_only_what_a_page_can_link_to_is_a_link(url: str, is_link: bool) -> None:
    assert link_of(url) == (url if is_link else "")
