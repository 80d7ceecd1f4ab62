"""The console: composes screens and workers, routes messages, asks before money moves."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import App
from textual.constants import get_environ

from senex.domain.errors import SenexError, Unavailable
from senex.services.live import streamers_of
from tui import decide
from tui import format as fmt
from tui.actions import GLOBAL, bindings, check_keys, palette_actions
from tui.feed import Feed
from tui.idle import Idle
from tui.messages import Connected, ModelLost, OrderEvents
from tui.model import Refresher
from tui.screens.base import ConsoleScreen
from tui.screens.dialogs import Dialog, Help, Lock, Palette
from tui.screens.home import HomeScreen
from tui.state import State
from tui.theme import SENEX_THEME

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from contextlib import AbstractAsyncContextManager
    from uuid import UUID

    from textual import events
    from textual.app import SystemCommand
    from textual.binding import BindingType
    from textual.screen import Screen

    from senex.ports.views import (
        AccountView,
        DecisionResultView,
        DifferenceView,
        JobView,
        NotificationView,
        OrderView,
        PositionView,
        SuggestionView,
    )
    from tui.decide import Decider
    from tui.messages import DecisionAnswered, DecisionSent, ModelChanged, QuotesChanged, StreamLost
    from tui.model import Books
    from tui.parts import Parts

_REASONS = 2


def screen(module: str, name: str) -> Callable[[], Screen[Any]]:
    """A screen that is imported when it is first shown: the first paint needs one only."""

    def make() -> Screen[Any]:
        made: Screen[Any] = getattr(import_module(f"tui.screens.{module}"), name)()
        return made

    return make


def _ask() -> Any:
    """What asks before deciding, imported with the first question."""
    return import_module("tui.ask")


class SenexApp(App[None]):
    """Collaborators come by keyword (``senex.bootstrap.console`` builds the real ones)."""

    CSS_PATH = Path(__file__).with_name("senex.tcss")
    TITLE = "senex"
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {
        "home": HomeScreen,
        "approvals": screen("approvals", "ApprovalsScreen"),
        "positions": screen("positions", "PositionsScreen"),
        "orders": screen("orders", "OrdersScreen"),
        "jobs": screen("jobs", "JobsScreen"),
        "inbox": screen("inbox", "InboxScreen"),
    }
    DEFAULT_MODE = "home"
    BINDINGS: ClassVar[list[BindingType]] = bindings(GLOBAL)
    ENABLE_COMMAND_PALETTE = True

    def __init__(
        self,
        *,
        connect: Callable[[], AbstractAsyncContextManager[Parts]],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]
        self.VERTICAL_BREAKPOINTS = [(0, "-short"), (24, "-low"), (40, "-tall")]
        self.state = State(monotonic=monotonic)
        self._connect = connect
        self._parts: Parts | None = None
        self._model: Refresher | None = None
        self._idle = Idle(monotonic)
        self.register_theme(SENEX_THEME)
        if not get_environ("TEXTUAL_THEME"):
            self.theme = SENEX_THEME.name

    def on_ready(self) -> None:
        """Painted: now connect."""
        self.run_worker(self._run(), name="console", group="console", exit_on_error=True)
        self.set_interval(1.0, self._look_idle)

    async def _run(self) -> None:
        """Connect, then follow books and bus; a clock that does not answer is tried again."""
        while True:
            try:
                async with self._connect() as parts:
                    await self._follow(parts)
            except Unavailable as problem:
                self.post_message(ModelLost(problem.message))
                await asyncio.sleep(1.0)
            except SenexError as problem:
                self.exit(return_code=problem.exit_code, message=str(problem))
                return

    async def _follow(self, parts: Parts) -> None:
        self.state.keys = check_keys(parts.keys)
        self.set_keymap(self.state.keys)
        self.state.environment, self.state.operator = parts.environment, parts.operator
        self.state.clock = parts.clock
        self._idle.after = parts.idle_minutes * 60
        self._parts = parts
        self.post_message(Connected())
        model = self._model = Refresher(parts.books, self.post_message)
        feed = Feed(parts.bus, self.state, self.post_message, hinted=model.hint, wanted=self._wanted_symbols)
        async with asyncio.TaskGroup() as group:
            group.create_task(model.run())
            group.create_task(feed.run())

    # -- messages from workers

    @property
    def front(self) -> ConsoleScreen | None:
        """The screen of the current mode, below any dialog."""
        found = [screen for screen in self.screen_stack if isinstance(screen, ConsoleScreen)]
        return found[-1] if found else None

    def on_connected(self) -> None:
        """The environment is known: say it."""
        self._show_model()

    def on_model_changed(self, message: ModelChanged) -> None:
        """The books were read."""
        self.state.books.back(self.state.monotonic())
        self.state.snapshot = message.snapshot
        self._show_model()

    def on_model_lost(self, message: ModelLost) -> None:
        """They cannot be: what was read stays, marked as such."""
        self.state.books.lost(message.why, self.state.monotonic())
        self._show_model()

    def on_stream_lost(self, message: StreamLost) -> None:
        """Redis is away: quotes age."""
        self.state.bus.lost(message.why, self.state.monotonic())
        self._show_model()

    def on_stream_back(self) -> None:
        """Redis answers."""
        self.state.bus.back(self.state.monotonic())
        self._show_model()

    def on_quotes_changed(self, message: QuotesChanged) -> None:
        """Only what moved."""
        if (front := self.front) is not None:
            front.show_quotes(message.symbols)

    def on_decision_sent(self, message: DecisionSent) -> None:
        """The daemon has it."""
        self.state.waiting[message.decision_id] = message.what
        self._show_model()

    def on_decision_answered(self, message: DecisionAnswered) -> None:
        """What became of it."""
        if message.decision_id is not None:
            self.state.waiting.pop(message.decision_id, None)
        if self._model is not None:
            self._model.hint()
        if message.result is None:
            self.say(f"{message.what}: {message.problem}", bad=True)
        elif message.result.outcome == "done":
            if message.result.suggestion_id is not None:
                self.state.refused.pop(message.result.suggestion_id, None)
            self.say(f"{message.what}: {message.result.message}")
            if message.turn:
                self._turn_to(message.result)
        else:
            self._say_no(message.what, message.result)
        self._show_model()

    def _say_no(self, what: str, result: DecisionResultView) -> None:
        """The sentence, never so long that it covers the screen; the suggestion keeps all reasons."""
        if result.suggestion_id is not None:
            self.state.refused[result.suggestion_id] = result.reasons
        said = result.message.removeprefix("Refused: ")
        others = [reason for reason in result.reasons if reason.rstrip(".") not in said]
        here = others[: 0 if result.suggestion_id is not None else _REASONS]
        rows = [
            f"{what} {result.outcome}: {fmt.prose(said)} [{result.code}]",
            *(f"· {fmt.prose(r)}" for r in here),
        ]
        if more := len(others) - len(here):
            rows.append(
                f"and {more} more reason{'s' if more != 1 else ''}" + (" (2 Approvals)" if not here else "")
            )
        self.say("\n".join(rows), bad=True)

    def _turn_to(self, result: DecisionResultView) -> None:
        """A suggestion that was asked for is shown, unless the operator is in a dialog."""
        made = result.suggestion_id
        if made is None or self.screen is not self.front:
            return
        self.switch_mode("approvals")
        if self.front is not None:
            self.front.show_suggestion(made)

    def _show_model(self) -> None:
        if not self.is_running:  # on the way out screens lose their widgets one by one
            return
        for screen in self.screen_stack:
            if isinstance(screen, ConsoleScreen | Dialog):
                screen.redraw_banner()
        if (front := self.front) is not None and front.is_mounted:
            front.show_model()

    def _wanted_symbols(self) -> frozenset[str]:
        snapshot = self.state.snapshot
        return frozenset() if snapshot is None else streamers_of(self.state.pending, snapshot.positions)

    # -- keys

    def action_go(self, mode: str) -> None:
        """To a screen."""
        self.switch_mode(mode)

    def action_help(self) -> None:
        """Keys of the screen at hand."""
        if (front := self.front) is not None:
            self.push_screen(Help(front.KEY))

    def action_command_palette(self) -> None:
        """Under our banner."""
        if not Palette.is_open(self):  # type: ignore[arg-type]  # Textual does not say it takes any app
            self.push_screen(Palette(id="--command-palette"))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every action of the registry, then Textual's theme picker."""
        from textual.app import SystemCommand  # noqa: PLC0415  only when the palette opens

        front = self.front
        own = palette_actions(front.KEY if front is not None else "home")
        for action in own:
            target = front if action not in GLOBAL and front is not None else self

            async def run(name: str = action.action, on: object = target) -> None:
                await self.run_action(name, default_namespace=on)  # type: ignore[arg-type]  # a screen or the app

            yield SystemCommand(action.title or action.label, action.help, run)
        yield SystemCommand("Theme", "Change the colours", self.action_change_theme)
        del screen

    def action_next_account(self) -> None:
        """The account after the one looked at."""
        if self.state.snapshot is None or not self.state.snapshot.accounts:
            return
        ids = [account.id for account in self.state.snapshot.accounts]
        now = self.state.account
        self.state.account_id = ids[(ids.index(now.id) + 1) % len(ids)] if now is not None else ids[0]
        self._show_model()

    def action_sync(self) -> None:
        """Ask for the account to be read again."""
        if (account := self._account()) is not None:
            self.decide(f"Sync of {fmt.clean(account.number)}", lambda by: by.sync(account.id))

    def action_suggest(self) -> None:
        """Which symbol?"""
        if (account := self._account()) is not None:
            _ask().suggest(self, account)

    def action_kill(self) -> None:
        """Choose, confirm, decide."""
        if (account := self._account()) is not None:
            _ask().kill(self, account)

    def ask_alarms(self) -> None:
        """Read, and acknowledge."""
        _ask().alarms(self)

    def ask_reconcile(self) -> None:
        """A dry run first."""
        parts, account = self._parts, self._account()
        if parts is None or account is None:
            return

        async def look(
            dry: bool,  # noqa: FBT001  the dialog's question
            fixes: tuple[str, ...],
        ) -> tuple[DecisionResultView, tuple[DifferenceView, ...]]:
            reason = f"by {self.state.operator}" if fixes else ""
            asked = await parts.decider.reconcile(account.id, dry_run=dry, fix=fixes, reason=reason)
            return await parts.decider.wait_result(asked), await parts.books.differences(account.id)

        number = fmt.clean(account.number)
        self.push_screen(import_module("tui.screens.reconcile").Reconcile(number, look))

    def _account(self) -> AccountView | None:
        account = self.state.account
        if account is None:
            self.say("There is no account yet; the first sync brings it.", bad=True)
        return account

    # -- what screens ask for

    def ask_approve(self, suggestion: SuggestionView) -> None:
        """Confirm, then approve."""
        _ask().approve(self, suggestion)

    def ask_reject(self, suggestion: SuggestionView) -> None:
        """Ask why, then reject."""
        _ask().reject(self, suggestion)

    def ask_cancel(self, order: OrderView) -> None:
        """Confirm, then cancel."""
        _ask().cancel(self, order)

    def ask_replace(self, order: OrderView) -> None:
        """Ask for a new limit, confirm, then replace."""
        _ask().replace(self, order)

    def ask_close(self, position: PositionView, key: str | None) -> None:
        """Confirm in money, then close."""
        _ask().close(self, position, key)

    def ask_targets(self, position: PositionView) -> None:
        """Confirm, then set the missing targets again."""
        _ask().targets(self, position)

    def ask_job(self, verb: str, name: str) -> None:
        """Confirm, then run, pause or resume a scheduled job."""
        if (account := self._account()) is not None:
            _ask().job(self, account, verb, name)

    def ask_retry(self, job: JobView) -> None:
        """Confirm, then try failing work again."""
        if (account := self._account()) is not None:
            _ask().retry(self, account, job)

    def acknowledge(self, notice: NotificationView) -> None:
        """Say that a notice was seen; nothing to confirm."""
        if (account := self._account()) is not None:
            self.decide(
                f"Acknowledge {fmt.clean(notice.event)}", lambda by: by.acknowledge_notice(notice, account.id)
            )

    def ask(self, screen: Screen[str | None], then: Callable[[str | None], None]) -> None:
        """Show a dialog and go on with its answer."""
        self.push_screen(screen, then)

    def show(self, screen: Screen[None]) -> None:
        """Show something to read."""
        self.push_screen(screen)

    def decide(
        self, what: str, decision: Callable[[Decider], Awaitable[UUID]], *, turn: bool = False
    ) -> None:
        """Send a decision from a worker; its fate comes back as messages."""
        if self._parts is not None:
            work = decide.send(what, self._parts.decider, decision, self.post_message, turn=turn)
            self.run_worker(work, group="decisions")

    def load_events(self, order_id: UUID) -> None:
        """Read the audit trail of an order from a worker."""

        async def read(books: Books) -> None:
            with suppress(SenexError):  # an outage shows by itself; the trail is asked for again later
                self.post_message(OrderEvents(order_id, await books.events(order_id)))

        if self._parts is not None:
            self.run_worker(read(self._parts.books), group="events")

    def on_order_events(self, message: OrderEvents) -> None:
        """An order's audit trail is here."""
        self.state.events[message.order_id] = message.events
        self._show_model()

    # -- small services for screens

    def say(self, text: str, *, bad: bool = False) -> None:
        """A toast; never parsed as markup."""
        self.notify(text, severity="error" if bad else "information", markup=False, timeout=12 if bad else 6)

    def copy(self, text: str, what: str) -> None:
        """To the clipboard, through the terminal."""
        self.copy_to_clipboard(text)
        self.say(f"Copied {what}.")

    def export(self, name: str, text: str) -> None:
        """A CSV file in the exports folder, named by market time."""
        if self._parts is None:
            return
        path = self._parts.exports / f"{name}-{self.state.now():%Y%m%d-%H%M%S}.csv"
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(text, encoding="utf-8")
        except OSError as problem:
            self.say(f"The export could not be written to {path}: {problem.strerror}.", bad=True)
            return
        self.say(f"Exported to {path}.")

    # -- idle lock

    async def on_event(self, event: events.Event) -> None:
        """Keys and clicks are signs of life."""
        self._idle.saw(event)
        await super().on_event(event)

    async def _look_idle(self) -> None:
        if self._idle.due() and not isinstance(self.screen, Lock):
            await self.action_lock()

    async def action_lock(self) -> None:
        """Lock now."""
        decider = None if self._parts is None else self._parts.decider
        try:
            guarded = decider is not None and await decider.has_passphrase()
        except SenexError:
            guarded = self.state.environment == "live"  # unknown: fail closed where money is real
        self.push_screen(Lock(unlock=decider.unlock if guarded and decider is not None else None))
