"""Tickets in the trackers that teams use: one port, one file per tracker, one registry."""
