"""Approvals: one suggestion at a time, re-priced live from the stream, and everything an approval binds."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from senex.domain.legs import Action, Leg, reduction
from senex.domain.money import CONTRACT_MULTIPLIER, ZERO
from senex.domain.net import limit_price
from senex.domain.payoff import payoff_of_legs
from senex.domain.quotes import DISPLAY_STALE
from senex.domain.suggestions import EXECUTABLE_FOR
from senex.domain.unknown import Unknown
from tui import format as fmt
from tui.actions import screen_bindings
from tui.screens.base import ROLL, ConsoleScreen
from tui.tones import line, lines, spread, toned
from tui.widgets.panel import Panel, facts, gauge
from tui.widgets.payoff import draw_payoff
from tui.widgets.ruler import draw_ruler

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal
    from uuid import UUID

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from senex.domain.payoff import Payoff
    from senex.domain.suggestions import Pricing
    from senex.ports.views import LegView, SuggestionView
    from tui.state import State


class ApprovalsScreen(ConsoleScreen):
    """The review of a suggestion."""

    KEY: ClassVar[str] = "approvals"
    BINDINGS: ClassVar[list[BindingType]] = [
        *screen_bindings("approvals"),
        *ROLL,
    ]

    def __init__(self) -> None:
        super().__init__()
        self._shown = ""
        self._wished = ""
        self._place = 0

    def body(self) -> ComposeResult:
        """A heading and panels, or a sentence when nothing waits."""
        yield Static("", id="heading")
        yield Static("", id="nothing")
        with VerticalScroll(id="review", can_focus=False):
            with Horizontal(classes="row"):
                with Vertical(classes="column"):
                    yield Panel("Price per unit", self._price, id="price")
                    yield Panel("Legs", self._legs, id="legs")
                    yield Panel("Risk, before → after", self._risk, id="risk")
                with Vertical(classes="column"):
                    yield Panel("Payoff at expiry", self._payoff, id="payoff")
                    yield Panel("Exit plan", self._exit, id="exit")
            yield Panel("Refused", self._refused, id="refused")
            yield Panel("Score", self._score, id="score")

    @property
    def current(self) -> SuggestionView | None:
        """The suggestion shown: the same one by id while it waits, else its successor in line."""
        pending = self.state.pending
        if not pending:
            self._shown = ""
            return None
        ids = [str(s.id) for s in pending]
        if self._wished in ids:
            self._shown, self._wished = self._wished, ""
        if self._shown not in ids:
            self._place = min(self._place, len(pending) - 1)
            self._shown = ids[self._place]
        self._place = ids.index(self._shown)
        return pending[self._place]

    def show_model(self) -> None:
        """Everything."""
        suggestion = self.current
        review, nothing = self.query_one("#review"), self.query_one("#nothing", Static)
        review.display = suggestion is not None
        nothing.display = suggestion is None
        self.query_one("#heading", Static).update(self._heading(suggestion))
        if suggestion is None:
            nothing.update(self._nothing())
            return
        self.query_one("#refused", Panel).display = bool(self.state.refused.get(suggestion.id))
        for panel in self.query(Panel):
            panel.redraw()

    def show_quotes(self, symbols: frozenset[str]) -> None:
        """Prices, legs and the spot move."""
        suggestion = self.current
        if suggestion is not None and symbols & {
            suggestion.underlying,
            *(leg.streamer for leg in suggestion.legs),
        }:
            self.show_model()

    def tick(self) -> None:
        """Ages and the end of the suggestion."""
        self.show_model()

    # -- keys

    def show_suggestion(self, suggestion_id: UUID) -> None:
        """Turn to this one, as soon as it waits."""
        self._wished = str(suggestion_id)
        if self.is_mounted:
            self.show_model()

    def action_turn_page(self, steps: int) -> None:
        """Next or previous, round and round."""
        pending = self.state.pending
        if pending:
            self._shown = str(pending[(self._place + steps) % len(pending)].id)
            self.query_one("#review", VerticalScroll).scroll_home(animate=False)
            self.show_model()

    def action_approve(self) -> None:
        """Confirmed, then one decision."""
        if (suggestion := self.current) is not None:
            self.console.ask_approve(suggestion)

    def action_reject(self) -> None:
        """With a reason."""
        if (suggestion := self.current) is not None:
            self.console.ask_reject(suggestion)

    def action_copy(self) -> None:
        """The legs, one a line."""
        if (suggestion := self.current) is not None:
            rows = [f"{leg.action}\t{leg.quantity}\t{leg.symbol}" for leg in suggestion.legs]
            self.console.copy("\n".join(fmt.clean(row) for row in rows), f"{len(rows)} legs")

    # -- panels

    def _heading(self, suggestion: SuggestionView | None) -> Content:
        width = self.size.width - 2
        if suggestion is None:
            return toned("No approvals waiting", "title") if self.state.snapshot is not None else Content("")
        now = self.state.now()
        units = f"{suggestion.units} unit{'s' if suggestion.units != 1 else ''}"
        units += self.whose(suggestion.account_number)
        title = line(
            toned(f"{fmt.clean(suggestion.underlying)}  {fmt.strategy(suggestion.strategy)}", "title"),
            toned(
                f"   {fmt.long_day(suggestion.expiry)} · {fmt.dte(suggestion.expiry, now)} DTE · {units}",
                "",
            ),
        )
        place = toned(f"{self._place + 1} of {len(self.state.pending)}", "accent")
        return lines(
            [spread(title, place, width), spread(self._verdict(suggestion), self._ends(suggestion), width)]
        )

    def _verdict(self, suggestion: SuggestionView) -> Content:
        """Whether it could be approved right now, in one line."""
        for what in self.state.waiting.values():
            return toned(f"… {fmt.clean(what)}", "warn")
        problem = refusal(self.state, suggestion)
        if problem:
            return toned(f"✗ {problem}", "warn")
        if self.state.refused.get(suggestion.id):
            return toned("✗ the daemon said no; Refused says why", "warn")
        return toned("✓ priced live, limit inside the band", "good")

    def _ends(self, suggestion: SuggestionView) -> Content:
        now = self.state.now()
        left = min(suggestion.priced_at + EXECUTABLE_FOR, suggestion.expires_at) - now
        ends = f"executable for {fmt.age(left)}" if left > timedelta(0) else "no longer executable"
        return toned(f"v{suggestion.version} · {ends}", "dim")

    def _nothing(self) -> Content:
        snapshot = self.state.snapshot
        if snapshot is None:
            return toned(self.waiting_text, "dim")
        rows = [
            Content(""),
            Content("Nothing waits for your approval."),
            line(toned("s", "accent").stylize("bold"), toned(" asks for a suggestion for a symbol.", "dim")),
        ]
        rows += [toned(f"… {fmt.clean(what)}", "warn") for what in self.state.waiting.values()]
        done = sorted(
            (s for s in snapshot.suggestions if s not in self.state.pending), key=lambda s: s.created_at
        )
        if done:
            rows += [Content(""), toned("Lately", "title")]
        for suggestion in reversed(done[-8:]):
            rows.append(
                Content(
                    f"{fmt.moment(suggestion.created_at, self.state.now())}  {fmt.clean(suggestion.underlying)} "
                    f"{fmt.strategy(suggestion.strategy)}  {fmt.effect(suggestion.limit_price)}  "
                    f"{fmt.words('expired' if suggestion.status == 'pending' else suggestion.status)}"
                )
            )
        return lines(rows)

    def _price(self, width: int) -> Content:
        suggestion = self.current
        if suggestion is None:
            return Content("")
        pricing = self.state.price(suggestion)
        known = None if isinstance(pricing, Unknown) else pricing
        drift = None if known is None else known.mid - suggestion.mid
        was = (
            toned(f"{fmt.signed(drift, 2 if drift == round(drift, 2) else 3)} ", "dim")
            if drift
            else Content("")
        )
        age = None if known is None else self.state.now() - known.oldest
        rows = facts(
            [
                ("Natural ├", _both(known.natural if known else None, suggestion)),
                ("Mid ◆", line(was, _both(known.mid if known else None, suggestion))),
                ("Limit ▲", _both(suggestion.limit_price, suggestion, "accent")),
            ],
            width,
        )
        tail = facts(
            [
                ("Approval band", f"{fmt.price(suggestion.band_low)} to {fmt.effect(suggestion.band_high)}"),
                ("Max profit", toned(fmt.gain(suggestion.max_profit), "gain")),
                ("Max loss", toned(fmt.gain(-abs(suggestion.max_loss)), "loss")),
                ("Breakeven", " · ".join(fmt.price(value) for value in suggestion.breakevens) or fmt.DASH),
                ("Pricing age", toned(f"{fmt.age(age)} of 60s", "dim") if known else toned(fmt.DASH, "warn")),
            ],
            width,
        )
        return lines([rows, draw_ruler(suggestion, pricing, width), tail])

    def _legs(self, width: int) -> Content:
        suggestion = self.current
        if suggestion is None:
            return Content("")
        rows = [spread(toned("      strike", "dim"), toned("  bid    ask  age", "dim"), width)]
        rows += [self._leg(leg, suggestion, width) for leg in suggestion.legs]
        spot = self.state.market.quotes.get(suggestion.underlying)
        mid = Unknown("no quote yet") if spot is None else spot.mid
        rows.append(
            spread(
                toned(f"      {fmt.clean(suggestion.underlying)}", "dim"),
                toned(fmt.DASH if isinstance(mid, Unknown) else fmt.number(mid), "accent"),
                width,
            )
        )
        return lines(rows)

    def _leg(self, leg: LegView, suggestion: SuggestionView, width: int) -> Content:
        now, market = self.state.now(), self.state.market
        quote, age = market.quotes.get(leg.streamer), market.age(leg.streamer, now)
        stale = isinstance(age, Unknown) or age > DISPLAY_STALE
        sign = "+" if Action(leg.action).sign > 0 else fmt.MINUS
        name = fmt.option(leg.symbol).removesuffix(f" {fmt.day(suggestion.expiry)}")
        tone = "gain" if sign == "+" else "loss"
        prices = f"{fmt.price(quote.bid if quote else None):>6} {fmt.price(quote.ask if quote else None):>6}"
        return spread(
            line(toned(f"{sign}{abs(leg.quantity):<3}", tone).stylize("bold"), f"  {name}"),
            line(
                toned(prices, "", stale=stale), " ", toned(f"{fmt.age(age):>4}", "warn" if stale else "dim")
            ),
            width,
        )

    def _risk(self, width: int) -> Content:
        suggestion, account = self.current, self.state.account
        if suggestion is None or account is None or account.open_risk is None or account.risk_budget is None:
            return toned(f"{fmt.DASH}  the risk budget is known after the first sync", "dim")
        before, extra, total = account.open_risk, abs(suggestion.max_loss), account.risk_budget
        left = total - before - extra
        return lines(
            [
                gauge(before, extra, total, width),
                spread(
                    line(
                        toned(fmt.money(before, 0), "dim"),
                        " → ",
                        toned(fmt.money(before + extra, 0), "strong"),
                    ),
                    toned(f"of {fmt.money(total, 0)}", "dim"),
                    width,
                ),
                facts([("Left afterwards", toned(fmt.money(left), "bad" if left < 0 else ""))], width),
            ]
        )

    def _payoff(self, width: int) -> Content:
        suggestion = self.current
        if suggestion is None:
            return Content("")
        quote = self.state.market.quotes.get(suggestion.underlying)
        height = 18 if self.has_class("-wide") else 11
        return draw_payoff(
            payoff_of(suggestion), spot=None if quote is None else quote.mid, width=width, height=height
        )

    def _exit(self, width: int) -> Content:
        suggestion = self.current
        if suggestion is None:
            return Content("")
        rows: list[tuple[str, Content | str]] = [
            (
                f"{fmt.words(spread.key).capitalize()} target",
                "none"
                if spread.target_share is None
                else f"{fmt.percent(spread.target_share)} of its credit",
            )
            for spread in suggestion.spreads
        ]
        rows += [
            ("Time exit", f"{suggestion.time_exit_dte} DTE"),
            ("Alert at loss of", fmt.percent(suggestion.stop_alert_share)),
            ("Close at loss of", fmt.percent(suggestion.stop_order_share)),
        ]
        return facts(rows, width)

    def _refused(self, width: int) -> Content:
        """All reasons of the daemon's last no to this suggestion; a toast has room for the first."""
        suggestion = self.current
        reasons = () if suggestion is None else self.state.refused.get(suggestion.id, ())
        rows: list[Content] = []
        for reason in reasons:
            wrapped = Content(fmt.prose(reason)).wrap(max(width - 2, 10))
            rows += [line(toned("· " if part is wrapped[0] else "  ", "warn"), part) for part in wrapped]
        return lines(rows)

    def _score(self, width: int) -> Content:
        suggestion = self.current
        if suggestion is None:
            return Content("")
        rows = [
            line(
                toned(f"{fmt.number(suggestion.score.normalize() + 0, 0)}", "strong"),
                toned(f" points · priced {fmt.ago(suggestion.priced_at, self.state.now())}", "dim"),
            )
        ]
        for reason in suggestion.reasons:
            points = "   ·" if reason.points is None else f"{fmt.signed(reason.points, 0):>4}"
            tone = "dim" if not reason.points else fmt.tone_of(reason.points)
            wrapped = Content(fmt.clean(reason.text)).wrap(max(width - 6, 10))
            rows += [
                line(toned(points if first else "    ", tone), "  ", part)
                for first, part in ((index == 0, part) for index, part in enumerate(wrapped))
            ]
        return lines(rows)


def payoff_of(suggestion: SuggestionView) -> Payoff | Unknown:
    """What it makes or loses at expiry when filled at its limit."""
    legs = [Leg(leg.symbol, Action(leg.action), abs(leg.quantity)) for leg in suggestion.legs]
    return payoff_of_legs(legs, suggestion.limit_price * reduction(legs) * CONTRACT_MULTIPLIER)


def refusal(state: State, suggestion: SuggestionView) -> str:
    """Why an approval would be refused right now, empty when as far as the console sees it would not."""
    return _account_refusal(state, suggestion) or _price_refusal(
        state.price(suggestion), suggestion, state.now()
    )


def _account_refusal(state: State, suggestion: SuggestionView) -> str:
    """What the account does not allow, whatever the price. The daemon decides; this only says so earlier."""
    snapshot = state.snapshot
    if snapshot is None:
        return ""
    account = next((one for one in snapshot.accounts if one.id == suggestion.account_id), None)
    if account is not None and account.trading_state != "active":
        return f"the account is {fmt.words(account.trading_state)}; an entry needs active"
    if account is not None and not account.ready:
        return f"not ready for entries: {fmt.clean(account.ready_reason)}"
    for order in snapshot.orders:
        mine = order.account_id == suggestion.account_id and order.underlying == suggestion.underlying
        if mine and order.status == "unknown":
            return f"the outcome of an earlier {fmt.clean(order.underlying)} order is not known"
    return ""


def _price_refusal(pricing: Pricing | Unknown, suggestion: SuggestionView, now: datetime) -> str:
    if now - suggestion.priced_at > EXECUTABLE_FOR:
        return "it was priced over 10 minutes ago; ask for a new one"
    if isinstance(pricing, Unknown):
        why = pricing.why
        for leg in suggestion.legs:
            why = why.replace(leg.streamer, f"the {fmt.option(leg.symbol)}")
        return fmt.clean(why)
    limit = limit_price(pricing, offset=ZERO, tick=suggestion.tick)
    if isinstance(limit, Unknown):
        return fmt.clean(limit.why)
    if not suggestion.band_low <= limit <= suggestion.band_high:
        return f"the price {fmt.effect(limit)} has left the approval band; ask for a new suggestion"
    return ""


def _both(price: Decimal | None, suggestion: SuggestionView, tone: str = "") -> Content:
    """A price per share, and what it is in money for the whole suggestion."""
    if price is None:
        return toned(fmt.DASH, "dim")
    amount = (
        price
        * CONTRACT_MULTIPLIER
        * reduction([Leg(leg.symbol, Action(leg.action), abs(leg.quantity)) for leg in suggestion.legs])
    )
    return line(toned(fmt.effect(price), tone or "strong"), toned(f" {fmt.money(amount, 0):>7}", "dim"))
