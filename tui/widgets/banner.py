"""The banner: environment, trading state, links and market time. On every screen, dialogs included."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from textual.content import Content
from textual.widget import Widget

from senex.domain.calendar import NEW_YORK
from senex.domain.quotes import DISPLAY_STALE
from senex.domain.unknown import Unknown
from tui import format as fmt
from tui.tones import line, spread, toned
from tui.widgets.stateful import state_of

if TYPE_CHECKING:
    from senex.ports.views import ProcessView
    from tui.state import State

_WIDE = 110
_STATE_STYLE = {
    "active": "$text-success bold",
    "reduce_only": "$block-cursor-foreground on $warning bold",
    "halted": "$block-cursor-foreground on $error bold",
}


class Banner(Widget):
    """One line of facts; a second, loud one when something is wrong."""

    def on_mount(self) -> None:
        """Ages move by themselves."""
        self.set_interval(0.5, self.redraw)
        self.redraw()

    def redraw(self) -> None:
        """Paint again; lay out again only when the alarm line comes or goes."""
        environment = state_of(self).environment
        self.set_class(environment == "live", "-live")
        self.set_class(environment == "sandbox", "-sandbox")
        alarm = bool(problem(state_of(self)))
        self.refresh(layout=alarm != self.has_class("-alarm"))
        self.set_class(alarm, "-alarm")

    def render(self) -> Content:
        """Both lines."""
        state = state_of(self)
        width = self.size.width
        left, right = _left(state, wide=width >= _WIDE), _right(state, wide=width >= _WIDE)
        if left.cell_length + right.cell_length >= width:
            right = Content("")  # whose money it is, is the last thing to give way
        rows = [spread(left, right, width)]
        alarm = problem(state, short=width < _WIDE)
        if alarm:
            text = Content.styled(f" ✗ {alarm}", "bold").truncate(width, ellipsis=True)
            rows.append(
                text.pad_right(max(width - text.cell_length, 0)).stylize("$text-error on $error-muted")
            )
        return Content("\n").join(rows)


def _left(state: State, *, wide: bool) -> Content:
    name = state.environment.upper() or "…"
    tag = f" {name} " if name != "LIVE" else " ▲ LIVE · REAL MONEY ▲ " if wide else " ▲ LIVE ▲ "
    style = {"LIVE": "white on $error bold", "SANDBOX": "$block-cursor-foreground on $secondary bold"}.get(
        name, "$block-cursor-foreground on $primary bold"
    )
    parts = [Content.styled(tag, style), Content(" ")]
    account = state.account
    if account is None:
        return line(*parts, toned("no account yet", "dim"))
    shown = fmt.words(account.trading_state).upper()
    parts += [Content.styled(f" {shown} ", _STATE_STYLE.get(account.trading_state, "bold"))]
    return line(*parts, " ", toned(fmt.clean(account.number), "strong"))


def _right(state: State, *, wide: bool) -> Content:
    gap = "   " if wide else "  "
    return line(
        _quotes(state),
        gap,
        _link("db", state.books.up, wait=state.snapshot is None),
        gap,
        _link("daemon", state.daemon_up, wait=state.snapshot is None),
        gap,
        toned(_time(state, wide=wide), "strong"),
        " ",
    )


def _time(state: State, *, wide: bool) -> str:
    if state.clock is None:
        return "--:--:-- NY"
    now = state.now()
    text = f"{fmt.clock(now)} NY"
    return (
        f"{now.astimezone(NEW_YORK):%a} {fmt.day(now.astimezone(NEW_YORK).date())}  {text}" if wide else text
    )


def _link(name: str, up: bool | None, *, wait: bool) -> Content:  # noqa: FBT001  three-valued, always positional
    if up is None:
        return toned(f"{name} {'…' if wait else '?'}", "dim")
    return line(toned(f"{name} ", "dim"), toned("✓" if up else "✗", "good" if up else "bad"))


def _quotes(state: State) -> Content:
    if state.bus.up is None:
        return toned("quotes …", "dim")
    if state.bus.up is False:
        return line(toned("quotes ", "dim"), toned("✗", "bad"))
    inbound = state.market.last_inbound
    if not state.stream_connected or inbound is None:
        return line(toned("quotes ", "dim"), toned("— off", "warn"))
    passed = max(state.now() - inbound, timedelta(0))
    stale = passed > DISPLAY_STALE
    return line(toned("quotes ", "dim"), toned(fmt.age(passed), "warn" if stale else "good"))


def problem(state: State, *, short: bool = False) -> str:
    """The worst thing to say now, empty when all is well; ``short`` leaves the technical cause out."""
    now = state.monotonic()
    if state.books.up is False:
        shown = "" if state.snapshot is None else f"; shown as of {now - state.books.since:.0f} s ago"
        return f"{_said(state.books.why, short=short)}{shown}."
    if state.bus.up is False:
        return f"{_said(state.bus.why, short=short)} (for {now - state.bus.since:.0f} s)."
    if not state.clock_fresh:
        return "The market clock is silent: ages cannot be trusted, nothing can be approved."
    if state.snapshot is None:
        return ""
    if not state.snapshot.processes:
        return "The daemon is not running: decisions wait. Start it with `senex daemon`."
    late = state.late_processes()
    if late:
        return _silent(late, everyone=len(late) == len(state.processes))
    return _account_problem(state)


def _said(why: str, *, short: bool) -> str:
    return (why.split(" (", maxsplit=1)[0] if short else why).split(";", maxsplit=1)[0].rstrip(".")


def _silent(late: tuple[ProcessView, ...], *, everyone: bool) -> str:
    """Which processes, and what that means."""
    if everyone:
        return f"No heartbeat from the daemon for {min(p.age for p in late):.0f} s: decisions wait until it is back."
    names = list(dict.fromkeys(fmt.clean(p.name) for p in late))
    means = "prices stand still" if names == ["streamer"] else "decisions may wait"
    return f"No heartbeat for {max(p.age for p in late):.0f} s from {', '.join(names)}: {means}."


def _account_problem(state: State) -> str:
    account = state.account
    if account is None:
        return ""
    if account.trading_state != "active":
        said = fmt.words(account.trading_state).capitalize()
        return f"{said}: {fmt.clean(account.state_reason) or 'no reason given'}"
    if account.unknown_orders:
        if account.unknown_orders == 1:
            return "1 order has an unknown outcome: its underlying takes no entries."
        return f"{account.unknown_orders} orders have an unknown outcome: their underlyings take no entries."
    if not account.ready:
        return f"Not ready for entries: {fmt.clean(account.ready_reason)}"
    return ""


def unknown_text(value: object) -> str:
    """Why a value is not known, or nothing."""
    return fmt.clean(value.why) if isinstance(value, Unknown) else ""
