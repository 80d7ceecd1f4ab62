"""Screens that are one table: filter, sort, copy, export."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, ClassVar

from textual.content import Content
from textual.markup import escape
from textual.widgets import Input

from tui.screens.base import ConsoleScreen
from tui.screens.dialogs import Detail
from tui.widgets.line_table import Column, LineTable, Row
from tui.widgets.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual import events
    from textual.app import ComposeResult

_RISKY = ("=", "+", "-", "@", "\t", "\r")
_FIGURE = re.compile(r"([+-]?)\$?([\d,]*\.?\d+)( cr| db| %|R)?")


class TableScreen(ConsoleScreen):
    """A table over the whole screen. Subclasses say the columns, the rows and what Enter opens."""

    COLUMNS: ClassVar[tuple[Column, ...]]
    EMPTY: ClassVar[str]

    def body(self) -> ComposeResult:
        """The table, and the filter while it is open."""
        yield LineTable(self.COLUMNS, empty="Reading the books…", fresh=self.fresh_row, id="table")
        yield Panel("", self._pane, id="pane")
        yield Input(placeholder="filter — Enter keeps it, Esc shows everything", id="filter")

    def on_mount(self) -> None:
        """The filter is away until `/`."""
        super().on_mount()
        self.query_one("#filter").display = False
        self.table.focus()

    @property
    def table(self) -> LineTable:
        """The table."""
        return self.query_one(LineTable)

    def rows(self) -> list[Row]:
        """What the table shows now."""
        raise NotImplementedError

    def fresh_row(self, key: str) -> Row | None:  # noqa: ARG002  the hook's signature
        """The newest cells of a row that quotes touched."""
        return None

    def title_of(self, key: str) -> str:
        """What the row ``key`` is about."""
        raise NotImplementedError

    def detail_of(self, key: str, width: int) -> Content:
        """All there is to say about the row ``key``."""
        raise NotImplementedError

    def opened(self, key: str) -> None:
        """Enter on the row ``key``: its detail over the whole screen."""
        self.app.push_screen(Detail(self.title_of(key), lambda width: self.detail_of(key, width)))

    def _pane(self, width: int) -> Content:
        """On a tall screen the detail of the row under the cursor stands below the table."""
        key = self.table.cursor_key
        return Content("") if key is None else self.detail_of(key, width)

    def _redraw_pane(self) -> None:
        pane = self.query_one("#pane", Panel)
        key = self.table.cursor_key
        pane.display = key is not None and self.has_class("-tall")
        if pane.display and key is not None:
            pane.border_title = escape(self.title_of(key))
            pane.redraw()

    def show_model(self) -> None:
        """Rows and the sentence for none."""
        empty = self.EMPTY if self.state.snapshot is not None else self.waiting_text
        self.table.set_rows(self.rows(), empty=empty)
        self._redraw_pane()

    def tick(self) -> None:
        """Ages."""
        self.show_model()

    def on_line_table_moved(self) -> None:
        """The pane follows the cursor."""
        self._redraw_pane()

    def on_line_table_opened(self, event: LineTable.Opened) -> None:
        """Enter or a double click."""
        self.opened(event.key)

    # -- keys

    def action_open(self) -> None:
        """The same as Enter in the table."""
        self.table.action_open()

    def action_filter(self) -> None:
        """Open the filter."""
        entry = self.query_one("#filter", Input)
        entry.display = True
        entry.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while typing."""
        self.table.filter(event.value)

    def on_input_submitted(self) -> None:
        """Back to the table; the filter stays and stays visible."""
        entry = self.query_one("#filter", Input)
        entry.display = bool(entry.value)
        self.table.focus()

    def on_key(self, event: events.Key) -> None:
        """Esc ends the filter."""
        entry = self.query_one("#filter", Input)
        if event.key == "escape" and entry.display:
            event.stop()
            entry.value = ""
            entry.display = False
            self.table.focus()

    def action_sort(self) -> None:
        """The next column that sorts, and after the last the given order again."""
        keys = [name for name, _ in self.table.rows[0].sort] if self.table.rows else []
        sortable = [key for row in self.table.rows for key, _ in row.sort] or keys
        order = [column.key for column in self.COLUMNS if column.key in sortable]
        at = order.index(self.table.sort_key) + 1 if self.table.sort_key in order else 0
        self.table.sort_down = False
        self.table.sort_key = None
        self.table.sort_by(order[at] if at < len(order) else None)

    def action_turn(self) -> None:
        """The same column the other way."""
        if self.table.sort_key is not None:
            self.table.sort_by(self.table.sort_key)

    def action_copy(self) -> None:
        """The row under the cursor."""
        row = self.table.cursor_row
        if row is not None:
            self.console.copy(self.table.as_text(row), "the row")

    def action_export(self) -> None:
        """All rows as filtered and sorted."""
        self.console.export(self.KEY, as_csv(self.COLUMNS, self.table.rows))


def as_csv(columns: Iterable[Column], rows: Iterable[Row]) -> str:
    """The table as CSV. A text that a spreadsheet would run as a formula gets an apostrophe."""
    import csv  # noqa: PLC0415  for an export only

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.key for column in columns])
    for row in rows:
        if not row.title:
            writer.writerow([_plain(cell.text) for cell in row.cells])
    return out.getvalue()


def _plain(text: str) -> str:
    """A figure as a spreadsheet reads it (a credit is positive, a debit negative); a text that is none."""
    value = text.strip(" │├└▾▸").replace("−", "-")
    value = "" if value == "—" else value
    figure = _FIGURE.fullmatch(value)
    if figure is not None:
        sign, digits, side = figure.groups()
        return ("-" if sign == "-" or side == " db" else "") + digits.replace(",", "")
    return f"'{value}" if value.startswith(_RISKY) else value
