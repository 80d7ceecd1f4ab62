"""What the console's commands share: opening it, choosing, confirming, answering."""

from __future__ import annotations

import asyncio
import sys
from math import isnan
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

from senex.bootstrap.console import Console, open_console
from senex.cli.output import print_json
from senex.domain.errors import Refused, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from uuid import UUID

    from senex.ports.views import AccountView, DecisionResultView

_Result = TypeVar("_Result")
REFUSED, FAILED = 4, 1
SHORTEST_ID = 4


class _Identified(Protocol):
    @property
    def id(self) -> UUID: ...


_Row = TypeVar("_Row", bound=_Identified)


class Seconds(click.FloatRange):
    """A number of seconds; what is no number of them (`nan`) is refused."""

    name = "number of seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The seconds."""
        seconds = float(super().convert(value, param, ctx))
        return self.fail(f"{value!r} is not a number of seconds.", param, ctx) if isnan(seconds) else seconds


def _said(_ctx: click.Context, _param: click.Parameter, told: str) -> str:
    """The text without what surrounds it; it must say something."""
    if not told.strip():
        raise click.BadParameter("say why; it is recorded.")
    return told.strip()


account_option: Callable[[Any], Any] = click.option(
    "--account", "number", metavar="NUMBER", help="Which account; needed where there are several."
)
required_reason: Callable[[Any], Any] = click.option(
    "--reason", required=True, callback=_said, help="Why; it is recorded."
)
yes_option: Callable[[Any], Any] = click.option("--yes", is_flag=True, help="Do not ask.")
timeout_option: Callable[[Any], Any] = click.option(
    "--timeout",
    type=Seconds(min=0, min_open=True),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the daemon.",
)


def run(work: Callable[[Console], Awaitable[_Result]]) -> _Result:
    """Open the console, do ``work``, close it."""

    async def main() -> _Result:
        async with open_console() as console:
            return await work(console)

    return asyncio.run(main())


async def choose_account(console: Console, number: str | None) -> AccountView:
    """The account of that number, or the only one.

    Raises:
        UsageProblem: ``E_ACCOUNT``, naming those there are.
    """
    accounts = await console.reads.accounts(console.clock.now())
    found = [account for account in accounts if number in (None, account.number)]
    if len(found) == 1:
        return found[0]
    if not accounts:
        raise UsageProblem(
            "E_ACCOUNT", "There is no account yet; the daemon reads them when it starts (`senex status`)."
        )
    listed = ", ".join(account.number for account in accounts)
    said = "Several accounts are there" if number is None else f"There is no account {number}"
    raise UsageProblem("E_ACCOUNT", f"{said}; choose one with --account: {listed}.")


async def account_or_all(console: Console, number: str | None) -> UUID | None:
    """The account of that number; None, which is all of them, when none is named."""
    return None if number is None else (await choose_account(console, number)).id


async def some_account(console: Console) -> UUID:
    """An account to decide for where the decision is about all of them: each belongs to one.

    Raises:
        UsageProblem: ``E_ACCOUNT`` when there is none.
    """
    accounts = await console.reads.accounts(console.clock.now())
    mine = [one.id for one in accounts if one.environment == str(console.settings.environment)]
    return mine[0] if mine else (await choose_account(console, None)).id


def choose(rows: Sequence[_Row], wanted: str, what: str) -> _Row:
    """The row whose id starts so.

    Raises:
        UsageProblem: ``E_ID``.
    """
    start = wanted.strip().lower()
    found = [row for row in rows if str(row.id).startswith(start)] if len(start) >= SHORTEST_ID else []
    if len(found) == 1:
        return found[0]
    if len(start) < SHORTEST_ID:
        why = f"an id needs at least {SHORTEST_ID} letters"
    elif found:
        why = f"{len(found)} ids start with {wanted!r}; give more of it"
    else:
        why = f"no {what} has an id that starts with {wanted!r}"
    raise UsageProblem("E_ID", f"Which {what} is not clear: {why}. The list shows them.")


def confirm(question: str, *, yes: bool) -> None:
    """Ask, unless ``--yes``; without a terminal nobody can answer.

    Raises:
        Refused: ``E_NOT_CONFIRMED``.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise Refused(
            "E_NOT_CONFIRMED",
            "Nothing was done: this asks first, and there is no terminal to ask at. Add --yes.",
        )
    if not click.confirm(question, err=True):
        raise Refused("E_NOT_CONFIRMED", "Nothing was done.")


def confirm_word(question: str, word: str, *, yes: bool) -> None:
    """Ask for a word to be typed, where a slip of the finger would cost much.

    Raises:
        Refused: ``E_NOT_CONFIRMED``.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        confirm(question, yes=False)
    if click.prompt(f"{question}. Type {word!r} to do it", default="", show_default=False, err=True) != word:
        raise Refused("E_NOT_CONFIRMED", "Nothing was done.")


def ask_passphrase(environment: str) -> str | None:
    """In LIVE, the operator's passphrase, from the terminal or one line of stdin; elsewhere none."""
    if environment != "live":
        return None
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    answer: str = click.prompt("LIVE. Passphrase", hide_input=True, err=True)
    return answer


def report(answer: DecisionResultView, *, as_json: bool) -> int:
    """Print the daemon's answer; the exit code."""
    if as_json:
        print_json(result=answer)
    elif answer.outcome == "done":
        click.echo(answer.message)
    else:
        click.echo(f"{answer.message} [{answer.code}]", err=True)
        for reason in answer.reasons:
            click.echo(f"  · {reason}", err=True)
    return {"done": 0, "refused": REFUSED}.get(answer.outcome, FAILED)
