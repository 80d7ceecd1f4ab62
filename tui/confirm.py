"""What a confirmation says: what will happen, in money."""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.domain.legs import Action, Leg, reduction
from senex.domain.money import CONTRACT_MULTIPLIER, ZERO
from senex.domain.unknown import Unknown
from senex.services.live import close_value, order_money, position_live, worst_loss
from tui import format as fmt
from tui.snapshot import protected
from tui.tones import line, lines, of_cell, toned

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from decimal import Decimal

    from textual.content import Content

    from senex.domain.suggestions import Pricing
    from senex.ports.views import (
        AccountView,
        AlarmView,
        JobView,
        OrderView,
        PositionSpreadView,
        PositionView,
        SuggestionView,
    )
    from tui.state import State

FLATTEN_WORD = "flatten"
_NAMED = 8


def alarms(found: Sequence[AlarmView], now: datetime) -> Content:
    """The first alarm whole, and the sentences of the others."""
    first, *others = found
    tone = "bad" if first.severity == "critical" else "warn"
    rows = [
        line(toned(f"{first.severity} ", tone), toned(fmt.clean(first.code), "strong")),
        line(fmt.prose(first.text)),
        toned(f"since {fmt.moment(first.raised_at, now)} · it ends when what it is about is mended", "dim"),
    ]
    rows += [line(""), toned("Others", "title")] if others else []
    rows += [line(toned("· ", tone), fmt.prose(each.text)) for each in others[:_NAMED]]
    return lines(rows)


def approval(state: State, suggestion: SuggestionView) -> Content:
    """The order that will go out, its money, and the live price beside the limit."""
    legs = [Leg(leg.symbol, Action(leg.action), abs(leg.quantity)) for leg in suggestion.legs]
    amount = suggestion.limit_price * reduction(legs) * CONTRACT_MULTIPLIER
    does = "receives" if amount > 0 else "pays"
    pricing = state.price(suggestion)
    now = (
        toned(f"cannot be priced: {fmt.clean(pricing.why)}", "bad")
        if isinstance(pricing, Unknown)
        else _live(pricing)
    )
    rows = [
        line(
            "Sends one order to account ",
            toned(fmt.clean(suggestion.account_number), "strong"),
            f" ({state.environment.upper()}):",
        ),
        *(
            line(
                toned(f"  {'+' if leg.signed_quantity > 0 else fmt.MINUS}{leg.quantity}", "strong"),
                f"  {fmt.option(leg.symbol)}",
            )
            for leg in legs
        ),
        line(""),
        line(
            "Limit ",
            toned(fmt.effect(suggestion.limit_price), "strong"),
            f": {does} ",
            toned(fmt.money(abs(amount)), "strong"),
            " before fees",
        ),
        line("Now   ", now),
        line(
            "At this limit ",
            toned(f"{fmt.money(abs(suggestion.max_loss))} can be lost", "loss"),
            ", ",
            toned(f"{fmt.money(suggestion.max_profit)} gained", "gain"),
            ".",
        ),
        toned(
            f"The limit follows the mid from {fmt.effect(suggestion.band_low)} "
            f"to {fmt.effect(suggestion.band_high)};",
            "dim",
        ),
        toned(f"at worst {fmt.money(worst_loss(suggestion))} can be lost.", "dim"),
    ]
    return lines(rows)


def _live(pricing: Pricing) -> Content:
    natural = toned(f" · natural {fmt.effect(pricing.natural)}", "dim")
    return line("mid ", toned(fmt.effect(pricing.mid), "strong"), natural)


def state_change(state: State, account: AccountView, chosen: str) -> Content:
    """What stops, what goes on, and what still works at the broker."""
    number = fmt.clean(account.number)
    says = {
        "reduce_only": f"No order of account {number} may open risk from now on.",
        "halted": f"No order of account {number} is sent from now on, exits included.",
        "active": f"Account {number} may open new positions again.",
    }[chosen]
    working = [
        order
        for order in (state.snapshot.orders if state.snapshot is not None else ())
        if order.account_id == account.id and order.status in ("working", "partially_filled", "unknown")
    ]
    rows = [toned(says, "strong"), line("")]
    if chosen != "active":
        count = len(working)
        rows.append(
            toned(
                f"{count} order{'s' if count != 1 else ''} keep{'s' if count == 1 else ''} working at the broker:",
                "warn",
            )
            if working
            else toned("No order works at the broker.", "dim")
        )
        rows += [
            line(
                f"  {fmt.clean(order.underlying)} {fmt.words(order.kind)} {fmt.words(order.spread_key or '')} ",
                toned(fmt.effect(order.limit_price), "dim"),
                toned("  unknown outcome" if order.status == "unknown" else "", "bad"),
            )
            for order in working[:_NAMED]
        ]
        if count > _NAMED:
            rows.append(toned(f"  and {count - _NAMED} more", "dim"))
    elif account.open_risk is not None and account.risk_budget is not None:
        left = account.risk_budget - account.open_risk
        rows.append(line("Entries may then risk up to ", toned(fmt.money(left), "strong"), "."))
    return lines(rows)


def close(state: State, position: PositionView, spreads: Sequence[PositionSpreadView]) -> Content:
    """What closing brings at natural now, spread by spread, and what it ends."""
    now = state.now()
    live = position_live(position, state.market, now)
    rows = [line("Sends one closing order for each spread, at natural, followed while it works:"), line("")]
    total: Decimal | Unknown = ZERO
    for spread in spreads:
        value = close_value(spread.lots, state.market, now)
        total = (
            value if isinstance(value, Unknown) else total if isinstance(total, Unknown) else total + value
        )
        target = "; its target is cancelled first" if protected(spread) else ""
        rows.append(
            line(
                toned(f"  {fmt.words(spread.key):<10}", "strong"),
                _money(value),
                ", result ",
                of_cell(fmt.gain_cell(live.spreads[spread.key].pnl)),
                toned(target, "dim"),
            )
        )
    rows += [line(""), line("Together ", _money(total), " before fees.")]
    rows.append(toned("Should it not fill in this session, the targets are set again.", "dim"))
    return lines(rows)


def _money(value: Decimal | Unknown) -> Content:
    if isinstance(value, Unknown):
        return toned(f"cannot be priced: {fmt.clean(value.why)}", "bad")
    return toned(f"{'receives' if value >= 0 else 'pays'} {fmt.money(abs(value))}", "strong")


def targets(position: PositionView) -> Content:
    """Which targets work, and that those missing are set, what was cancelled on purpose included."""
    rows = [line("Sets the profit target of every open spread that has none:"), line("")]
    for spread in position.spreads:
        share = "none planned" if spread.target_share is None else f"{spread.target_share:.0%} of its profit"
        works = protected(spread)
        rows.append(
            line(
                toned(f"  {fmt.words(spread.key):<10}", "strong"),
                f"{share:<20}",
                toned("works" if works else "missing", "dim" if works else "warn"),
            )
        )
    return lines(rows)


def flatten(state: State, account: AccountView) -> str:
    """What will be gone, in one paragraph."""
    held = [
        position
        for position in (state.snapshot.positions if state.snapshot is not None else ())
        if position.account_id == account.id and position.managed
    ]
    now = state.now()
    values = [
        close_value([lot for spread in position.spreads for lot in spread.lots], state.market, now)
        for position in held
        if any(spread.lots for spread in position.spreads)
    ]
    known = [value for value in values if not isinstance(value, Unknown)]
    money = (
        f"{fmt.money(sum(known, ZERO))} before fees"
        if len(known) == len(values)
        else "an amount not known now"
    )
    return (
        f"Closes all {len(held)} positions of account {fmt.clean(account.number)} at natural ({money}), cancels their "
        f"targets first, and opens nothing new. Type {FLATTEN_WORD!r}:"
    )


def cancel(order: OrderView) -> Content:
    """What the order would have done, and what is missing without it."""
    amount = order.limit_price * reduction(
        [Leg(leg.symbol, Action(leg.action), abs(leg.quantity)) for leg in order.legs]
    )
    money = fmt.money(abs(amount * CONTRACT_MULTIPLIER))
    does = "receive" if order.limit_price > 0 else "pay"
    rows = [
        line(
            "Asks the broker to cancel the ",
            toned(f"{fmt.words(order.kind)} {fmt.words(order.spread_key or '')}".strip(), "strong"),
            f" order on {fmt.clean(order.underlying)}",
        ),
        line("that would ", does, " ", toned(money, "strong"), f" ({fmt.effect(order.limit_price)})."),
    ]
    if order.kind == "target":
        rows += [line(""), toned("Its spread then has no profit target.", "warn")]
    rows.append(toned("A fill that is faster than the cancel stands.", "dim"))
    return lines(rows)


def replace(order: OrderView, limit: Decimal) -> Content:
    """What it would bring or cost, before and after."""
    now, then = order_money(order, order.limit_price), order_money(order, limit)
    does = "receives" if then > 0 else "pays"
    worse = then < now
    difference = toned(
        f"{fmt.money(abs(then - now))} {'worse' if worse else 'better'}", "loss" if worse else "gain"
    )
    return lines(
        [
            line(
                "Replaces the ",
                toned(f"{fmt.words(order.kind)} {fmt.words(order.spread_key or '')}".strip(), "strong"),
                f" order on {fmt.clean(order.underlying)} by one",
            ),
            line(
                "that ",
                does,
                " ",
                toned(fmt.money(abs(then)), "strong"),
                f" ({fmt.effect(limit)}) instead of {fmt.money(abs(now))} ({fmt.effect(order.limit_price)}):",
            ),
            line(difference, " when it fills, before fees."),
            toned("A fill that is faster than the replacement stands.", "dim"),
        ]
    )


def job(verb: str, name: str) -> Content:
    """What running, pausing or resuming a scheduled job does."""
    says = {
        "run": "does the work of one slot now, for every account, beside its schedule.",
        "pause": "gets no more slots until you resume it; nobody does its work meanwhile.",
        "resume": "gets its slots again; the newest it missed within its grace comes at once.",
    }
    rows = [line(toned(fmt.words(name), "strong"), f" {says[verb]}")]
    if verb == "run":
        rows.append(toned("An automated entry trades within the limits you gave it.", "dim"))
    return lines(rows)


def retry(failing: JobView) -> Content:
    """What is tried again."""
    return lines(
        [
            line(
                toned(fmt.words(failing.job), "strong"),
                f" failed {failing.offers} times and is tried again at once.",
            ),
            toned(fmt.prose(failing.error or ""), "dim"),
        ]
    )
