"""The main job without a terminal: it reads and decides as a console does, and can do nothing else.

Asks for a suggestion, approves it as shown, waits for the fill and the targets, has the
simulated market stand still, and prints what it saw as one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import Request, urlopen

import click

from senex.bootstrap.live_console import open_live_console
from senex.bus.codec import Frame
from senex.bus.subscriber import Joined
from senex.cli.story_report import order_facts, position_facts, suggestion_facts, target_facts
from senex.config import ConsoleSettings, load
from senex.domain.errors import OutcomeUnknown, Refused, SenexError, Unavailable
from senex.domain.unknown import Unknown

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime
    from decimal import Decimal
    from typing import TypeVar
    from uuid import UUID

    from senex.bootstrap.live_console import LiveConsole
    from senex.domain.quotes import Quote
    from senex.ports.views import (
        AccountView,
        DecisionResultView,
        OrderView,
        PositionView,
        SuggestionView,
    )

    Found = TypeVar("Found")

_LOOK = 0.1
_LEASE_EVERY = 5.0


@dataclass(slots=True)
class Screen:
    """What a console would show: the newest quotes, and how many came."""

    quotes: dict[str, Quote] = field(default_factory=dict)
    received: int = 0
    tick: int = 0


@dataclass(slots=True)
class Story:
    """One run."""

    console: LiveConsole
    clock_url: str
    symbol: str
    number: str | None
    deadline: float
    screen: Screen = field(default_factory=Screen)
    timings: dict[str, float] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    async def play(self) -> dict[str, object]:
        """The whole story; what was seen.

        Raises:
            Refused: ``E_NO_TRADE`` when the rules say no.
            Unavailable: ``E_STORY_TIMEOUT`` when somebody does not do their part in time.
        """
        following = asyncio.create_task(self._follow())
        try:
            account = await self._until("the account was never ready", self._ready)
            suggestion = await self._suggest(account)
            await self.console.bus.lease({leg.streamer for leg in suggestion.legs} | {self.symbol})
            shown = await self._until("no price of the suggestion arrived", lambda: self._shown(suggestion))
            decision = await self.console.decider.approve(suggestion, shown_at=shown)
            order = await self._answered(decision, "approved")
            entry = await self._until("the order did not fill", lambda: self._filled(order))
            self._note("filled")
            position = await self._until("the targets never worked", lambda: self._protected(entry))
            self._note("protected")
            return await self._told(account, suggestion, decision, entry, position)
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following

    async def _told(
        self,
        account: AccountView,
        suggestion: SuggestionView,
        decision: UUID,
        entry: OrderView,
        position: PositionView,
    ) -> dict[str, object]:
        tick = await asyncio.to_thread(self._stand_still)
        await self._until("the last prices before the pause never arrived", lambda: self._drained(tick))
        await self._answered(await self.console.decider.sync(account.id), "synced")
        final = await self.console.reads.position(position.id) or position
        held = position_facts(
            final, self._marks(final), await self.console.reads.broker_holdings(account.id), tick
        )
        if held["live_pnl"] is None or held["live_pnl"] != held["broker_pnl"]:
            raise SenexError(
                "E_STORY_PNL",
                f"Our P&L ({held['live_pnl']}) and the broker's ({held['broker_pnl']}) differ although the market "
                "stands still; this is a bug, please report it.",
            )
        return {
            "suggestion": suggestion_facts(suggestion),
            "decision": {"id": str(decision), "operator": self.console.decider.operator, "outcome": "done"},
            "order": order_facts(entry),
            "position": held,
            "targets": target_facts(final),
            "quotes_received": self.screen.received,
            "timings": self.timings | {"total": round(time.monotonic() - self.began, 3)},
        }

    async def _ready(self) -> AccountView | None:
        accounts = await self.console.reads.accounts(self.console.clock.now())
        mine = (one for one in accounts if self.number in (None, one.number))
        account = next((one for one in mine if one.ready and one.net_liquidation is not None), None)
        if account is not None:
            self._note("ready")
        return account

    async def _suggest(self, account: AccountView) -> SuggestionView:
        decision = await self.console.decider.suggest(account.id, self.symbol)
        answer = await self.console.decider.wait_result(decision, self._left())
        if answer.outcome != "done" or answer.suggestion_id is None:
            raise _no(answer)
        self._note("suggested")
        found = await self.console.reads.suggestion(answer.suggestion_id)
        if found is None:
            raise Unavailable("E_STORY_TIMEOUT", "The suggestion cannot be read; look at the daemon's log.")
        return found

    async def _shown(self, suggestion: SuggestionView) -> datetime | None:
        """The market time at which every leg's price was on the screen."""
        seen = all(leg.streamer in self.screen.quotes for leg in suggestion.legs)
        return self.console.clock.now() if seen else None

    async def _answered(self, decision: UUID, what: str) -> UUID | None:
        answer = await self.console.decider.wait_result(decision, self._left())
        if answer.outcome != "done":
            raise _no(answer)
        self._note(what)
        return answer.order_id

    async def _filled(self, order_id: UUID | None) -> OrderView | None:
        order = None if order_id is None else await self.console.reads.order(order_id)
        if order is None or order.status == "filled":
            return order
        if order.status == "unknown":
            raise OutcomeUnknown(
                "E_OUTCOME_UNKNOWN", f"Order {order.id} is unknown: {order.attempt_message}."
            )
        if order.status in ("rejected", "cancelled", "expired"):
            raise Refused("E_ORDER_ENDED", f"The order is {order.status}: {order.reject_reason}.")
        return None

    async def _protected(self, entry: OrderView) -> PositionView | None:
        position = await self.console.reads.position(entry.position_id)
        if position is None:
            return None
        wanted = [spread for spread in position.spreads if spread.target_share is not None]
        working = [one for one in wanted if one.target is not None and one.target.status == "working"]
        return position if wanted and len(working) == len(wanted) else None

    async def _drained(self, tick: int) -> bool | None:
        return True if self.screen.tick >= tick else None

    def _stand_still(self) -> int:
        """Have the simulated market stop; the tick it stopped at."""
        url = self.clock_url.replace("ws", "http", 1)
        asked = Request(url, data=b'{"speed": 0}', headers={"Content-Type": "application/json"})  # noqa: S310
        try:
            with urlopen(asked, timeout=5) as answer:  # noqa: S310  the clock the settings name
                return int(json.load(answer)["sequence"])
        except (URLError, OSError, ValueError, KeyError) as problem:
            raise Unavailable(
                "E_CLOCK_AWAY", f"The market clock did not stop ({problem}); run it again."
            ) from None

    def _marks(self, position: PositionView) -> dict[str, Decimal | Unknown]:
        streamers = {lot.symbol: lot.streamer for spread in position.spreads for lot in spread.lots}
        return {
            symbol: self.screen.quotes[streamer].mid
            if streamer in self.screen.quotes
            else Unknown(f"no quote for {streamer} yet")
            for symbol, streamer in streamers.items()
        }

    async def _follow(self) -> None:
        """Take every frame of the bus, as a console's feed does."""
        async with aclosing(self.console.bus.events()) as events:
            async for event in events:
                frame = event.frame if isinstance(event, Joined) else event
                if isinstance(frame, Frame):
                    self.screen.received += len(frame.quotes)
                    self.screen.quotes |= {quote.symbol: quote for quote in frame.quotes}
                    self.screen.tick = max(self.screen.tick, frame.pulse.source_sequence)

    async def _until(self, otherwise: str, look: Callable[[], Awaitable[Found | None]]) -> Found:
        leased = time.monotonic()
        while True:
            with suppress(Unavailable):
                found = await look()
                if found is not None:
                    return found
            if self._left() <= 0:
                raise Unavailable(
                    "E_STORY_TIMEOUT",
                    f"Gave up: {otherwise} within the time given; the daemon's log says why.",
                )
            if time.monotonic() - leased > _LEASE_EVERY:
                leased = time.monotonic()
                with suppress(Unavailable):
                    await self.console.bus.lease({self.symbol})
            await asyncio.sleep(_LOOK)

    def _left(self) -> float:
        return max(self.deadline - time.monotonic(), 0.0)

    def _note(self, what: str) -> None:
        self.timings[what] = round(time.monotonic() - self.began, 3)


def _no(answer: DecisionResultView) -> SenexError:
    """What the daemon answered instead of yes: a rule's refusal, or that it could not be done."""
    kind = Refused if answer.outcome == "refused" else SenexError
    return kind(answer.code, answer.message, reasons=answer.reasons)


@click.command()
@click.option("--symbol", default="QQQ")
@click.option("--account", default=None, help="Account number; the first ready one by default.")
@click.option("--timeout", default=90.0)
@click.option("--json", "as_json", is_flag=True)
def main(*, symbol: str, account: str | None, timeout: float, as_json: bool) -> None:
    """Play the main job once through what the console uses."""
    try:
        told = asyncio.run(_run(symbol, account, timeout))
    except SenexError as problem:
        no_trade = problem.code == "E_NO_TRADE"
        click.echo("no trade" if no_trade else f"senex: {problem}", err=True)
        if no_trade:
            for reason in problem.reasons:
                click.echo(f"  {reason}", err=True)
        if as_json and no_trade:
            click.echo(
                json.dumps({"result": "no trade", "code": problem.code, "reasons": list(problem.reasons)})
            )
        sys.exit(problem.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    if as_json:
        click.echo(json.dumps(told))
    else:
        click.echo(json.dumps(told, indent=2))


async def _run(symbol: str, account: str | None, timeout: float) -> dict[str, object]:
    settings = load(ConsoleSettings)
    deadline = time.monotonic() + timeout
    async with open_live_console(settings) as console:
        story = Story(
            console=console,
            clock_url=settings.clock_url or "",
            symbol=symbol,
            number=account,
            deadline=deadline,
        )
        return await story.play()


if __name__ == "__main__":
    main()
