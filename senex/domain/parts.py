"""What senex is made of, by the names its health is asked by."""

from __future__ import annotations

PROCESSES = ("worker", "scheduler", "relay", "streamer")
SERVICES = ("postgres", "redis", *PROCESSES, "token", "jobs", "clock", "disk")
