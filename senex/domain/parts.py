"""What senex is made of, by the names its health is asked by."""

from __future__ import annotations

PROCESSES = ("worker", "scheduler", "relay", "streamer")
SERVICES = ("postgres", "redis", *PROCESSES, "token", "jobs", "clock", "disk")

FRESH = 5.0
"""Seconds without a heartbeat after which a process counts as gone; it beats every second."""
