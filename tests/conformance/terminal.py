"""A program in a terminal of its own, answered as a person would."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
from time import monotonic

PATIENCE = 60.0
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


class Terminal:
    """Runs a command; what it prints has no colours or control sequences in it."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._screen, inner = pty.openpty()
        self._process = subprocess.Popen(
            command, env=environment, stdin=inner, stdout=inner, stderr=inner, start_new_session=True
        )
        os.close(inner)
        self._raw = b""
        self._seen = 0

    @property
    def printed(self) -> str:
        """What the screen shows."""
        return _CONTROL.sub("", self._raw.decode(errors="replace"))

    def answer(self, prompt: str, line: str) -> None:
        """Wait for a prompt, then type a line."""
        end = monotonic() + PATIENCE
        while prompt not in self.printed[self._seen :]:
            if not self._read(end - monotonic()):
                raise AssertionError(f"No prompt {prompt!r} in:\n{self.printed}")
        self._seen = self.printed.index(prompt, self._seen) + len(prompt)
        os.write(self._screen, f"{line}\n".encode())

    def finish(self) -> str:
        """Wait for its end; gives everything it printed."""
        end = monotonic() + PATIENCE
        while self._read(end - monotonic()):
            pass
        os.close(self._screen)
        code = self._process.wait(timeout=max(1.0, end - monotonic()))
        if code:
            raise AssertionError(f"Ended with {code}:\n{self.printed}")
        return self.printed

    def _read(self, seconds: float) -> bool:
        """Take what is printed next; False at the end and when nothing comes in time."""
        if not select.select([self._screen], [], [], max(0.0, seconds))[0]:
            return False
        try:
            raw = os.read(self._screen, 65536)
        except OSError:  # the program has ended: its side of the terminal is closed
            return False
        self._raw += raw
        return bool(raw)
