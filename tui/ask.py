"""Asking before anything is decided: what each key says, confirms, and then sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from senex.domain.errors import Refused
from senex.domain.symbols import underlying_symbol
from senex.domain.unknown import Unknown
from senex.services.live import new_limit
from tui import confirm
from tui import format as fmt
from tui.screens.approvals import refusal
from tui.screens.dialogs import Confirm, Detail, KillSwitch, Prompt
from tui.screens.orders import cancellable, replaceable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from uuid import UUID

    from textual.screen import Screen

    from senex.ports.views import (
        AccountView,
        JobView,
        OrderView,
        PositionView,
        SuggestionView,
    )
    from tui.decide import Decider
    from tui.state import State


class Host(Protocol):
    """The app, as far as asking needs it."""

    state: State

    def ask(self, screen: Screen[str | None], then: Callable[[str | None], None]) -> None:
        """Show a dialog; ``then`` gets its answer, None for no."""
        ...

    def show(self, screen: Screen[None]) -> None:
        """Show something to read."""
        ...

    def say(self, text: str, *, bad: bool = False) -> None:
        """A toast."""
        ...

    def decide(
        self, what: str, decision: Callable[[Decider], Awaitable[UUID]], *, turn: bool = False
    ) -> None:
        """Send a decision and follow it; ``turn`` to the suggestion it makes."""
        ...


def approve(host: Host, suggestion: SuggestionView) -> None:
    """Refuse what the daemon would refuse anyway, else ask, in money."""
    state = host.state
    problem = refusal(state, suggestion)
    if problem:
        host.say(f"Not approved: {problem}.", bad=True)
        return
    title = f"Approve {fmt.clean(suggestion.underlying)} {fmt.strategy(suggestion.strategy)}"

    def then(answer: str | None) -> None:
        if answer is None:
            return
        shown = state.price(suggestion)
        if isinstance(shown, Unknown):
            host.say(f"Not approved: {shown.why}.", bad=True)
            return
        host.decide(
            title, lambda by: by.approve(suggestion, shown_at=shown.oldest, passphrase=answer or None)
        )

    live = state.environment == "live"
    host.ask(Confirm(title, lambda: confirm.approval(state, suggestion), passphrase=live), then)


def reject(host: Host, suggestion: SuggestionView) -> None:
    """With a reason."""
    title = f"Reject {fmt.clean(suggestion.underlying)} {fmt.strategy(suggestion.strategy)}"

    def then(reason: str | None) -> None:
        if reason:
            host.decide(title, lambda by: by.reject(suggestion, reason=reason))

    host.ask(Prompt(title, "Why? The reason is kept in the journal.", placeholder="reason"), then)


def cancel(host: Host, order: OrderView) -> None:
    """Saying what stops being protected."""
    if not cancellable(order):
        host.say(f"This order is {fmt.words(order.status)}; there is nothing to cancel.", bad=True)
        return
    title = f"Cancel {fmt.clean(order.underlying)} {fmt.words(order.kind)}"

    def then(answer: str | None) -> None:
        if answer is not None:
            reason = f"cancelled by {host.state.operator}"
            host.decide(title, lambda by: by.cancel(order, reason=reason))

    host.ask(Confirm(title, lambda: confirm.cancel(order)), then)


def replace(host: Host, order: OrderView) -> None:
    """Which limit? Then what that means in money."""
    if not replaceable(order):
        why = "it is not at the broker" if cancellable(order) else f"it is {fmt.words(order.status)}"
        host.say(f"This order cannot be repriced: {why}.", bad=True)
        return
    title = f"Reprice {fmt.clean(order.underlying)} {fmt.words(order.kind)}"
    live = host.state.environment == "live"

    def priced(told: str | None) -> None:
        if not told:
            return
        limit = new_limit(order, told)

        def then(answer: str | None) -> None:
            if answer is not None:
                reason = f"repriced by {host.state.operator}"
                host.decide(
                    title, lambda by: by.replace(order, limit, reason=reason, passphrase=answer or None)
                )

        host.ask(Confirm(title, lambda: confirm.replace(order, limit), passphrase=live), then)

    def check(told: str) -> str:
        return str(abs(new_limit(order, told)))

    text = f"It works at {fmt.effect(order.limit_price)}. The new limit per share?"
    host.ask(Prompt(title, text, value=str(abs(order.limit_price)), check=check), priced)


def close(host: Host, position: PositionView, key: str | None) -> None:
    """Of a position, or one spread of it: what that brings in money, then at natural."""
    spreads = [spread for spread in position.spreads if spread.lots and key in (None, spread.key)]
    if not spreads:
        host.say("Nothing of it is open, so there is nothing to close.", bad=True)
        return
    what = fmt.words(key) if key is not None else fmt.strategy(position.strategy)
    title = f"Close {fmt.clean(position.underlying)} {what}"

    def then(answer: str | None) -> None:
        if answer is not None:
            reason = f"closed by {host.state.operator}"
            host.decide(title, lambda by: by.close(position, spread_key=key, reason=reason))

    host.ask(Confirm(title, lambda: confirm.close(host.state, position, spreads)), then)


def targets(host: Host, position: PositionView) -> None:
    """Set the targets again that are missing."""
    title = f"Targets of {fmt.clean(position.underlying)} {fmt.strategy(position.strategy)}"

    def then(answer: str | None) -> None:
        if answer is not None:
            reason = f"asked for by {host.state.operator}"
            host.decide(title, lambda by: by.restore_targets(position, reason=reason))

    host.ask(Confirm(title, lambda: confirm.targets(position)), then)


def flatten(host: Host, account: AccountView) -> None:
    """Everything at once: the word has to be typed."""

    def check(told: str) -> str:
        if told.strip() != confirm.FLATTEN_WORD:
            raise Refused(
                "E_NOT_CONFIRMED",
                f"Type {confirm.FLATTEN_WORD!r} to do it, Esc to leave everything as it is.",
            )
        return confirm.FLATTEN_WORD

    def then(answer: str | None) -> None:
        if answer is not None:
            reason = f"flattened by {host.state.operator}"
            host.decide("Flatten", lambda by: by.flatten(account.id, reason=reason))

    text = confirm.flatten(host.state, account)
    host.ask(Prompt("Flatten", text, placeholder=confirm.FLATTEN_WORD, check=check), then)


def suggest(host: Host, account: AccountView) -> None:
    """Which symbol?"""

    def then(symbol: str | None) -> None:
        if symbol:
            host.state.last_symbol = symbol
            host.decide(f"Suggestion for {symbol}", lambda by: by.suggest(account.id, symbol), turn=True)

    last = host.state.last_symbol
    host.ask(
        Prompt("Suggest", "For which underlying?", placeholder="symbol", value=last, check=underlying_symbol),
        then,
    )


def alarms(host: Host) -> None:
    """The alarm nobody has seen yet, whole, to be acknowledged; once all were seen, all of them to read."""
    state = host.state
    found = state.snapshot.alarms if state.snapshot is not None else ()
    account = state.account
    unseen = [each for each in found if each.seen_at is None]
    if not found or account is None:
        host.say("There is no alarm.")
        return
    if not unseen:
        host.show(Detail("Alarms, all seen", lambda _width: confirm.alarms(found, state.now())))
        return
    first = unseen[0]

    def then(answer: str | None) -> None:
        if answer is not None:
            where = first.account_id or account.id
            host.decide(
                f"Alarm {fmt.clean(first.code)}",
                lambda by: by.acknowledge(first, where, reason=f"seen by {state.operator}"),
            )

    host.ask(Confirm("Say that you have seen it?", lambda: confirm.alarms(unseen, state.now())), then)


def kill(host: Host, account: AccountView) -> None:
    """Choose a trading state, see what it means, confirm."""

    def chosen(state: str | None) -> None:
        if state is None:
            return
        if state == "flatten":
            flatten(host, account)
            return
        live = host.state.environment == "live" and state == "active"

        def then(answer: str | None) -> None:
            if answer is not None:
                reason = f"set by {host.state.operator}"
                host.decide(
                    f"Trading state {fmt.words(state)}",
                    lambda by: by.set_state(account.id, state, reason=reason, passphrase=answer or None),
                )

        body = Confirm(
            "Kill switch", lambda: confirm.state_change(host.state, account, state), passphrase=live
        )
        host.ask(body, then)

    host.ask(KillSwitch(), chosen)


def job(host: Host, account: AccountView, verb: str, name: str) -> None:
    """Run, pause or resume, saying what that does."""
    title = f"{verb.capitalize()} {fmt.words(name)}"

    def then(answer: str | None) -> None:
        if answer is None:
            return
        reason = f"{verb}d by {host.state.operator}"
        made: dict[str, Callable[[Decider], Awaitable[UUID]]] = {
            "run": lambda by: by.run_job(account.id, name),
            "pause": lambda by: by.pause_job(account.id, name, reason=reason),
            "resume": lambda by: by.resume_job(account.id, name, reason=reason),
        }
        host.decide(title, made[verb])

    host.ask(Confirm(title, lambda: confirm.job(verb, name)), then)


def retry(host: Host, account: AccountView, failing: JobView) -> None:
    """Try failing work again at once."""
    title = f"Try {fmt.words(failing.job)} again"

    def then(answer: str | None) -> None:
        if answer is not None:
            host.decide(title, lambda by: by.retry_job(account.id, failing.id))

    host.ask(Confirm(title, lambda: confirm.retry(failing)), then)
