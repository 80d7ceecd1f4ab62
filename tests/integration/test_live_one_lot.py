"""LIVE begins small: one named account, one lot. A simulator answers at the broker's address here."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from senex.domain.orders import OrderStatus
from senex.services.one_lot import FILLS
from tests.integration.wire_floor import Floor, open_floor
from tests.simulated import simulated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from senex.domain.orders import Order


@pytest.fixture
async def floor(tmp_path: Path, database_url: str) -> AsyncIterator[Floor]:
    with simulated(tmp_path) as simulator:
        async with open_floor(simulator, database_url, [], environment="live") as floor:
            yield floor


async def _round_trip(floor: Floor) -> None:
    """One lot opened and closed: four fills, and the ledger knows them."""
    target = await floor.target(units=1)
    await floor.intend(target, "-2.00")
    await floor.drain()
    await floor.settle()
    await floor.settle()


async def _why(floor: Floor, order: Order) -> tuple[str | None, str | None]:
    async with floor.context.units() as tx:
        [attempt] = await tx.orders.attempts(order.id)
    rows = await floor.rows("SELECT error_code, error_message FROM attempt WHERE id = :id", id=attempt.id)
    code, message = rows[0]
    return code, message


async def _name(floor: Floor) -> None:
    """The settings name the floor's account."""
    async with floor.context.units() as tx:
        number = (await tx.accounts.get(floor.account)).number
    floor.context = replace(floor.context, live_accounts=frozenset({number}))


async def test_nothing_is_opened_in_an_account_the_settings_do_not_name(floor: Floor) -> None:
    floor.context = replace(floor.context, live_accounts=frozenset({"another"}))
    refused = await floor.enter("0.05")
    assert refused.status is OrderStatus.REJECTED
    code, message = await _why(floor, refused)
    assert code == "E_LIVE_ACCOUNT"
    assert "SENEX_LIVE_ACCOUNT" in str(message)
    assert await floor.live() == []


async def test_size_waits_for_ten_reconciled_fills(floor: Floor) -> None:
    await _name(floor)
    refused = await floor.enter("0.05")
    assert refused.status is OrderStatus.REJECTED
    code, message = await _why(floor, refused)
    assert code == "E_LIVE_ONE_LOT"
    assert f"{FILLS} are missing" in str(message)
    assert await floor.live() == []
    await _round_trip(floor)
    code, message = await _why(floor, await floor.enter("0.05"))
    assert code == "E_LIVE_ONE_LOT"
    assert f"{FILLS - 4} are missing" in str(message)
    for _ in range(2):
        await _round_trip(floor)
    assert (await floor.enter("0.05")).status is OrderStatus.FILLED
