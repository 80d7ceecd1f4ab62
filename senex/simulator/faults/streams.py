"""Faults of the two streams: frozen, spoilt, duplicated, lost, late."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from senex.simulator import wire

if TYPE_CHECKING:
    from senex.simulator.faults.catalogue import Rule
    from senex.simulator.faults.rules import Rules

_TOO_LONG = 70_000
_SPOIL = (
    "oversize",
    "invalid-json",
    "misaligned",
    "empty-data",
    "error",
    "second-authorized",
    "channel-closed",
)
_ALERT = ("duplicate", "missing", "late", "reorder", "invalid", "oversize", "invalid-json")


class StreamFaults:
    """What happens to one kind of stream, for all its connections."""

    def __init__(self, name: str, rules: Rules) -> None:
        self._name = name
        self._rules = rules
        self._gate = asyncio.Event()
        self._gate.set()
        self._thawing: asyncio.TimerHandle | None = None

    @property
    def frozen(self) -> bool:
        """Whether nothing is sent now."""
        return not self._gate.is_set()

    async def open_gate(self) -> None:
        """Return once something may be sent."""
        if not self._gate.is_set():
            await self._gate.wait()

    def freeze(self, seconds: float | None) -> None:
        """Send nothing for so many machine seconds, or until thawed."""
        self.thaw()
        self._gate.clear()
        if seconds is not None:
            self._thawing = asyncio.get_running_loop().call_later(seconds, self.thaw)

    def thaw(self) -> None:
        """Send again."""
        if self._thawing is not None:
            self._thawing.cancel()
            self._thawing = None
        self._gate.set()

    def spoil(self, kind: str, frame: bytes) -> list[bytes]:
        """The frames to send in place of one FEED_DATA frame."""
        rule = self._take(kind, _SPOIL)
        return [frame] if rule is None else _spoilt(rule, frame)

    def alert(self, kind: str) -> Rule | None:
        """What happens to an alert of a type; None sends it as it is."""
        return self._take(kind, _ALERT)

    def _take(self, kind: str, modes: tuple[str, ...]) -> Rule | None:
        if not self._rules.all:
            return None
        return self._rules.take((self._name,), modes, lambda rule: rule.type in (None, kind))


def padded(frame: bytes) -> bytes:
    """A frame that means the same and is too long."""
    return frame + b" " * _TOO_LONG


def broken(frame: bytes) -> bytes:
    """A frame that breaks off."""
    return frame[: len(frame) // 2]


def _spoilt(rule: Rule, frame: bytes) -> list[bytes]:
    channel = frame.split(b'"channel":', 1)[1].split(b",", 1)[0]
    if rule.mode == "oversize":
        return [padded(frame)]
    if rule.mode == "invalid-json":
        return [broken(frame)]
    if rule.mode == "misaligned":
        return [frame.rsplit(b",", 1)[0] + b"]]}"]
    if rule.mode == "empty-data":
        return [b'{"type":"FEED_DATA","channel":%s,"data":[]}' % channel]
    if rule.mode == "error":
        text = rule.text or "Something went wrong"
        return [wire.dumps({"type": "ERROR", "channel": 0, "error": "UNKNOWN", "message": text})]
    if rule.mode == "second-authorized":
        return [wire.dumps({"type": "AUTH_STATE", "channel": 0, "state": "AUTHORIZED"}), frame]
    return [b'{"type":"CHANNEL_CLOSED","channel":%s}' % channel]
