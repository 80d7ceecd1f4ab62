"""Dialogs: confirm, ask for a text, the kill switch, help, details, the lock. The banner stays above each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from textual.binding import Binding
from textual.command import CommandPalette
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.markup import escape
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from senex.domain.errors import SenexError
from tui.actions import BY_SCREEN, DIALOG, GLOBAL, KILL, TABLE_MOVES, Action, bindings, key_label
from tui.tones import line, lines, toned
from tui.widgets.banner import Banner
from tui.widgets.stateful import state_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from textual import events
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.worker import Worker


Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer], Generic[Answer]):
    """A framed box under the banner."""

    DANGER: ClassVar[bool] = False

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title

    def compose(self) -> ComposeResult:
        """The banner and the box."""
        yield Banner()
        with Vertical(id="box", classes="-danger" if self.DANGER else "") as box:
            box.border_title = escape(self._title)
            yield from self.inside()

    def inside(self) -> ComposeResult:
        """What is in the box."""
        raise NotImplementedError

    def redraw_banner(self) -> None:
        """The links or the trading state changed."""
        for banner in self.query(Banner):
            banner.redraw()

    def hint(self, *actions: Action) -> Content:
        """The keys of the box, as the footer writes them."""
        parts: list[Content] = []
        for action in actions:
            key = key_label(action, state_of(self).keys)
            parts += [toned(key, "accent").stylize("bold"), toned(f" {action.label}   ", "dim")]
        return line(*parts)

    def action_close(self) -> None:
        """Leave without an answer."""
        self.dismiss(None)


class Confirm(Dialog[str | None]):
    """Names what will happen in money and asks. Answers a passphrase (empty where none is asked), None for no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings((DIALOG["yes"], DIALOG["no"], DIALOG["kill"])),
        Binding("down", "roll(1)", show=False),
        Binding("up", "roll(-1)", show=False),
    ]
    DANGER = True

    def __init__(self, title: str, body: Callable[[], Content], *, passphrase: bool = False) -> None:
        super().__init__(title)
        self._body = body
        self._passphrase = passphrase

    def inside(self) -> ComposeResult:
        """The consequences, the passphrase where it is asked, the keys."""
        yield Static(self._body(), id="text")
        if self._passphrase:
            yield Input(password=True, placeholder="passphrase, then Enter", id="entry")
            yield Static(toned("Esc leaves everything as it is", "dim"), id="keys")
        else:
            yield Static(self.hint(DIALOG["yes"], DIALOG["no"]), id="keys")

    def on_mount(self) -> None:
        """Figures in the box stay live."""
        self.set_interval(0.5, self._redraw)

    def _redraw(self) -> None:
        self.query_one("#text", Static).update(self._body())

    def action_roll(self, by: int) -> None:
        """On a small terminal, show more of it."""
        self.query_one("#box").scroll_relative(y=by, animate=False)

    def action_answer(self, yes: bool) -> None:  # noqa: FBT001  Textual's action call
        """A key said yes or no."""
        self.dismiss("" if yes and not self._passphrase else None)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The passphrase is the yes."""
        if event.value:
            self.dismiss(event.value)


class Prompt(Dialog[str | None]):
    """Asks for one line; ``check`` normalises it or raises the reason it cannot be."""

    BINDINGS: ClassVar[list[BindingType]] = bindings((DIALOG["back"],))

    def __init__(
        self,
        title: str,
        text: str,
        *,
        placeholder: str = "",
        value: str = "",
        check: Callable[[str], str] = str.strip,
    ) -> None:
        super().__init__(title)
        self._text = text
        self._placeholder = placeholder
        self._value = value
        self._check = check

    def inside(self) -> ComposeResult:
        """The question, the entry, the complaint."""
        yield Static(Content(self._text), id="text")
        yield Input(self._value, placeholder=self._placeholder, id="entry", max_length=200)
        yield Static("", id="problem")
        yield Static(toned("Enter takes it · Esc leaves", "dim"), id="keys")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take it, or say why not."""
        try:
            answer = self._check(event.value)
        except SenexError as problem:
            self.query_one("#problem", Static).update(toned(problem.message, "bad"))
            return
        if answer:
            self.dismiss(answer)


class KillSwitch(Dialog[str | None]):
    """Which trading state from here on; the app confirms the choice with its consequences."""

    BINDINGS: ClassVar[list[BindingType]] = bindings((*KILL, DIALOG["back"]))
    DANGER = True
    _SAYS: ClassVar[dict[str, str]] = {
        "kill.reduce_only": "Nothing opens risk; targets, exits and cancels go.",
        "kill.halted": "Nothing is sent but cancels; orders there keep working.",
        "kill.flatten": "Everything senex manages is closed at natural.",
        "kill.active": "Entries may go again, within the risk budget.",
    }

    def __init__(self) -> None:
        super().__init__("Kill switch")

    def inside(self) -> ComposeResult:
        """The states and what each means."""
        account = state_of(self).account
        now = "unknown" if account is None else account.trading_state.replace("_", " ").upper()
        rows = [line("Trading state now: ", toned(now, "strong")), Content("")]
        for action in KILL:
            key = key_label(action, state_of(self).keys)
            rows += [
                line(
                    toned(f" {key} ", "accent").stylize("bold reverse"), "  ", toned(action.label, "strong")
                ),
                toned(f"     {self._SAYS[action.id]}", "dim"),
                Content(""),
            ]
        yield Static(lines(rows[:-1]), id="text")
        yield Static(toned("Esc leaves everything as it is", "dim"), id="keys")

    def action_choose(self, chosen: str) -> None:
        """One of the states."""
        self.dismiss(chosen)


class Help(Dialog[None]):
    """Every key of the screen at hand, with the id that configures it."""

    BINDINGS: ClassVar[list[BindingType]] = bindings((DIALOG["close"], DIALOG["kill"]))

    def __init__(self, screen_name: str) -> None:
        super().__init__(f"Keys · {screen_name}")
        self._screen = screen_name

    def inside(self) -> ComposeResult:
        """A list that scrolls."""
        own = BY_SCREEN[self._screen]
        rows: list[Content] = []
        tables = TABLE_MOVES if self._screen not in ("home", "approvals") else ()
        for title, actions in (("This screen", own), ("In the table", tables), ("Everywhere", GLOBAL)):
            if actions:
                rows += [toned(title, "title"), *(self._row(action) for action in actions), Content("")]
        rows.append(
            toned(
                "Red keys can cost money and ask first. Ids change keys: SENEX_KEYS.",
                "dim",
            )
        )
        with VerticalScroll(id="scroll"):
            yield Static(lines(rows), id="text")

    def _row(self, action: Action) -> Content:
        keys = state_of(self).keys.get(action.id, action.keys).split(",")
        shown = " ".join(key_label(Action(action.id, key, "", "", ""), {}) for key in keys)
        return line(
            toned(f" {shown:<9}", "bad" if action.money else "accent").stylize("bold"),
            Content(f"{action.help:<42} "),
            toned(action.id, "dim"),
        )


class Detail(Dialog[None]):
    """Something to read, drawn for its width and kept live."""

    BINDINGS: ClassVar[list[BindingType]] = bindings((DIALOG["close"], DIALOG["kill"]))

    def __init__(self, title: str, draw: Callable[[int], Content]) -> None:
        super().__init__(title)
        self._draw = draw

    def inside(self) -> ComposeResult:
        """A text that scrolls."""
        with VerticalScroll(id="scroll"):
            yield Static("", id="text")
        yield Static(self.hint(DIALOG["close"]), id="keys")

    def on_mount(self) -> None:
        """Wide, since it holds figures."""
        self.add_class("-detail")
        self.set_interval(0.5, self._redraw)
        self.call_after_refresh(self._redraw)

    def on_resize(self) -> None:
        """Draw for the new width."""
        self._redraw()

    def _redraw(self) -> None:
        self.query_one("#text", Static).update(self._draw(self.query_one("#scroll").size.width - 1))


class Lock(Dialog[bool]):
    """The console is idle: nothing of the account is shown, the banner stays."""

    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self, *, unlock: Callable[[str], Awaitable[bool]] | None) -> None:
        super().__init__("Locked")
        self._unlock = unlock

    def inside(self) -> ComposeResult:
        """How to come back."""
        if self._unlock is None:
            yield Static("This console is locked.\nPress any key to go on.", id="text")
            return
        operator = state_of(self).operator
        yield Static(Content(f"This console is locked. {operator}, your passphrase:"), id="text")
        yield Input(password=True, id="entry")
        yield Static("", id="problem")

    async def on_key(self, event: events.Key) -> None:
        """Any key unlocks where there is no passphrase, and does nothing else."""
        if self._unlock is None:
            event.stop()
            event.prevent_default()
            self.dismiss(True)  # noqa: FBT003  the dialog's answer

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        """Check the passphrase; the entry is cleared either way."""
        entry = self.query_one("#entry", Input)
        entry.value = ""
        try:
            right = self._unlock is not None and await self._unlock(event.value)
        except SenexError as problem:
            self.query_one("#problem", Static).update(toned(problem.message, "bad"))
            return
        if right:
            self.dismiss(True)  # noqa: FBT003  the dialog's answer
        else:
            self.query_one("#problem", Static).update(toned("That is not the passphrase.", "bad"))


class Palette(CommandPalette):
    """Textual's command palette, under our banner."""

    def compose(self) -> ComposeResult:
        """The banner first."""
        yield Banner()
        yield from super().compose()

    def run_worker(self, *work: Any, **how: Any) -> Worker[Any]:
        """A search that meets a palette already on its way out ends; the console does not."""
        return super().run_worker(*work, **(how | {"exit_on_error": False}))
