"""U+0000 in names, which PostgreSQL's texts can't hold."""

from __future__ import annotations

import pytest
from psycopg.types.json import Jsonb

from dashboard import nul
from dashboard.models import AuditEvent, Cluster
from dashboard.services import audit, clusters

CASES: dict[str, tuple[object, object]] = {
    "plain": ("node", "node"),
    "text": ("no\0de", "no\N{REPLACEMENT CHARACTER}de"),
    "parameters": (("a\0", 1, None), ("a\N{REPLACEMENT CHARACTER}", 1, None)),
    "many": ([("a\0",), ("b",)], [("a\N{REPLACEMENT CHARACTER}",), ("b",)]),
    "bytes stay": (b"a\0", b"a\0"),
    "nothing": (None, None),
}


@pytest.mark.parametrize(("given", "kept"), CASES.values(), ids=CASES)
def test_it_is_replaced(given: object, kept: object) -> None:
    assert nul.without(given) == kept


def test_it_is_replaced_within_json() -> None:
    kept = nul.without(Jsonb({"a\0": ["\0", {"b": 1}]}))

    assert isinstance(kept, Jsonb)
    assert kept.obj == {"a\N{REPLACEMENT CHARACTER}": ["\N{REPLACEMENT CHARACTER}", {"b": 1}]}


@pytest.mark.django_db
def test_a_name_with_it_can_be_stored_and_found() -> None:
    made = clusters.new_cluster("eu\0west", interval_seconds=60, actor=None)
    made.save()
    audit.record("cluster added", actor=None, cluster=made, server="https://a\0b")

    assert Cluster.objects.get(name="eu\0west").pk == made.pk
    assert AuditEvent.objects.filter(detail__server="https://a\0b").count() == 1
