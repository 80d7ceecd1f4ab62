"""A trading month of the simulator alone: one account, ten positions, each with a working target.

Every order is looked at on its grid, every session opens and closes, expiry,
assignment and the risk desk do their work; nobody watches. The other figure is
what the month lasts.
"""

from __future__ import annotations

import resource
import time
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from bench._row import Row, print_rows
from senex.domain.legs import Action, InstrumentType
from senex.domain.symbols import OptionSymbol, Right
from senex.simulator.assembly import Options, assemble
from senex.simulator.books.records import OrderLeg, OrderType, TimeInForce
from senex.simulator.ticket import Ticket

if TYPE_CHECKING:
    from senex.simulator.assembly import Simulator
    from senex.simulator.exchange import Exchange

SPREADS, MONTH, BAR, MEMORY = 5, timedelta(days=30), 120.0, 300


def spread(exchange: Exchange, underlying: str, place: int) -> tuple[str, str]:
    """The short and the long put of a vertical some strikes below the price, about 45 days out."""
    tick = exchange.board.tick
    expirations = exchange.market.chain(underlying, tick)
    expiration = min(expirations, key=lambda one: abs((one.day - exchange.day()).days - 45))
    spot = exchange.market.spot(underlying, tick)
    below = [strike for strike in expiration.strikes if strike < spot]
    short, long = below[-5 - 2 * place], below[-10 - 2 * place]
    root = expiration.root

    def occ(strike: Decimal) -> str:
        return OptionSymbol(root, expiration.day, Right.PUT, strike).occ

    return occ(short), occ(long)


def order(legs: tuple[str, str], actions: tuple[Action, Action], price: str, until: TimeInForce) -> Ticket:
    """A limit order on a vertical at a signed price."""
    lines = tuple(
        OrderLeg(symbol, InstrumentType.EQUITY_OPTION, action, 1)
        for symbol, action in zip(legs, actions, strict=True)
    )
    return Ticket(OrderType.LIMIT, until, lines, Decimal(price))


def open_positions(simulator: Simulator) -> int:
    """Sell ten verticals, and offer each back at two cents; how many legs are held."""
    exchange = simulator.exchange
    pairs = [spread(exchange, one, place) for one in ("QQQ", "SPY") for place in range(SPREADS)]
    for legs in pairs:
        entry = order(legs, (Action.SELL_TO_OPEN, Action.BUY_TO_OPEN), "0.05", TimeInForce.DAY)
        exchange.submit(simulator.account, entry)
    exchange.advance(exchange.now() + timedelta(minutes=2))
    for legs in pairs:
        target = order(legs, (Action.BUY_TO_CLOSE, Action.SELL_TO_CLOSE), "-0.02", TimeInForce.GTC)
        exchange.submit(simulator.account, target)
    return sum(1 for holding in exchange.books.holdings[simulator.account].values() if holding.quantity)


def main() -> None:
    simulator = assemble(Options(seed=7, speed=0.0))
    legs = open_positions(simulator)
    exchange = simulator.exchange
    began, worked = time.perf_counter(), time.process_time()
    exchange.advance(exchange.now() + MONTH)
    seconds, busy = time.perf_counter() - began, time.process_time() - worked
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    lasts = MONTH.total_seconds()
    print_rows(
        Row(
            row=f"simulator: a month, {legs} legs in {2 * SPREADS} positions",
            ours=f"{seconds:.1f} s ({busy:.1f} s of processor, {memory:.0f} MB)",
            other=f"{lasts / 86400:.0f} days",
            ratio=f"{lasts / seconds:,.0f}×",
            bar=f"≤ {BAR:.0f} s",
            within=busy <= BAR and memory <= MEMORY,
            figures={"seconds": round(seconds, 1), "processor": round(busy, 1), "megabytes": round(memory)},
        )
    )


if __name__ == "__main__":
    main()
