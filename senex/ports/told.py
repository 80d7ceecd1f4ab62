"""What operators are told: alarms, summaries and the inbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from senex.domain.alarms import Alarm
    from senex.domain.differences import Difference
    from senex.domain.notices import Mode, Notice
    from senex.domain.summary import Summary
    from senex.ports.records import DayFacts, QueuedNotice, RaisedAlarm


class Alarms(Protocol):
    """What wants a person, and underlyings on which nothing new is opened."""

    async def sound(self, alarm: Alarm, now: datetime) -> bool:
        """Raise an alarm; false when it was open already. One that becomes critical is unseen, and as old as that."""
        ...

    async def standing(self, account_id: UUID) -> frozenset[tuple[str, str]]:
        """Code and object of each open alarm of an account."""
        ...

    async def resolve(self, code: str, object_id: str, *, account_id: UUID | None, now: datetime) -> None:
        """What it was about is mended."""
        ...

    async def end(self, code: str, object_id: str, *, account_id: UUID | None, now: datetime) -> bool:
        """The same; whether there was one."""
        ...

    async def resolve_others(
        self, code: str, objects: Collection[str], *, account_id: UUID, now: datetime
    ) -> None:
        """Of an account's alarms of one code only those about ``objects`` still hold."""
        ...

    async def resolve_about(
        self, object_type: str, objects: Collection[str], *, account_id: UUID, now: datetime
    ) -> None:
        """There is nothing left that any alarm about ``objects`` could be about."""
        ...

    async def resolve_of_lost_machines(self, codes: Collection[str], *, but: str, now: datetime) -> None:
        """End those of machines, ``but`` one, where no worker of trading has a heartbeat of the last ten minutes.

        Nobody looks there. A worker that left in order has none: should it come back, its next look says it again.
        """
        ...

    async def seen(self, alarm_id: UUID, *, by: str, now: datetime) -> bool:
        """Somebody has looked; false when that was so already."""
        ...

    async def save_differences(
        self, account_id: UUID, differences: Sequence[Difference], now: datetime
    ) -> None:
        """Replace what the last comparison with the broker found."""
        ...

    async def differing(self, account_id: UUID) -> frozenset[str]:
        """The subjects of what the last comparison found."""
        ...

    async def halt_underlying(self, account_id: UUID, underlying: str, *, reason: str, now: datetime) -> None:
        """Open nothing new on it until it is resumed; the first reason stays."""
        ...

    async def resume_underlying(self, account_id: UUID, underlying: str) -> bool:
        """Lift the halt; false when there was none."""
        ...

    async def halted_underlyings(self, account_id: UUID) -> Mapping[str, str]:
        """The halted underlyings and why."""
        ...


class Summaries(Protocol):
    """What each day came to."""

    async def facts(self, account_id: UUID, since: datetime, until: datetime) -> DayFacts:
        """What was gained, paid and traded between two instants, and what is broken now."""
        ...

    async def save(self, account_id: UUID, summary: Summary, now: datetime) -> None:
        """Store it, in place of an earlier one of the same day."""
        ...


class Inbox(Protocol):
    """What operators were told, and what channels are still owed."""

    async def add(
        self, notice_id: UUID, notice: Notice, *, day: date, now: datetime, since: datetime | None = None
    ) -> UUID | None:
        """Store a notice; its id, or None when that event on that object was told on that New York day already.

        What is critical is told again, as the same notice: when it was not critical before, is about
        another alarm, or was told before ``since``. So is what is told ``anew`` and says something else by now.
        """
        ...

    async def alarm(self, alarm_id: UUID) -> RaisedAlarm: ...

    async def unattended(self, account_id: UUID) -> tuple[tuple[RaisedAlarm, int], ...]:
        """Open alarms of the account, or of none, that nobody has acknowledged, and how often each was said again."""
        ...

    async def modes(self) -> Mapping[str, Mode]:
        """What each operator wants to be sent."""
        ...

    async def set_mode(self, operator: str, mode: Mode, now: datetime) -> None: ...

    async def queue(self, notice_id: UUID, *, operator: str, channel: str) -> None:
        """Owe a channel a notice, also one it had before."""
        ...

    async def queued(self, channel: str) -> tuple[QueuedNotice, ...]:
        """What a channel is owed, oldest first; locked until the transaction ends, without what others lock."""
        ...

    async def tried_lately(self, channel: str) -> tuple[int, datetime | None]:
        """How many messages were sent to the channel, or failed, within a minute (machine time), and when the last."""
        ...

    async def sent(self, channel: str, notices: Sequence[UUID]) -> None:
        """One message held these."""
        ...

    async def not_sent(self, channel: str, notices: Sequence[UUID], *, problem: str, most: int) -> bool:
        """Count a failed attempt; whether any of them is given up, which it is after ``most``."""
        ...

    async def seen(self, subject_id: UUID, *, by: str, now: datetime) -> tuple[UUID, ...] | None:
        """Somebody has seen a notice, or those of an alarm: the alarms they are about; None when nothing was new."""
        ...
