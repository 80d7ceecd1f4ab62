"""Fence a restored database, as its owner."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from senex.config import Environment
from senex.services import restored
from senex.store.engine import open_engine
from senex.store.unit_of_work import PostgresUnits

if TYPE_CHECKING:
    from senex.services.restored import Fenced

REASON = "the database was restored from a backup"


def fence_restored(
    url: str, *, environment: Environment, reason: str = REASON, old_is_gone: bool = False
) -> Fenced:
    """Halt, doubt, renew; see ``senex.services.restored``.

    A simulated market's time is known to nobody here, so its newest line in the journal stands for it.

    Raises:
        Unavailable: ``E_POSTGRES_AWAY``.
    """
    return asyncio.run(_fence(url, environment, reason, old_is_gone=old_is_gone))


async def _fence(url: str, environment: Environment, reason: str, *, old_is_gone: bool = False) -> Fenced:
    engine = open_engine(url)
    try:
        units = PostgresUnits(engine)
        now = datetime.now(UTC)  # noqa: TID251  where no market is simulated, this is its clock
        if environment is Environment.SIMULATED:
            async with units.reading() as tx:
                now = await tx.deployment.latest() or now
        return await restored.fence_restored(
            units, now=now, fresh=uuid4(), reason=reason, old_is_gone=old_is_gone
        )
    finally:
        await engine.dispose()
