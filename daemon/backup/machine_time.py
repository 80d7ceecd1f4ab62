"""The machine's own date and time: backups are labelled and kept by it, whatever time a market has."""

from __future__ import annotations

from datetime import UTC, datetime


def wall() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)  # noqa: TID251  machine time with a date, which the monotonic clock has not
