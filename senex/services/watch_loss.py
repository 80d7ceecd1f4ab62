"""The stop of a position: an alarm at one share of its maximum loss, a close at the next where that is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.domain.alarms import Alarm, Severity
from senex.domain.exits import Stop, stop_of
from senex.domain.money import cents
from senex.domain.pnl import unrealised
from senex.domain.unknown import Unknown
from senex.services.position_alarms import STOP_ALERT, STOP_REACHED

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime
    from decimal import Decimal

    from senex.domain.lots import Lot
    from senex.domain.positions import Position
    from senex.domain.quotes import Market
    from senex.ports.records import Instrument
    from senex.ports.unit_of_work import UnitOfWork


def result_of(
    lots: Sequence[Lot],
    realised: Decimal,
    market: Market,
    instruments: Mapping[str, Instrument],
    now: datetime,
) -> Decimal | Unknown:
    """What the position has made so far, dollars before fees, at fresh mids."""
    marks: dict[str, Decimal | Unknown] = {}
    for symbol in {lot.symbol for lot in lots if lot.open_quantity}:
        known = instruments.get(symbol)
        quote = Unknown(f"no instrument {symbol}") if known is None else market.usable(known.streamer, now)
        marks[symbol] = quote if isinstance(quote, Unknown) else quote.mid
    open_ = unrealised(lots, marks)
    return open_ if isinstance(open_, Unknown) else open_ + realised


async def watch_loss(
    tx: UnitOfWork,
    position: Position,
    result: Decimal | Unknown,
    now: datetime,
    *,
    standing: Collection[tuple[str, str]],
) -> bool:
    """Sound what the result calls for, end what of ``standing`` it does not; whether the position is to be closed.

    A result that is not known leaves everything as it is.
    """
    plan = position.exit_plan
    stop = stop_of(plan, max_loss=position.initial_risk, result=result)
    if isinstance(stop, Unknown) or isinstance(result, Unknown):
        return False
    subject, account = str(position.id), position.account_id
    for code, meant in ((STOP_ALERT, Stop.ALERT), (STOP_REACHED, Stop.CLOSE)):
        if stop is not meant and (code, subject) in standing:
            await tx.alarms.resolve(code, subject, account_id=account, now=now)
    if stop is Stop.NONE:
        return False
    lost = (
        f"{position.underlying} {subject[:8]} has lost ${cents(-result)} of at most ${position.initial_risk}"
    )
    if stop is Stop.ALERT:
        text = f"{lost}; from {plan.stop_order_share:.0%} on its stop is reached."
        text += f" `senex positions close {subject[:8]}` closes it."
        await tx.alarms.sound(Alarm(STOP_ALERT, Severity.WARNING, account, "position", subject, text), now)
        return False
    does = (
        "it is being closed at natural"
        if plan.stop_orders
        else f"`senex positions close {subject[:8]}` closes it, `senex positions stop {subject[:8]} --orders on` "
        "lets the stop do it"
    )
    alarm = Alarm(
        STOP_REACHED, Severity.CRITICAL, account, "position", subject, f"{lost}: its stop is reached; {does}."
    )
    await tx.alarms.sound(alarm, now)
    return plan.stop_orders
