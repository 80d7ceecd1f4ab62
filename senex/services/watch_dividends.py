"""Short calls on the eve of a dividend: who holds one may exercise tonight (DOMAIN 0.13)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.domain.alarms import Alarm, Severity
from senex.domain.calendar import new_york_date
from senex.domain.exits import ShortCall, dividend_threatens
from senex.domain.legs import InstrumentType
from senex.domain.symbols import OptionSymbol, Right
from senex.domain.unknown import Unknown
from senex.services.repricing import WAIT_FOR_QUOTES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal
    from uuid import UUID

    from senex.domain.calendar import Calendar
    from senex.domain.exits import Dividend
    from senex.domain.lots import Lot
    from senex.domain.positions import Position
    from senex.domain.quotes import Market
    from senex.ports.records import Instrument, Work
    from senex.services.context import Context

RISK = "DIVIDEND_RISK"


async def watch_dividends(context: Context, account_id: UUID, work: Work) -> None:
    """Alarm for every spread whose short call is likely to be assigned tonight, with the command that closes it."""
    now = context.clock.now()
    async with context.units.reading() as tx:
        positions = await tx.positions.open(account_id)
        lots = {position.id: await tx.positions.lots(position.id) for position in positions}
        calendar = await tx.market.calendar(new_york_date(now))
        calls = {position.id: _short_calls(lots[position.id]) for position in positions}
        instruments = await tx.market.instruments(
            sorted({lot.symbol for held in calls.values() for lot in held})
        )
    threatened = [position for position in positions if calls[position.id]]
    underlyings = {position.underlying for position in threatened}
    announced = {name: await context.broker.dividend(name) for name in sorted(underlyings)}
    streamers = underlyings | {each.streamer for each in instruments.values()}
    market = await context.quotes.wanted(streamers, timeout=WAIT_FOR_QUOTES)
    sounded = set()
    for position in threatened:
        dividend = announced[position.underlying]
        for lot in calls[position.id] if dividend is not None else ():
            alarm = _judge(context, position, lot, dividend, calendar, market, instruments)
            if alarm is not None and await _sound_if_held(context, alarm, position, lot):
                sounded.add(alarm.object_id)
    async with context.units() as tx:
        await tx.alarms.resolve_others(RISK, sounded, account_id=account_id, now=now)
        await tx.outbox.done(work)
        await tx.commit()


def _short_calls(lots: Sequence[Lot]) -> list[Lot]:
    return [
        lot
        for lot in lots
        if lot.open_quantity < 0
        and InstrumentType.of(lot.symbol) is InstrumentType.EQUITY_OPTION
        and OptionSymbol.from_occ(lot.symbol).right is Right.CALL
    ]


async def _sound_if_held(context: Context, alarm: Alarm, position: Position, lot: Lot) -> bool:
    """Unless the call was closed while the broker was asked, which ended the alarm."""
    async with context.units() as tx:
        await tx.positions.get(position.id, lock=True)
        held = any(each.symbol == lot.symbol for each in _short_calls(await tx.positions.lots(position.id)))
        if held:
            await tx.alarms.sound(alarm, context.clock.now())
            await tx.commit()
    return held


def _judge(
    context: Context,
    position: Position,
    lot: Lot,
    dividend: Dividend | None,
    calendar: Calendar,
    market: Market,
    instruments: Mapping[str, Instrument],
) -> Alarm | None:
    now = context.clock.now()
    if dividend is None:
        return None
    known = instruments.get(lot.symbol)
    call = ShortCall(
        lot.symbol,
        OptionSymbol.from_occ(lot.symbol).strike,
        Unknown(f"no instrument {lot.symbol}") if known is None else _mid(market, known.streamer, context),
    )
    spot = _mid(market, position.underlying, context)
    found = dividend_threatens(call, spot=spot, dividend=dividend, now=now, calendar=calendar)
    if found is False:
        return None
    why = (
        f"and it cannot be told ({found.why})"
        if isinstance(found, Unknown)
        else "and is likely to be assigned tonight"
    )
    text = (
        f"{position.underlying} pays a dividend on {dividend.ex_date:%d %b}; the short call {lot.symbol} may be worth "
        f"less than that, {why}. `senex positions close {str(position.id)[:8]} --spread {lot.spread_key}` closes it."
    )
    subject = f"{position.id}/{lot.symbol}"
    return Alarm(RISK, Severity.CRITICAL, position.account_id, "position", subject, text)


def _mid(market: Market, streamer: str, context: Context) -> Decimal | Unknown:
    quote = market.usable(streamer, context.clock.now())
    return quote if isinstance(quote, Unknown) else quote.mid
