"""``senex state``."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import click

from senex.cli.console import (
    account_option,
    ask_passphrase,
    choose_account,
    confirm,
    confirm_word,
    report,
    required_reason,
    run,
    timeout_option,
    yes_option,
)
from senex.cli.output import json_option, money, print_json, table
from senex.domain.trading_state import TradingState

if TYPE_CHECKING:
    from senex.bootstrap.console import Console

FLATTEN_WORD = "flatten"


@click.group()
def state() -> None:
    """What may be sent for an account."""


@state.command()
@json_option
def show(*, as_json: bool) -> None:
    """Print the trading state of every account.

    Example: senex state show
    """
    found = run(lambda console: console.reads.accounts(console.clock.now()))
    if as_json:
        states = [
            {
                "account": one.number,
                "state": one.trading_state,
                "reason": one.state_reason,
                "ready": one.ready,
                "ready_reason": one.ready_reason,
            }
            for one in found
        ]
        print_json(states=states)
        return
    table(
        ("account", "state", "why", "ready"),
        [
            (one.number, one.trading_state, one.state_reason, "yes" if one.ready else one.ready_reason)
            for one in found
        ],
        empty="No account has been read yet.",
    )


@state.command("set")
@click.argument("wanted", metavar="STATE", type=click.Choice([str(one) for one in TradingState]))
@required_reason
@account_option
@yes_option
@timeout_option
@json_option
def set_(wanted: str, *, reason: str, number: str | None, yes: bool, timeout: float, as_json: bool) -> int:
    """Set an account to STATE: active, reduce_only (no entries) or halted (nothing but cancels).

    Halting never asks. Going active asks first, and in LIVE for the passphrase.

    Example: senex state set halted --reason "away from the desk"
    """

    async def decide(console: Console) -> int:
        account = await choose_account(console, number)
        passphrase = None
        if wanted == TradingState.ACTIVE:
            confirm(f"Let senex open new risk on {account.number} again?", yes=yes)
            passphrase = ask_passphrase(str(console.settings.environment))
        decision = await console.decider.set_state(account.id, wanted, reason=reason, passphrase=passphrase)
        return report(await console.decider.wait_result(decision, timeout), as_json=as_json)

    return run(decide)


@state.command()
@required_reason
@account_option
@click.option("--yes", "typed", is_flag=True, help="Do not ask for the word.")
@timeout_option
@json_option
def flatten(*, reason: str, number: str | None, typed: bool, timeout: float, as_json: bool) -> int:
    """Be out of everything senex manages: no new entries, targets cancelled, every open spread closed at natural.

    Asks for the word `flatten`. Out of session it waits for the next one; a halted account stays halted.

    Example: senex state flatten --reason "the thesis is gone"
    """

    async def decide(console: Console) -> int:
        account = await choose_account(console, number)
        held = [one for one in await console.reads.positions(account_id=account.id) if one.managed]
        risk = sum((one.initial_risk or Decimal(0) for one in held), Decimal(0))
        say = f"Close all {len(held)} position(s) of {account.number} at natural ({money(risk)} at risk at entry)"
        confirm_word(say, FLATTEN_WORD, yes=typed)
        decision = await console.decider.flatten(account.id, reason=reason)
        return report(await console.decider.wait_result(decision, timeout), as_json=as_json)

    return run(decide)


@state.command()
@click.argument("symbol")
@required_reason
@account_option
@yes_option
@timeout_option
@json_option
def resume(symbol: str, *, reason: str, number: str | None, yes: bool, timeout: float, as_json: bool) -> int:
    """Let new trades on SYMBOL through again, after senex halted it for something it could not settle.

    Example: senex state resume QQQ --reason "the doubled order is cancelled"
    """

    async def decide(console: Console) -> int:
        account = await choose_account(console, number)
        confirm(f"Let senex open new risk on {symbol.upper()} in {account.number} again?", yes=yes)
        passphrase = ask_passphrase(str(console.settings.environment))
        decision = await console.decider.resume_underlying(
            account.id, symbol, reason=reason, passphrase=passphrase
        )
        return report(await console.decider.wait_result(decision, timeout), as_json=as_json)

    return run(decide)
