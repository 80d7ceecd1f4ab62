"""What holds for any sequence of orders, cancellations, replacements and faults at the exchange."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from senex.domain.legs import Action, InstrumentType
from senex.domain.symbols import OptionSymbol, Right
from senex.simulator.assembly import Options, assemble
from senex.simulator.books.books import Books
from senex.simulator.books.records import (
    EXCLUSIVE_TAGS,
    TERMINAL,
    ComplexType,
    Order,
    OrderLeg,
    OrderStatus,
    OrderType,
    TimeInForce,
)
from senex.simulator.ticket import ComplexTicket, PreflightError, Ticket
from senex.simulator.whims import Race, Whims

if TYPE_CHECKING:
    from collections.abc import Collection

    from senex.simulator.assembly import Simulator
    from senex.simulator.books.records import Quantity
    from senex.simulator.exchange import Changed

OPENING = Decimal(50_000)
STEPS = (1, 1, 3, 20, 400)
SHAPES = ("shares", "sell", "put", "spread", "ratio", "trident", "covered")
"""What is traded: shares bought or sold, one put, a 1:1, 2:3 and 2:2:1:1 of options, shares with calls."""


@dataclass(frozen=True)
class Act:
    """One thing that happens: an order of a shape, priced ``offset`` of the way from natural to opposite."""

    kind: str
    shape: str
    offset: float
    units: int
    terms: tuple[OrderType, TimeInForce]
    pick: int
    fate: str


ACTS = st.builds(
    Act,
    kind=st.sampled_from(("order", "order", "order", "cancel", "replace", "complex", "step", "step")),
    shape=st.sampled_from(SHAPES),
    offset=st.sampled_from((-0.5, 0.0, 0.3, 0.5, 0.8, 1.0, 1.5, 8.0)),
    units=st.integers(1, 6),
    terms=st.tuples(
        st.sampled_from((OrderType.LIMIT, OrderType.LIMIT, OrderType.MARKET, OrderType.STOP_LIMIT)),
        st.sampled_from((TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC)),
    ),
    pick=st.integers(0, 20),
    fate=st.sampled_from(("none", "none", "partial", "straggler", "reject", "race", "overtaken")),
)


class Fates(Whims):
    """One fate at a time."""

    def __init__(self) -> None:
        self.fate = "none"

    def units(self, order: Order) -> int | None:
        return 1 if self.fate == "partial" else super().units(order)

    def straggler(self, order: Order) -> str | None:
        broken = self.fate == "straggler"
        return order.legs[order.id % len(order.legs)].symbol if broken else super().straggler(order)

    def race(self, order: Order) -> Race | None:
        return Race.FILL if self.fate == "race" else super().race(order)

    def overtaken(self, order: Order) -> bool:
        return self.fate == "overtaken" or super().overtaken(order)

    def reject(self, order: Order) -> str | None:
        return "fate" if self.fate == "reject" else super().reject(order)


@dataclass
class Watch:
    """Hears of every change, and checks it against the market of its moment."""

    simulator: Simulator
    fates: Fates = field(default_factory=Fates)
    seen: dict[int, Order] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.simulator.exchange.on_change = self.changed
        self.simulator.exchange.whims = self.fates

    def changed(self, change: Changed) -> None:
        """One alert."""
        order = change.order
        if order is None:
            return
        before = self.seen.get(order.id)
        if before is not None:
            assert before.status not in TERMINAL, "a terminal order never reopens"
            for old, new in zip(before.legs, order.legs, strict=True):
                assert new.fills[: len(old.fills)] == old.fills, "a fill never changes"
        self.seen[order.id] = order
        assert all(leg.filled <= leg.quantity for leg in order.legs)
        assert (order.status is OrderStatus.FILLED) == all(leg.remaining == 0 for leg in order.legs)
        fresh = {
            leg.symbol
            for position, leg in enumerate(order.legs)
            if len(leg.fills) > (0 if before is None else len(before.legs[position].fills))
        }
        if fresh:
            self._fair(order, fresh)

    def _fair(self, order: Order, fresh: Collection[str]) -> None:
        forced = self.fates.fate in {"race", "overtaken"}
        whole = len(fresh) == len(order.legs)
        if whole and self.fates.fate != "straggler":
            assert len({leg.filled * order.units / leg.quantity for leg in order.legs}) == 1, "the ratio"
        net = natural = opposite = Decimal(0)
        for leg in order.legs:
            for fill in leg.fills[-1:] if leg.symbol in fresh else ():
                quote = self.simulator.exchange.board.quote(leg.symbol)
                assert quote is not None
                sign, lots = -leg.action.sign, order.lots(leg, fill.quantity)
                assert forced or quote.bid_price <= fill.price <= quote.ask_price
                net += sign * lots * fill.price
                natural += sign * lots * (quote.bid_price if sign > 0 else quote.ask_price)
                opposite += sign * lots * (quote.ask_price if sign > 0 else quote.bid_price)
        assert natural <= net
        assert forced or net <= opposite, "never through the market"
        if order.price is not None and order.status is OrderStatus.FILLED:
            total = sum(
                -leg.action.sign * order.lots(leg, fill.quantity) * fill.price
                for leg in order.legs
                for fill in leg.fills
            )
            assert total >= order.price * order.units, "never worse than the limit"


def legs_of(simulator: Simulator, shape: str, units: int) -> tuple[OrderLeg, ...]:
    """The legs of a shape on QQQ."""
    exchange = simulator.exchange
    middle = round(exchange.market.spot("QQQ", 0))
    expiry = exchange.market.chain("QQQ", 0)[6].day

    def option(right: Right, strike: int, action: Action, ratio: int) -> OrderLeg:
        occ = OptionSymbol("QQQ", expiry, right, Decimal(strike)).occ
        return OrderLeg(occ, InstrumentType.EQUITY_OPTION, action, ratio * units)

    def shares(action: Action, quantity: int) -> OrderLeg:
        return OrderLeg("QQQ", InstrumentType.EQUITY, action, quantity)

    sell, buy = Action.SELL_TO_OPEN, Action.BUY_TO_OPEN
    return {
        "shares": (shares(buy, 7 * units),),
        "sell": (shares(Action.SELL_TO_CLOSE, 7 * units),),
        "put": (option(Right.PUT, middle, buy, 1),),
        "spread": (option(Right.PUT, middle, sell, 1), option(Right.PUT, middle - 3, buy, 1)),
        "ratio": (option(Right.PUT, middle, sell, 2), option(Right.PUT, middle - 2, buy, 3)),
        "trident": (
            option(Right.PUT, middle, sell, 2),
            option(Right.PUT, middle - 4, buy, 2),
            option(Right.CALL, middle, sell, 1),
            option(Right.CALL, middle + 4, buy, 1),
        ),
        "covered": (shares(buy, 100), option(Right.CALL, middle + 5, sell, 1)),
    }[shape][:4]


def ticket(simulator: Simulator, act: Act) -> Ticket:
    """The act's order."""
    legs = legs_of(simulator, act.shape, 1 if act.shape == "covered" else act.units)
    kind, force = act.terms
    if kind is OrderType.MARKET and len(legs) > 1:
        kind = OrderType.LIMIT
    tried = Ticket(OrderType.LIMIT, force, legs, Decimal(0))
    natural = opposite = Decimal(0)
    shape = Order(
        *(0, "", "", InstrumentType.EQUITY, kind, force, OrderStatus.RECEIVED, tried.legs),
        *(simulator.exchange.now(), 0, simulator.exchange.now()),
    )
    for leg in legs:
        quote = simulator.exchange.board.quote(leg.symbol)
        assert quote is not None
        sign, lots = -leg.action.sign, shape.lots(leg) // shape.units
        natural += sign * lots * (quote.bid_price if sign > 0 else quote.ask_price)
        opposite += sign * lots * (quote.ask_price if sign > 0 else quote.bid_price)
    price = (natural + Decimal(str(act.offset)) * (opposite - natural)).quantize(Decimal("0.01"))
    stop = abs(price) if kind is OrderType.STOP_LIMIT and price else None
    return Ticket(kind, force, legs, price, stop_trigger=stop)


def play(simulator: Simulator, watch: Watch, act: Act) -> None:
    """Let one thing happen; what the broker refuses has not happened."""
    exchange, account = simulator.exchange, simulator.account
    watch.fates.fate = act.fate
    orders = sorted(exchange.books.orders)
    picked = orders[act.pick % len(orders)] if orders else None
    try:
        if act.kind == "order":
            exchange.submit(account, ticket(simulator, act))
        elif act.kind == "complex":
            exchange.submit_complex(account, bracket(simulator, act))
        elif act.kind == "cancel" and picked is not None:
            exchange.request_cancel(picked)
        elif act.kind == "replace" and picked is not None:
            old = exchange.books.orders[picked]
            moved = (old.price or Decimal(0)) - Decimal("0.05")
            exchange.replace(picked, Ticket(OrderType.LIMIT, old.time_in_force, (), moved))
    except PreflightError:
        pass
    if act.kind == "step":
        exchange.step(STEPS[act.pick % len(STEPS)])


def bracket(simulator: Simulator, act: Act) -> ComplexTicket:
    """Buy shares, then sell them at a profit or a loss."""
    entry = ticket(simulator, Act("", "shares", act.offset, act.units, act.terms, 0, ""))
    quote = simulator.exchange.board.quote("QQQ")
    assert quote is not None
    out = legs_of(simulator, "sell", act.units)
    near = Decimal("0.02") * act.pick
    profit = Ticket(OrderType.LIMIT, TimeInForce.GTC, out, quote.bid_price + near - Decimal("0.10"))
    loss = Ticket(
        OrderType.STOP, TimeInForce.GTC, out, None, stop_trigger=quote.bid_price - near + Decimal("0.10")
    )
    if act.pick % 3 == 0:
        return ComplexTicket(ComplexType.OCO, None, (profit, loss))
    return ComplexTicket(ComplexType.OTOCO, entry, (profit, loss))


def state(books: Books) -> tuple[object, ...]:
    """Everything the books hold."""
    holdings = {
        account: {symbol: (holding.quantity, holding.average_price) for symbol, holding in held.items()}
        for account, held in books.holdings.items()
    }
    return (
        books.orders,
        books.complex_orders,
        sorted(books.working),
        sorted(books.unrouted),
        dict(books.entries),
        dict(books.cash),
        holdings,
    )


@given(st.integers(1, 3), st.lists(ACTS, min_size=3, max_size=14))
def test_whatever_is_ordered_fills_are_fair_and_the_books_agree(seed: int, acts: list[Act]) -> None:
    simulator = assemble(Options(seed=seed, speed=0.0))
    watch = Watch(simulator)
    for act in acts:
        play(simulator, watch, act)

    books, account = simulator.exchange.books, simulator.account
    assert watch.seen == books.orders
    assert not books.unrouted, "nothing is left on its way"
    moved: dict[str, Quantity] = defaultdict(int)
    for order in books.orders.values():
        for leg in order.legs:
            moved[leg.symbol] += leg.action.sign * leg.filled
    assert {symbol: quantity for symbol, quantity in moved.items() if quantity} == {
        symbol: holding.quantity for symbol, holding in books.holdings[account].items() if holding.quantity
    }
    entries = books.entries[account]
    assert books.cash[account] == sum((entry.net_value for entry in entries), Decimal(0))
    assert sum(1 for entry in entries if entry.type == "Trade") == sum(
        len(leg.fills) for order in books.orders.values() for leg in order.legs
    )
    for known in books.complex_orders.values():
        members = [books.orders[one] for one in (*known.members, *known.former)]
        rivals = [order for order in members if order.complex_tag in EXCLUSIVE_TAGS and order.filled_any]
        assert len(rivals) <= 1, "of two that exclude each other one fills at most"
        assert (known.terminal_at is not None) == all(not order.working for order in members)
    assert state(Books(simulator.journal)) == state(books)
    simulator.journal.close()


@settings(max_examples=15)
@given(st.lists(ACTS, min_size=4, max_size=10), st.integers(20, 90))
def test_a_span_gives_the_same_in_one_step_or_in_many(acts: list[Act], span: int) -> None:
    def run(pieces: list[int]) -> tuple[object, ...]:
        simulator = assemble(Options(seed=5, speed=0.0))
        watch = Watch(simulator)
        for act in acts:
            play(simulator, watch, act)
        watch.fates.fate = "none"
        for piece in pieces:
            simulator.exchange.step(piece)
        found = state(simulator.exchange.books)
        simulator.journal.close()
        return found

    assert run([span]) == run([1] * span) == run([span // 3, span - span // 3])
