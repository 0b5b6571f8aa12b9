"""Real trackers, run by the tests."""
