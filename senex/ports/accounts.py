"""Accounts, what runs on them by itself, and the deployment that trades them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from senex.domain.automation import AutomatedEntry, Automation
    from senex.domain.backups import BackupState
    from senex.domain.caps import DayStart
    from senex.domain.deployment import Deployment
    from senex.domain.orders import Attempt
    from senex.domain.trading_state import Fence, TradingState
    from senex.domain.watch import Source
    from senex.ports.broker import AccountFacts, Balances, Holding
    from senex.ports.records import Account, OperatorRecord


class Accounts(Protocol):
    """Accounts, their fences and balances."""

    async def save(self, environment: str, facts: AccountFacts, now: datetime) -> Account:
        """Insert or update by broker number; a new account starts ACTIVE and not ready."""
        ...

    async def close_others(self, environment: str, numbers: Collection[str], now: datetime) -> None:
        """Close the accounts of ``environment`` that the broker no longer lists."""
        ...

    async def get(self, account_id: UUID) -> Account: ...

    async def all(self, environment: str) -> tuple[Account, ...]: ...

    async def fence(self, account_id: UUID) -> Fence: ...

    async def day(self, account_id: UUID, now: datetime) -> DayStart:
        """What the loss of the New York day is reckoned from."""
        ...

    async def set_state(
        self, account_id: UUID, state: TradingState, *, reason: str, by: str, now: datetime
    ) -> None:
        """Set the state and raise its epoch."""
        ...

    async def unready(self, account_id: UUID, *, reason: str, now: datetime) -> int:
        """Clear readiness and raise its epoch, which is returned."""
        ...

    async def ready(self, account_id: UUID, *, epoch: int, now: datetime) -> None:
        """Set readiness if the epoch is still the one given."""
        ...

    async def add_snapshot(self, account_id: UUID, balances: Balances, now: datetime) -> None: ...

    async def holdings(self, account_id: UUID) -> Mapping[str, tuple[str, int]]:
        """Underlying and signed quantity of every symbol the broker held when it was last read."""
        ...

    async def save_holdings(self, account_id: UUID, holdings: Sequence[Holding], now: datetime) -> None:
        """Replace what the broker holds by what it just said."""
        ...

    async def source(self, source: str, subject: str, *, ok: bool, detail: str, now: datetime) -> None:
        """Say when a source last proved fresh or broken."""
        ...

    async def sources(self, account_id: UUID) -> tuple[Source, ...]:
        """What every source of the account, and those of all, last said."""
        ...

    async def operator(self, name: str) -> OperatorRecord | None: ...


class Automations(Protocol):
    """The policies operators have recorded, and what they have done each day."""

    async def get(self, account_id: UUID) -> Automation | None:
        """None where nobody has recorded one, which automates nothing."""
        ...

    async def set(self, account_id: UUID, automation: Automation, *, by: str, now: datetime) -> None: ...

    async def entry(self, account_id: UUID, day: date) -> AutomatedEntry | None:
        """The newest automated entry of a New York day."""
        ...

    async def claim(
        self, account_id: UUID, day: date, decision_id: UUID, *, instead_of: UUID | None, now: datetime
    ) -> bool:
        """Make ``decision_id`` the day's entry; false when it is no longer ``instead_of`` that is."""
        ...

    async def skipped(self, account_id: UUID, day: date, why: str, now: datetime) -> bool:
        """Store why nothing was entered; false when that was said last already."""
        ...


class Deployments(Protocol):
    """Which senex this is, and what a restore has to settle before it may trade."""

    async def get(self) -> Deployment: ...

    async def renew(self, namespace: UUID, now: datetime, *, settled_at: datetime | None) -> None:
        """Take the namespace of the next generation; the broker is told with the next reconcile.

        ``settled_at`` counts as the time it was told where nobody has to hear of it.
        """
        ...

    async def claimed(self, now: datetime) -> None:
        """The broker has been told."""
        ...

    async def replaced(self, by: UUID) -> bool:
        """Another deployment has taken this one's place; false when that was known."""
        ...

    async def unsettled(self) -> tuple[Attempt, ...]:
        """Attempts that may have left after the moment restored to, or were leaving then."""
        ...

    async def doubt(self, attempt_id: UUID, now: datetime, *, why: str) -> None:
        """Whether the attempt was sent is not known; counted as sent now, for the resolver."""
        ...

    async def undecided(self) -> tuple[UUID, ...]:
        """Decisions nobody has answered."""
        ...

    async def accounts(self) -> tuple[Account, ...]:
        """All of them, of every environment."""
        ...

    async def latest(self) -> datetime | None:
        """Market time of the newest line of the journal."""
        ...

    async def backups(self) -> Mapping[str, BackupState]:
        """How backups go, by kind; nothing where nobody keeps any. Ages are machine time."""
        ...
