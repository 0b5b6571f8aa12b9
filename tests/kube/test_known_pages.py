"""What was decoded before is not decoded anew, and is never taken for something else."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from authzviz.kube.known_pages import KnownPages, parted
from authzviz.kube.lists import Kind, PageDecoder
from authzviz.kube.room import Room

Item = dict[str, str]
Decoder = PageDecoder[Item, Item]


class Decoded:
    """Counts what is converted: a page that is known converts nothing."""

    def __init__(self) -> None:
        self.items = 0

    def __call__(self, item: Item) -> Item:
        self.items += 1
        return item


@pytest.fixture
def decoded() -> Decoded:
    return Decoded()


@pytest.fixture
def decode(decoded: Decoded) -> Callable[[bytes], tuple[list[Item], str]]:
    kind: Kind[Item, Item] = Kind("ThingList", dict[str, str], decoded, is_lasting=True)
    asked: Any = SimpleNamespace(clean=str, room=Room())
    return lambda body: PageDecoder(kind, asked)(bytearray(body), 0, [])


def page(*names: str, version: str = "1", token: str = "", kind: str = "ThingList") -> bytes:
    metadata = {"resourceVersion": version, "continue": token}
    items = [{"name": name} for name in names]
    return json.dumps({"kind": kind, "metadata": metadata, "items": items}).encode()


def test_a_page_whose_items_are_the_same_is_decoded_once(decode: Any, decoded: Decoded) -> None:
    first = decode(page("a", "b", version="1", token="t1"))
    again = decode(page("a", "b", version="2", token="t2"))

    assert first == ([{"name": "a"}, {"name": "b"}], "t1")
    assert again == ([{"name": "a"}, {"name": "b"}], "t2")
    assert decoded.items == 2


def test_a_page_that_changed_is_decoded(decode: Any) -> None:
    decode(page("a", "b"))

    assert decode(page("a", "c"))[0] == [{"name": "a"}, {"name": "c"}]


def test_a_list_of_another_kind_is_no_known_page(decode: Any) -> None:
    decode(page("a"))

    with pytest.raises(Exception, match="OtherList instead of ThingList"):
        decode(page("a", kind="OtherList"))


LATE = {
    "kind": b',"kind":"ThingList"}',
    "metadata": b',"metadata":{"continue":"late"}}',
}


@pytest.mark.parametrize("tail", LATE.values(), ids=LATE)
def test_what_stands_behind_the_items_counts_as_it_did_the_first_time(
    decode: Any, decoded: Decoded, tail: bytes
) -> None:
    body = page("a").removesuffix(b"}") + tail
    first = decode(body)

    assert decode(body) == first
    assert first == msgspec_says(body)
    assert decoded.items == (1 if first[1] == "" else 2)


def msgspec_says(body: bytes) -> tuple[list[Item], str]:
    found = msgspec.json.decode(body)
    return found["items"], found["metadata"].get("continue", "")


def test_what_has_no_items_has_no_parts() -> None:
    assert parted(bytearray(b'{"kind":"Status"}')) is None


def test_the_least_used_go_when_there_are_too_many() -> None:
    known = KnownPages(max_bytes=100)
    known.put(("a",), "A", 40)
    known.put(("b",), "B", 40)
    known.get(("a",))
    known.put(("c",), "C", 40)
    known.put(("c",), "C", 50)

    assert [known.get((name,)) for name in "abc"] == [("A", 40), None, ("C", 50)]


def test_what_is_too_large_is_not_kept() -> None:
    known = KnownPages(max_bytes=100)
    known.put(("a",), "A", 101)

    assert known.get(("a",)) is None
