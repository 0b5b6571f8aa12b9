"""Templates without their indentation: pages weigh half as much, and say the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings
from django.template import Context, Engine, TemplateDoesNotExist
from django.test import Client

TEMPLATES = Path(settings.BASE_DIR) / "templates"


def test_indentation_goes_and_words_stay_apart(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<p>\n    one\n\n    <b>two</b>\n</p>\n")
    engine = Engine(dirs=[str(tmp_path)], loaders=["dashboard.template_loader.Loader"])

    assert engine.get_template("page.html").render(Context()) == "<p>\none\n<b>two</b>\n</p>\n"
    with pytest.raises(TemplateDoesNotExist):
        engine.get_template("none.html")


def test_no_template_keeps_lines_as_they_are_written() -> None:
    for path in TEMPLATES.rglob("*.html"):
        text = path.read_text()
        for tag in ("pre", "textarea"):
            for part in text.split(f"<{tag}")[1:]:
                assert "\n" not in part.partition(">")[2].partition(f"</{tag}>")[0], path


def test_pages_are_not_indented(client: Client) -> None:
    assert b"\n  " not in client.get("/account/login/").content
