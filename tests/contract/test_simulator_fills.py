"""Every seed fills an entry at mid within seconds, inside the market, at prices that add up."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import pytest

from senex.domain.legs import Action, InstrumentType
from senex.domain.symbols import OptionSymbol, Right
from senex.simulator.assembly import Options, Simulator, assemble
from senex.simulator.books.records import Order, OrderLeg, OrderStatus, OrderType, TimeInForce
from senex.simulator.preflight import Ticket

SECONDS = 5
TICKS_PER_SECOND = 4
STALE_TICKS = 20
"""The price was made five seconds before the order comes."""


def entry(simulator: Simulator, symbol: str) -> Ticket:
    """A Trident at the mid of now."""
    exchange = simulator.exchange
    mark = exchange.board.mark(symbol)
    assert mark is not None
    body = 2 * int(mark / 2 + Decimal("0.5"))
    days = [one.day for one in exchange.market.chain(symbol, exchange.board.tick)]
    expiry = min(days, key=lambda day: abs((day - exchange.day()).days - 45))

    def leg(right: Right, strike: int, action: Action, quantity: int) -> OrderLeg:
        occ = OptionSymbol(symbol, expiry, right, Decimal(strike)).occ
        return OrderLeg(occ, InstrumentType.EQUITY_OPTION, action, quantity)

    legs = (
        leg(Right.PUT, body, Action.SELL_TO_OPEN, 2),
        leg(Right.PUT, body - 7, Action.BUY_TO_OPEN, 2),
        leg(Right.CALL, body, Action.SELL_TO_OPEN, 1),
        leg(Right.CALL, body + 7, Action.BUY_TO_OPEN, 1),
    )
    mids = (exchange.board.mark(one.symbol) or Decimal(0) for one in legs)
    mid = sum(
        (-one.action.sign * one.quantity * price for one, price in zip(legs, mids, strict=True)), Decimal(0)
    )
    limit = mid.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
    return Ticket(OrderType.LIMIT, TimeInForce.DAY, legs, limit)


def fill(simulator: Simulator, ticket: Ticket) -> tuple[Order, int]:
    """Submit and step until it is filled; the order and how many ticks it took."""
    exchange = simulator.exchange
    order = exchange.submit(simulator.account, ticket).order
    for ticks in range(1, SECONDS * TICKS_PER_SECOND + 1):
        exchange.step(1)
        if exchange.books.orders[order.id].status is OrderStatus.FILLED:
            return exchange.books.orders[order.id], ticks
    raise AssertionError(f"not filled within {SECONDS} s")


@pytest.mark.parametrize("start", [0, pytest.param(40_000, marks=pytest.mark.long)])
@pytest.mark.parametrize("symbol", ["QQQ", "SPY"])
def test_an_entry_at_a_five_seconds_old_mid_fills_for_every_seed(symbol: str, start: int) -> None:
    waits = set()
    for seed in range(30):
        simulator = assemble(Options(seed=seed, speed=0.0))
        exchange = simulator.exchange
        exchange.jump(exchange.market.instant(start))
        ticket = entry(simulator, symbol)
        exchange.step(STALE_TICKS)

        order, ticks = fill(simulator, ticket)

        waits.add(ticks)
        sides = [(-leg.action.sign, leg.quantity, exchange.board.quote(leg.symbol)) for leg in order.legs]
        natural = sum(sign * n * (quote.bid if sign > 0 else quote.ask) for sign, n, quote in sides if quote)
        opposite = sum(sign * n * (quote.ask if sign > 0 else quote.bid) for sign, n, quote in sides if quote)
        net = sum(-leg.action.sign * one.quantity * one.price for leg in order.legs for one in leg.fills)
        assert natural <= 100 * net <= opposite, seed
        assert ticket.price is not None
        assert net >= ticket.price, seed
        for leg, (_, _, quote) in zip(order.legs, sides, strict=True):
            assert quote is not None
            assert quote.bid <= 100 * leg.fills[0].price <= quote.ask, seed
        simulator.journal.close()
    assert len(waits) > 2  # some wait longer than others
