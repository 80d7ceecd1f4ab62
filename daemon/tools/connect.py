"""``senex account connect``: try an OAuth grant at the broker, then keep it sealed.

The application's secret and the refresh token are typed, or read from stdin or a
file, never from the command line, which every user of the machine can see.
"""

from __future__ import annotations

import asyncio
import json
import logging
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from daemon import tools
from senex.bootstrap.access import access_by, vault_of
from senex.broker.gateway import open_gateway
from senex.bus.clock import WallClock
from senex.command_line import run_command
from senex.config import DaemonSettings, load
from senex.domain.errors import Refused, SenexError, UsageProblem
from senex.store.logins import Login, keep_login

if TYPE_CHECKING:
    from senex.ports.broker import AccountFacts
    from senex.store.vault import Vault

_security = logging.getLogger("senex.security")
_NAMES = ("client_secret", "refresh_token")


@click.command()
@click.option("--live", is_flag=True)
@click.option("--confirm", metavar="NUMBER")
@click.option("--from", "source", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True)
def main(*, live: bool, confirm: str | None, source: Path | None, as_json: bool) -> None:
    """Connect; see ``senex account connect --help``."""
    settings = load(DaemonSettings)
    vault = _fit(settings, live=live)
    login = _read(source)
    tools.keep_logs("connect", settings, settings.log_dir, (login.client_secret or "", login.refresh_token))
    accounts = asyncio.run(_try(settings, login))
    _confirm(accounts, live=live, given=confirm)
    keep_login(settings.direct_url, settings.environment, login, vault)
    _security.info("an OAuth grant was connected, of %d accounts", len(accounts))
    if as_json:
        tools.print_json(
            environment=str(settings.environment),
            accounts=[{"number": one.number, "name": one.nickname} for one in accounts],
        )
    else:
        for one in accounts:
            click.echo(f"{one.number}  {one.nickname}")
    tools.say(
        "The grant is kept, encrypted. The daemon logs in with it from its next renewal on, at the latest in a "
        "quarter of an hour; then revoke the old grant at the broker, if there was one."
    )


def _fit(settings: DaemonSettings, *, live: bool) -> Vault:
    """What seals, where these settings let a grant be kept. Raises UsageProblem, Refused."""
    environment = str(settings.environment)
    if environment == "live" and not live:
        raise Refused(
            "E_NOT_LIVE", "Nothing was done: this installation trades real money; say so with --live."
        )
    if live and environment != "live":
        raise UsageProblem(
            "E_CONFIG_ENVIRONMENT",
            f"--live was given, but this installation is {environment}; real money is SENEX_ENVIRONMENT=live.",
        )
    if settings.broker_refresh_token is not None:
        raise UsageProblem(
            "E_LOGIN_SET",
            "SENEX_BROKER_REFRESH_TOKEN is set and would win over what is kept; unset it (and its _FILE) for the "
            "daemon and here, then connect.",
        )
    vault = vault_of(settings)
    if vault is None:
        raise UsageProblem(
            "E_CONFIG_MISSING",
            "SENEX_ENCRYPTION_KEYS is not set, and nothing is kept unsealed; `senex secrets key FILE` makes a key.",
        )
    return vault


def _read(source: Path | None) -> Login:
    """The grant, from a file, a terminal or two lines of stdin."""
    if source is not None:
        given = _from_file(source)
    elif sys.stdin.isatty():
        given = [
            click.prompt(name.replace("_", " ").capitalize(), hide_input=True, err=True) for name in _NAMES
        ]
    else:
        given = [sys.stdin.readline().rstrip("\r\n") for _ in _NAMES]
    for name, value in zip(_NAMES, given, strict=True):
        if not value or not value.isascii() or not value.isprintable() or " " in value:
            raise UsageProblem(
                "E_SECRET_FORM",
                f"The {name.replace('_', ' ')} is empty or holds what no such secret holds; nothing was done. Copy it "
                "again from the broker's page.",
            )
    secret, token = given
    return Login(token, secret)


def _from_file(source: Path) -> list[str]:
    try:
        mode = source.stat().st_mode
        text = source.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise UsageProblem(
            "E_SECRET_UNREADABLE",
            f"{source} cannot be read ({type(problem).__name__}); make it readable for you, or name another file.",
        ) from problem
    if stat.S_IMODE(mode) & 0o077:
        raise UsageProblem(
            "E_SECRET_OPEN",
            f"{source} is open to others; `chmod 600 {source}`, and consider the secrets in it seen.",
        )
    try:
        loaded = json.loads(text)
        return [str(loaded[name]) for name in _NAMES]
    except (ValueError, KeyError, TypeError):
        raise UsageProblem(
            "E_SECRET_FORM", f'{source} has to be JSON: {{"client_secret": "…", "refresh_token": "…"}}.'
        ) from None


async def _try(settings: DaemonSettings, login: Login) -> tuple[AccountFacts, ...]:
    """Log in with it; the accounts it opens. Nothing of it is stored yet."""
    access = access_by(settings, login.client_secret or "", login.refresh_token)
    async with open_gateway(access, clock=WallClock()) as gateway:
        try:
            found = await gateway.accounts()
        except SenexError as problem:
            if problem.code != "E_BROKER_TOKEN":
                raise
            _security.error("an OAuth grant was refused by the broker and is not kept")
            raise Refused(
                "E_BROKER_TOKEN",
                "The broker refused this grant, and nothing was stored; make a new one there and check that the "
                "secret is that of the same application.",
            ) from problem
    opened = tuple(one for one in found if not one.closed)
    if not opened:
        raise Refused("E_ACCOUNT", "This grant opens no account that could trade; nothing was stored.")
    return opened


def _confirm(accounts: tuple[AccountFacts, ...], *, live: bool, given: str | None) -> None:
    """In LIVE the account is named by whoever connects it."""
    if not live:
        return
    numbers = [one.number for one in accounts]
    for one in accounts:
        tools.say(f"{one.number}  {one.nickname}")
    if given is not None and given not in numbers:
        raise UsageProblem("E_ACCOUNT", f"This grant does not open {given}; nothing was stored.")
    tools.confirm_word("senex is to trade REAL MONEY in these accounts", given or numbers[0], given=given)


if __name__ == "__main__":
    sys.exit(run_command(main, "senex account connect"))
