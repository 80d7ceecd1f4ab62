"""A readable line per event."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from structlog.typing import EventDict, WrappedLogger

_PLACED = ("timestamp", "level", "process", "event", "exception", "logger")


def plain(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """One line, and a traceback below it where there is one. No text of others can begin a line."""
    pairs = "".join(f" {key}={_one_line(value)}" for key, value in event.items() if key not in _PLACED)
    trace = "".join(f"\n    {line}" for line in str(event.get("exception", "")).splitlines())
    return f"{event['timestamp']} {event['level']:<7} {event['process']}: {_one_line(event['event'])}{pairs}{trace}"


def _one_line(value: object) -> str:
    text = str(value)
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
