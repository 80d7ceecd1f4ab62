"""What an upgrade asks of the database while the version before still runs on it.

Only columns that every version has are named, so a new senex can drain an old one. psycopg only.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import psycopg

from senex.domain.errors import Refused, Unavailable
from senex.store.crew import Crew
from senex.store.direct import away
from senex.waiting import wait_while

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from typing import Any

    Connection = psycopg.Connection[tuple[Any, ...]]

REASON = "upgrade"
"""How the reason begins of a state that an upgrade has set."""
_TAKEN = "SELECT pg_try_advisory_lock(hashtextextended('senex:upgrade', 0))"
_ACTIVE = """
SELECT s.account_id, a.number FROM trading_state s JOIN account a ON a.id = s.account_id
WHERE s.state = 'active' ORDER BY a.number
"""
_DRAINED = """
SELECT a.number, a.id, s.set_at
FROM trading_state s JOIN account a ON a.id = s.account_id CROSS JOIN LATERAL (
    SELECT d.terminal, d.reason FROM decision d JOIN decision_result r ON r.decision_id = d.id
    WHERE d.account_id = s.account_id AND d.kind = 'set_state' AND r.outcome = 'done'
    ORDER BY r.at DESC, d.terminal <> 'senex upgrade' DESC LIMIT 1) AS last
WHERE s.state = 'reduce_only' AND last.terminal = 'senex upgrade' AND s.reason = last.reason ORDER BY a.number
"""
_ALARMED = """
SELECT EXISTS (
    SELECT FROM alarm WHERE account_id = %s AND raised_at >= %s AND severity = 'critical' AND resolved_at IS NULL)
"""
_REDUCE = """
INSERT INTO decision (id, account_id, kind, state, reason, operator, terminal, role, decided_at)
VALUES (%s, %s, 'set_state', 'reduce_only', %s, %s, 'senex upgrade', 'trader', %s)
"""
_ANSWER = "SELECT outcome, code, message FROM decision_result WHERE decision_id = %s"
_SENDING = "SELECT count(*) FROM attempt WHERE status = 'sending'"
_DUE = "SELECT count(*) FROM outbox WHERE done_at IS NULL AND queue = 'trading' AND error IS NULL"


@dataclass(frozen=True, slots=True)
class Drained:
    """What is still under way of what must not be interrupted."""

    sending: int
    due: int

    def __bool__(self) -> bool:
        return bool(self.sending or self.due)


class Draining:
    """One upgrade's hold on a database, as its owner."""

    def __init__(self, connection: Connection, *, patience: float) -> None:
        self._connection = connection
        self._patience = patience
        self.crew = Crew(connection)

    def alive(self) -> bool:
        """Whether a daemon runs on it at all."""
        return bool(self.crew.present())

    def stop_entries(self, operator: str, now: datetime, version: str) -> tuple[str, ...]:
        """Have the running daemon open nothing new; the numbers of the accounts an upgrade holds back.

        Raises:
            Refused: ``E_UPGRADE_DRAIN``; Unavailable: ``E_DAEMON_SILENT``.
        """
        asked = []
        for account, number in self._rows(_ACTIVE):
            decision = uuid4()
            values = (decision, account, f"{REASON} to {version}", operator, now)
            self._connection.execute(_REDUCE.encode(), values)
            asked.append((decision, number))
        for decision, number in asked:
            outcome, code, message = self._answer(decision, number)
            if outcome != "done":
                raise Refused(
                    "E_UPGRADE_DRAIN", f"Account {number} could not be held back: {message} ({code})"
                )
        return self.held_back()

    def held_back(self) -> tuple[str, ...]:
        """The accounts whose entries an upgrade has stopped, and nobody and nothing else since."""
        return tuple(number for number, *_ in self._rows(_DRAINED))

    def may_resume(self, number: str) -> bool:
        """Whether an account is still held back by the upgrade alone.

        What stops entries leaves an account that only reduces risk as it is, so a critical alarm of the meantime
        counts for a state of its own. Asked on the newest schema.
        """
        held = {name: since for name, *since in self._rows(_DRAINED)}
        return number in held and not self._rows(_ALARMED, *held[number])[0][0]

    def restarted(self) -> None:
        """Return once every process that beat at ``crew.switch`` has been started anew.

        Raises:
            Unavailable: ``E_UPGRADE_RESTART``.
        """
        wait_while(
            self.crew.left,
            self._patience,
            lambda left: Unavailable(
                "E_UPGRADE_RESTART",
                f"The database is upgraded, but {', '.join(sorted(left))} have not been started anew; start them "
                "with this version, then run this again. Until then no entries are opened.",
            ),
        )

    def settle(self) -> None:
        """Wait until no submission is on its way and no work of orders is due.

        Raises:
            Unavailable: ``E_UPGRADE_DRAIN``.
        """
        wait_while(
            self.under_way,
            self._patience,
            lambda left: Unavailable(
                "E_UPGRADE_DRAIN",
                f"{left.sending} submissions and {left.due} pieces of work of orders are still under way; look at "
                "`senex jobs list`, then run this again. Nothing was changed but that no entries are opened.",
            ),
        )

    def under_way(self) -> Drained:
        """What is under way now."""
        return Drained(self._rows(_SENDING)[0][0], self._rows(_DUE)[0][0])

    def _answer(self, decision: UUID, number: str) -> tuple[str, str, str]:
        wait_while(
            lambda: not self._rows(_ANSWER, decision),
            self._patience,
            lambda _: Unavailable(
                "E_DAEMON_SILENT",
                f"The daemon does not answer about account {number}, so nothing was upgraded; start it, or stop "
                "all of it, then run this again.",
            ),
        )
        [(outcome, code, message)] = self._rows(_ANSWER, decision)
        return outcome, code, message

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(query.encode(), values).fetchall()


@contextmanager
def draining(owner_url: str, *, patience: float) -> Iterator[Draining]:
    """Hold the database for one upgrade at a time.

    Raises:
        Unavailable: ``E_POSTGRES_AWAY``, ``E_UPGRADE_BUSY``.
    """
    try:
        connection = psycopg.connect(
            owner_url, autocommit=True, connect_timeout=5, application_name="senex upgrade"
        )
    except psycopg.OperationalError as problem:
        raise away(problem) from problem
    try:
        with connection:
            if connection.execute(_TAKEN.encode()).fetchone() != (True,):
                raise Unavailable("E_UPGRADE_BUSY", "Another `senex upgrade` is at work; wait for it.")
            yield Draining(connection, patience=patience)
    except psycopg.OperationalError as problem:
        raise away(problem) from problem
