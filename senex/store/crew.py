"""The daemon's processes as their heartbeats tell: who has been started anew since a secret was changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.domain.errors import Unavailable
from senex.waiting import wait_while

if TYPE_CHECKING:
    from typing import Any

    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

PATIENCE = 60.0
_PRESENT = b"SELECT name, started_at FROM heartbeat WHERE beat_at > clock_timestamp() - interval '4 seconds'"
_NOW = b"SELECT clock_timestamp()"


class Crew:
    """Whoever beats when the watch begins has to be seen again after ``switch``."""

    def __init__(self, connection: Connection, *, patience: float = PATIENCE) -> None:
        self._connection = connection
        self._patience = patience
        self._names: set[str] = set()
        self._switched: Any = None

    def present(self) -> set[str]:
        """The processes that beat now."""
        return {name for name, _ in self._rows()}

    def switch(self) -> None:
        """The secret is about to be changed: those who are here now have to be started anew."""
        self._names = self.present()
        row = self._connection.execute(_NOW).fetchone()
        self._switched = row[0] if row else None

    def wait(self) -> None:
        """Return once all of them have been.

        Raises:
            Unavailable: ``E_SECRET_IN_USE``.
        """
        wait_while(
            self.left,
            self._patience,
            lambda left: Unavailable(
                "E_SECRET_IN_USE",
                f"{', '.join(sorted(left))} have not been started with the new secret, so the old one is not taken "
                "away; restart them, then run this again. Both are in force until then.",
            ),
        )

    def left(self) -> set[str]:
        """Those that have not been."""
        rows = self._rows()
        old = {name for name, started in rows if started < self._switched}
        return old | (self._names - {name for name, _ in rows})

    def _rows(self) -> list[tuple[Any, ...]]:
        return self._connection.execute(_PRESENT).fetchall()
