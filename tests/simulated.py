"""A simulator as the process an operator starts, for tests that need real sockets and real ends."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from senex.broker.session import BrokerAccess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Simulated:
    """A running simulator. Its market is paused unless a test sets its speed."""

    def __init__(self, state: Path, *options: str) -> None:
        self._state, self._options = state, options
        self._port = 0
        self.start()

    def start(self) -> None:
        """Start; again on the same port and books after ``kill``."""
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "senex.simulator", "--port", str(self._port)),
                *("--state", str(self._state), "--seed", "7", "--speed", "0", *self._options),
            ],
            stdout=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        assert self.process.stdout is not None
        self.ready: dict[str, Any] = json.loads(self.process.stdout.readline())
        self._port = int(urlsplit(self.ready["rest"]).port or 0)

    @property
    def account(self) -> str:
        """The first account's number."""
        return str(self.ready["account"])

    @property
    def access(self) -> BrokerAccess:
        """How to reach it."""
        return BrokerAccess(
            environment="simulated",
            client_secret=self.ready["client_secret"],
            refresh_token=self.ready["refresh_token"],
            rest_url=self.ready["rest"],
            alerts_url=self.ready["alerts"],
        )

    def clock(self, **body: object) -> dict[str, Any]:
        """Set ``speed``, or ``step`` ticks while paused."""
        return self._ask("POST", "/clock", body)

    def fault(self, **rule: object) -> None:
        """Add a fault rule, or do a fault that happens once."""
        self._ask("POST", "/faults", rule)

    def heal(self) -> None:
        """Forget all fault rules."""
        self._ask("DELETE", "/faults", None)

    def freeze(self) -> None:
        """Stop it where it is: sockets stay open and nothing answers."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self.process.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End it without a goodbye."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def _ask(self, method: str, path: str, body: object) -> dict[str, Any]:
        line = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            line.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
            answer = line.getresponse()
            text = answer.read()
        finally:
            line.close()
        assert answer.status == 200, text
        return dict(json.loads(text))


@contextmanager
def simulated(state: Path, *options: str) -> Iterator[Simulated]:
    """A simulator for the block."""
    one = Simulated(state, *options)
    try:
        yield one
    finally:
        one.kill()
