"""The broker's ledger in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from senex.domain.fills import Fill
    from senex.domain.ledger import LedgerEntry
    from senex.domain.legs import Action
    from senex.ports.records import StoredEntry


class Ledger(Protocol):
    """Rows of the ledger, what they are linked to, and the fills they cause. Rows are never removed."""

    async def began(self, account_id: UUID) -> datetime | None:
        """Since when the ledger is kept; None before its first reading."""
        ...

    async def begin(self, account_id: UUID, now: datetime) -> None:
        """From now on it is kept. What is stored and closes nothing of ours is history: it is not booked."""
        ...

    async def newest(self, account_id: UUID) -> date | None:
        """The day of the newest row."""
        ...

    async def save(self, account_id: UUID, entries: Sequence[LedgerEntry], now: datetime) -> None:
        """Insert, or where the broker corrected its figures update."""
        ...

    async def link(self, account_id: UUID) -> None:
        """Link rows to positions: by the order they belong to, dividends by the one position that holds the share."""
        ...

    async def pending(self, account_id: UUID) -> tuple[StoredEntry, ...]:
        """Rows that move a quantity and are not in the books, oldest first."""
        ...

    async def lock(self, entry_id: int) -> StoredEntry:
        """One row, held until the transaction ends."""
        ...

    async def of_instant(self, account_id: UUID, entry: LedgerEntry) -> tuple[StoredEntry, ...]:
        """Every row of the entry's instant and underlying, oldest first."""
        ...

    async def position_of(self, account_id: UUID, broker_order_id: str) -> UUID | None:
        """The position that rows of this order were booked on, or that an order of ours with this id has."""
        ...

    async def taken(self, entry_id: int) -> Mapping[UUID, int]:
        """Contracts each position gave to a row that is booked."""
        ...

    async def kinds(self, position_id: UUID, at: datetime) -> tuple[str, ...]:
        """Sub-kinds of the rows of one instant that are booked on a position."""
        ...

    async def add_fill(
        self, account_id: UUID, stored: StoredEntry, position_id: UUID, *, action: Action, quantity: int
    ) -> Fill:
        """The fill by which a row changes one position; once per row and position."""
        ...

    async def booked(self, entry_id: int, position_id: UUID | None) -> None:
        """The row is in the books."""
        ...

    async def reconciled(self, account_id: UUID) -> int:
        """How many fills of our orders the broker's transactions say too, contract for contract and to the cent."""
        ...
