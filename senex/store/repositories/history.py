"""Metrics and Greeks as they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select, union
from sqlalchemy.dialects.postgresql import insert as upsert

from senex.domain.errors import SenexError
from senex.domain.positions import OPEN_STATUSES
from senex.domain.unknown import known
from senex.store import tables
from senex.store.repositories.base import Repository, table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime
    from uuid import UUID

    from senex.domain.chain import Metrics
    from senex.domain.quotes import Greeks

_automation = table(tables.Automation)
_greeks = table(tables.GreeksHistory)
_instrument = table(tables.Instrument)
_lot = table(tables.Lot)
_metrics = table(tables.MetricsHistory)
_position = table(tables.Position)
_suggestion = table(tables.Suggestion)


class HistoryRepository(Repository):
    """``ports.history.History`` on Postgres."""

    async def underlyings(self, account_id: UUID, since: datetime) -> tuple[str, ...]:
        found = await self._rows(
            union(
                select(_position.c.underlying).where(
                    _position.c.account_id == account_id, _position.c.status.in_(OPEN_STATUSES)
                ),
                select(_suggestion.c.underlying).where(
                    _suggestion.c.account_id == account_id, _suggestion.c.created_at >= since
                ),
                select(_automation.c.underlying).where(
                    _automation.c.account_id == account_id, _automation.c.enabled
                ),
            )
        )
        return tuple(sorted(row.underlying for row in found))

    async def held(self, account_id: UUID) -> Mapping[str, str]:
        found = await self._rows(
            select(_instrument.c.symbol, _instrument.c.streamer_symbol)
            .distinct()
            .join(_lot, _lot.c.symbol == _instrument.c.symbol)
            .where(_lot.c.account_id == account_id, _lot.c.open_quantity != 0)
        )
        return {row.symbol: row.streamer_symbol for row in found}

    async def save_metrics(self, timeline: str, day: date, metrics: Metrics) -> None:
        told = {name: known(getattr(metrics, name)) for name in ("iv_rank", "iv_percentile", "iv30", "hv30")}
        statement = upsert(_metrics).values(timeline=timeline, symbol=metrics.symbol, day=day, **told)
        await self._run(
            statement.on_conflict_do_update(index_elements=["timeline", "symbol", "day"], set_=told)
        )

    async def save_greeks(self, timeline: str, minute: datetime, greeks: Mapping[str, Greeks]) -> int:
        if not greeks:
            return 0
        rows = [
            {
                "timeline": timeline,
                "symbol": symbol,
                "at": minute,
                "price": row.price,
                "volatility": row.volatility,
                "delta": row.delta,
                "gamma": row.gamma,
                "theta": row.theta,
                "vega": row.vega,
            }
            for symbol, row in greeks.items()
        ]
        return len(
            await self._rows(upsert(_greeks).values(rows).on_conflict_do_nothing().returning(_greeks.c.id))
        )

    async def thin_greeks(
        self, timeline: str, *, since: datetime | None, until: datetime, seconds: int, limit: int
    ) -> int:
        within = [_greeks.c.timeline == timeline, _greeks.c.at < until]
        if since is not None:
            within.append(_greeks.c.at >= since)
        bucket = func.floor(func.extract("epoch", _greeks.c.at) / seconds)
        place = (
            func.row_number()
            .over(partition_by=(_greeks.c.symbol, bucket), order_by=_greeks.c.at.desc())
            .label("place")
        )
        ranked = select(_greeks.c.id, place).where(*within).subquery()
        others = await self._rows(select(ranked.c.id).where(ranked.c.place > 1).limit(limit))
        if not others:
            return 0
        count = select(func.count().label("rows")).select_from(_greeks).where(*within)
        before = await self._one(count, "The count")
        ids = [row.id for row in others]
        gone = await self._rows(delete(_greeks).where(_greeks.c.id.in_(ids)).returning(_greeks.c.id))
        after = await self._one(count, "The count")
        if len(gone) != len(ids) or before.rows - after.rows != len(ids):
            raise SenexError(
                "E_HISTORY_COUNT",
                "Thinning the Greeks would have removed other rows than chosen, so none was; it is tried again.",
            )
        return len(ids)
