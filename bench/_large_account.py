"""An account of many positions, in the books and at a broker in memory alike."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from sqlalchemy import insert, update

from senex.domain.legs import Action
from senex.domain.orders import BrokerStatus, external_identifier
from senex.domain.symbols import OptionSymbol, Right
from senex.ports.broker import BrokerFill, BrokerLeg, BrokerOrder
from senex.ports.records import Work
from senex.services.context import Context
from senex.services.sync import sync_accounts
from senex.store import tables
from senex.store.repositories.base import table
from senex.store.unit_of_work import PostgresUnits
from senex.testing import market
from senex.testing.broker import FACTS, MemoryBroker
from senex.testing.bus import MemoryPublisher, MemoryQuotes
from senex.testing.clock import ManualClock

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncEngine

D = Decimal
_SPREADS = (("put-1", Right.PUT, -3), ("put-2", Right.PUT, -3), ("call-1", Right.CALL, 3))
_TIME_IN_FORCE = {"entry": "Day", "target": "GTC"}


async def begin(engine: AsyncEngine) -> tuple[Context, MemoryBroker, UUID, UUID]:
    """Use cases on that Postgres with a broker in memory, and the account and namespace of the books begun."""
    clock = ManualClock(market.NOW)
    broker = MemoryBroker(clock)
    context = Context(
        units=PostgresUnits(engine),
        broker=broker,
        quotes=MemoryQuotes(market.market(broker.chain_told)),
        publisher=MemoryPublisher(),
        clock=clock,
        environment="simulated",
    )
    await sync_accounts(context, Work(0, None, "start", ""))
    async with context.units() as tx:
        account_id = (await tx.accounts.all("simulated"))[0].id
        namespace = await tx.orders.namespace()
    return context, broker, account_id, namespace


class LargeAccount:
    """Rows of ``positions`` Tridents: entries that filled, three targets each at work, and ``cancelled`` entries."""

    def __init__(self, account_id: UUID, namespace: UUID, now: datetime) -> None:
        self._account_id, self._namespace, self._now = account_id, namespace, now
        self._rows: dict[str, list[dict[str, Any]]] = {}
        self._symbols: set[OptionSymbol] = set()
        self._orders: list[BrokerOrder] = []
        self.expired: list[UUID] = []
        """Positions whose entry was cancelled."""

    def add(self, number: int, *, filled: bool) -> None:
        """Position ``number``: open with its targets, or an entry that was cancelled."""
        day = date(2026, 4, 10) + timedelta(days=7 * (number % 40))
        body = 400 + number // 40 * 2
        position = self._position(day, "open_full" if filled else "expired")
        if not filled:
            self.expired.append(position)
        symbols = {
            key: (OptionSymbol("QQQ", day, right, D(body)), OptionSymbol("QQQ", day, right, D(body + width)))
            for key, right, width in _SPREADS
        }
        for ordinal, (key, (short, wing)) in enumerate(symbols.items()):
            self._symbols |= {short, wing}
            self._spread(position, key, ordinal, short.occ, wing.occ)
        quantities: dict[str, tuple[Action, int]] = {}
        for short, wing in symbols.values():
            for symbol, action in ((short.occ, Action.SELL_TO_OPEN), (wing.occ, Action.BUY_TO_OPEN)):
                quantities[symbol] = (action, quantities.get(symbol, (action, 0))[1] + 1)
        fills = self._order(position, "entry", None, quantities, filled=filled)
        if filled:
            for key, (short, wing) in symbols.items():
                self._lots(position, key, fills[short.occ], short.occ, -1)
                self._lots(position, key, fills[wing.occ], wing.occ, 1)
                closing = {short.occ: (Action.BUY_TO_CLOSE, 1), wing.occ: (Action.SELL_TO_CLOSE, 1)}
                self._order(position, "target", key, closing, filled=False)

    async def store(self, engine: AsyncEngine, broker: MemoryBroker) -> None:
        """Write it all down, and have the broker know the same."""
        instruments = [
            {
                "symbol": symbol.occ,
                "streamer_symbol": symbol.streamer,
                "underlying": "QQQ",
                "instrument_type": "Equity Option",
                "multiplier": 100,
                "expiry": symbol.expiry,
                "strike": symbol.strike,
                "right": symbol.right.value,
            }
            for symbol in sorted(self._symbols, key=lambda each: each.occ)
        ]
        known = {column.name for column in table(tables.Instrument).columns}
        async with engine.begin() as connection:
            rows = [{name: value for name, value in row.items() if name in known} for row in instruments]
            await connection.execute(insert(table(tables.Instrument)), rows)
            for name, found in self._rows.items():
                await connection.execute(insert(table(getattr(tables, name))), found)
            await connection.execute(update(table(tables.Readiness)).values(ready=True))
        broker.orders.update((order.id, order) for order in self._orders)

    def _put(self, name: str, **values: Any) -> None:
        self._rows.setdefault(name, []).append(values)

    def _position(self, day: date, status: str) -> UUID:
        position = uuid4()
        self._put(
            "Position",
            id=position,
            account_id=self._account_id,
            origin="strategy",
            strategy="senex_trident",
            underlying="QQQ",
            expiry=day,
            units=1,
            status=status,
            initial_risk=D(190),
            tick=D("0.01"),
            time_exit_dte=7,
            stop_alert_share=D("0.5"),
            stop_order_share=D("0.75"),
            created_at=self._now,
        )
        return position

    def _spread(self, position: UUID, key: str, ordinal: int, short: str, wing: str) -> None:
        self._put(
            "PositionSpread",
            position_id=position,
            key=key,
            ordinal=ordinal,
            width=D(3),
            target_share=D("0.4"),
            credit=D("1.38"),
        )
        for place, (symbol, action) in enumerate(((short, "Sell to Open"), (wing, "Buy to Open"))):
            self._put(
                "PositionLeg",
                position_id=position,
                spread_key=key,
                ordinal=place,
                symbol=symbol,
                action=action,
                quantity=1,
            )

    def _order(
        self,
        position: UUID,
        kind: str,
        key: str | None,
        legs: dict[str, tuple[Action, int]],
        *,
        filled: bool,
    ) -> dict[str, int]:
        """An order in the books and at the broker; the fill's id by symbol."""
        order, number = uuid4(), str(100_000 + len(self._orders))
        name = external_identifier(self._namespace, order, 1)
        theirs = BrokerStatus.FILLED if filled else BrokerStatus.LIVE if key else BrokerStatus.CANCELLED
        ours = "filled" if filled else "working" if key else "cancelled"
        self._put(
            "TradeOrder",
            id=order,
            account_id=self._account_id,
            origin="strategy",
            kind=kind,
            position_id=position,
            spread_key=key,
            generation=0,
            underlying="QQQ",
            time_in_force=_TIME_IN_FORCE[kind],
            limit_price=D("4.10") if key is None else D("-0.83"),
            status=ours,
            broker_order_id=number,
            broker_status=theirs.value,
            created_at=self._now,
            updated_at=self._now,
        )
        self._put(
            "Attempt",
            id=uuid4(),
            account_id=self._account_id,
            order_id=order,
            number=1,
            external_identifier=name,
            status="accepted",
            body_hash="",
            prepared_at=self._now,
            broker_order_id=number,
        )
        fills: dict[str, int] = {}
        told = []
        for ordinal, (symbol, (action, quantity)) in enumerate(legs.items()):
            self._put(
                "OrderLeg",
                order_id=order,
                ordinal=ordinal,
                symbol=symbol,
                action=action.value,
                quantity=quantity,
                filled=quantity if filled else 0,
            )
            executions: tuple[BrokerFill, ...] = ()
            if filled:
                fills[symbol] = len(self._rows.get("Fill", ())) + 1
                executions = (BrokerFill(f"{symbol}-0", quantity, D("1.40"), self._now),)
                self._put(
                    "Fill",
                    account_id=self._account_id,
                    order_id=order,
                    symbol=symbol,
                    fill_id=f"{symbol}-0",
                    quantity=quantity,
                    price=D("1.40"),
                    filled_at=self._now,
                    source="rest",
                )
            told.append(BrokerLeg(symbol, action, quantity, executions))
        self._orders.append(
            BrokerOrder(
                id=number,
                account_number=FACTS.number,
                underlying="QQQ",
                status=theirs,
                external_identifier=name,
                legs=tuple(told),
                price=None,
                reject_reason=None,
                updated_at=self._now,
            )
        )
        return fills

    def _lots(self, position: UUID, key: str, fill: int, symbol: str, quantity: int) -> None:
        self._put(
            "Lot",
            fill_id=fill,
            spread_key=key,
            account_id=self._account_id,
            position_id=position,
            symbol=symbol,
            quantity=quantity,
            open_quantity=quantity,
            multiplier=100,
            price=D("1.40"),
            opened_at=self._now,
        )
