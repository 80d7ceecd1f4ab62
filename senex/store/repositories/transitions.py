"""Every change of a status is a row of the audit, written with the change, whoever makes it.

Who wanted it and why in words stands in the journal beside it; these rows are
what ``senex journal verify`` replays.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog
from sqlalchemy import Text, Uuid, bindparam, cast, insert, literal, select

from senex.domain.replay import TRANSITION
from senex.store import tables
from senex.store.repositories.base import table
from senex.store.tables.columns import TIME

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Insert, Table

AUDIT = table(tables.Audit)
_COLUMNS = ("id", "at", "account_id", "actor", "action", "object_type", "object_id", "before", "after", "why")
_KINDS = {
    "trade_order": "order",
    "attempt": "attempt",
    "position": "position",
    "suggestion": "suggestion",
}


def made(
    of: Table, object_id: UUID, account_id: UUID, status: str, now: datetime, *, before: str | None = None
) -> dict[str, object]:
    """A row of the audit: a thing came to be with a status, or to have it when it had another ``before``."""
    return {
        "id": uuid4(),
        "at": now,
        "account_id": account_id,
        "actor": actor(),
        "action": TRANSITION,
        "object_type": _KINDS[of.name],
        "object_id": str(object_id),
        "before": before,
        "after": status,
        "why": "",
    }


def moved(
    of: Table, object_id: UUID, status: str, now: datetime, why: str = ""
) -> tuple[Insert, dict[str, object]]:
    """The status becomes another; to be run before it does, and nothing where it is that already."""
    return _moving(of), {
        "row": uuid4(),
        "moment": now,
        "who": actor(),
        "thing": object_id,
        "became": str(status),
        "reason": why,
    }


@cache
def _moving(of: Table) -> Insert:
    became = bindparam("became", type_=Text)
    source = (
        select(
            bindparam("row", type_=Uuid),
            bindparam("moment", type_=TIME),
            of.c.account_id,
            bindparam("who", type_=Text),
            literal(TRANSITION),
            literal(_KINDS[of.name]),
            cast(of.c.id, Text),
            of.c.status,
            became,
            bindparam("reason", type_=Text),
        )
        .where(of.c.id == bindparam("thing", type_=Uuid), of.c.status != became)
        .with_for_update()
    )
    return insert(AUDIT).from_select(_COLUMNS, source)


def actor() -> str:
    """Who decided what this run does, where somebody did."""
    return str(structlog.contextvars.get_contextvars().get("operator", "daemon"))
