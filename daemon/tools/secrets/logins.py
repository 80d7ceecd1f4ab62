"""Logins of Postgres: a second one of the same rights, then a new password for the first, then the second goes."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

import psycopg
from psycopg import sql

from daemon.tools.secrets.places import mend, read, rewrite
from senex.domain.errors import Refused, Unavailable, UsageProblem
from senex.store.crew import PATIENCE, Crew
from senex.store.direct import away
from senex.store.passwords import set_password
from senex.waiting import wait_while

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any

    from daemon.tools.secrets.places import Places

    Connection = psycopg.Connection[tuple[Any, ...]]

_USED = """
SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND datname = current_database() AND pid <> pg_backend_pid()
"""
_LOCK = "SELECT pg_try_advisory_lock(hashtextextended('senex:secrets', 0))"


def new_password() -> str:
    """43 letters of 256 random bits."""
    return secrets.token_urlsafe(32)


class Logins:
    """The logins of one database, changed as its owner."""

    def __init__(
        self, owner: Connection, places: Places, say: Callable[[str], None], *, patience: float = PATIENCE
    ) -> None:
        self._owner, self._places, self._say = owner, places, say
        self._patience = patience
        self._crew = Crew(owner, patience=patience)

    def rotate(self, base: str, setting: str, passwords: tuple[str, ...], *, wait: bool) -> None:
        """New password for the login ``base``, which stands in the URLs of ``setting``.

        ``passwords`` are files that hold it alone. With ``wait`` nothing is taken away before every
        session of it has ended by itself; else what is open is cut.

        Raises:
            UsageProblem: ``E_SECRET_RIGHTS`` and what ``places`` raises; Refused: ``E_SECRET_REFUSED``;
            Unavailable: ``E_SECRET_IN_USE``. The login the files name works in any case.
        """
        spare = f"{base}_next"
        mend(self._places.every())
        user, old = _login(self._places.need(setting))
        if user not in (base, spare):
            raise UsageProblem(
                "E_SECRET_LOGIN",
                f"The file of {setting} logs in as {user}, which senex did not make; change its password yourself.",
            )
        self._check_rights(base)
        if user == base:
            self._drop(spare)
            between = new_password()
            self._create(spare, base, between)
            self._try(setting, spare, between)
            self._switch(base, old, spare, between)
            self._wait(base, wait=wait)
        else:
            between = old
        new = new_password()
        self._places.tell(passwords, new)
        self._cut(base)
        set_password(self._owner, base, new)
        self._try(setting, base, new)
        self._switch(spare, between, base, new)
        self._wait(spare, wait=wait)
        self._drop(spare)
        self._say(f"{base} has a new password; the old one opens nothing any more.")

    def _switch(self, user: str, password: str, instead: str, with_password: str) -> None:
        self._crew.switch()
        old, new = f"//{user}:{quote(password)}@", f"//{instead}:{quote(with_password)}@"
        if not self._places.replace(old, new):
            raise UsageProblem(
                "E_SECRET_FORM", f"No file holds the login {user} in a URL; nothing was taken away."
            )

    def _wait(self, user: str, *, wait: bool) -> None:
        """Until nobody is logged in as ``user``."""
        if not wait:
            return
        self._say(f"waiting until nobody is logged in as {user} any more")
        self._crew.wait()
        wait_while(
            lambda: self._ask(_USED, user)[0],
            self._patience,
            lambda sessions: Unavailable(
                "E_SECRET_IN_USE",
                f"{sessions} sessions still use the login {user}, so it was not taken away; restart what does not "
                "follow its secret file, then run this again. Both logins work until then.",
            ),
        )

    def _check_rights(self, base: str) -> None:
        may = """SELECT bool_or(m.admin_option) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid
                 WHERE r.rolname = %s AND m.member = current_user::regrole"""
        if self._ask(may, base) != (True,):
            raise UsageProblem(
                "E_SECRET_RIGHTS",
                f"The database's owner may not change {base}; as a superuser run GRANT {base} TO CURRENT_OWNER WITH "
                "ADMIN TRUE, INHERIT FALSE, SET FALSE (with the owner's name), then this again. Nothing was changed.",
            )

    def _create(self, spare: str, base: str, password: str) -> None:
        self._do("CREATE ROLE {} LOGIN", sql.Identifier(spare))
        set_password(self._owner, spare, password)
        self._do("GRANT {} TO {}", sql.Identifier(base.removesuffix("_login")), sql.Identifier(spare))

    def _cut(self, user: str) -> None:
        """End the sessions of a login; whoever holds them has its old password."""
        self._do("GRANT {} TO CURRENT_USER WITH INHERIT TRUE, SET FALSE", sql.Identifier(user))
        self._ask(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = %s AND datname = "
            "current_database()",
            user,
        )
        self._do("REVOKE {} FROM CURRENT_USER GRANTED BY CURRENT_USER", sql.Identifier(user))

    def _drop(self, user: str) -> None:
        if self._ask("SELECT count(*) FROM pg_roles WHERE rolname = %s", user) == (0,):
            return
        self._cut(user)
        self._do("DROP ROLE {}", sql.Identifier(user))

    def _try(self, setting: str, user: str, password: str) -> None:
        """Log in with it before anybody has to."""
        address = with_login(read(self._places.need(setting)).strip(), user, password)
        try_login(address)

    def _ask(self, query: str, *values: object) -> tuple[Any, ...]:
        row = self._owner.execute(query.encode(), values).fetchone()
        return () if row is None else row

    def _do(self, statement: str, *parts: sql.Composable) -> None:
        self._owner.execute(sql.SQL(statement).format(*parts))


def rotate_own(places: Places, setting: str, passwords: tuple[str, ...], say: Callable[[str], None]) -> None:
    """New password for a login that changes it itself: the owner's and the backup's, whose sessions are short.

    What it will be is safe in files beside the secret before Postgres hears of it.

    Raises:
        UsageProblem, Unavailable: as ``Logins.rotate``.
    """
    path = places.need(setting)
    address = read(path).strip()
    user, old = _login(path)
    next_path = path.with_name(f".{path.name}.rotating")
    if next_path.exists():  # interrupted: whichever of the two Postgres knows
        half = read(next_path).strip()
        if _opens(with_login(address, user, half)):
            _finish(places, user, old, half, passwords)
            next_path.unlink()
            address, old = read(path).strip(), half
    new = new_password()
    next_path.touch(mode=0o600)
    rewrite(next_path, new)
    with _connected(address) as connection:
        set_password(connection, user, new)
    try_login(with_login(address, user, new))
    _finish(places, user, old, new, passwords)
    next_path.unlink()
    say(f"{user} has a new password.")


def _finish(places: Places, user: str, old: str, new: str, passwords: tuple[str, ...]) -> None:
    places.replace(f"//{user}:{quote(old)}@", f"//{user}:{quote(new)}@")
    places.tell(passwords, new)


@contextmanager
def as_owner(places: Places) -> Iterator[Connection]:
    """The owner's connection, which alone rotates while it lasts.

    Raises:
        UsageProblem: ``E_SECRET_MISSING``; Unavailable: ``E_POSTGRES_AWAY``, ``E_SECRETS_BUSY``.
    """
    with _connected(read(places.need("migrator_database_url")).strip()) as connection:
        if connection.execute(_LOCK.encode()).fetchone() != (True,):
            raise Unavailable("E_SECRETS_BUSY", "Another `senex secrets rotate` is at work; wait for it.")
        yield connection


def try_login(address: str) -> None:
    """Log in once.

    Raises:
        Refused: ``E_SECRET_REFUSED``; Unavailable: ``E_POSTGRES_AWAY``.
    """
    with _connected(address):
        pass


def with_login(address: str, user: str, password: str) -> str:
    """The URL with another login."""
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{quote(user)}:{quote(password)}@{host}").geturl()


def _login(path: Path) -> tuple[str, str]:
    parts = urlsplit(read(path).strip())
    if not parts.username or not parts.password:
        raise UsageProblem(
            "E_SECRET_FORM",
            f"{path} holds no URL with a user and a password; correct it. Nothing was changed.",
        )
    return unquote(parts.username), unquote(parts.password)


def _opens(address: str) -> bool:
    try:
        try_login(address)
    except Refused:
        return False
    return True


@contextmanager
def _connected(address: str) -> Iterator[Connection]:
    try:
        connection = psycopg.connect(
            address, autocommit=True, connect_timeout=5, application_name="senex secrets"
        )
    except psycopg.OperationalError as problem:
        said = str(problem)
        if "authentication failed" in said or "does not exist" in said or "permission denied" in said:
            raise Refused(
                "E_SECRET_REFUSED",
                f"Postgres refuses the login {urlsplit(address).username}; its file and the database say different "
                "things, so put the right secret into the file, or set the login's password as a superuser.",
            ) from problem
        raise away(problem) from problem
    except psycopg.ProgrammingError:  # what it says shows the file
        raise UsageProblem(
            "E_SECRET_FORM",
            "A file that should hold a postgresql:// URL with a login holds something else; `senex secrets check` "
            "names it. Nothing was changed.",
        ) from None
    with connection:
        yield connection
