"""After the close: what the day came to, stored for the screens and told to who wants to hear it."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from senex.domain.calendar import NEW_YORK, new_york_date
from senex.domain.exits import last_day
from senex.domain.limits import PRESETS
from senex.domain.money import ZERO, cents
from senex.domain.notices import DAILY_SUMMARY, Level, Notice
from senex.domain.positions import OPEN_STATUSES
from senex.domain.risk import budget_of
from senex.domain.summary import Summary, ahead
from senex.domain.unknown import Unknown
from senex.services.exit_case import stops_of
from senex.services.notices import tell, title_of
from senex.services.standing import standing_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal
    from uuid import UUID

    from senex.domain.calendar import Calendar
    from senex.ports.cases import AccountBooks
    from senex.ports.records import DayFacts, Work
    from senex.services.context import Context


async def summarise(context: Context, account_id: UUID, work: Work) -> None:
    """Make and store the day's summary; run again it is made anew, and told again if it says something else."""
    now = context.clock.now()
    day = new_york_date(now)
    since = datetime.combine(day, time(), NEW_YORK)
    async with context.units() as tx:
        books = await tx.cases.books(account_id, now=now)
        facts = await tx.summaries.facts(account_id, since, since + timedelta(days=1))
        calendar = await tx.market.calendar(day)
        symbols = {lot.symbol for lots in books.lots.values() for lot in lots if lot.open_quantity}
        stops = stops_of(await tx.market.instruments(sorted(symbols)))
        summary = _summary(books, facts, now, calendar=calendar, stops=stops)
        await tx.summaries.save(account_id, summary, now)
        if not summary.empty:
            await tell(context, tx, _notice(context, account_id, summary))
        await tx.outbox.done(work)
        await tx.commit()
    await context.publisher.changed("account", str(account_id), str(account_id))


def _notice(context: Context, account_id: UUID, summary: Summary) -> Notice:
    title = title_of(context, f"summary of {summary.day:%a} {summary.day.day} {summary.day:%b}")
    # one made early by hand does not silence the day's own
    return Notice(
        DAILY_SUMMARY, Level.INFO, account_id, "account", str(account_id), title, summary.text, anew=True
    )


def _summary(
    books: AccountBooks,
    facts: DayFacts,
    now: datetime,
    *,
    calendar: Calendar,
    stops: Mapping[str, datetime | None],
) -> Summary:
    day = new_york_date(now)
    standing = standing_of(books, now=now)
    held = [position for position in books.positions if position.status in OPEN_STATUSES]
    last = {
        position.id: last_day(
            position.expiry,
            (lot.symbol for lot in books.lots.get(position.id, ()) if lot.open_quantity),
            stops,
        )
        for position in held
    }
    exits, expirations = ahead(held, day, last=last, calendar=calendar)
    preset = PRESETS.get(books.account.risk_preset)
    budget = (
        Unknown(f"there is no risk preset {books.account.risk_preset!r}")
        if preset is None
        else budget_of(preset, standing.option_buying_power, standing.commitments)
    )
    return Summary(
        day=day,
        realised=facts.realised,
        fees=facts.fees,
        net_liquidation=standing.net_liquidation,
        open_risk=_sum(standing.commitments.values()),
        budget=budget if isinstance(budget, Unknown) else cents(budget.power),
        traded=facts.traded,
        next_exits=exits,
        expirations=expirations,
        failures=facts.failures,
    )


def _sum(amounts: Iterable[Decimal | Unknown]) -> Decimal | Unknown:
    total = ZERO
    for amount in amounts:
        if isinstance(amount, Unknown):
            return amount
        total += amount
    return cents(total)
