"""Corporate actions: dividends to holders (from short sellers), splits of shares and options."""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING

from senex.domain.legs import InstrumentType
from senex.domain.money import ZERO, cents
from senex.simulator.books.clerk import Clerk
from senex.simulator.books.records import Claim, Lot, OrderStatus

if TYPE_CHECKING:
    from datetime import date, datetime

    from senex.simulator.books.clerk import Host
    from senex.simulator.books.lots import Holding
    from senex.simulator.books.records import Quantity
    from senex.simulator.market.kinds import Split


def dividends(host: Host, account: str, day: date, instant: datetime) -> None:
    """Note who holds shares as they go ex, and pay what is due."""
    books, changed = host.books, False
    for symbol, holding in sorted(books.holdings[account].items()):
        if holding.instrument is not InstrumentType.EQUITY or not holding.lots:
            continue
        for one in host.market.dividends(symbol):
            if one.ex_date == day:
                books.commit([Claim(account, symbol, day, one.pay_date, holding.quantity, one.amount)])
                changed = True
    for claim in books.claims_of(account):
        if claim.pay_date <= day:
            word = "received on" if claim.shares > 0 else "owed on short"
            shares = claim.shares if claim.shares > 0 else -claim.shares
            what = f"Dividend of {claim.amount} a share {word} {shares} {claim.symbol}"
            Clerk(host, account, day, instant).pay("Dividend", what, cents(claim.value), claim.symbol)
            books.commit([replace(claim, paid=True)])
            changed = True
    if changed:
        host.moved(account)


def split_shares(host: Host, account: str, day: date, instant: datetime) -> None:
    """Turn shares that split today into what they become: their cost stays. Orders on all of it end."""
    for order in host.books.working_of(account):
        if _today(host, order.underlying, day):
            host.end(order, OrderStatus.REMOVED, instant, "The underlying splits")
    for symbol, holding in list(host.books.holdings[account].items()):
        known = _today(host, symbol, day)
        if known is not None and holding.lots and holding.instrument is InstrumentType.EQUITY:
            _split_shares(Clerk(host, account, day, instant), holding, known)
            host.moved(account, (symbol,))


def split_options(host: Host, account: str, day: date, instant: datetime) -> None:
    """Turn options on what splits today into those they become."""
    for holding in sorted(host.books.holdings[account].values(), key=lambda one: one.symbol):
        known = _today(host, holding.underlying, day)
        if known is not None and holding.lots and holding.instrument is InstrumentType.EQUITY_OPTION:
            symbol, count = host.market.adjusted(holding.symbol, known)
            lots = tuple(Lot(lot.quantity * count, lot.price / count) for lot in holding.lots)
            _become(Clerk(host, account, day, instant), holding, symbol, lots, known)
            host.moved(account, (holding.symbol, symbol))


def _today(host: Host, underlying: str, day: date) -> Split | None:
    return next((one for one in host.market.splits(underlying) if one.day == day), None)


def _split_shares(clerk: Clerk, holding: Holding, known: Split) -> None:
    ratio = Decimal(known.numerator) / known.denominator
    exact = sum((lot.quantity for lot in holding.lots), ZERO) * ratio
    whole = exact.to_integral_value(rounding=ROUND_FLOOR)
    lots = [Lot(_plain(lot.quantity * ratio), lot.price / ratio) for lot in holding.lots]
    lots[-1] = Lot(_plain(lots[-1].quantity - (exact - whole)), lots[-1].price)
    _become(clerk, holding, holding.symbol, tuple(lots), known)
    if exact != whole:
        price = clerk.host.board.mark(holding.symbol) or ZERO
        what = f"Cash in lieu of {exact - whole} {holding.symbol}"
        clerk.pay("Balance Adjustment", what, cents((exact - whole) * price), holding.symbol)


def _plain(quantity: Quantity) -> Quantity:
    return int(quantity) if quantity == int(quantity) else quantity


def _become(clerk: Clerk, holding: Holding, symbol: str, lots: tuple[Lot, ...], known: Split) -> None:
    quantity = sum((lot.quantity for lot in lots), 0)
    if symbol != holding.symbol and quantity == holding.quantity:
        word = "Symbol Change"
    else:
        word = "Forward Split" if known.numerator > known.denominator else "Reverse Split"
    clerk.remove(holding, word, f"{word}: removal of {holding.symbol.strip()}", basis=())
    clerk.receive(holding, symbol, lots, word)
