"""Cryptocurrencies: what is listed. Facts only, no prices."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Coin:
    """One currency against the dollar. ``tick`` is in dollars, ``digits`` the places of a quantity."""

    symbol: str
    description: str
    tick: Decimal
    digits: int = 8

    @property
    def code(self) -> str:
        """The currency, such as BTC."""
        return self.symbol.partition("/")[0]

    @property
    def streamer(self) -> str:
        """As in the stream."""
        return f"{self.symbol}:CXTALP"


COINS = {
    coin.symbol: coin
    for coin in (
        Coin("BTC/USD", "Bitcoin", Decimal("0.01")),
        Coin("ETH/USD", "Ethereum", Decimal("0.01")),
        Coin("BCH/USD", "Bitcoin Cash", Decimal("0.01")),
        Coin("LTC/USD", "Litecoin", Decimal("0.01")),
        Coin("SOL/USD", "Solana", Decimal("0.01")),
    )
}
