"""A table that paints lines, not a widget: only visible rows that changed are repainted.

A ``DataTable`` repaints itself whole on every cell; at thousands of quotes a
second that is all a console would do. Here a row is a tuple of plain cells, a
changed row refreshes its own line, and strips are kept until the row differs.
Rows belong to a group (a position, a section); filter and sort move whole
groups, and the cursor stays on its row by key.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.actions import table_bindings
from tui.format import Cell, clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from textual import events
    from textual.binding import BindingType

HEADER = 1
EDGE = 1
_TONES = ("gain", "loss", "dim", "warn", "bad", "strong", "accent", "section")


SortValue = str | int | Decimal | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column. ``drop`` orders which go first when it gets narrow (0: never); one column may ``flex``."""

    key: str
    title: str
    width: int
    right: bool = True
    drop: int = 0
    flex: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One line: cells in the order of the columns, and what it sorts by (None last), per column key."""

    key: str
    cells: tuple[Cell, ...]
    group: str
    section: int = 0
    title: bool = False
    sort: tuple[tuple[str, SortValue], ...] = ()


class LineTable(ScrollView, can_focus=True):
    """Rows in groups, a cursor by key, a fixed header."""

    BINDINGS: ClassVar[list[BindingType]] = table_bindings()
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "line-table--header",
        "line-table--cursor",
        "line-table--empty",
        *(f"line-table--{tone}" for tone in _TONES),
    }

    @dataclass
    class Opened(Message):
        """A row was chosen with Enter."""

        table: LineTable
        key: str

        @property
        def control(self) -> LineTable:
            """The table it came from."""
            return self.table

    @dataclass
    class Moved(Message):
        """The cursor is on another row (None: there is none)."""

        table: LineTable
        key: str | None

        @property
        def control(self) -> LineTable:
            """The table it came from."""
            return self.table

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        empty: str = "",
        fresh: Callable[[str], Row | None] | None = None,
        id: str | None = None,  # noqa: A002  Textual's name
    ) -> None:
        super().__init__(id=id)
        self.columns = tuple(columns)
        self.filter_text = ""
        self.sort_key: str | None = None
        self.sort_down = False
        self.cursor_key: str | None = None
        self._empty = empty
        self._fresh = fresh
        self._touched: set[str] = set()
        self._all: tuple[Row, ...] = ()
        self._rows: list[Row] = []
        self._places: dict[str, int] = {}
        self._strips: dict[tuple[str, bool], tuple[Row, Strip]] = {}
        self._styles: dict[tuple[str, bool, bool], Style] = {}
        self._widths: list[tuple[int, int]] = []
        self._blank = Style()

    # -- what callers give and ask

    def set_rows(self, rows: Iterable[Row], *, empty: str | None = None) -> None:
        """Replace everything; lines that did not change are not painted again."""
        self._all = tuple(rows)
        if empty is not None and empty != self._empty:
            self._empty = empty
            if not self._rows:
                self.refresh()
        self._arrange()

    def touch(self, keys: Iterable[str]) -> None:
        """These rows may have new cells. They are made by ``fresh`` when, and only if, they are painted.

        Order, filter and sort stay until the next ``set_rows``.
        """
        top = self.scroll_offset.y
        bottom = top + self.size.height - HEADER
        shown = []
        for key in keys:
            place = self._places.get(key)
            if place is None:
                continue
            self._touched.add(key)
            if top <= place < bottom:
                shown.append(place)
        if shown:
            self._paint_places(sorted(shown), top)

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows as filtered and sorted."""
        return tuple(self._rows)

    @property
    def cursor_row(self) -> Row | None:
        """The row under the cursor."""
        place = self._places.get(self.cursor_key or "")
        return None if place is None else self._rows[place]

    def filter(self, text: str) -> None:
        """Keep the groups in which some cell holds ``text``; names are found as commands write them, too."""
        self.filter_text = text.strip().casefold()
        self._arrange()

    def sort_by(self, key: str | None) -> None:
        """Sort groups by a column; the same column again turns round, None is the given order."""
        self.sort_down = key == self.sort_key and not self.sort_down
        self.sort_key = key
        self._strips.clear()
        self._arrange()
        self.refresh()

    def as_text(self, row: Row) -> str:
        """One row with tabs between its cells, for the clipboard."""
        return "\t".join(clean(cell.text) for cell in row.cells)

    # -- order

    def _arrange(self) -> None:
        groups: dict[tuple[int, str], list[Row]] = {}
        for row in self._all:
            groups.setdefault((row.section, row.group), []).append(row)
        kept = [group for group in groups.values() if self._matches(group)]
        if self.sort_key is not None:
            kept = self._sorted(kept)
        sections = {group[0].section for group in kept if not group[0].title}
        rows = [
            row
            for group in kept
            for row in group
            if not (row.title and self.filter_text and row.section not in sections)
        ]
        before = [row.key for row in self._rows]
        same = before == [row.key for row in rows]
        changed = [i for i, row in enumerate(rows) if not same or self._rows[i] != row]
        self._rows = rows
        self._touched.clear()
        if same:
            top = self.scroll_offset.y
            bottom = top + self.size.height - HEADER
            self._paint_places([place for place in changed if top <= place < bottom], top)
            return
        self._places = {row.key: place for place, row in enumerate(rows)}
        self._strips = {key: kept for key, kept in self._strips.items() if key[0] in self._places}
        self._keep_cursor(before)
        self.virtual_size = Size(self.size.width, len(rows) + HEADER)
        self.refresh()

    def _matches(self, group: list[Row]) -> bool:
        if not self.filter_text or group[0].title:
            return True
        wanted = _plain(self.filter_text)
        return any(wanted in _plain(cell.text.casefold()) for row in group for cell in row.cells)

    def _sorted(self, groups: list[list[Row]]) -> list[list[Row]]:
        key = self.sort_key or ""

        def value(group: list[Row]) -> SortValue:
            return dict(group[0].sort).get(key)

        titles = {group[0].section: group for group in groups if group[0].title}
        ordered: list[list[Row]] = []
        for section in sorted({group[0].section for group in groups}):
            inside = [g for g in groups if g[0].section == section and not g[0].title]
            known = [g for g in inside if value(g) is not None]
            known.sort(key=value, reverse=self.sort_down)  # type: ignore[arg-type]  # one column, one type
            ordered += [titles[section]] if section in titles else []
            ordered += known + [g for g in inside if value(g) is None]
        return ordered

    def _keep_cursor(self, before: list[str]) -> None:
        """The same row, else the nearest after it that is still there, else before it, else the first."""
        at = before.index(self.cursor_key) if self.cursor_key in before else 0
        for key in (*before[at:], *reversed(before[:at])):
            place = self._places.get(key)
            if place is not None and not self._rows[place].title:
                self._set_cursor(key)
                self._show_cursor()
                return
        self._set_cursor(next((row.key for row in self._rows if not row.title), None))

    # -- cursor

    def _set_cursor(self, key: str | None) -> None:
        if key == self.cursor_key:
            return
        for place in (self._places.get(self.cursor_key or ""), self._places.get(key or "")):
            if place is not None:
                self._paint(place)
        self.cursor_key = key
        self._show_cursor()
        self.post_message(self.Moved(self, key))

    def _show_cursor(self) -> None:
        place = self._places.get(self.cursor_key or "")
        if place is None:
            return
        top, height = self.scroll_offset.y, max(self.size.height - HEADER, 1)
        if place < top:
            self.scroll_to(y=0 if place <= 1 else place, animate=False, immediate=True)
        elif place >= top + height:
            self.scroll_to(y=place - height + 1, animate=False, immediate=True)

    def _move(self, steps: int) -> None:
        choices = [row.key for row in self._rows if not row.title]
        if not choices:
            return
        at = choices.index(self.cursor_key) if self.cursor_key in choices else 0
        self._set_cursor(choices[min(max(at + steps, 0), len(choices) - 1)])

    def action_cursor(self, steps: int) -> None:
        """Move by so many rows."""
        self._move(steps)

    def action_page(self, pages: int) -> None:
        """Move by a screenful."""
        self._move(pages * max(self.size.height - HEADER - 1, 1))

    def action_edge(self, way: int) -> None:
        """To the first or the last row."""
        self._move(way * len(self._rows))

    def action_open(self) -> None:
        """Choose the row under the cursor."""
        if self.cursor_key is not None:
            self.post_message(self.Opened(self, self.cursor_key))

    def on_click(self, event: events.Click) -> None:
        """A click on a row moves the cursor, twice opens it; on a title it sorts."""
        at = event.get_content_offset(self)
        if at is None:
            return
        if at.y < HEADER:
            self._click_header(at.x)
            return
        place = at.y - HEADER + self.scroll_offset.y
        if place < len(self._rows) and not self._rows[place].title:
            self._set_cursor(self._rows[place].key)
            if event.chain == 2:
                self.action_open()

    def _click_header(self, x: int) -> None:
        left = EDGE
        for index, width in self._widths:
            left += width + 1
            if x < left:
                self.sort_by(self.columns[index].key)
                return

    # -- paint

    def on_resize(self) -> None:
        """Lay the columns out again."""
        self._widths = self._lay_out(self.size.width)
        self._strips.clear()
        self.virtual_size = Size(self.size.width, len(self._rows) + HEADER)
        self._show_cursor()

    def notify_style_update(self) -> None:
        """Themes change colours."""
        super().notify_style_update()
        self._styles.clear()
        self._strips.clear()

    def on_focus(self) -> None:
        """The cursor looks different."""
        self._restyle()

    def on_blur(self) -> None:
        """The cursor looks different."""
        self._restyle()

    def _restyle(self) -> None:
        self._styles.clear()
        self._strips.clear()
        self.refresh()

    def _paint_places(self, places: Sequence[int], top: int) -> None:
        """Repaint rows that are on the screen, ascending; neighbours in one piece."""
        regions: list[Region] = []
        width = self.size.width
        for place in places:
            y = place + HEADER - top
            last = regions[-1] if regions else None
            if last is not None and last.bottom == y:
                regions[-1] = Region(0, last.y, width, last.height + 1)
            else:
                regions.append(Region(0, y, width, 1))
        if regions:
            self.refresh(*regions)

    def _paint(self, place: int) -> None:
        y = place + HEADER - self.scroll_offset.y
        if HEADER <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        if y < HEADER:
            return self._header()
        place = y - HEADER + self.scroll_offset.y
        if place >= len(self._rows):
            return self._beyond(y)
        row = self._rows[place]
        if row.key in self._touched:
            row = self._remade(place, row)
        cursor = row.key == self.cursor_key
        kept = self._strips.get((row.key, cursor))
        if kept is not None and kept[0] is row:
            return kept[1]
        strip = self._title(row) if row.title else self._line(row, cursor=cursor)
        self._strips[row.key, cursor] = (row, strip)
        return strip

    def _remade(self, place: int, row: Row) -> Row:
        """The row with its newest cells, made now because it is painted now."""
        self._touched.discard(row.key)
        newest = self._fresh(row.key) if self._fresh is not None else None
        if newest is None or newest == row:
            return row
        self._rows[place] = newest
        return newest

    def _line(self, row: Row, *, cursor: bool) -> Strip:
        """Cells of one style that touch become one segment; the strip is made at its exact width."""
        style = self._style("", stale=False, cursor=cursor)
        segments: list[Segment] = []
        text, used = " " * EDGE, EDGE
        for index, width in self._widths:
            cell = row.cells[index]
            own = self._style(cell.tone, stale=cell.stale, cursor=cursor) if cell.text else style
            if own is not style:
                segments.append(Segment(text, style))
                text, style = "", own
            text += _fit(cell.text, width, right=self.columns[index].right) + " "
            used += width + 1
        segments.append(Segment(text + " " * max(self.size.width - used, 0), style))
        return Strip(segments, max(used, self.size.width)).crop(0, self.size.width)

    def _title(self, row: Row) -> Strip:
        style = self.get_component_rich_style("line-table--section")
        return Strip([Segment(row.cells[0].text, style)]).adjust_cell_length(self.size.width, style)

    def _header(self) -> Strip:
        style = self.get_component_rich_style("line-table--header")
        segments = [Segment(" ", style)]
        for index, width in self._widths:
            column = self.columns[index]
            mark = ("▾" if self.sort_down else "▴") if column.key == self.sort_key else ""
            segments.append(Segment(_fit(column.title + mark, width, right=column.right) + " ", style))
        return Strip(segments).adjust_cell_length(self.size.width, style)

    def _beyond(self, y: int) -> Strip:
        style = self.get_component_rich_style("line-table--empty")
        lines = self._empty.splitlines()
        if self._rows or not lines:
            return Strip.blank(self.size.width, style)
        if self.filter_text and self._all:
            lines = [f"Nothing here matches “{clean(self.filter_text)}”.", "Esc shows everything again."]
        at = y - HEADER - max((self.size.height - HEADER - len(lines)) // 2, 0)
        if not 0 <= at < len(lines):
            return Strip.blank(self.size.width, style)
        text = set_cell_size(lines[at], min(cell_len(lines[at]), self.size.width))
        left = max((self.size.width - cell_len(text)) // 2, 0)
        return Strip([Segment(" " * left + text, style)]).adjust_cell_length(self.size.width, style)

    def _style(self, tone: str, *, stale: bool, cursor: bool) -> Style:
        known = self._styles.get((tone, stale, cursor))
        if known is None:
            known = self.rich_style
            if tone:
                full = self.get_component_rich_style(f"line-table--{tone}")
                known += Style(color=full.color, bold=full.bold, italic=full.italic)
            if stale:
                known += Style(dim=True)
            if cursor:
                known += self.get_component_rich_style("line-table--cursor", partial=True)
            self._styles[tone, stale, cursor] = known
        return known

    def _lay_out(self, width: int) -> list[tuple[int, int]]:
        """Which columns fit and how wide: droppable ones go, highest ``drop`` first, then one flexes."""
        shown = list(range(len(self.columns)))
        while shown and sum(self.columns[i].width + 1 for i in shown) + EDGE > width:
            droppable = [i for i in shown if self.columns[i].drop]
            if not droppable:
                break
            shown.remove(max(droppable, key=lambda i: self.columns[i].drop))
        spare = max(width - sum(self.columns[i].width + 1 for i in shown) - EDGE, 0)
        return [(i, self.columns[i].width + (spare if self.columns[i].flex else 0)) for i in shown]


def _fit(text: str, width: int, *, right: bool) -> str:
    """The text in exactly ``width`` cells; what does not fit ends in `…`."""
    plain = text.isascii() and text.isprintable()
    size = len(text) if plain else cell_len(text)
    if size > width:
        return set_cell_size(text, max(width - 1, 0)) + "…" if width else ""
    pad = " " * (width - size)
    return pad + text if right else text + pad


def _plain(text: str) -> str:
    return text.replace("_", " ")
