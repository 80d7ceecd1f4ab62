"""One row of the broker's ledger on its way into the books, and whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from senex.domain.errors import UsageProblem
from senex.domain.legs import InstrumentType, Leg
from senex.domain.orders import of_the_lost_time, ours
from senex.domain.symbols import OptionSymbol
from senex.ports.records import Instrument

if TYPE_CHECKING:
    from uuid import UUID

    from senex.domain.ledger import LedgerEntry
    from senex.ports.broker import BrokerOrder
    from senex.ports.records import Account, StoredEntry
    from senex.ports.unit_of_work import UnitOfWork
    from senex.services.context import Context


class Strangers:
    """Orders at the broker that are not ours, each looked up once."""

    def __init__(self, context: Context, account: Account) -> None:
        self._context = context
        self._account = account
        self._known: dict[str, BrokerOrder | None] = {}

    async def are(self, entry: LedgerEntry) -> bool:
        """Whether a trade is somebody else's for certain: one of ours that is not known yet must wait for its order.

        A second order of one decision was never adopted, so what it filled is a stranger's too.
        """
        name = entry.broker_order_id
        if name is None:
            return True
        if name not in self._known:
            try:
                self._known[name] = await self._context.broker.order(self._account.number, name)
            except UsageProblem:
                self._known[name] = None
        theirs = self._known[name]
        if theirs is None:
            return True
        async with self._context.units.reading() as tx:
            given = theirs.external_identifier
            mine = None if given is None else await tx.orders.by_external_identifier(given)
            if mine is None:
                # what a restored database has lost comes back as somebody else's
                namespace = await tx.orders.namespace()
                return not ours(given, namespace) or of_the_lost_time(given, namespace)
            return (await tx.orders.get(mine)).broker_order_id not in (None, name)

    def legs_of(self, entry: LedgerEntry) -> tuple[Leg, ...]:
        """The opening legs of the order a row belongs to, as far as the broker told it."""
        theirs = self._known.get(entry.broker_order_id or "")
        return tuple(
            Leg(leg.symbol, leg.action, leg.quantity, InstrumentType.of(leg.symbol))
            for leg in (theirs.legs if theirs is not None else ())
            if leg.action.opens
        )

    async def meet(self, tx: UnitOfWork, *entries: LedgerEntry) -> None:
        """See to it that the contracts of rows are known."""
        symbols = {entry.symbol: entry.underlying or entry.symbol for entry in entries if entry.symbol}
        await tx.market.meet_instruments([instrument_of(*pair) for pair in symbols.items()])


@dataclass(frozen=True, slots=True)
class Booking:
    """One row under lock, in a transaction."""

    context: Context
    tx: UnitOfWork
    account: Account
    stored: StoredEntry
    strangers: Strangers

    async def note(self, position_id: UUID, after: str) -> None:
        """Say in the journal what the row did to a position."""
        entry = self.stored.entry
        await self.tx.journal.note(
            "ledger booked",
            actor="broker (ledger)",
            object_type="position",
            object_id=str(position_id),
            account_id=self.account.id,
            after=after,
            why=f"{entry.sub_kind}: {entry.description} (transaction {entry.broker_id})",
            now=self.context.clock.now(),
        )


def instrument_of(symbol: str, underlying: str) -> Instrument:
    """A contract as the store keeps it; when it stops trading nobody has said."""
    kind = InstrumentType.of(symbol)
    streamer = symbol if kind is InstrumentType.EQUITY else OptionSymbol.from_occ(symbol).streamer
    return Instrument(symbol, streamer, underlying or symbol, kind.multiplier, None)
