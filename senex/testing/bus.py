"""Quotes and hints in memory: the ``Quotes`` and ``Publisher`` ports."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from senex.domain.quotes import Market


class MemoryQuotes:
    """The ``Quotes`` port: whatever market the test set."""

    def __init__(self, market: Market) -> None:
        self.market = market

    async def snapshot(self, symbols: Collection[str]) -> Market:
        return self.market

    async def wanted(self, symbols: Collection[str], *, timeout: float) -> Market:
        return self.market


class MemoryPublisher:
    """The ``Publisher`` port: remembers hints."""

    def __init__(self) -> None:
        self.hints: list[tuple[str, str, str]] = []

    async def changed(self, kind: str, account_id: str, object_id: str) -> None:
        self.hints.append((kind, account_id, object_id))
