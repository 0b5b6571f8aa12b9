"""Fixtures for every room of the tests."""

from hypothesis import settings

pytest_plugins = ("tests.lab.plugin", "tests.soak", "tests.trackers.plugin")

# No test asserts on time: on a loaded machine a single example may take any of it.
settings.register_profile("authzviz", deadline=None)
settings.load_profile("authzviz")
