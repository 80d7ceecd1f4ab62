"""What every screen of the console has: banner, keys, state, and three calls that tell it to look again."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.screen import Screen

from tui import format as fmt
from tui.widgets.banner import Banner
from tui.widgets.key_bar import KeyBar
from tui.widgets.stateful import state_of

if TYPE_CHECKING:
    from uuid import UUID

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from tui.console import Console
    from tui.state import State

_PAGE = 12
_FAR = 10_000
ROLL: list[BindingType] = [
    Binding(keys, f"roll({rows})", show=False)
    for keys, rows in (
        ("down,j", 1),
        ("up,k", -1),
        ("pagedown", _PAGE),
        ("pageup", -_PAGE),
        ("end,G", _FAR),
        ("home,g", -_FAR),
    )
]
"""Keys by which a screen of panels scrolls; the mouse is optional."""


class ConsoleScreen(Screen[None]):
    """A screen with one key of its own. Subclasses fill ``body`` and the three hooks."""

    KEY: ClassVar[str]

    @property
    def state(self) -> State:
        """What the console knows."""
        return state_of(self)

    @property
    def console(self) -> Console:
        """The app, for decisions."""
        return cast("Console", self.app)

    def compose(self) -> ComposeResult:
        """Banner, body, keys."""
        yield Banner()
        yield from self.body()
        yield KeyBar(self.KEY)

    def body(self) -> ComposeResult:
        """What is between banner and keys."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Ages move once a second."""
        self.set_interval(1.0, self.tick)

    def on_screen_resume(self) -> None:
        """Coming to the front: everything may have changed meanwhile."""
        self.redraw_banner()
        self.call_after_refresh(self.show_model)

    def redraw_banner(self) -> None:
        """The links, the trading state or what is waited for changed."""
        for banner in self.query(Banner):
            banner.redraw()
        for bar in self.query(KeyBar):
            bar.refresh()

    def show_model(self) -> None:
        """The books were read, or cannot be."""

    def show_quotes(self, symbols: frozenset[str]) -> None:
        """These symbols moved."""

    def show_suggestion(self, suggestion_id: UUID) -> None:
        """Turn to a suggestion; only Approvals does."""

    def tick(self) -> None:
        """A second passed: ages."""

    def action_roll(self, rows: int) -> None:
        """Scroll the panels."""
        self.query_one(VerticalScroll).scroll_relative(y=rows, animate=False)

    def whose(self, account_number: str) -> str:
        """The account of a row, where there are several."""
        return f" · {fmt.clean(account_number)}" if self.state.several_accounts else ""

    @property
    def waiting_text(self) -> str:
        """What an empty screen says before the first reading, and when there is none."""
        if self.state.books.up is False:
            return "The books cannot be read.\nThis screen fills by itself once Postgres answers."
        return "Reading the books…"
