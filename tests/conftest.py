"""Fixtures for every room of the tests."""

import pytest
from hypothesis import settings

pytest_plugins = ("tests.lab.plugin", "tests.soak", "tests.trackers.plugin")

# No test asserts on time: on a loaded machine a single example may take any of it.
settings.register_profile("authzviz", deadline=None)
settings.load_profile("authzviz")

# The files that take longest, by the beginning of their name, longest first.
_LONG = (
    "tests/dashboard/test_both_databases",
    "tests/browser/",
    "tests/supervisor/",
    "tests/lab/",
    "tests/engine/test_live_",
    "tests/dashboard/",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where processes share the tests, begin with what takes long: they end at the same time."""
    if hasattr(config, "workerinput"):
        items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    """The rest of the order stays random."""
    begins = (place for place, name in enumerate(_LONG) if item.nodeid.startswith(name))
    return next(begins, len(_LONG))
