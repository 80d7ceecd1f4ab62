"""Watchlists: the operator's own, kept with the state, and the public ones, which follow the market."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from senex.simulator.market.coins import COINS
from senex.simulator.market.futures import FUTURE_PRODUCTS, active_contracts
from senex.simulator.market.kinds import Kind
from senex.simulator.market.profiles import PROFILES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from senex.simulator.books.journal import Journal
    from senex.simulator.exchange import Exchange
    from senex.simulator.wire import Json

_SETTING = "watchlists"
_SOON = timedelta(days=14)
_PAIRS = {
    "Indices": (("QQQ", 1, "SPY", 1), ("IWM", 3, "SPY", 1)),
    "Stocks": (("GOOGL", 3, "META", 1), ("V", 3, "JPM", 4), ("AMD", 1, "NVDA", 1), ("AAPL", 2, "MSFT", 1)),
}
"""Left and right sides: bought one, sold the other."""


class Watchlists:
    """The operator's watchlists by name, in the order they were made. Changes are durable at once."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._known: dict[str, Json] = json.loads(journal.setting(_SETTING) or "{}")

    def __iter__(self) -> Iterator[Json]:
        return iter(self._known.values())

    def get(self, name: str) -> Json | None:
        """One list."""
        return self._known.get(name)

    def put(self, content: Json, *, instead_of: str | None = None) -> None:
        """Keep a list, in place of another where it has a new name."""
        name = str(content["name"])
        old = instead_of or name
        self._known.setdefault(old, content)
        self._known = {
            name if key == old else key: content if key == old else value
            for key, value in self._known.items()
        }
        self._save()

    def remove(self, name: str) -> None:
        """Forget a list."""
        del self._known[name]
        self._save()

    def _save(self) -> None:
        self._journal.set(**{_SETTING: json.dumps(self._known)})


def public(exchange: Exchange) -> list[Json]:
    """The public lists, by name."""
    day = exchange.day()
    soon = day + _SOON
    actives = [one for code in FUTURE_PRODUCTS for one in active_contracts(code, day)[:1]]
    known = PROFILES.values()
    lists = {
        "Crypto": [_entry(symbol, "Cryptocurrency") for symbol in COINS],
        "Dividends: Upcoming": _equities(
            one.symbol for one in known if any(day <= coming <= soon for coming in one.ex_dates)
        ),
        "Earnings: Upcoming": _equities(
            one.symbol for one in known if any(day <= coming <= soon for coming in one.earnings_days)
        ),
        "Futures: Active": [_entry(one.symbol, "Future") for one in actives],
        "Liquid ETFs": _equities(one.symbol for one in known if one.kind is Kind.ETF),
        "Liquid Stocks": _equities(one.symbol for one in known if one.kind is Kind.STOCK),
        "Market Indices": [_entry(one.symbol, "Index") for one in known if one.kind is Kind.INDEX],
    }
    return [
        {"name": name, "watchlist-entries": entries, "group-name": "Market", "order-index": place}
        for place, (name, entries) in enumerate(lists.items())
    ]


def pairs() -> list[Json]:
    """Pairs of what the market lists."""
    return [
        {
            "name": name,
            "order-index": place,
            "pairs-equations": [
                _pair(*pair) for pair in pairs if pair[0] in PROFILES and pair[2] in PROFILES
            ],
        }
        for place, (name, pairs) in enumerate(_PAIRS.items())
    ]


def _pair(left: str, left_quantity: int, right: str, right_quantity: int) -> Json:
    return {
        "left-action": "Buy to Open",
        "left-symbol": left,
        "left-quantity": left_quantity,
        "right-action": "Sell to Open",
        "right-symbol": right,
        "right-quantity": right_quantity,
    }


def _equities(symbols: Iterable[str]) -> list[Json]:
    return [_entry(symbol, "Equity") for symbol in symbols]


def _entry(symbol: str, kind: str) -> Json:
    return {"symbol": symbol, "instrument-type": kind}
