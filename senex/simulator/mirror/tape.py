"""The file of a recorded day.

A sequence of gzip members, each a block of JSON lines with gzip's own
checksum. The first line says what this is. A block is written whole, so a
killed recorder leaves a file that is good up to its last block; what follows
is noticed and left out. Lines are ``["rows", tick, kind, rows]``,
``["page", tick, name, body]``, ``["gap", tick]`` and, at a clean end,
``["end", tick]``; a tick is 250 ms after the header's ``start``.
"""

from __future__ import annotations

import gzip
import zlib
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from senex.domain.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VERSION = 1
_MARK = "senex-day"
_BLOCK = 512 * 1024
_READ = 256 * 1024
_LONGEST = 64 * _BLOCK
"""No block of a recording is as long; what is would only fill the memory."""
_GZIP = 31
"""zlib's word for gzip members."""

Line = list[Any]


class TapeWriter:
    """Writes a day. What is not in a block yet is lost by a kill; ``flush`` makes a block of it."""

    def __init__(self, file: Path, *, start: datetime, **facts: object) -> None:
        try:
            self._file = file.open("xb")
        except OSError as problem:
            raise UsageProblem(
                "E_DAY_FILE", f"{file} cannot be written ({problem.strerror}); name another file."
            ) from None
        self._lines: list[bytes] = [orjson.dumps({_MARK: VERSION, "start": start.isoformat(), **facts})]
        self._size = 0
        self.written = 0
        self.flush()

    def add(self, *line: object) -> None:
        """Add a line; a full block goes to the file."""
        text = orjson.dumps(line)
        self._lines.append(text)
        self._size += len(text)
        if self._size >= _BLOCK:
            self.flush()

    def flush(self) -> None:
        """Make a block of what is there."""
        if self._lines:
            block = gzip.compress(b"\n".join(self._lines) + b"\n", compresslevel=6, mtime=0)
            self._file.write(block)
            self._file.flush()
            self.written += len(block)
            self._lines.clear()
            self._size = 0

    def close(self, tick: int) -> None:
        """End cleanly."""
        self.add("end", tick)
        self.flush()
        self._file.close()


class Tape:
    """Reads a day from its beginning, block by block."""

    def __init__(self, file: Path) -> None:
        """Open a day.

        Raises:
            UsageProblem: ``E_DAY_FILE``, ``E_DAY_FOREIGN``, ``E_DAY_VERSION``, ``E_DAY_CORRUPT``.
        """
        self._file = file
        self._lines = self._read()
        header = next(self._lines, None)
        if not isinstance(header, dict) or _MARK not in header:
            raise self._foreign()
        if header[_MARK] != VERSION:
            raise UsageProblem(
                "E_DAY_VERSION",
                f"{file} is a recording of version {header[_MARK]}; this senex reads version {VERSION}.",
            )
        self.facts: dict[str, Any] = header
        try:
            self.start = datetime.fromisoformat(header["start"])
        except (KeyError, TypeError, ValueError):
            raise self._foreign() from None
        self.complete = False
        """Whether the clean end has been read."""

    def lines(self) -> Iterator[Line]:
        """The lines, in order. Raises UsageProblem ``E_DAY_CORRUPT``."""
        for line in self._lines:
            if not isinstance(line, list) or len(line) < 2:
                raise self._corrupt("a line is none of a recording")
            self.complete = line[0] == "end"
            yield line

    def _read(self) -> Iterator[Any]:
        try:
            stream = self._file.open("rb")
        except OSError as problem:
            raise UsageProblem(
                "E_DAY_FILE", f"{self._file} cannot be read ({problem.strerror}); name a recording."
            ) from None
        with stream:
            member, text, begun = zlib.decompressobj(_GZIP), bytearray(), False
            while data := stream.read(_READ):
                while data:
                    try:
                        text += member.decompress(data, _LONGEST)
                    except zlib.error as problem:
                        raise (self._corrupt(problem) if begun else self._foreign()) from None
                    if len(text) >= _LONGEST:
                        raise self._foreign()
                    data = member.unused_data
                    if member.eof:
                        begun = True
                        yield from self._parsed(bytes(text))
                        member, text = zlib.decompressobj(_GZIP), bytearray()
            if not begun:
                raise self._foreign()

    def _parsed(self, block: bytes) -> Iterator[Any]:
        try:
            parsed = [orjson.loads(line) for line in block.splitlines()]
        except orjson.JSONDecodeError as problem:
            raise self._corrupt(problem) from None
        yield from parsed

    def _foreign(self) -> UsageProblem:
        return UsageProblem("E_DAY_FOREIGN", f"{self._file} is no recording of a day; name one.")

    def _corrupt(self, problem: object) -> UsageProblem:
        return UsageProblem(
            "E_DAY_CORRUPT", f"{self._file} is damaged ({problem}); use another copy of the recording."
        )
