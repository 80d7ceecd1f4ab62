"""Home: am I safe, is everything fresh, what wants me?"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content

from senex.domain.money import ZERO
from senex.domain.unknown import Unknown
from senex.services.live import position_live
from tui import format as fmt
from tui.actions import screen_bindings
from tui.screens.base import ROLL, ConsoleScreen
from tui.snapshot import protected, wants_target
from tui.tones import line, lines, of_cell, spread, toned
from tui.widgets.panel import Panel, facts, gauge

if TYPE_CHECKING:
    from decimal import Decimal

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from senex.ports.views import AccountView, PositionView, ProcessView, SourceView

_ROWS = 12
_ALARMS = 3
_PLUMBING = ("clock", "redis", "token")


class HomeScreen(ConsoleScreen):
    """Account, today, risk, what wants the operator, freshness of every source."""

    KEY: ClassVar[str] = "home"
    BINDINGS: ClassVar[list[BindingType]] = [*screen_bindings("home"), *ROLL]

    def body(self) -> ComposeResult:
        """Panels in two columns, the gauge across."""
        with VerticalScroll(id="home", can_focus=False):
            with Horizontal(classes="row"):
                yield Panel("Account", self._account, id="account")
                yield Panel("Today", self._today, id="today")
            yield Panel("Risk budget", self._risk, id="risk")
            with Horizontal(classes="row"):
                with Vertical(classes="column"):
                    yield Panel("Wants you", self._wants, id="wants")
                    yield Panel("Next exits", self._exits, id="exits")
                yield Panel("Freshness", self._fresh, id="fresh")
            with Horizontal(classes="row wide-only"):
                yield Panel("Open positions", self._open, id="open")
                yield Panel("Latest orders", self._orders, id="latest")

    def action_alarms(self) -> None:
        """Read them; acknowledge one."""
        self.console.ask_alarms()

    def action_reconcile(self) -> None:
        """Books and broker, a dry run first."""
        self.console.ask_reconcile()

    def show_model(self) -> None:
        """Everything."""
        for panel in self.query(Panel):
            panel.redraw()

    def show_quotes(self, symbols: frozenset[str]) -> None:  # noqa: ARG002  the hook's signature
        """Profit and loss moves."""
        self.query_one("#today", Panel).redraw()
        self.query_one("#open", Panel).redraw()

    def tick(self) -> None:
        """Ages."""
        self.show_model()

    def _account(self, width: int) -> Content:
        account = self.state.account
        if account is None:
            return self._nothing()
        title = f"{fmt.clean(account.number)} · {fmt.clean(account.nickname)}"
        return facts(
            [
                (title, Content(fmt.clean(account.margin_or_cash))),
                ("Net liquidation", toned(fmt.money(account.net_liquidation), "strong")),
                ("Cash", fmt.money(account.cash)),
                ("Option buying power", fmt.money(account.option_buying_power)),
                ("Balances read", toned(fmt.ago(account.balances_at, self.state.now()), "dim")),
            ],
            width,
        )

    def _today(self, width: int) -> Content:
        account = self.state.account
        if account is None:
            return self._nothing()
        opened, why, stale = self._open_pnl(account)
        total = opened if isinstance(opened, Unknown) else opened + account.realized_today
        ready = toned("✓ yes", "good") if account.ready else toned("✗ not yet", "warn")
        if account.trading_state != "active":
            ready = toned(f"✗ {fmt.words(account.trading_state)}", "warn")
        return facts(
            [
                ("P&L open", of_cell(fmt.gain_cell(opened, stale=stale))),
                ("P&L realised today", of_cell(fmt.gain_cell(account.realized_today))),
                ("Open and realised", of_cell(fmt.gain_cell(total, stale=stale))),
                ("Ready for entries", ready),
                *([(f"{fmt.DASH} {fmt.clean(why)}", Content(""))] if why else []),
            ],
            width,
        )

    def _open_pnl(self, account: AccountView) -> tuple[Decimal | Unknown, str, bool]:
        """The sum over open positions; one that is unknown makes it unknown, and says why."""
        total, stale = ZERO, False
        for position in self._positions(account):
            live = position_live(position, self.state.market, self.state.now())
            if isinstance(live.pnl, Unknown):
                return live.pnl, live.pnl.why, False
            total += live.pnl
            stale = stale or live.stale
        return total, "", stale

    def _positions(self, account: AccountView) -> list[PositionView]:
        snapshot = self.state.snapshot
        if snapshot is None:
            return []
        return [
            p for p in snapshot.positions if p.account_id == account.id and any(s.lots for s in p.spreads)
        ]

    def _risk(self, width: int) -> Content:
        account = self.state.account
        if account is None:
            return self._nothing()
        used, total = account.open_risk, account.risk_budget
        if used is None or total is None:
            return lines(
                [gauge(None, ZERO, None, width), toned(f"{fmt.DASH}  known after the first sync", "dim")]
            )
        left = total - used
        share = fmt.percent(used / total, 1) if total else fmt.DASH
        return lines(
            [
                gauge(used, ZERO, total, width),
                spread(
                    line(
                        toned(fmt.money(used), "strong"),
                        toned(f" of {fmt.money(total)} used ({share})", "dim"),
                    ),
                    line(
                        toned(f"{fmt.money(left)} left", "bad" if left < 0 else ""),
                        toned(f" · {account.risk_preset}", "dim"),
                    ),
                    width,
                ),
            ]
        )

    def _wants(self, width: int) -> Content:
        account = self.state.account
        if account is None:
            return self._nothing()
        rows = [
            _wanted(len(self.state.pending), "approval waiting", "approvals waiting", "2", "accent"),
            _wanted(
                account.unknown_orders,
                "order with unknown outcome",
                "orders with unknown outcome",
                "4",
                "bad",
            ),
            _wanted(account.working_orders, "order working", "orders working", "4", ""),
        ]
        bare = sum(wants_target(s) and not protected(s) for p in self._positions(account) for s in p.spreads)
        if bare:
            rows.append(
                _wanted(bare, "spread without its target", "spreads without their target", "3", "warn")
            )
        rows = [*self._alarms(), *rows]
        rows += [toned(f" … {fmt.clean(what)}", "warn") for what in self.state.waiting.values()]
        return lines([row.truncate(width, ellipsis=True) for row in rows])

    def _alarms(self) -> list[Content]:
        """How many, and the most urgent ones in words; seen ones are dim."""
        found = self.state.snapshot.alarms if self.state.snapshot is not None else ()
        if not found:
            return []
        unseen = sum(each.seen_at is None for each in found)
        critical = any(each.severity == "critical" for each in found)
        count = _wanted(len(found), "alarm", "alarms", "a", "bad" if critical else "warn")
        rows = [line(count, toned(f"  {unseen} not seen" if unseen else "  all seen", "dim"))]
        for each in found[:_ALARMS]:
            tone = "dim" if each.seen_at else "bad" if each.severity == "critical" else "warn"
            rows.append(line(toned("  ! ", tone), toned(fmt.prose(each.text), tone)))
        return rows

    def _exits(self, width: int) -> Content:
        account = self.state.account
        if account is None:
            return self._nothing()
        now = self.state.now()
        rows = []
        for position in sorted(self._positions(account), key=lambda p: p.expiry)[:6]:
            left = fmt.dte(position.expiry, now)
            to_exit = left - position.time_exit_dte
            rows.append(
                spread(
                    Content(f"{fmt.clean(position.underlying)} {fmt.strategy(position.strategy)}"),
                    line(
                        toned(
                            f"exit in {to_exit}d" if to_exit > 0 else "exit due",
                            "" if to_exit > 0 else "warn",
                        ),
                        toned(f" · {left} DTE", "dim"),
                    ),
                    width,
                )
            )
        return lines(rows) if rows else toned("Nothing is open.", "dim")

    def _open(self, width: int) -> Content:
        account = self.state.account
        if account is None:
            return self._nothing()
        positions = self._positions(account)
        rows = []
        for position in positions[:_ROWS]:
            live = position_live(position, self.state.market, self.state.now())
            wanted = [s for s in position.spreads if wants_target(s)]
            working = sum(1 for s in wanted if protected(s))
            left = f"{fmt.clean(position.underlying):<6}{fmt.strategy(position.strategy)}"
            rows.append(
                spread(
                    Content(left),
                    line(
                        toned(
                            f"{working} of {len(wanted)} targets", "dim" if working == len(wanted) else "warn"
                        ),
                        toned(f" · {fmt.dte(position.expiry, self.state.now())} DTE  ", "dim"),
                        of_cell(fmt.gain_cell(live.pnl, stale=live.stale)),
                    ),
                    width,
                )
            )
        return lines(rows) if rows else toned("Nothing is open.", "dim")

    def _orders(self, width: int) -> Content:
        snapshot = self.state.snapshot
        if snapshot is None:
            return self._nothing()
        orders = sorted(snapshot.orders, key=lambda o: o.updated_at, reverse=True)
        rows = [
            spread(
                line(
                    toned(f"{fmt.moment(order.updated_at, self.state.now()):<13}", "dim"),
                    f"{fmt.clean(order.underlying):<6}{fmt.words(order.kind):<8}{fmt.words(order.spread_key or '')}",
                ),
                line(
                    fmt.effect(order.fill_price if order.fill_price is not None else order.limit_price),
                    toned(f"  {fmt.words(order.status):<9}", "bad" if order.status == "unknown" else "dim"),
                ),
                width,
            )
            for order in orders[:_ROWS]
        ]
        return lines(rows) if rows else toned("No orders yet.", "dim")

    def _fresh(self, width: int) -> Content:
        snapshot = self.state.snapshot
        if snapshot is None:
            return self._nothing()
        rows = [_quote_line(self, width)]
        wide = self.has_class("-wide")
        rows += [
            self._source(source, width)
            for source in snapshot.sources
            if source.source != "quotes" and (wide or not source.ok or source.source not in _PLUMBING)
        ]
        processes = self.state.processes
        if not processes:
            return lines([*rows, toned("✗ daemon not running", "bad")])
        if not wide:
            return lines([*rows, self._daemon(processes, width)])
        rows += [Content(""), toned("Daemon", "title")]
        return lines([*rows, *(self._process(process, width) for process in processes)])

    def _daemon(self, processes: tuple[ProcessView, ...], width: int) -> Content:
        """All processes in one line: the oldest heartbeat decides."""
        late = self.state.late_processes()
        oldest = max(process.age for process in processes)
        said = f" {len(late)} of {len(processes)} late" if late else f" {len(processes)} processes"
        return spread(
            line(
                toned("✗ ", "bad") if late else toned("● ", "good"),
                "daemon",
                toned(said, "warn" if late else "dim"),
            ),
            toned(f"{oldest:.0f}s ago" if oldest >= 1 else "just now", "dim"),
            width,
        )

    def _source(self, source: SourceView, width: int) -> Content:
        mark = toned("● ", "good") if source.ok else toned("✗ ", "bad")
        detail = f" {fmt.clean(source.detail)}" if source.detail and not source.ok else ""
        return spread(
            line(mark, fmt.words(source.source), toned(detail, "warn")),
            toned(fmt.ago(source.at, self.state.now()), "dim"),
            width,
        )

    def _process(self, process: ProcessView, width: int) -> Content:
        passed = process.age
        late = process in self.state.late_processes()
        return spread(
            line(
                toned("✗ ", "bad") if late else toned("● ", "good"),
                fmt.clean(process.name),
                toned(f" {fmt.clean(process.detail)}", "dim"),
            ),
            toned(f"{passed:.0f}s", "bad" if late else "dim"),
            width,
        )

    def _nothing(self) -> Content:
        if self.state.snapshot is not None:
            return toned("No account yet: the first sync brings it.", "dim")
        return toned(self.waiting_text, "dim")


def _wanted(count: int, one: str, many: str, key: str, tone: str) -> Content:
    mark = toned("▶ ", tone or "strong") if count and tone else Content("  ")
    text = toned(f"{count} {one if count == 1 else many}", tone if count else "dim")
    return line(mark, text, toned(f"  {key}", "dim") if count else "")


def _quote_line(screen: HomeScreen, width: int) -> Content:
    state = screen.state
    inbound = state.market.last_inbound
    count = len(state.market.quotes)
    if state.bus.up is False:
        return spread(line(toned("✗ ", "bad"), "quotes", toned(" Redis is away", "warn")), Content(""), width)
    if inbound is None or not state.stream_connected:
        return spread(
            line(toned("○ ", "warn"), "quotes", toned(" no live stream", "warn")),
            toned(fmt.DASH, "dim"),
            width,
        )
    return spread(
        line(toned("● ", "good"), "quotes", toned(f" {count} symbols", "dim")),
        toned(fmt.ago(inbound, state.now()), "dim"),
        width,
    )
