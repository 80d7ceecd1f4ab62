"""Logs of a process of the daemon: what they are made of, and where they go.

Readable lines go to stderr, or JSON lines to stdout; and either to four rotating
files of this process's own (``files``), where there is a folder for them. Every
line passes ``redaction`` last, so no way around it leads to a sink.
"""

from __future__ import annotations

import logging
import sys
import threading
from typing import TYPE_CHECKING, TextIO

import structlog

from daemon.logs.files import Discreet, kept_files
from daemon.logs.redaction import Redactor
from daemon.logs.rendering import plain

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from types import TracebackType

    from structlog.typing import EventDict, Processor, WrappedLogger

_log = structlog.get_logger("senex.daemon")


class _Once(structlog.stdlib.ProcessorFormatter):
    """Makes each line once, however many sinks it goes to."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: str | None = getattr(record, "senex_line", None)
        if line is None:
            line = record.senex_line = super().format(record)
        return line


class _Stream(Discreet, logging.StreamHandler[TextIO]):
    """Lines to a stream."""


def configure(
    *,
    as_json: bool,
    process: str,
    folder: Path | None = None,
    megabytes: int | None = None,
    secrets: Iterable[str] = (),
    stream: bool = True,
) -> None:
    """Send this process's events, and those of its libraries, to its sinks.

    ``folder`` holds a folder per process with its files; None writes none. Each is closed
    at so many ``megabytes``, or at its own size.
    ``secrets`` are struck out of every line, whatever surrounds them. Without ``stream`` lines go to files only.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _name_process(process),
    ]
    last: Processor = structlog.processors.JSONRenderer() if as_json else plain
    formatter = _Once(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _without_nothing,
            Redactor(secrets),
            last,
        ],
    )
    handlers: list[logging.Handler] = [_Stream(sys.stdout if as_json else sys.stderr)] if stream else []
    if folder is not None:
        handlers += kept_files(folder, process, megabytes)
    for handler in handlers:
        handler.setFormatter(formatter)
    _take_over(handlers)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _take_over(handlers: list[logging.Handler]) -> None:
    """Let nothing be said but through ``handlers``, what nobody caught included."""
    root = logging.getLogger()
    for old in root.handlers:
        old.close()
    root.handlers = handlers
    root.setLevel(logging.WARNING)
    logging.getLogger("senex").setLevel(logging.INFO)
    logging.getLogger("daemon").setLevel(logging.INFO)
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


def _uncaught(kind: type[BaseException], problem: BaseException, trace: TracebackType | None) -> None:
    _log.error("ended by an error nobody caught", exc_info=(kind, problem, trace))


def _uncaught_in_thread(what: threading.ExceptHookArgs) -> None:
    if what.exc_value is not None:
        _uncaught(what.exc_type, what.exc_value, what.exc_traceback)


def _name_process(process: str) -> Processor:
    def add(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["process"] = process
        return event

    return add


def _without_nothing(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Ids that a run does not have are bound to None."""
    return {key: value for key, value in event.items() if value is not None}
