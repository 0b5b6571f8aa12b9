"""Fixtures for every room of the tests."""

pytest_plugins = ("tests.lab.plugin",)
