"""After a trial: do the invariants hold, and are the books the broker's, to the cent?

What senex says of itself (its differences, its alarms) is not believed: both
sides are read and compared here by other code.
"""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

from senex.simulator.books.lots import Holding
from tests.faults.tier1.trial import Broken

if TYPE_CHECKING:
    from collections.abc import Iterable

    from senex.simulator.books.records import Entry, Order
    from tests.faults.tier1.trial import Trial

_ENDED = {
    "Filled": "filled",
    "Cancelled": "cancelled",
    "Expired": "expired",
    "Rejected": "rejected",
    "Removed": "cancelled",
    "Partially Removed": "cancelled",
}
_TERMINAL = frozenset({"filled", "cancelled", "rejected", "expired", "replaced"})
_LIVE = "('prepared', 'sending', 'accepted', 'unknown')"


async def judge(trial: Trial) -> None:
    """Raises Broken."""
    _refusals(trial)
    _sent_once(trial)
    await _one_live(trial)
    seconds = await _adopted(trial)
    await _fills(trial, seconds)
    await _held(trial, seconds)
    await _states(trial, seconds)
    await _protected(trial, seconds)


async def judge_midway(trial: Trial) -> None:
    """What holds at any moment, whatever is on its way. Raises Broken."""
    _refusals(trial)
    _sent_once(trial)
    await _one_live(trial)
    told = {
        (str(order.id), leg.symbol, fill.id, int(fill.quantity), Decimal(fill.price))
        for order in trial.orders()
        for leg in order.legs
        for fill in leg.fills
    }
    rows = await trial.bench.rows(
        "SELECT o.broker_order_id AS broker, f.symbol, f.fill_id, f.quantity, f.price FROM fill f "
        "JOIN trade_order o ON o.id = f.order_id WHERE f.account_id = %s",
        trial.account,
    )
    booked = [(row.broker, row.symbol, row.fill_id, row.quantity, row.price) for row in rows]
    _expect(set(booked) <= told, "I5", f"booked and not the broker's: {set(booked) - told}")
    rows = await trial.bench.rows(
        """SELECT f.symbol, sum(f.quantity * CASE WHEN l.action LIKE 'Buy%%' THEN 1 ELSE -1 END)::int AS filled,
            (SELECT coalesce(sum(lot.open_quantity), 0)::int FROM lot JOIN position p ON p.id = lot.position_id
                WHERE lot.account_id = f.account_id AND lot.symbol = f.symbol AND p.origin <> 'adopted') AS held
        FROM fill f JOIN order_leg l ON l.order_id = f.order_id AND l.symbol = f.symbol
        WHERE f.account_id = %s GROUP BY f.symbol, f.account_id""",
        trial.account,
    )
    wrong = [row for row in rows if row.filled != row.held]
    _expect(not wrong, "I6", f"what is held is not what was filled: {wrong}")


def _refusals(trial: Trial) -> None:
    """What was seen amiss while a request was on its way."""
    for what in trial.refused:
        invariant, _, told = what.partition(": ")
        raise Broken(invariant, told)


def _expect(holds: object, invariant: str, what: object) -> None:
    if not holds:
        raise Broken(invariant, str(what))


def _sent_once(trial: Trial) -> None:
    names = Counter(json.loads(one.body)["external-identifier"] for one in trial.posts())
    twice = [name for name, times in names.items() if times > 1]
    _expect(not twice, "I1", f"sent more than once: {twice}")


async def _one_live(trial: Trial) -> None:
    rows = await trial.bench.rows(
        f"SELECT order_id, count(*) AS live FROM attempt WHERE account_id = %s AND status IN {_LIVE} "  # noqa: S608
        "GROUP BY order_id HAVING count(*) > 1",
        trial.account,
    )
    _expect(not rows, "I2", rows)
    rows = await trial.bench.rows(
        "SELECT decision_id FROM trade_order WHERE account_id = %s AND decision_id IS NOT NULL AND kind = 'entry' "
        "GROUP BY decision_id HAVING count(*) > 1",
        trial.account,
    )
    _expect(not rows, "I12", rows)


async def _adopted(trial: Trial) -> set[int]:
    """I4; the second orders the broker has for one name, each of which must have been alarmed and be over."""
    rows = await trial.bench.rows(
        "SELECT external_identifier AS name, broker_order_id AS broker FROM attempt WHERE account_id = %s",
        trial.account,
    )
    named = {row.name: row.broker for row in rows}
    alarmed = {
        row.object_id
        for row in await trial.bench.rows("SELECT object_id FROM alarm WHERE account_id = %s", trial.account)
    }
    seconds = set()
    for order in trial.orders():
        name = order.external_identifier
        _expect(name in named, "I4", f"broker order {order.id} has no attempt")
        if named[name or ""] == str(order.id):
            continue
        seconds.add(order.id)
        _expect(
            str(order.id) in alarmed,
            "I4",
            f"broker order {order.id} ({order.status}) is nobody's, and nobody says so",
        )
        _expect(not order.working, "I4", f"the second order {order.id} still works")
    return seconds


async def _fills(trial: Trial, seconds: set[int]) -> None:
    """I5: each execution is in the books, once, at its price; and so is the cash they moved."""
    theirs = Counter(
        (str(order.id), leg.symbol, fill.id, int(fill.quantity), Decimal(fill.price))
        for order in trial.orders()
        if order.id not in seconds
        for leg in order.legs
        for fill in leg.fills
    )
    rows = await trial.bench.rows(
        "SELECT o.broker_order_id AS broker, f.symbol, f.fill_id, f.quantity, f.price, l.action FROM fill f "
        "JOIN trade_order o ON o.id = f.order_id JOIN order_leg l ON l.order_id = o.id AND l.symbol = f.symbol "
        "WHERE f.account_id = %s",
        trial.account,
    )
    ours = Counter((row.broker, row.symbol, row.fill_id, row.quantity, row.price) for row in rows)
    _expect(ours == theirs, "I5", f"only in our books: {ours - theirs}; only at the broker: {theirs - ours}")
    cash = sum(
        (row.price * row.quantity * 100 * (1 if row.action.startswith("Sell") else -1) for row in rows),
        Decimal(0),
    )
    value = sum(
        (
            entry.value
            for entry in trial.bench.exchange.books.entries[trial.number]
            if entry.order_id is not None and entry.order_id not in seconds
        ),
        Decimal(0),
    )
    _expect(cash == value, "cents", f"our fills moved {cash}, the broker's ledger says {value}")


async def _held(trial: Trial, seconds: set[int]) -> None:
    """I6: what is held, and what was realised."""
    astray: Counter[str] = Counter()
    for order in trial.orders():
        if order.id in seconds:
            for leg in order.legs:
                astray[leg.symbol] += leg.action.sign * int(leg.filled)
    holdings = trial.bench.exchange.books.holdings[trial.number]
    theirs = {symbol: int(each.quantity) for symbol, each in holdings.items() if each.quantity}
    without = {symbol: left for symbol, each in theirs.items() if (left := each - astray[symbol])}
    rows = await trial.bench.rows(
        "SELECT symbol, sum(open_quantity)::int AS quantity FROM lot WHERE account_id = %s GROUP BY symbol "
        "HAVING sum(open_quantity) <> 0",
        trial.account,
    )
    ours = {row.symbol: row.quantity for row in rows}
    # what a second order filled is in the books as a position nobody manages, or it is listed as a difference
    _expect(ours in (theirs, without), "I6", f"ours {ours}, the broker's {theirs}")
    if any(astray.values()):
        return
    [row] = await trial.bench.rows(
        "SELECT coalesce(sum((c.price - l.price) * CASE WHEN l.quantity > 0 THEN 1 ELSE -1 END * c.quantity "
        "* l.multiplier), 0) AS gain "
        "FROM lot_close c JOIN lot l ON l.fill_id = c.lot_fill_id AND l.spread_key = c.spread_key "
        "WHERE l.account_id = %s",
        trial.account,
    )
    gain = _realised(trial.bench.exchange.books.entries[trial.number])
    _expect(row.gain == gain, "cents", f"we realised {row.gain}, the broker {gain}")


def _realised(entries: Iterable[Entry]) -> Decimal:
    """By the broker's ledger: of a position it shows nothing any more on the day after its close."""
    holdings: dict[str, Holding] = {}
    for entry in entries:
        if entry.symbol is None or entry.instrument is None:
            continue
        at = entry.executed_at
        made = Holding(entry.symbol, entry.instrument, entry.underlying or entry.symbol, at, at)
        holdings.setdefault(entry.symbol, made).book(entry)
    return sum((each for holding in holdings.values() for each in holding.realized.values()), Decimal(0))


async def _states(trial: Trial, seconds: set[int]) -> None:
    """I7: each order is as the broker's, never over-filled, and none came back from its end unsaid."""
    orders = {str(order.id): order for order in trial.orders() if order.id not in seconds}
    rows = await trial.bench.rows(
        "SELECT id, broker_order_id AS broker, status FROM trade_order WHERE account_id = %s", trial.account
    )
    for row in rows:
        if row.broker is None:
            _expect(row.status in _TERMINAL, "I7", f"order {row.id} is {row.status} and was never sent")
            continue
        _expect(row.broker in orders, "I4", f"order {row.id} claims broker order {row.broker}")
        wanted = _status(orders[row.broker])
        _expect(row.status == wanted, "I7", f"order {row.id} is {row.status}, the broker's is {wanted}")
    over = await trial.bench.rows(
        "SELECT l.order_id, l.symbol FROM order_leg l JOIN trade_order o ON o.id = l.order_id "
        "WHERE o.account_id = %s AND l.filled > l.quantity",
        trial.account,
    )
    _expect(not over, "I7", f"filled beyond what was ordered: {over}")
    back = await trial.bench.rows(
        "SELECT object_id, action, before, after FROM audit a WHERE account_id = %s AND object_type = 'order' "
        "AND before IN ('filled', 'cancelled', 'rejected', 'expired', 'replaced') AND after <> before "
        "AND after <> 'filled' AND NOT EXISTS (SELECT FROM audit c WHERE c.account_id = a.account_id "
        "AND c.object_id = a.object_id AND c.action = 'order corrected') ORDER BY serial",
        trial.account,
    )
    _expect(not back, "I7", f"came back from their end: {back}")


def _status(order: Order) -> str:
    if order.working:
        return "partially_filled" if any(leg.filled for leg in order.legs) else "working"
    if all(leg.filled == leg.quantity for leg in order.legs):
        return "filled"
    if order.status == "Cancelled" and order.replaced_by is not None:
        return "replaced"
    return _ENDED[order.status]


async def _protected(trial: Trial, seconds: set[int]) -> None:
    """What senex itself says: nothing differs, but what a second order left behind, or an operator took away."""
    rows = await trial.bench.rows(
        "SELECT category, subject, ours, theirs FROM difference WHERE account_id = %s", trial.account
    )
    taken = await trial.bench.rows(
        "SELECT position_id::text || '/' || spread_key AS subject FROM trade_order WHERE account_id = %s "
        "AND kind = 'target' AND cancel_requested_at IS NOT NULL",
        trial.account,
    )
    away = {row.subject for row in taken}
    # a leg the market left out, its order cancelled, hangs in the air until somebody closes it: senex must say so
    left = [
        row
        for row in rows
        if row.category != "broken_ratio" and not (row.category == "missing_target" and row.subject in away)
    ]
    _expect(seconds or not left, "H", f"senex sees differences: {left}")
