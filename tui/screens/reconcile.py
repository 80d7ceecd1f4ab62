"""Reconcile: what differs between books and broker, looked at first, then mended by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from senex.domain.errors import SenexError
from tui import format as fmt
from tui.actions import DIALOG, RECONCILE, bindings
from tui.screens.dialogs import Confirm, Dialog
from tui.tones import line, lines, toned

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from senex.ports.views import DecisionResultView, DifferenceView

    Look = Callable[[bool, tuple[str, ...]], Awaitable[tuple[DecisionResultView, tuple[DifferenceView, ...]]]]
    """Dry or not, and what to mend: the daemon's answer, and what differs after it."""

_CANCELLED = ("orphan_order", "foreign_order")


class Reconcile(Dialog[None]):
    """Opens with a dry run. What is marked is mended after a confirmation, each by its own name."""

    BINDINGS: ClassVar[list[BindingType]] = bindings((*RECONCILE.values(), DIALOG["back"], DIALOG["kill"]))

    def __init__(self, account: str, look: Look) -> None:
        super().__init__(f"Reconcile · {account}")
        self._look = look
        self._found: tuple[DifferenceView, ...] = ()
        self._marked: set[str] = set()
        self._at = 0
        self._busy = True
        self._said = Content("Reading the broker; nothing is booked …")

    def inside(self) -> ComposeResult:
        """The answer, the list, the keys."""
        yield Static("", id="said")
        with VerticalScroll(id="scroll"):
            yield Static("", id="text")
        yield Static(self.hint(*RECONCILE.values(), DIALOG["back"]), id="keys")

    def on_mount(self) -> None:
        """Look, booking nothing."""
        self.add_class("-detail")
        self.call_after_refresh(self._redraw)
        self._start(dry=True, fixes=())

    def on_resize(self) -> None:
        """Draw for the new width."""
        self._redraw()

    def action_move(self, by: int) -> None:
        """To another difference."""
        if self._found:
            self._at = max(0, min(self._at + by, len(self._found) - 1))
            self._redraw()

    def action_mark(self) -> None:
        """Mend it, or leave it."""
        if self._found:
            self._marked ^= {self._found[self._at].subject}
            self._redraw()

    def action_apply(self) -> None:
        """Say what will be done, and do it on a yes."""
        if self._busy:
            return
        marked = tuple(sorted(self._marked))

        def body() -> Content:
            rows = [toned("Books what the broker says of every order and holding.", "strong")]
            rows += [line("  mends ", toned(fmt.prose(subject), "strong")) for subject in marked]
            if any(each.subject in marked and each.category in _CANCELLED for each in self._found):
                rows += [line(""), toned("Orders among them are cancelled at the broker.", "warn")]
            return lines(rows)

        def then(answer: str | None) -> None:
            if answer is not None:
                self._start(dry=False, fixes=marked)

        self.app.push_screen(Confirm("Reconcile", body), then)

    def _start(self, *, dry: bool, fixes: tuple[str, ...]) -> None:
        self._busy = True
        self.run_worker(self._run(dry=dry, fixes=fixes), exclusive=True)

    async def _run(self, *, dry: bool, fixes: tuple[str, ...]) -> None:
        try:
            result, found = await self._look(dry, fixes)
        except SenexError as problem:
            self._said = toned(str(problem), "bad")
        else:
            self._found, self._marked, self._at = found, set(), 0
            tone = "good" if result.outcome == "done" and not found else "warn"
            self._said = toned(f"{fmt.clean(result.message)}{' (dry run)' if dry else ''}", tone)
        self._busy = False
        self._redraw()

    def _redraw(self) -> None:
        self.query_one("#said", Static).update(self._said)
        width = max(self.query_one("#scroll").size.width - 1, 20)
        rows = [
            row.truncate(width, ellipsis=True)
            for index, each in enumerate(self._found)
            for row in self._rows(each, chosen=index == self._at)
        ]
        self.query_one("#text", Static).update(lines(rows))

    def _rows(self, each: DifferenceView, *, chosen: bool) -> tuple[Content, ...]:
        mark = toned("✓ ", "accent") if each.subject in self._marked else Content("  ")
        head = line(
            toned("▶ " if chosen else "  ", "accent"),
            mark,
            toned(f"{fmt.words(each.category):<19}", "strong" if chosen else ""),
            f"{fmt.clean(each.underlying):<6}{fmt.prose(each.subject)}",
        )
        tail = (
            f"      books: {fmt.clean(each.ours)} · broker: {fmt.clean(each.theirs)} · {fmt.words(each.fix)}"
        )
        return head, toned(tail, "dim")
