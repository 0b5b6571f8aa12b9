"""A ticket's text on a page."""

from __future__ import annotations

import re

import pytest
from django.template.loader import render_to_string

from dashboard.shown.document import blocks_of

SHOWN = {
    "paragraph": ("a **b**, *c* `d`", "<p>a <strong>b</strong>, <em>c</em> <code>d</code></p>"),
    "line end": ("a\nb", "<p>a<br>b</p>"),
    "headings": ("# a\n\n## b", "<h3>a</h3><h4>b</h4>"),
    "nested lists": (
        "1. a\n   - b\n2. d",
        '<ol start="1"><li><p>a</p><ul><li><p>b</p></li></ul></li><li><p>d</p></li></ol>',
    ),
    "link": (
        "[a](https://b.example/?c&d)",
        '<p><a href="https://b.example/?c&amp;d" rel="noreferrer">a</a></p>',
    ),
    "link without words": (
        "[](https://b.example/)",
        '<p><a href="https://b.example/" rel="noreferrer">https://b.example/</a></p>',
    ),
    "quote": ("> a", "<blockquote><p>a</p></blockquote>"),
    "rule": ("***", "<hr>"),
    "html": ("<img src=x onerror=y>", "<p>&lt;img src=x onerror=y&gt;</p>"),
    "html in code": ("`<b>`", "<p><code>&lt;b&gt;</code></p>"),
    "script as a link": ("[a](javascript:b)", "<p>[a](javascript:b)</p>"),
    "what hides": ("a\u202eb", "<p>a⟨U+202E⟩b</p>"),
}


@pytest.mark.parametrize(("text", "html"), SHOWN.values(), ids=SHOWN)
def test_a_text_is_shown_as_what_it_says(text: str, html: str) -> None:
    assert shown(text) == html


def test_items_to_tick_off_say_so_in_words() -> None:
    html = shown("- [x] a\n- [ ] b")

    assert html.count('<li class="to-tick">') == 2
    assert ">done:</span><p>a</p>" in html
    assert ">to do:</span><p>b</p>" in html


def test_a_table_and_a_block_of_code_are_shown() -> None:
    html = shown("|a|b|\n|-|-|\n|`c`|d|\n\n```sh\nls -l\n```")

    assert '<th scope="col">a</th>' in html
    assert "<td><code>c</code></td><td>d</td>" in html
    assert "<span>ls</span> <span>-l</span>" in html


def shown(text: str) -> str:
    html = render_to_string("includes/document.html", {"blocks": blocks_of(text)})
    return re.sub(r"\s*\n\s*", "", html).strip()
