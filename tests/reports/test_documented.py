"""What docs/ and THREAT_MODEL.md say, held against the documents and tests that they are about."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from authzviz.cli import app
from authzviz.engine.assessment import Decision
from authzviz.engine.decide import Said
from authzviz.evidence.explain import explain
from authzviz.evidence.refusals import RefusedBy
from authzviz.kube.access_request import from_line
from authzviz.reports.can_json import can_json
from authzviz.reports.explain_json import explain_json
from authzviz.reports.ticket import DEFAULT_TEMPLATE, PLACEHOLDERS

ROOT = Path(__file__).parents[2]
REFUSAL = (
    'nodes "node1" is forbidden: User "system:node:node1" cannot patch resource "nodes/status" in'
    ' API group "" at the cluster scope'
)
REQUEST = {
    "user": "ann",
    "groups": ["dev"],
    "verb": "get",
    "group": "",
    "resource": "pods",
    "subresource": "log",
    "namespace": "team",
    "name": "web",
    "field_selector": "",
    "path": "",
}


def keys_of(value: object) -> Iterator[str]:
    """Every key of a document, however deep."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys_of(inner)


def section(page: str, heading: str) -> str:
    """The page's part below a heading."""
    text = (ROOT / "docs" / page).read_text()
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def documented(text: str) -> set[str]:
    """The keys in tables: the first column, and those that an object is said to have."""
    rows = "\n".join(line for line in text.splitlines() if line.startswith("|"))
    return set(re.findall(r"`([a-z_]+)`", rows))


ANSWER = json.loads(can_json(Said(Decision.ALLOW, "RBAC", because="a binding")))
DOCUMENTS: dict[str, tuple[str, str, object]] = {
    "explain": ("explain.md", "JSON", json.loads(explain_json(explain(REFUSAL)))),
    "a request": ("can.md", "A request", REQUEST),
    "its answer": ("can.md", "Answer", ANSWER),
}


@pytest.mark.parametrize(("page", "heading", "document"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_the_page_has_the_documents_keys_and_no_other(
    page: str, heading: str, document: object
) -> None:
    assert documented(section(page, heading)) == set(keys_of(document))


def test_the_documented_request_is_understood() -> None:
    identity, request = from_line(json.dumps(REQUEST).encode())

    assert (identity.user, request.name, request.subresource) == ("ann", "web", "log")


def test_every_cause_and_refuser_is_documented() -> None:
    source = (ROOT / "authzviz/evidence/causes.py").read_text()
    codes = set(re.findall(r'(?:Cause|_restriction)\(\s*"([a-z-]+)"', source))

    assert set(re.findall(r"`([a-z-]+)`", section("explain.md", "Causes"))) == codes
    assert [by for by in RefusedBy if f'"{by}"' not in section("explain.md", "JSON")] == []


def numbers(page: str) -> set[str]:
    """Those of the first column; "B9 to B13" are five."""
    found = set()
    for row in re.findall(r"^\| ([BF][0-9].*?) \|", page, re.MULTILINE):
        ends = re.fullmatch(r"B([0-9]+) to B([0-9]+)", row)
        some = range(int(ends[1]), int(ends[2]) + 1) if ends else ()
        found |= {f"B{number}" for number in some} or set(row.split(", "))
    return found


def test_every_number_of_the_threat_model_is_in_a_test_and_the_other_way_round() -> None:
    tests = " ".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    hostile = (ROOT / "tests/hostile.py").read_text()
    named = re.findall(r"def test_((?:[bf][0-9]+_)+)", tests)
    told = re.findall(r'^ +"([BF][0-9]+) ', tests + hostile, re.MULTILINE)
    listed = numbers((ROOT / "THREAT_MODEL.md").read_text())

    assert {*told, *(n.upper() for each in named for n in each.split("_") if n)} == listed


def test_every_option_of_every_command_is_in_the_documents() -> None:
    documents = "\n".join(path.read_text() for path in (ROOT / "docs").glob("*.md"))
    documents += (ROOT / "README.md").read_text()
    options = [
        option
        for command in app.commands.values()
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--")
    ]

    assert [option for option in options if not re.search(rf"{option}(?![a-z-])", documents)] == []


def test_every_placeholder_of_a_ticket_is_in_the_documents() -> None:
    page = (ROOT / "docs/tickets.md").read_text()
    listed = re.findall(r"`\$([a-z_]+)`", section("tickets.md", "Templates"))

    assert set(listed) == set(PLACEHOLDERS)
    assert DEFAULT_TEMPLATE.title in page
