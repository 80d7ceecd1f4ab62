"""The canonical log of a state folder: what was ordered, filled and booked, one line of JSON each.

Two runs with the same seed and the same commands at the same market instants
give the same bytes. Nothing in it comes from the machine: no credentials, no
timeline, no wall time.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from senex.domain.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NEWEST = """
SELECT body FROM record WHERE id IN (SELECT max(id) FROM record WHERE kind = ? GROUP BY key)
"""


def export_log(folder: Path) -> Iterator[str]:
    """The lines, orders first, then fills, then transactions, each by id. The folder may be in use.

    Raises:
        UsageProblem: ``E_STATE_NONE``, ``E_STATE_BROKEN``.
    """
    file = folder / "journal.sqlite3"
    if not file.exists():
        raise UsageProblem("E_STATE_NONE", f"There is no simulator's journal in {folder}; name its --state.")
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
            orders, complexes, entries = (_bodies(database, kind) for kind in ("order", "complex", "entry"))
    except (sqlite3.Error, ValueError) as problem:
        raise UsageProblem("E_STATE_BROKEN", f"The journal in {folder} cannot be read ({problem}).") from None
    yield from (_line("order", order) for order in orders)
    yield from (_line("complex-order", one) for one in complexes)
    yield from (
        _line("fill", {"order": order["id"], "symbol": leg["symbol"], "action": leg["action"], **fill})
        for order in orders
        for leg in order["legs"]
        for fill in leg["fills"]
    )
    yield from (_line("transaction", entry) for entry in entries)


def _bodies(database: sqlite3.Connection, kind: str) -> list[dict[str, Any]]:
    bodies = [json.loads(body) for (body,) in database.execute(_NEWEST, (kind,))]
    return sorted(bodies, key=lambda body: int(body["id"]))


def _line(log: str, body: dict[str, Any]) -> str:
    return json.dumps({"log": log, **body}, sort_keys=True, separators=(",", ":"))
