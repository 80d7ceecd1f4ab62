"""``senex operator``: as the database's owner."""

from __future__ import annotations

import asyncio
import secrets
import sys
from typing import TYPE_CHECKING

import click

from senex.cli.output import json_option, print_json, table
from senex.config import MigratorSettings, load, login_name
from senex.domain.errors import UsageProblem
from senex.services.operators import verifier_of
from senex.store.operators import Operators

if TYPE_CHECKING:
    from senex.ports.views import OperatorView

SHORTEST = 8


def _operators() -> Operators:
    return Operators(load(MigratorSettings).migrator_database_url.get_secret_value())


@click.group(name="operator")
def operator() -> None:
    """Who may decide. Needs the database owner's settings."""


@operator.command("list")
@json_option
def list_(*, as_json: bool) -> None:
    """Print who may decide, and who has set a passphrase.

    Example: senex operator list
    """
    found = asyncio.run(_all())
    if as_json:
        listed = [{"name": one.name, "role": one.role, "passphrase": one.salt is not None} for one in found]
        print_json(operators=listed)
    else:
        rows = [(one.name, one.role, "set" if one.salt else "none") for one in found]
        table(("name", "role", "passphrase"), rows, empty="There are no operators yet: `senex db migrate`.")


async def _all() -> tuple[OperatorView, ...]:
    operators = _operators()
    try:
        return await operators.all()
    finally:
        await operators.close()


@operator.command()
@click.argument("name")
@click.option("--role", type=click.Choice(["trader", "viewer"]), default="trader", show_default=True)
def add(name: str, role: str) -> None:
    """Let NAME decide (trader) or only look (viewer).

    Example: senex operator add alice
    """

    async def write() -> None:
        operators = _operators()
        try:
            await operators.add(name, role)
        finally:
            await operators.close()

    asyncio.run(write())
    click.echo(f"{name} is a {role}.", err=True)


@operator.command()
@click.argument("name", required=False)
def passphrase(name: str | None) -> None:
    """Set the passphrase that LIVE approvals ask NAME (default: you) for.

    Read from the terminal, or one line of stdin where there is none.

    Example: senex operator passphrase
    """
    who = name or login_name()
    stdin = sys.stdin
    secret = (
        click.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True)
        if stdin.isatty()
        else stdin.readline().rstrip("\r\n")
    )
    if len(secret) < SHORTEST:
        raise UsageProblem(
            "E_PASSPHRASE_SHORT", f"A passphrase has at least {SHORTEST} characters; nothing was set."
        )
    salt = secrets.token_bytes(16)

    async def write() -> bool:
        operators = _operators()
        try:
            return await operators.set_passphrase(who, salt, verifier_of(secret, salt))
        finally:
            await operators.close()

    if not asyncio.run(write()):
        raise UsageProblem(
            "E_OPERATOR", f"There is no operator {who!r}; add one with `senex operator add {who}`."
        )
    click.echo(f"The passphrase of {who} is set.", err=True)
