"""The outside: where operators are reached when they are not at a console."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from senex.domain.notices import Level


class Notifier(Protocol):
    """Channels of operators. A channel is known by a name that gives no secret away."""

    def channels(self, operator: str) -> tuple[str, ...]:
        """The names of an operator's channels."""
        ...

    async def send(self, channel: str, *, title: str, text: str, level: Level) -> None:
        """Send one message.

        Raises:
            Unavailable: ``E_NOTIFY_AWAY`` when the channel did not take it.
            UsageProblem: ``E_NOTIFY_CHANNEL`` when there is no such channel, or its address is not usable.
        """
        ...


class NoChannels:
    """Where nobody is to be reached."""

    def channels(self, operator: str) -> tuple[str, ...]:  # noqa: ARG002  nobody has one
        """None."""
        return ()

    async def send(self, channel: str, *, title: str, text: str, level: Level) -> None:
        """Nothing is ever asked of it: nobody has a channel."""
