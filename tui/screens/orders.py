"""Orders: unknown first, then working, then done; Enter shows the life of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from senex.domain.orders import OrderStatus
from tui import format as fmt
from tui.actions import screen_bindings
from tui.format import Cell
from tui.screens.tables import TableScreen
from tui.tones import line, lines, toned
from tui.widgets.line_table import Column, Row
from tui.widgets.panel import facts

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from textual.binding import BindingType
    from textual.content import Content

    from senex.ports.views import EventView, OrderView

COLUMNS = (
    Column("time", "Changed", 8, right=False),
    Column("symbol", "Symbol", 6, right=False),
    Column("kind", "Kind", 6, right=False),
    Column("what", "Spread", 10, right=False, flex=True),
    Column("status", "Status", 14, right=False),
    Column("qty", "Filled", 6),
    Column("limit", "Limit", 8),
    Column("fill", "Fill", 8),
    Column("tif", "TIF", 3, right=False, drop=2),
    Column("legs", "Legs", 34, right=False, drop=5),
    Column("broker", "Broker id", 10, right=False, drop=3),
    Column("origin", "Origin", 8, right=False, drop=4),
)
_UNKNOWN, _WORKING, _DONE = 0, 1, 2
_TITLES = {
    _UNKNOWN: "Unknown outcome — never resent; reconciliation settles it",
    _WORKING: "Working",
    _DONE: "Done",
}
_TONES = {
    "unknown": "bad",
    "rejected": "bad",
    "filled": "gain",
    "working": "accent",
    "intended": "accent",
    "partially_filled": "warn",
}


class OrdersScreen(TableScreen):
    """All orders of the account, in three sections."""

    KEY: ClassVar[str] = "orders"
    COLUMNS: ClassVar[tuple[Column, ...]] = COLUMNS
    BINDINGS: ClassVar[list[BindingType]] = screen_bindings("orders")
    EMPTY: ClassVar[str] = "No orders yet.\nAn approved suggestion becomes the first (2 Approvals)."

    def __init__(self) -> None:
        super().__init__()
        self._asked: dict[UUID, datetime] = {}

    def rows(self) -> list[Row]:
        """Sections with their title, newest first."""
        snapshot = self.state.snapshot
        orders = [] if snapshot is None else sorted(snapshot.orders, key=lambda o: o.updated_at, reverse=True)
        found: list[Row] = []
        for section, title in _TITLES.items():
            inside = [order for order in orders if section_of(order) == section]
            if inside:
                heading = Cell(f" {title} ({len(inside)})")
                found.append(Row(f"title-{section}", (heading,), f"title-{section}", section, title=True))
            found += [self._row(order, section) for order in inside]
        return found

    def title_of(self, key: str) -> str:
        """Which order it is."""
        order = self._find(key)
        if order is None:
            return ""
        return f"{fmt.clean(order.underlying)} {fmt.words(order.kind)} {fmt.words(order.spread_key or '')}".strip()

    def action_cancel(self) -> None:
        """Confirmed, then one decision."""
        order = self._find(self.table.cursor_key or "")
        if order is not None:
            self.console.ask_cancel(order)

    def action_replace(self) -> None:
        """A new limit, confirmed, then one decision."""
        order = self._find(self.table.cursor_key or "")
        if order is not None:
            self.console.ask_replace(order)

    def _find(self, key: str) -> OrderView | None:
        snapshot = self.state.snapshot
        found = [] if snapshot is None else [o for o in snapshot.orders if str(o.id) == key]
        return found[0] if found else None

    def show_model(self) -> None:
        """Rows, and the life of the order under the cursor."""
        super().show_model()
        self._ask_events()

    def on_line_table_moved(self) -> None:
        """The pane follows the cursor."""
        self._ask_events()
        super().on_line_table_moved()

    def _ask_events(self) -> None:
        """The audit trail of the order under the cursor, once per change of it."""
        order = self._find(self.table.cursor_key or "")
        if order is not None and self._asked.get(order.id) != order.updated_at:
            self._asked[order.id] = order.updated_at
            self.console.load_events(order.id)

    def _row(self, order: OrderView, section: int) -> Row:
        now = self.state.now()
        ordered = sum(abs(leg.quantity) for leg in order.legs)
        filled = sum(leg.filled for leg in order.legs)
        cells = {
            "time": Cell(fmt.moment(order.updated_at, now), "dim"),
            "symbol": Cell(fmt.clean(order.underlying), "strong"),
            "kind": Cell(fmt.words(order.kind)),
            "what": Cell(fmt.words(order.spread_key or "whole position") + self.whose(order.account_number)),
            "status": Cell(_status(order), _TONES.get(order.status, "dim")),
            "qty": Cell(f"{filled}/{ordered}", "" if filled else "dim"),
            "limit": Cell(fmt.effect(order.limit_price)),
            "fill": Cell(fmt.effect(order.fill_price), "strong" if order.fill_price is not None else "dim"),
            "tif": Cell(fmt.clean(order.time_in_force), "dim"),
            "legs": Cell(_legs(order), "dim"),
            "broker": Cell(fmt.clean(order.broker_order_id or fmt.DASH), "dim"),
            "origin": Cell(fmt.words(order.origin), "dim"),
        }
        sort = (
            ("time", order.updated_at.isoformat()),
            ("symbol", order.underlying),
            ("kind", order.kind),
            ("status", order.status),
            ("limit", order.limit_price),
            ("fill", order.fill_price),
        )
        return Row(str(order.id), tuple(cells[c.key] for c in COLUMNS), str(order.id), section, sort=sort)

    # -- detail

    def detail_of(self, key: str, width: int) -> Content:
        """Figures, legs and the life of the order."""
        order = self._find(key)
        if order is None:
            return toned("This order is gone from the books.", "dim")
        now = self.state.now()
        head = facts(
            [
                ("Status", toned(_status(order), _TONES.get(order.status, ""))),
                ("Limit", f"{fmt.effect(order.limit_price)} · {fmt.clean(order.time_in_force)}"),
                ("Fill", fmt.effect(order.fill_price)),
                (
                    "Natural / best at the fill",
                    f"{fmt.effect(order.natural_at_fill)} / {fmt.effect(order.opposite_at_fill)}",
                ),
                ("Account", fmt.clean(order.account_number)),
                ("Origin", fmt.words(order.origin)),
            ],
            min(width, 64),
        )
        legs = [
            line(
                f"  {leg.filled}/{abs(leg.quantity)} ",
                f"{fmt.clean(leg.action):<14} {fmt.option(leg.symbol)}",
            )
            for leg in order.legs
        ]
        steps = [
            line(toned(f"{time:<13}", "dim"), toned(mark + " ", tone), text)
            for time, mark, tone, text in (
                *_life(order, now),
                *_trail(self.state.events.get(order.id, ()), now),
            )
        ]
        return lines(
            [head, line(""), toned("Legs", "title"), *legs, line(""), toned("Life", "title"), *steps]
        )


def section_of(order: OrderView) -> int:
    """Unknown, working or done."""
    status = OrderStatus(order.status)
    if status is OrderStatus.UNKNOWN:
        return _UNKNOWN
    return _DONE if status.terminal else _WORKING


def cancellable(order: OrderView) -> bool:
    """Whether a cancel makes sense: it works, at the broker or on its way."""
    return section_of(order) == _WORKING


def replaceable(order: OrderView) -> bool:
    """Whether it works and is at the broker."""
    return cancellable(order) and order.broker_order_id is not None


def _status(order: OrderView) -> str:
    if order.status == "intended" and order.attempt_status in ("prepared", "sending"):
        return fmt.words(order.attempt_status)
    if order.status == "working" and order.broker_status == "Cancel Requested":
        return "cancelling"
    return {"partially_filled": "part filled"}.get(order.status, fmt.words(order.status))


def _legs(order: OrderView) -> str:
    return " ".join(f"{fmt.count(leg.quantity)} {_short(leg.symbol)}" for leg in order.legs)


def _short(symbol: str) -> str:
    words = fmt.option(symbol).split(" ")
    return f"{words[0]}{words[1][0].upper()}" if len(words) > 1 else words[0]


def _life(order: OrderView, now: datetime) -> list[tuple[str, str, str, str]]:
    """Time, mark, tone and sentence of each step that is known."""
    at = fmt.moment
    steps = [
        (at(order.created_at, now), "○", "accent", "intended: written to the books before anything was sent")
    ]
    if order.attempt_status is not None:
        said = fmt.clean(order.attempt_message or "")
        tone = {"accepted": "good", "refused": "bad", "unknown": "bad"}.get(order.attempt_status, "accent")
        steps.append(
            ("", "●", tone, f"attempt {fmt.words(order.attempt_status)}{': ' + said if said else ''}")
        )
        steps.append(("", " ", "dim", f"  our id {fmt.clean(order.external_identifier or fmt.DASH)}"))
    if order.broker_order_id is not None:
        steps.append(
            (
                "",
                "●",
                "good",
                f"at the broker as {fmt.clean(order.broker_order_id)}: {fmt.clean(order.broker_status or fmt.DASH)}",
            )
        )
    if order.fill_price is not None:
        steps.append((at(order.updated_at, now), "◆", "good", f"filled for {fmt.effect(order.fill_price)}"))
    if order.status == "unknown":
        steps.append(
            (
                at(order.updated_at, now),
                "?",
                "bad",
                "outcome unknown: never resent; reconciliation looks it up",
            )
        )
    elif order.status not in ("intended", "filled"):
        why = f": {fmt.clean(order.reject_reason)}" if order.reject_reason else ""
        steps.append(
            (at(order.updated_at, now), "■", _TONES.get(order.status, ""), f"{fmt.words(order.status)}{why}")
        )
    return steps


def _trail(events: tuple[EventView, ...], now: datetime) -> list[tuple[str, str, str, str]]:
    """What the audit says, in its own order."""
    rows = [("", " ", "", "")] if events else []
    for event in events:
        change = f" ({fmt.words(event.before or fmt.DASH)} → {fmt.words(event.after)})" if event.after else ""
        why = f": {fmt.clean(event.why)}" if event.why else ""
        text = f"{fmt.clean(event.action)}{change} by {fmt.clean(event.actor)}{why}"
        rows.append((fmt.moment(event.at, now), "·", "dim", text))
    return rows
