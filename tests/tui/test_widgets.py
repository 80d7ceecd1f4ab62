"""Formats, gauge, payoff and the line table on their own."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from textual.app import App, ComposeResult

from senex.domain.legs import Action, Leg
from senex.domain.payoff import Payoff, payoff_of_legs
from senex.domain.unknown import Unknown
from tests.tui import console_world as w
from tui import format as fmt
from tui.format import Cell
from tui.screens.approvals import payoff_of
from tui.widgets.line_table import Column, LineTable, Row
from tui.widgets.panel import gauge
from tui.widgets.payoff import draw_payoff

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    from textual.geometry import Region

D = Decimal


@pytest.mark.parametrize(
    ("value", "shown"),
    [(D("1234.5"), "$1,234.50"), (D(-12), "−$12.00"), (None, "—"), (Unknown("why"), "—"), (D(0), "$0.00")],
)
def test_money(value: Decimal | Unknown | None, shown: str) -> None:
    assert fmt.money(value) == shown


def test_signs_are_always_said() -> None:
    assert fmt.gain(D(3)) == "+$3.00"
    assert fmt.gain(D(-3)) == "−$3.00"
    assert fmt.signed(D("-0.5")) == "−0.50"
    assert fmt.effect(D("2.35")) == "2.35 cr"
    assert fmt.effect(D("-0.425")) == "0.425 db"
    assert fmt.effect(D(0)) == "0.00"
    assert fmt.count(-2) == "−2"


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0s"), (99, "99s"), (100, "1m"), (5999, "99m"), (7200, "2h"), (180_000, "2d")]
)
def test_ages(seconds: int, shown: str) -> None:
    assert fmt.age(timedelta(seconds=seconds)) == shown


@pytest.mark.parametrize("nasty", ["a\x1b[2Jb", "a\nb", "a\u202eb", "a\u2028b", "a\x00b", "a\u200bb"])
def test_what_cannot_be_seen_is_shown_as_a_dot(nasty: str) -> None:
    assert fmt.clean(nasty).startswith("a·")
    assert fmt.clean(nasty).isprintable()


def test_long_texts_end() -> None:
    assert len(fmt.clean("x" * 500)) == 200


def test_options_and_stock() -> None:
    assert fmt.option("QQQ   251219P00622500") == "622.5 put 19 Dec"
    assert fmt.option("QQQ") == "QQQ"


@pytest.mark.parametrize(
    ("used", "extra", "shown"),
    [
        (D(0), D(0), "··········"),
        (D(1), D(0), "█·········"),
        (D(50), D(20), "█████▒▒···"),
        (D(90), D(20), "█████████!"),
    ],
)
def test_the_gauge(used: Decimal, extra: Decimal, shown: str) -> None:
    assert gauge(used, extra, D(100), 10).plain == shown


def test_the_gauge_without_a_budget() -> None:
    assert gauge(None, D(0), None, 5).plain == "░░░░░"


def diagram(payoff: Payoff | Unknown, spot: Decimal | None = None) -> list[str]:
    return draw_payoff(payoff, spot=spot, width=60, height=12).plain.split("\n")


def test_the_payoff_names_its_ends_and_crossings() -> None:
    rows = diagram(payoff_of(w.suggestion()), D("621.87"))
    assert len(rows) == 12
    assert rows[0].startswith("+$410")
    assert any(row.startswith("−$190") for row in rows)
    assert rows[-2].count("×") == 1
    assert rows[-2].count("▲") == 1
    assert "621.87" in rows[-1]
    assert all(len(row) <= 60 for row in rows)


def test_an_unbounded_payoff_is_drawn_to_the_edge() -> None:
    short_call = payoff_of_legs([Leg(w.trident_legs()[2].symbol, Action.SELL_TO_OPEN, 1)], D(500))
    rows = diagram(short_call)
    assert rows[0].startswith("+$500")


def test_an_unknown_payoff_says_why() -> None:
    assert diagram(Unknown("legs of two expiries")) == ["—  legs of two expiries"]


def test_no_room_no_diagram() -> None:
    assert "narrow" in draw_payoff(payoff_of(w.suggestion()), spot=None, width=10, height=4).plain


class Spied(LineTable):
    """A table that notes what it was asked to repaint."""

    painted: list[int]

    def refresh(self, *regions: Region, **more: bool) -> Self:
        self.painted = [*getattr(self, "painted", []), *(y for r in regions for y in range(r.y, r.bottom))]
        return super().refresh(*regions, **more)


class Bench(App[None]):
    def __init__(self, rows: Iterable[Row]) -> None:
        super().__init__()
        self.table = Spied(
            [Column("a", "A", 6, right=False, flex=True), Column("b", "B", 6), Column("c", "C", 30, drop=1)],
            fresh=lambda key: row(key, "new"),
        )
        self.rows = rows

    def compose(self) -> ComposeResult:
        yield self.table

    def on_mount(self) -> None:
        self.table.set_rows(self.rows)


def row(key: str, text: str = "old") -> Row:
    return Row(key, (Cell(key), Cell(text), Cell("wide")), key, sort=(("a", key), ("b", int(key[1:]))))


def rows(count: int) -> list[Row]:
    return [row(f"r{index:03}") for index in range(count)]


async def test_only_touched_rows_on_the_screen_are_painted() -> None:
    app = Bench(rows(100))
    async with app.run_test(size=(40, 11)) as pilot:
        await pilot.pause()
        app.table.painted = []
        app.table.touch(["r003", "r004", "r050", "nobody"])
        assert app.table.painted == [4, 5]
        assert "new" in app.table.render_line(4).text
        assert "old" in app.table.render_line(3).text
        await pilot.press("end")
        assert app.table.cursor_key == "r099"
        await pilot.press(*["up"] * 49)
        await pilot.pause()
        shown = [app.table.render_line(y).text for y in range(1, 11)]
        assert any("r050" in line and "new" in line for line in shown), "made when it comes into sight"


async def test_unchanged_rows_are_not_painted_again() -> None:
    app = Bench(rows(20))
    async with app.run_test(size=(40, 11)) as pilot:
        await pilot.pause()
        app.table.painted = []
        app.table.set_rows(rows(20))
        assert app.table.painted == []
        changed = rows(20)
        changed[2] = row("r002", "x")
        app.table.set_rows(changed)
        assert app.table.painted == [3]


async def test_the_cursor_stays_on_its_row_when_others_come_and_go() -> None:
    app = Bench(rows(20))
    async with app.run_test(size=(40, 11)) as pilot:
        await pilot.press("down", "down", "down")
        assert app.table.cursor_key == "r003"
        app.table.set_rows([row("q999"), *rows(20)])
        assert app.table.cursor_key == "r003"
        app.table.set_rows([each for each in rows(20) if each.key != "r003"])
        assert app.table.cursor_key == "r004"
        app.table.set_rows([])
        assert app.table.cursor_key is None


async def test_columns_give_way_and_lines_have_the_exact_width() -> None:
    app = Bench(rows(3))
    async with app.run_test(size=(30, 6)) as pilot:
        await pilot.pause()
        assert "wide" not in app.table.render_line(1).text
        assert {app.table.render_line(y).cell_length for y in range(6)} == {30}
        await pilot.resize_terminal(70, 6)
        await pilot.pause()
        assert "wide" in app.table.render_line(1).text
        assert {app.table.render_line(y).cell_length for y in range(6)} == {70}


async def test_wide_and_nasty_texts_keep_their_cells() -> None:
    app = Bench([Row("r1", (Cell("漢字漢字漢字漢字漢字漢字漢字"), Cell("toolongtext"), Cell("")), "r1")])
    async with app.run_test(size=(30, 4)) as pilot:
        await pilot.pause()
        assert app.table.render_line(1).cell_length == 30
        assert "…" in app.table.render_line(1).text


async def test_sort_turns_and_clicks_choose() -> None:
    app = Bench(rows(5))
    async with app.run_test(size=(40, 8)) as pilot:
        app.table.sort_by("b")
        app.table.sort_by("b")
        assert app.table.rows[0].key == "r004"
        await pilot.click(offset=(3, 2))
        assert app.table.cursor_key == "r003"
        await pilot.click(offset=(2, 0))
        assert app.table.sort_key == "a"
