"""Bring a database to our schema: roles, migrations, grants, reference data. Idempotent, one at a time."""

from __future__ import annotations

from datetime import timedelta
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
from alembic import command
from alembic.config import Config
from psycopg import errors
from sqlalchemy import create_engine, literal_column, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError

import sql
from senex.domain.errors import Refused, Unavailable, UsageProblem
from senex.store import tables
from senex.store.first_schedule import SCHEDULE
from senex.store.nyse import LAST_DAY, sessions
from senex.store.repositories.base import table
from senex.store.schema import TIMELINE, mark, refuse_newer, shipped

if TYPE_CHECKING:
    from datetime import date
    from types import TracebackType

    from sqlalchemy import Connection, Engine

_LOCK = 5_371_926_018

_MONTHS_AHEAD = 3


def bootstrap(url: str) -> None:
    """Make the cluster's group roles, and their logins members of them; needs CREATEROLE.

    Raises:
        Unavailable: ``E_POSTGRES_AWAY``.
    """
    with _locked(url) as connection:
        connection.execute(text(sql.read("roles.sql")))


def let_back_up(url: str) -> None:
    """Let the backup read everything, as a schema of before may not have.

    Raises:
        Unavailable: ``E_POSTGRES_AWAY``.
    """
    with _locked(url) as connection:
        connection.execute(text(sql.read("roles.sql")))
        connection.execute(text("GRANT USAGE ON SCHEMA public TO senex_backup"))
        connection.execute(text("GRANT SELECT ON ALL TABLES IN SCHEMA public TO senex_backup"))


def migrate(url: str, *, operator: str | None = None, today: date | None = None) -> str:
    """Apply what is missing, in one transaction with grants and reference data; the revision it ends at.

    ``operator`` becomes a trader; by default whoever runs this. Months of the partitioned tables
    are made around ``today``.

    Raises:
        UsageProblem: ``E_DATABASE_NEWER``; ``E_DATABASE_FOREIGN`` when somebody else's tables are in the
            way; ``E_DATABASE_OWNER``. Nothing was changed then.
        Refused: ``E_DATABASE_MIGRATION``: a migration failed and was undone.
        Unavailable: ``E_POSTGRES_AWAY``.
    """
    with _locked(url) as connection:
        refuse_newer(_version(connection))
    bootstrap(url)
    config = Config()
    config.set_main_option("script_location", str(Path(sql.__file__).parent))
    with _locked(url) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.execute(text(mark()))
        connection.execute(text(sql.read("grants.sql")))
        _fill(connection, operator or getuser())
        _make_months(connection, today)
        return _version(connection) or ""


def status(url: str) -> tuple[str | None, str]:
    """The revision the database is at (None before the first), and the one this senex ships.

    Raises:
        Unavailable: ``E_POSTGRES_AWAY``.
    """
    newest, _ = shipped()
    with _locked(url) as connection:
        return _version(connection), newest


def _version(connection: Connection) -> str | None:
    if connection.execute(text("SELECT to_regclass('alembic_version')")).scalar_one() is None:
        return None
    rows = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    if len(rows) > 1:
        raise UsageProblem(
            "E_DATABASE_HALF",
            f"The database names {len(rows)} versions, so somebody's hand or tool has been at it, and nothing was "
            "changed; restore a backup, or have alembic_version name the one its tables are of.",
        )
    return str(rows[0]) if rows else None


def _locked(url: str) -> _Locked:
    return _Locked(create_engine(make_url(url).set(drivername="postgresql+psycopg")))


class _Locked:
    """One transaction that holds the migration lock to its end."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __enter__(self) -> Connection:
        try:
            self._transaction = self._engine.begin()
            connection = self._transaction.__enter__()
        except OperationalError as problem:
            raise Unavailable(
                "E_POSTGRES_AWAY", "Postgres does not answer; check that it runs and that its URL is right."
            ) from problem
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        return connection

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._transaction.__exit__(kind, problem, trace)
        finally:
            self._engine.dispose()
        if isinstance(problem, DBAPIError):
            _explain(problem)


def _explain(problem: DBAPIError) -> None:
    """Say in one sentence what happened, and what an operator can do."""
    cause = problem.orig
    if isinstance(cause, errors.DuplicateTable | errors.DuplicateFunction):
        raise UsageProblem(
            "E_DATABASE_FOREIGN",
            f"The database holds something senex did not make ({cause.diag.message_primary}); give senex a database "
            "of its own. Nothing was changed.",
        ) from problem
    if isinstance(cause, errors.InsufficientPrivilege):
        raise UsageProblem(
            "E_DATABASE_OWNER",
            f"The user of SENEX_MIGRATOR_DATABASE_URL may not do this ({cause.diag.message_primary}); use the "
            "database's owner, who needs CREATEROLE for the first time. Nothing was changed.",
        ) from problem
    if isinstance(cause, psycopg.OperationalError):
        raise Unavailable(
            "E_POSTGRES_AWAY", "Postgres went away in the middle, and nothing was changed; try again."
        ) from problem
    if isinstance(cause, psycopg.Error):
        raise Refused(
            "E_DATABASE_MIGRATION",
            f"A migration failed and everything was undone ({str(cause).splitlines()[0]}); report it.",
        ) from problem


def _fill(connection: Connection, operator: str) -> None:
    """Reference data that is missing: deployment, operator, schedule, exchange sessions."""
    deployment = table(tables.Deployment)
    connection.execute(upsert(deployment).values(id=1, namespace=uuid4()).on_conflict_do_nothing())
    unknown = update(deployment).where(deployment.c.timeline.is_(None))
    connection.execute(unknown.values(timeline=literal_column(TIMELINE)))
    trader = upsert(table(tables.Operator)).values(name=operator, role="trader")
    connection.execute(trader.on_conflict_do_nothing())
    for row in SCHEDULE:
        connection.execute(upsert(table(tables.JobSchedule)).values(**row).on_conflict_do_nothing())
    last = connection.execute(text("SELECT max(day) FROM market_session")).scalar_one()
    if last is None or last < LAST_DAY - timedelta(days=7):
        rows = [
            {"day": session.day, "opens_at": session.opens, "closes_at": session.closes}
            for session in sessions()
        ]
        connection.execute(upsert(table(tables.MarketSession)).on_conflict_do_nothing(), rows)


def _make_months(connection: Connection, today: date | None) -> None:
    start = connection.execute(text("SELECT CURRENT_DATE")).scalar_one() if today is None else today
    for parent in ("audit", "broker_message"):
        for ahead in range(-1, _MONTHS_AHEAD + 1):
            connection.execute(
                text(
                    "SELECT make_month(CAST(:parent AS regclass),"
                    " CAST(CAST(:start AS date) + :ahead * interval '1 month' AS date))"
                ),
                {"parent": parent, "start": start, "ahead": ahead},
            )
