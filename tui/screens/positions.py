"""Positions: what is open, grouped position → spread → leg, marked from the stream."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

from senex.domain.legs import InstrumentType
from senex.domain.money import CONTRACT_MULTIPLIER, ZERO, cents
from senex.domain.payoff import line_of, payoff
from senex.domain.symbols import OptionSymbol
from senex.domain.unknown import Unknown, known
from senex.services.live import PositionLive, position_live
from tui import format as fmt
from tui.actions import screen_bindings
from tui.format import Cell
from tui.screens.tables import TableScreen
from tui.snapshot import protected, wants_target
from tui.tones import beside, line, lines, of_cell, toned
from tui.widgets.line_table import Column, Row, SortValue
from tui.widgets.panel import facts
from tui.widgets.payoff import draw_payoff

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from textual.binding import BindingType
    from textual.content import Content

    from senex.ports.views import LotView, PositionSpreadView, PositionView, SpreadExitView
    from senex.services.live import LegLive, SpreadLive

COLUMNS = (
    Column("name", "Position", 21, right=False, flex=True),
    Column("qty", "Qty", 4),
    Column("mark", "Mark", 8),
    Column("bid", "Bid", 7, drop=7),
    Column("ask", "Ask", 7, drop=6),
    Column("pnl", "P&L open", 10),
    Column("captured", "Kept", 6, drop=1),
    Column("realised", "Realised", 10, drop=5),
    Column("dte", "DTE", 3),
    Column("open", "Open", 8, drop=2),
    Column("target", "Target", 8),
    Column("away", "Away", 6),
    Column("exit", "Exit", 8, drop=3),
    Column("risk", "Risk", 7, drop=4),
    Column("age", "Age", 4),
)
_BLANK = tuple(Cell("") for _ in COLUMNS)
_SIDE_BY_SIDE = 110
_SHOWN = ("open_full", "open_partial", "closing", "pending_entry")


class PositionsScreen(TableScreen):
    """The streaming table of positions."""

    KEY: ClassVar[str] = "positions"
    COLUMNS: ClassVar[tuple[Column, ...]] = COLUMNS
    BINDINGS: ClassVar[list[BindingType]] = screen_bindings("positions")
    EMPTY: ClassVar[str] = "Nothing is open.\nApproved suggestions show here once they fill (2 Approvals)."

    def __init__(self) -> None:
        super().__init__()
        self._folded: set[str] = set()
        self._by_symbol: dict[str, list[PositionView]] = {}
        self._made: dict[str, dict[str, Row]] = {}
        self._keys: dict[str, tuple[str, ...]] = {}

    def rows(self) -> list[Row]:
        """Every open position, folded or not."""
        snapshot = self.state.snapshot
        positions = [] if snapshot is None else [p for p in snapshot.positions if p.status in _SHOWN]
        self._by_symbol = {}
        for position in positions:
            for lot in (lot for spread in position.spreads for lot in spread.lots):
                self._by_symbol.setdefault(lot.streamer, []).append(position)
        self._made = {str(p.id): {row.key: row for row in self._position_rows(p)} for p in positions}
        self._keys = {group: tuple(made) for group, made in self._made.items()}
        return [row for made in self._made.values() for row in made.values()]

    def show_quotes(self, symbols: frozenset[str]) -> None:
        """Only rows of positions with a leg that moved, and of them only those on the screen."""
        moved = {p.id: p for symbol in symbols for p in self._by_symbol.get(symbol, ())}
        if not moved:
            return
        for position_id in moved:
            self._made.pop(str(position_id), None)
        self.table.touch(key for position_id in moved for key in self._keys.get(str(position_id), ()))
        self._redraw_pane()

    def fresh_row(self, key: str) -> Row | None:
        """The row from its position's newest figures, worked out once for all its rows."""
        group = key.split("/", maxsplit=1)[0]
        if group not in self._made:
            position = self._find(group)
            if position is None:
                return None
            self._made[group] = {row.key: row for row in self._position_rows(position)}
        return self._made[group].get(key)

    def action_fold(self) -> None:
        """Fold the position under the cursor, or unfold it."""
        row = self.table.cursor_row
        if row is None:
            return
        self._folded ^= {row.group}
        self.show_model()

    def action_close(self) -> None:
        """Confirmed in money: the position under the cursor, or the spread of a spread's or leg's row."""
        position, key = self._under_cursor()
        if position is not None:
            self.console.ask_close(position, key)

    def action_targets(self) -> None:
        """Confirmed: the missing targets of the position under the cursor."""
        position, _ = self._under_cursor()
        if position is not None:
            self.console.ask_targets(position)

    def _under_cursor(self) -> tuple[PositionView | None, str | None]:
        group, _, rest = (self.table.cursor_key or "").partition("/")
        return self._find(group), rest.split("/", maxsplit=1)[0] or None

    def title_of(self, key: str) -> str:
        """The position the row belongs to."""
        found = self._find(key.split("/", maxsplit=1)[0])
        return "" if found is None else f"{fmt.clean(found.underlying)} {fmt.strategy(found.strategy)}"

    def _find(self, position_id: str) -> PositionView | None:
        snapshot = self.state.snapshot
        found = [] if snapshot is None else [p for p in snapshot.positions if str(p.id) == position_id]
        return found[0] if found else None

    # -- rows

    def _position_rows(self, position: PositionView) -> Iterator[Row]:
        live = position_live(position, self.state.market, self.state.now())
        group = str(position.id)
        folded = group in self._folded
        yield Row(group, self._head(position, live, folded=folded), group, sort=self._sort(position, live))
        if folded:
            return
        last = len(position.spreads) - 1
        for index, spread in enumerate(position.spreads):
            branch = "└" if index == last else "├"
            yield Row(f"{group}/{spread.key}", _spread_cells(spread, live.spreads[spread.key], branch), group)
            rail = " " if index == last else "│"
            for place, lot in enumerate(spread.lots):
                twig = "└" if place == len(spread.lots) - 1 else "├"
                cells = self._leg_cells(
                    lot, live.legs[lot.spread_key, lot.symbol], f"{rail} {twig}", position
                )
                yield Row(f"{group}/{spread.key}/{lot.symbol}/{place}", cells, group)

    def _head(self, position: PositionView, live: PositionLive, *, folded: bool) -> tuple[Cell, ...]:
        wanted = [s for s in position.spreads if wants_target(s)]
        working = sum(1 for spread in wanted if protected(spread))
        credits_ = [s.credit for s in position.spreads]
        name = f"{'▸' if folded else '▾'} {fmt.clean(position.underlying)} {fmt.strategy(position.strategy)}"
        name += self.whose(position.account_number)
        if position.status != "open_full":
            name += f" ({fmt.words(position.status)})"
        days = fmt.dte(position.expiry, self.state.now())
        held = any(spread.lots for spread in position.spreads)
        return _cells(
            name=Cell(name, "strong"),
            qty=Cell(str(position.units), "strong"),
            mark=Cell(fmt.effect(live.close), "", live.stale) if held else fmt.UNKNOWN_CELL,
            pnl=fmt.gain_cell(live.pnl, stale=live.stale),
            captured=_captured(position, live),
            realised=fmt.gain_cell(position.realized) if position.realized else Cell("0.00", "dim"),
            dte=Cell(str(days), "warn" if days <= position.time_exit_dte else "")
            if _expires(position)
            else fmt.UNKNOWN_CELL,
            open=Cell(
                "" if None in credits_ else fmt.effect(sum((c or ZERO for c in credits_), ZERO)), "dim"
            ),
            target=Cell(f"{working} of {len(wanted)}", "dim" if working == len(wanted) else "warn")
            if wanted
            else Cell(""),
            exit=Cell("" if live.next_exit is None else fmt.day(live.next_exit.day), "dim"),
            risk=Cell(fmt.money(position.initial_risk, 0), "dim"),
            age=fmt.age_cell(live.age),
        )

    def _leg_cells(self, lot: LotView, live: LegLive, rails: str, position: PositionView) -> tuple[Cell, ...]:
        quote = self.state.market.quotes.get(lot.streamer)
        name = fmt.option(lot.symbol).removesuffix(f" {fmt.day(position.expiry)}")
        pnl: Decimal | Unknown = live.mark
        if not isinstance(live.mark, Unknown):
            pnl = cents((live.mark - lot.price) * lot.quantity * lot.multiplier)
        return _cells(
            name=Cell(f"{rails} {name}"),
            qty=Cell(fmt.count(lot.quantity)),
            mark=Cell(fmt.price(live.mark), "", live.stale),
            bid=Cell(fmt.price(quote.bid if quote else None), "dim", live.stale),
            ask=Cell(fmt.price(quote.ask if quote else None), "dim", live.stale),
            pnl=fmt.gain_cell(pnl, stale=live.stale),
            open=Cell(fmt.price(lot.price), "dim"),
            age=fmt.age_cell(live.age),
        )

    def _sort(self, position: PositionView, live: PositionLive) -> tuple[tuple[str, SortValue], ...]:
        return (
            ("name", position.underlying),
            ("qty", position.units),
            ("mark", known(live.close)),
            ("pnl", known(live.pnl)),
            ("realised", position.realized),
            ("dte", fmt.dte(position.expiry, self.state.now())),
            ("risk", position.initial_risk),
            ("age", None if isinstance(live.age, Unknown) else int(live.age.total_seconds())),
        )

    # -- detail

    def detail_of(self, key: str, width: int) -> Content:
        """Figures, payoff from here, lots and orders of the position the row belongs to."""
        position = self._find(key.split("/", maxsplit=1)[0])
        if position is None:
            return toned("This position is closed.", "dim")
        now = self.state.now()
        live = position_live(position, self.state.market, now)
        lots = [lot for spread in position.spreads for lot in spread.lots]
        cash = -sum((lot.price * lot.quantity * lot.multiplier for lot in lots), ZERO)
        result = payoff((line_of(lot.symbol, lot.quantity * lot.multiplier) for lot in lots), cash)
        spot = self.state.market.quotes.get(position.underlying)
        mid = None if spot is None else spot.mid
        shown = facts(
            [
                ("P&L open", of_cell(fmt.gain_cell(live.pnl, stale=live.stale))),
                ("P&L realised", of_cell(fmt.gain_cell(position.realized))),
                ("After fees", of_cell(_net(position))),
                ("Fees so far", fmt.money(position.fees)),
                ("In R", fmt.DASH if position.r_multiple is None else fmt.signed(position.r_multiple, 2)),
                ("Risk at entry", fmt.money(position.initial_risk)),
                ("Expiry", _expiry(position, now)),
                ("Time exit", _ladder(position, live) if position.managed else "not looked after"),
                ("Stop", "closes" if position.stop_orders else "alarms" if position.managed else fmt.DASH),
                ("Opened", fmt.moment(position.opened_at, now)),
            ],
            min(width, 44),
        )
        closing = [
            _closing(spread.key, spread.exit) for spread in position.spreads if spread.exit is not None
        ]
        if closing:
            shown = lines([shown, line(""), toned("Being closed", "title"), *closing])
        held = [toned("Lots", "title"), *(_lot_line(lot) for lot in lots)]
        sent = [toned("Orders", "title"), *self._orders(position)]
        title = toned("At expiry, from here", "title")
        if width < _SIDE_BY_SIDE:
            chart = draw_payoff(result, spot=mid, width=width, height=11)
            return lines([shown, line(""), title, chart, line(""), *held, line(""), *sent])
        left = lines([shown, line(""), *held, line(""), *sent])
        right = lines([title, draw_payoff(result, spot=mid, width=width - 64, height=left.plain.count("\n"))])
        return beside(left, right, 62)

    def _orders(self, position: PositionView) -> list[Content]:
        snapshot = self.state.snapshot
        orders = [] if snapshot is None else [o for o in snapshot.orders if o.position_id == position.id]
        return [
            line(
                f"{fmt.moment(order.created_at, self.state.now()):<13} {fmt.words(order.kind):<8}",
                f"{fmt.words(order.spread_key or ''):<14} {fmt.effect(order.limit_price):>9}  ",
                toned(fmt.words(order.status), "bad" if order.status == "unknown" else ""),
            )
            for order in sorted(orders, key=lambda o: o.created_at)
        ]


def _spread_cells(spread: PositionSpreadView, live: SpreadLive, branch: str) -> tuple[Cell, ...]:
    strikes = "/".join(
        fmt.strike(OptionSymbol.from_occ(lot.symbol).strike) for lot in spread.lots if len(lot.symbol) == 21
    )
    target, away = _missing_target(spread), Cell("")
    if protected(spread):
        target, away = Cell(fmt.effect(live.target)), fmt.UNKNOWN_CELL
    if protected(spread) and live.distance is not None and not isinstance(live.distance, Unknown):
        reached = live.distance <= 0
        away = Cell("at it" if reached else fmt.price(live.distance), "gain" if reached else "", live.stale)
    return _cells(
        name=Cell(f"{branch} {fmt.words(spread.key)} {strikes}"),
        mark=Cell(fmt.effect(live.close), "", live.stale) if spread.lots else Cell("closed", "dim"),
        pnl=fmt.gain_cell(live.pnl, stale=live.stale) if spread.lots else Cell(""),
        captured=_kept(spread, live),
        open=Cell(fmt.effect(spread.credit), "dim") if spread.lots else Cell(""),
        target=target if spread.lots else Cell(""),
        away=away if spread.lots else Cell(""),
        exit=Cell("closing", "warn") if spread.exit is not None and spread.lots else Cell(""),
        age=fmt.age_cell(live.age) if spread.lots else Cell(""),
    )


def _missing_target(spread: PositionSpreadView) -> Cell:
    """Why nothing waits to take the spread's profit."""
    if spread.target is not None and spread.target.status == "unknown":
        return Cell("unknown", "bad")
    return Cell("none", "dim" if spread.target_share is None else "warn")


def _kept(spread: PositionSpreadView, live: SpreadLive) -> Cell:
    """The share of the spread's credit that would be kept if it were closed at mid now."""
    if spread.credit is None or spread.credit <= 0 or isinstance(live.close, Unknown):
        return fmt.UNKNOWN_CELL if spread.lots else Cell("")
    return _share((spread.credit + live.close) / spread.credit, stale=live.stale)


def _share(share: Decimal, *, stale: bool) -> Cell:
    whole = round(share * 100)
    return Cell(f"{fmt.signed(Decimal(whole), 0)} %", fmt.tone_of(Decimal(whole)), stale)


def _captured(position: PositionView, live: PositionLive) -> Cell:
    """The same share for the whole position."""
    credit = sum((s.credit or ZERO for s in position.spreads), ZERO) * position.units * CONTRACT_MULTIPLIER
    if isinstance(live.pnl, Unknown) or credit <= 0:
        return Cell("")
    return _share(live.pnl / credit, stale=live.stale)


def _cells(**cells: Cell) -> tuple[Cell, ...]:
    return tuple(cells.get(column.key, blank) for column, blank in zip(COLUMNS, _BLANK, strict=True))


def _expires(position: PositionView) -> bool:
    """Whether an option is in it; shares never expire."""
    lots = [lot for spread in position.spreads for lot in spread.lots]
    return not lots or any(InstrumentType.of(lot.symbol) is InstrumentType.EQUITY_OPTION for lot in lots)


def _expiry(position: PositionView, now: datetime) -> str:
    if not _expires(position):
        return "never: shares"
    return f"{fmt.long_day(position.expiry)} · {fmt.dte(position.expiry, now)} DTE"


def _net(position: PositionView) -> Cell:
    """The realised gain after fees; not known while a transaction of the broker's is missing."""
    if position.realized_net is None:
        return fmt.UNKNOWN_CELL
    return fmt.gain_cell(position.realized_net) if position.realized_net else Cell("0.00", "dim")


def _ladder(position: PositionView, live: PositionLive) -> str:
    """From which day on, and its next step."""
    ahead = live.next_exit
    begins = f"{position.time_exit_dte} DTE"
    return begins if ahead is None else f"{begins} · step {ahead.step}/{ahead.steps} on {fmt.day(ahead.day)}"


def _closing(key: str, wish: SpreadExitView) -> Content:
    return line(
        toned(f"{fmt.words(key):<10}", "strong"),
        f"{fmt.words(wish.cause)}, ",
        toned(fmt.clean(wish.why), "dim"),
    )


def _lot_line(lot: LotView) -> Content:
    quantity = fmt.count(lot.quantity)
    return line(
        f"{fmt.words(lot.spread_key):<12}{quantity:>4}  {fmt.option(lot.symbol):<18}",
        toned(f"@ {fmt.price(lot.price)}", "dim"),
    )
