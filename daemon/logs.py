"""Logs go to stderr: one line per event, readable or JSON; secrets never."""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

_SECRET_KEY = re.compile(r"secret|password|passphrase|token|authorization|encryption", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(://[^:/@\s]*:)[^@/\s]+@")
_MASK = "***"


def configure(*, as_json: bool, process: str) -> None:
    """Send this process's events, and those of its libraries, to stderr."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _name_process(process),
        redact,
    ]
    last: Processor = structlog.processors.JSONRenderer() if as_json else _plain
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("senex").setLevel(logging.INFO)
    logging.getLogger("daemon").setLevel(logging.INFO)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask values under secret names, and passwords inside URLs."""
    return {
        key: _MASK
        if _SECRET_KEY.search(key)
        else _URL_PASSWORD.sub(rf"\1{_MASK}@", value)
        if isinstance(value, str)
        else value
        for key, value in event.items()
    }


def _name_process(process: str) -> Processor:
    def add(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["process"] = process
        return event

    return add


def _plain(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    rest = {key: value for key, value in event.items() if key not in _PLACED}
    pairs = "".join(f" {key}={value}" for key, value in rest.items())
    trace = f"\n{event['exception']}" if "exception" in event else ""
    return f"{event['timestamp']} {event['level']:<7} {event['process']}: {event['event']}{pairs}{trace}"


_PLACED = ("timestamp", "level", "process", "event", "exception", "logger")
