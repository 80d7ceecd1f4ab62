"""Faulty quotes: what clients see on the stream and over REST. Matching and marks keep the true ones."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

import orjson
from aiohttp import web

from senex.simulator import wire
from senex.simulator.columns import NAN, dollars
from senex.simulator.faults.catalogue import ANY

if TYPE_CHECKING:
    from collections.abc import Callable
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
            dollars(quote.bid, quote.unit),
            dollars(quote.ask, quote.unit),
            quote.bid_size,
            quote.ask_size,
            quote.sequence,
            quote.changed,
        )
        return true if rule is None else _spoilt(rule, true)

    def over_rest(
        self, answer: web.StreamResponse, quote: Callable[[str], Quote | None]
    ) -> web.StreamResponse:
        """Market data whose quotes look as they do on the stream."""
        if not self._active or not isinstance(answer, web.Response) or not isinstance(answer.body, bytes):
            return answer
        body = orjson.loads(answer.body)
        content = body.get("data", {})
        for item in content.get("items", [content]):
            true = quote(str(item.get("symbol")))
            if true is not None and self._rule(true.symbol) is not None:
                _overwrite(item, self.shown(true.symbol, true))
        return web.Response(status=answer.status, body=orjson.dumps(body), content_type="application/json")

    def _rule(self, symbol: str) -> Rule | None:
        for rule in self._active:
            if rule.symbol in (symbol, ANY, None):
                return rule
        return None


def _overwrite(item: dict[str, object], shown: Shown) -> None:
    """Put a quote into a market data object; what is not a number is absent there."""
    for name in ("bid", "ask", "mid", "mark"):
        item.pop(name, None)
    sides = (("bid", shown.bid), ("ask", shown.ask))
    prices = {name: Decimal(str(value)) for name, value in sides if not isinstance(value, str)}
    if len(prices) == len(sides):
        prices["mid"] = prices["mark"] = (prices["bid"] + prices["ask"]) / 2
    item |= {name: wire.plain(value) for name, value in prices.items()}
    item["bid-size"], item["ask-size"] = str(shown.bid_size), str(shown.ask_size)
    item["updated-at"] = wire.stamp(shown.changed)


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
