"""Plays as YAML: no name from a cluster is a template or a tag, and ansible-lint is content."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from authzviz.kube.manifests import Dumper
from authzviz.reports.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Play = dict[str, Any]
Task = dict[str, Any]
_WIDTH = 100
_MOST_COLUMNS = 160
# A text that begins with the last one may say what begins a template from there on.
# Source: docs.ansible.com, module ansible.builtin.template, "#jinja2:".
_TEMPLATE = re.compile(r"\{[{%#]|\A#jinja2:")


class Plain(str):
    """Text from a cluster: never a template, whatever it holds."""

    __slots__ = ()


class Noted(dict[str, Any]):
    """A task with a line above it that says what it is for, in words from a cluster."""

    def __init__(self, note: str, task: Task) -> None:
        super().__init__(task)
        self.note = note


class _Dumper(yaml.SafeDumper):
    """Sequences are indented inside of mappings, and texts of several lines stand as they are."""

    yaml_implicit_resolvers = Dumper.yaml_implicit_resolvers

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, _style(text))


def _plain(dumper: yaml.SafeDumper, text: Plain) -> yaml.ScalarNode:
    """As a template that gives the text back: ansible-lint looks into what is !unsafe, too."""
    return _text(dumper, _TEMPLATE.sub(r"{{ '\g<0>' }}", text))


def _style(text: str) -> str | None:
    return "|" if "\n" in text else None


_Dumper.add_representer(str, _text)
_Dumper.add_representer(Plain, _plain)
_Dumper.add_representer(Noted, lambda dumper, task: dumper.represent_dict(task))


def play_file(head: Iterable[str], plays: Iterable[Play]) -> str:
    """The plays as one file, below the sentences of its head as a comment."""
    body = "\n".join(_lines(plays))
    comment = "".join(f"# {printable(line)}".rstrip() + "\n" for line in head)
    is_wide = any(len(line) > _MOST_COLUMNS for line in f"{comment}{body}".splitlines())
    rule = "# yamllint disable rule:line-length\n" if is_wide else ""
    return f"---\n{comment}{rule}{body}\n"


def _lines(plays: Iterable[Play]) -> Iterator[str]:
    """An empty line before each play, list of tasks and task."""
    for number, play in enumerate(plays):
        if number:
            yield ""
        lists = {key: value for key, value in play.items() if key in ("tasks", "handlers")}
        yield from _dumped([{k: v for k, v in play.items() if k not in lists}], "")
        for key, tasks in lists.items():
            yield f"\n  {key}:"
            for at, task in enumerate(tasks):
                if at:
                    yield ""
                if isinstance(task, Noted):
                    yield f"    # {printable(task.note)}"
                yield from _dumped([task], "    ")


def _dumped(value: object, indent: str) -> Iterator[str]:
    text = yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=_WIDTH - len(indent))
    for line in text.rstrip("\n").split("\n"):
        yield f"{indent}{line}" if line else ""
