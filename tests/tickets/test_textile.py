"""Textile as Redmine reads it: what is shown is what was meant, and nothing more is done."""

from __future__ import annotations

import pytest

from authzviz.tickets.markup_textile import textile

SHOWN = {
    "a paragraph with what stands out": ("a **b** *c*", "a *b* _c_"),
    "code": ("see `kube-system` now", "see <code>kube-system</code> now"),
    "a heading": ("## What to do", "h4. What to do"),
    "items": ("- one\n- two\n  - three\n", "* one\n* two\n** three"),
    "numbers": ("1. one\n2. two", "# one\n# two"),
    "items to tick off": ("- [ ] a\n- [x] b", "* &#91; &#93; a\n* &#91;x&#93; b"),
    "lines of code": ("```yaml\na: *b\n```", "<pre>\na: *b\n</pre>"),
    "a link": ("[page](https://h/a_b)", '"page":https://h/a_b'),
    "an address": ("https://h/a_b-c", "https://h/a_b-c"),
    "a quote": ("> a\n>\n> b", "> a\n>\n> b"),
    "a table": ("|a|b|\n|-|-|\n|`c`|d|", "|_. a |_. b |\n| <code>c</code> | d |"),
    "a rule": ("a\n\n---\n\nb", "a\n\n---\n\nb"),
    "the end of a line": ("a\nb", "a\nb"),
    "a subject of Kubernetes": ("system:node: x", "system:node: x"),
    "words with hyphens": ("kube-system stays-so", "kube-system stays-so"),
}
INERT = {
    "an issue": ("see #12", "see &#35;12"),
    "a mention": ("\\@robin", "&#64;robin"),
    "a user": ("user:robin", "&#117;ser:robin"),
    "a commit": ("commit:c6f4d0fd", "&#99;ommit:c6f4d0fd"),
    "a revision": ("in r758", "in &#114;758"),
    "a macro": ("\\{\\{toc\\}\\}", "&#123;&#123;toc&#125;&#125;"),
    "a page of the wiki": ("\\[\\[Home\\]\\]", "&#91;&#91;Home&#93;&#93;"),
    "a picture": ("!https://h/x.png!", "&#33;https://h/x.png!"),
    "HTML": ("<b>x</b>", "&#60;b&#62;x&#60;/b&#62;"),
    "a heading of theirs": ("h1. x", "&#104;1. x"),
    "a quote of theirs": ("bq. x", "&#98;q. x"),
    "what stands out in theirs": ("a \\*b\\* \\_c\\_ +d+ %e%", None),
    "what is struck out": ("a -b- c", "a &#45;b&#45; c"),
    "the end of code in code": ("`a</code>*b*`", "a&#60;/code&#62;&#42;b&#42;"),
    "the end of lines of code": ("```\n</pre>*b*\n```", "<pre>\n< /pre>*b*\n</pre>"),
}


@pytest.mark.parametrize(("text", "expected"), SHOWN.values(), ids=SHOWN)
def test_it_is_shown_as_meant(text: str, expected: str) -> None:
    assert textile(text) == f"{expected}\n"


@pytest.mark.parametrize(("text", "expected"), INERT.values(), ids=INERT)
def test_b44_it_does_nothing(text: str, expected: str | None) -> None:
    found = textile(text)

    if expected is None:
        assert not {*"*_+%"} & {*found}
    else:
        assert found == f"{expected}\n"
