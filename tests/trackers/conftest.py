"""Which of the contract's tests a real tracker is held to."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of the contract that runs over every kind, only Redmine's part is for the real Redmine."""
    others = [
        one for one in items if one.path.name == "test_redmine_contract.py" and _is_other(one)
    ]
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = [one for one in items if one not in others]


def _is_other(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    return callspec is None or callspec.params.get("kind") != "redmine"
