"""Notifications: what nobody has acknowledged first; Enter says what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tui import format as fmt
from tui.actions import screen_bindings
from tui.format import Cell
from tui.screens.tables import TableScreen
from tui.tones import line, lines, toned
from tui.widgets.line_table import Column, Row
from tui.widgets.panel import facts

if TYPE_CHECKING:
    from textual.binding import BindingType
    from textual.content import Content

    from senex.ports.views import NotificationView

COLUMNS = (
    Column("time", "At", 12, right=False),
    Column("level", "Level", 8, right=False),
    Column("event", "Event", 18, right=False, drop=2),
    Column("what", "What", 30, right=False, flex=True),
    Column("alarm", "Alarm", 6, right=False, drop=1),
    Column("outside", "Outside", 9, right=False, drop=3),
    Column("seen", "Seen by", 8, right=False),
)
_NEW, _SEEN = 0, 1
_TITLES = {_NEW: "Not acknowledged", _SEEN: "Acknowledged"}
_TONES = {"critical": "bad", "warning": "warn", "info": "dim"}


class InboxScreen(TableScreen):
    """The inbox in two sections, newest first."""

    KEY: ClassVar[str] = "inbox"
    COLUMNS: ClassVar[tuple[Column, ...]] = COLUMNS
    BINDINGS: ClassVar[list[BindingType]] = screen_bindings("inbox")
    EMPTY: ClassVar[str] = "Nothing was told yet.\nAlarms, trades and the summary of the day come here."

    def rows(self) -> list[Row]:
        """Sections with their title."""
        snapshot = self.state.snapshot
        found: list[Row] = []
        for section, title in _TITLES.items():
            inside = [one for one in snapshot.notices if _section(one) == section] if snapshot else []
            if inside:
                heading = Cell(f" {title} ({len(inside)})")
                found.append(Row(f"title-{section}", (heading,), f"title-{section}", section, title=True))
            found += [self._row(one, section) for one in inside]
        return found

    def title_of(self, key: str) -> str:
        """Which notice it is."""
        notice = self._find(key)
        return "" if notice is None else fmt.clean(notice.title)

    def detail_of(self, key: str, width: int) -> Content:
        """The whole text, what to do, and where it went."""
        notice = self._find(key)
        if notice is None:
            return toned("This notice is older than what is shown here.", "dim")
        now = self.state.now()
        seen = (
            f"{fmt.clean(notice.seen_by or '')} {fmt.moment(notice.seen_at, now)}"
            if notice.seen_by
            else "nobody"
        )
        head = facts(
            [
                ("At", fmt.moment(notice.at, now)),
                ("Level", toned(notice.level, _TONES.get(notice.level, ""))),
                ("About", f"{fmt.words(notice.object_type)} {fmt.clean(notice.object_id)}"),
                ("Alarm", _alarm(notice) or fmt.DASH),
                ("Acknowledged by", seen),
                ("Outside", _outside(notice) or "nobody was to be reached"),
            ],
            min(width, 72),
        )
        rows = [head, line("")]
        rows += [line(fmt.prose(each)) for each in notice.text.splitlines()]
        rows += [line(""), toned(fmt.prose(notice.problem), "bad")] if notice.problem else []
        return lines(rows)

    def action_acknowledge(self) -> None:
        """The notice under the cursor."""
        notice = self._find(self.table.cursor_key or "")
        if notice is not None and notice.seen_by is None:
            self.console.acknowledge(notice)

    def _find(self, key: str) -> NotificationView | None:
        snapshot = self.state.snapshot
        found = [] if snapshot is None else [one for one in snapshot.notices if str(one.id) == key]
        return found[0] if found else None

    def _row(self, notice: NotificationView, section: int) -> Row:
        whose = self.whose(notice.account_number) if notice.account_number else ""
        cells = {
            "time": Cell(fmt.moment(notice.at, self.state.now()), "dim"),
            "level": Cell(notice.level, _TONES.get(notice.level, "")),
            "event": Cell(fmt.words(notice.event).lower(), "strong" if section == _NEW else "dim"),
            "what": Cell(fmt.prose(notice.text.partition("\n")[0]) + whose, "" if section == _NEW else "dim"),
            "alarm": Cell(_alarm(notice), "bad" if notice.open else "dim"),
            "outside": Cell(_outside(notice), "bad" if notice.lost else "dim"),
            "seen": Cell(fmt.clean(notice.seen_by or ""), "dim"),
        }
        sort = (("time", notice.at.isoformat()), ("level", notice.level), ("event", notice.event))
        return Row(str(notice.id), tuple(cells[c.key] for c in COLUMNS), str(notice.id), section, sort=sort)


def _section(notice: NotificationView) -> int:
    return _NEW if notice.seen_at is None else _SEEN


def _alarm(notice: NotificationView) -> str:
    return "" if notice.open is None else "open" if notice.open else "ended"


def _outside(notice: NotificationView) -> str:
    counts = {"sent": notice.sent, "owed": notice.owed, "lost": notice.lost}
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count)
