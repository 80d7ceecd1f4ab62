"""Faulty quotes: what clients see on the stream and over REST. Matching and marks keep the true ones."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from senex.simulator import wire
from senex.simulator.columns import NAN
from senex.simulator.faults.catalogue import ANY

if TYPE_CHECKING:
    from datetime import datetime

    from senex.simulator.faults.catalogue import Rule
    from senex.simulator.faults.rules import Rules
    from senex.simulator.market.quotes import Quote


class Shown(NamedTuple):
    """A quote as it is shown: prices in dollars, or NaN."""

    bid: float | str
    ask: float | str
    bid_size: float
    ask_size: float
    sequence: int
    changed: datetime


class QuoteFaults:
    """Changes how quotes look while a rule asks for it."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._active: list[Rule] = []
        self._stale: dict[str, Quote] = {}

    def refresh(self) -> bool:
        """Look which rules are in force now; whether that changed."""
        before, now = self._active, self._rules.now()
        self._rules.all = [rule for rule in self._rules.all if not _over(rule, now)]
        self._active = [
            rule for rule in self._rules.all if rule.endpoint == "quotes" and self._rules.due(rule)
        ]
        if self._active != before:
            self._stale.clear()
        return self._active != before

    def shown(self, symbol: str, quote: Quote) -> Shown:
        """The quote as clients see it."""
        rule = self._rule(symbol)
        if rule is not None and rule.mode == "stale":
            quote = self._stale.setdefault(symbol, quote)
        true = Shown(
            quote.bid / 100, quote.ask / 100, quote.bid_size, quote.ask_size, quote.sequence, quote.changed
        )
        return true if rule is None else _spoilt(rule, true)

    def over_rest(self, item: wire.Json, quote: Quote) -> wire.Json:
        """A market data object whose quote is shown as the stream shows it."""
        shown = self.shown(quote.symbol, quote)
        spoilt = {name: value for name, value in item.items() if name not in {"bid", "ask", "mid", "mark"}}
        prices = {
            name: Decimal(str(value))
            for name, value in (("bid", shown.bid), ("ask", shown.ask))
            if not isinstance(value, str)
        }
        if len(prices) == len(("bid", "ask")):
            prices["mid"] = prices["mark"] = (prices["bid"] + prices["ask"]) / 2
        return {
            **spoilt,
            **{name: wire.plain(value) for name, value in prices.items()},
            "bid-size": str(shown.bid_size),
            "ask-size": str(shown.ask_size),
            "updated-at": wire.stamp(shown.changed),
        }

    def faulty(self, symbol: str) -> bool:
        """Whether a symbol's quote is shown otherwise than it is."""
        return self._rule(symbol) is not None

    def _rule(self, symbol: str) -> Rule | None:
        for rule in self._active:
            if rule.symbol in (symbol, ANY, None):
                return rule
        return None


def _over(rule: Rule, now: datetime) -> bool:
    return (
        rule.endpoint == "quotes"
        and rule.seconds is not None
        and rule.at is not None
        and now >= rule.at + timedelta(seconds=rule.seconds)
    )


def _spoilt(rule: Rule, true: Shown) -> Shown:
    if rule.mode == "one-sided":
        return (
            true._replace(bid=NAN, bid_size=0) if rule.side == "bid" else true._replace(ask=NAN, ask_size=0)
        )
    if rule.mode == "crossed":
        return true._replace(bid=true.ask, ask=true.bid)
    if rule.mode == "zero":
        return true._replace(bid=0.0, ask=0.0)
    if rule.mode == "nan":
        return true._replace(bid=NAN, ask=NAN)
    if rule.mode == "negative":
        return true._replace(bid=-0.01)
    return true
