"""LIVE begins with one lot: no size before the broker's ledger has agreed with our fills."""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.domain.errors import Refused
from senex.domain.legs import reduction
from senex.services.operators import LIVE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from senex.domain.legs import Leg
    from senex.ports.unit_of_work import UnitOfWork
    from senex.services.context import Context

FILLS = 10
"""Fills of an account that must have reconciled before an entry of more than one lot."""


async def check_one_lot(context: Context, tx: UnitOfWork, account_id: UUID, legs: Sequence[Leg]) -> None:
    """In LIVE an entry has one lot until ten fills have reconciled.

    Raises:
        Refused: ``E_LIVE_ONE_LOT``, saying how many are missing.
    """
    lots = reduction(legs)
    if context.environment != LIVE or lots <= 1:
        return
    missing = FILLS - await tx.ledger.reconciled(account_id)
    if missing > 0:
        raise Refused(
            "E_LIVE_ONE_LOT",
            f"LIVE stays at one lot until {FILLS} fills have reconciled with the broker's transactions; {missing} "
            f"are missing, and this entry has {lots} lots. One lot would pass.",
        )
