"""Quote alerts: an operator's "tell me when QQQ is above 620", told once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from senex.simulator import wire
from senex.simulator.market.listing import contract

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from senex.simulator.exchange import Exchange

_OPERATORS = (">", "<")
_GOOD_FOR = timedelta(days=30)
_MOST = 1_000


@dataclass(frozen=True, slots=True)
class QuoteAlert:
    """A condition on a symbol's mid, in dollars."""

    number: int
    symbol: str
    operator: str
    threshold: Decimal
    created_at: datetime

    def met(self, mid: Decimal) -> bool:
        """Whether the mid is beyond the threshold."""
        return mid > self.threshold if self.operator == ">" else mid < self.threshold


class QuoteAlerts:
    """The conditions that have not come true yet."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._waiting: list[QuoteAlert] = []
        self._count = 0

    def add(self, symbol: str, operator: str, threshold: str) -> None:
        """Wait for a condition.

        Raises:
            ValueError: an unknown symbol or operator, no number, or too many conditions.
        """
        if operator not in _OPERATORS:
            raise ValueError(f"{operator!r} is not one of {' '.join(_OPERATORS)}")
        level = wire.number(threshold)
        if self._exchange.board.quote(symbol) is None:
            raise ValueError(f"{symbol!r} is not quoted")
        if len(self._waiting) >= _MOST:
            raise ValueError(f"At most {_MOST} quote alerts wait at a time")
        self._count += 1
        self._waiting.append(QuoteAlert(self._count, symbol, operator, level, self._exchange.now()))

    def triggered(self) -> list[wire.Json]:
        """The conditions that came true; they wait no longer."""
        told = []
        for alert in list(self._waiting):
            mid = self._exchange.board.mark(alert.symbol)
            if mid is not None and alert.met(mid):
                self._waiting.remove(alert)
                told.append(self._json(alert))
        return told

    def _json(self, alert: QuoteAlert) -> wire.Json:
        now, known = wire.stamp(self._exchange.now()), contract(alert.symbol)
        return {
            "user-external-id": "U0000000001",
            "symbol": alert.symbol,
            "alert-external-id": f"QA{alert.number:08d}",
            "expires-at": int((alert.created_at + _GOOD_FOR).timestamp() * 1000),
            "completed-at": now,
            "created-at": wire.stamp(alert.created_at),
            "triggered-at": now,
            "field": "Last",
            "operator": alert.operator,
            "threshold": wire.plain(alert.threshold),
            "threshold-numeric": wire.plain(alert.threshold),
            "dx-symbol": alert.symbol if known is None else known.streamer,
        }
