"""Findings as text and JSON: what was read and judged, for people in a shell and for CI. Pure."""
