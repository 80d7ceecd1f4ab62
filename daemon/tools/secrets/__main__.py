"""``senex secrets``: as the database's owner, where the secret files are."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from cryptography.fernet import Fernet

from daemon import tools
from daemon.tools.secrets import keys, redis_users
from daemon.tools.secrets.checks import check as look
from daemon.tools.secrets.logins import Logins, as_owner, rotate_own
from daemon.tools.secrets.places import Places, read
from senex.command_line import run_command
from senex.config import SecretsSettings, load, login_name
from senex.domain.errors import SenexError, UsageProblem
from senex.store.crew import Crew

if TYPE_CHECKING:
    from collections.abc import Mapping

_security = logging.getLogger("senex.security")
_PASSWORDS: Mapping[str, tuple[str, ...]] = {
    "senex_user": ("database_owner_password", "postgres_senex_user"),
    "senex_daemon_login": ("database_daemon_password", "postgres_senex_daemon_login"),
    "senex_console_login": ("database_console_password", "postgres_senex_console_login"),
    "senex_backup_login": ("database_backup_password", "postgres_senex_backup_login"),
    "daemon": ("redis_daemon_password", "redis_daemon"),
    "console": ("redis_console_password", "redis_console"),
}
"""Files that hold a password alone, in containers and on one machine without."""


@click.group()
def main() -> None:
    """Look after secrets; see ``senex secrets --help``."""


@main.command()
@click.option("--json", "as_json", is_flag=True)
def check(*, as_json: bool) -> int:
    """Look at every secret; 1 when one is not in order."""
    found = look(Places.of_settings())
    if as_json:
        tools.print_json(
            secrets=[{"secret": one.secret, "code": one.code or None, "why": one.why} for one in found]
        )
    else:
        for one in found:
            click.echo(f"{one.secret}: {one.why.rstrip('.')}{f' [{one.code}]' if one.code else ''}")
    return 1 if any(one.code for one in found) else 0


@main.command()
@click.argument("what", type=click.Choice(["database", "redis", "keys"]))
@click.option("--json", "as_json", is_flag=True)
@click.option("--patience", type=float, default=60.0)
def rotate(*, what: str, as_json: bool, patience: float) -> None:
    """Give new ones in place of the old."""
    settings = load(SecretsSettings)
    places = Places.of_settings()
    tools.keep_logs("secrets", settings, None, _known(places))
    who = login_name()
    try:
        with as_owner(places) as owner:
            if what == "database":
                done = _database(places, Logins(owner, places, tools.say, patience=patience))
            elif what == "redis":
                done = _redis(places, Crew(owner, patience=patience), patience)
            else:
                keys.rotate(places, Crew(owner, patience=patience), tools.say)
                done = ["encryption_keys"]
    except SenexError as problem:
        _security.error("secrets of the %s were not rotated by %s: %s", what, who, problem.code)
        raise
    _security.info("secrets were rotated by %s: %s", who, ", ".join(done))
    if as_json:
        tools.print_json(rotated=done)


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
def key(*, file: Path) -> None:
    """Make a first encryption key."""
    if file.exists():
        raise UsageProblem(
            "E_SECRET_THERE", f"{file} is there already and is not overwritten; `senex secrets rotate keys`."
        )
    try:
        file.touch(mode=0o600)
        file.write_text(Fernet.generate_key().decode() + "\n", encoding="utf-8")
    except OSError as problem:
        raise UsageProblem(
            "E_SECRET_WRITE",
            f"{file} cannot be written ({problem.strerror}); name a file in a folder of yours.",
        ) from problem
    tools.say(f"The key is in {file}; keep a copy of it apart from backups: without it they hold no login.")


def _database(places: Places, logins: Logins) -> list[str]:
    """The daemon's and the consoles' by turns, the owner's and the backup's by themselves."""
    done = []
    for login, setting, wait in (
        ("senex_daemon_login", "database_url", True),
        ("senex_console_login", "console_database_url", False),
    ):
        if places.find(setting) is not None:
            logins.rotate(login, setting, _PASSWORDS[login], wait=wait)
            done.append(login)
    for login, setting in (
        ("senex_backup_login", "backup_database_url"),
        ("senex_user", "migrator_database_url"),
    ):
        if places.find(setting) is not None:
            rotate_own(places, setting, _PASSWORDS[login], tools.say)
            done.append(login)
    return done


def _redis(places: Places, crew: Crew, patience: float) -> list[str]:
    done = []
    for user, setting, waits in (("console", "console_redis_url", None), ("daemon", "redis_url", crew)):
        if places.find(setting) is not None:
            redis_users.rotate(
                places, user, setting, _PASSWORDS[user], tools.say, crew=waits, patience=patience
            )
            done.append(f"redis {user}")
    return done


def _known(places: Places) -> list[str]:
    """Whatever the files say, so that no line of the log says it."""
    known = []
    for path in places.every():
        try:
            known.append(read(path).strip())
        except SenexError:
            continue
    return known


if __name__ == "__main__":
    sys.exit(run_command(main, "senex secrets"))
