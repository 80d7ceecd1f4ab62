"""``senex automation``."""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from senex.cli.console import (
    account_option,
    ask_passphrase,
    choose_account,
    confirm,
    report,
    required_reason,
    run,
    timeout_option,
    yes_option,
)
from senex.cli.output import UNKNOWN, json_option, money, print_json, table
from senex.domain.automation import OFF, ON, Automation
from senex.domain.calendar import new_york_date
from senex.domain.errors import Refused
from senex.domain.money import number_in
from senex.domain.suggestions import SCORE_MAX

if TYPE_CHECKING:
    from senex.bootstrap.console import Console
    from senex.ports.views import AutomationView

_UNDERLYING, _STRATEGY = "QQQ", "senex_trident"


class _Positive(click.ParamType[Decimal]):
    """A number above zero, exact, and at most ``most``."""

    name = "number"

    def __init__(self, most: Decimal | None = None) -> None:
        self._most = most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        number = number_in(str(value))
        if number is None or number <= 0:
            return self.fail(f"{value!r} is not a number above zero.", param, ctx)
        if self._most is not None and number > self._most:
            return self.fail(f"{value!r} is more than {self._most}.", param, ctx)
        return number


@click.group()
def automation() -> None:
    """Entries senex decides by itself, within limits you set, per account; off until you switch them on."""


@automation.command()
@json_option
def show(*, as_json: bool) -> None:
    """Print what senex may decide for each account, and what came of it today.

    Example: senex automation show
    """
    found = run(lambda console: console.reads.automations(new_york_date(console.clock.now())))
    if as_json:
        print_json(automations=found)
        return
    table(
        ("account", "automation", "limits", "today"),
        [(one.account_number, _setting(one), _limits(one), _today(one)) for one in found],
        empty="No account has been read yet.",
    )


@automation.command("set")
@click.argument("wanted", metavar="on|off", type=click.Choice([ON, OFF]))
@required_reason
@click.option("--symbol", help=f"Which underlying; {_UNDERLYING} unless set before.")
@click.option("--strategy", help=f"Which strategy; {_STRATEGY} unless set before.")
@click.option(
    "--repeat/--once", default=None, help="Try every 5 minutes to 14:55 until filled, or at 10:00 only."
)
@click.option("--max-loss", type=_Positive(), metavar="DOLLARS", help="Enter nothing that may lose more.")
@click.option(
    "--min-score", type=_Positive(SCORE_MAX), metavar="POINTS", help="Enter nothing with a lower score."
)
@click.option("--no-limits", is_flag=True, help="Forget both limits set before.")
@click.option("--confirm", "typed", metavar="NUMBER", help="In LIVE: the account's number, typed.")
@account_option
@yes_option
@timeout_option
@json_option
def set_(
    wanted: str,
    *,
    reason: str,
    symbol: str | None,
    strategy: str | None,
    repeat: bool | None,
    max_loss: Decimal | None,
    min_score: Decimal | None,
    no_limits: bool,
    typed: str | None,
    number: str | None,
    yes: bool,
    timeout: float,
    as_json: bool,
) -> int:
    """Let senex enter one trade a day by itself (on), or not (off). What is not given stays as it was.

    The entry is made at 10:00 New York time and passes every rule of an ordinary approval; its exits are
    senex's as always. Switching on asks first; in LIVE you type the account's number, and the passphrase.

    Example: senex automation set on --max-loss 400 --repeat --reason "a quiet month"
    """

    async def decide(console: Console) -> int:
        account = await choose_account(console, number)
        known = await console.reads.automations(new_york_date(console.clock.now()))
        before = next(one for one in known if one.account_id == account.id)
        setting = Automation(
            enabled=wanted == ON,
            underlying=(symbol or before.underlying or _UNDERLYING).strip().upper(),
            strategy=strategy or before.strategy or _STRATEGY,
            repeat_until_filled=before.repeat_until_filled if repeat is None else repeat,
            max_loss=max_loss or (None if no_limits else before.max_loss),
            min_score=min_score or (None if no_limits else before.min_score),
        )
        passphrase = None
        if setting.enabled:
            environment = str(console.settings.environment)
            confirm(f"Let senex open trades on {account.number} without asking you?", yes=yes)
            if environment == "live":
                _typed(account.number, typed)
            passphrase = ask_passphrase(environment)
        decision = await console.decider.set_automation(
            account.id, setting, reason=reason, passphrase=passphrase
        )
        return report(await console.decider.wait_result(decision, timeout), as_json=as_json)

    return run(decide)


def _typed(number: str, given: str | None) -> None:
    """In LIVE the account's number is typed, so that no habit confirms it.

    Raises:
        Refused: ``E_NOT_CONFIRMED``.
    """
    if given is None and sys.stdin.isatty():
        given = click.prompt(f"LIVE. Type {number} to let senex trade it by itself", err=True)
    if given != number:
        raise Refused(
            "E_NOT_CONFIRMED",
            f"Nothing was done: LIVE asks for the account's number, typed; add --confirm {number}.",
        )


def _setting(one: AutomationView) -> str:
    if not one.enabled:
        return OFF
    how = "until filled, to 14:55" if one.repeat_until_filled else "at 10:00"
    return f"{one.underlying} {one.strategy} {how}"


def _limits(one: AutomationView) -> str:
    said = []
    if one.max_loss is not None:
        said.append(f"loss up to {money(one.max_loss)}")
    if one.min_score is not None:
        said.append(f"score from {one.min_score}")
    return ", ".join(said) or UNKNOWN


def _today(one: AutomationView) -> str:
    if one.skipped is not None:
        return f"skipped because {one.skipped}"
    if one.order_status is not None:
        return f"order {str(one.order_id)[:8]} {one.order_status}"
    return one.answer or UNKNOWN
