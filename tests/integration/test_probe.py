"""``broker probe``: each order shape tried at the simulator, none sent."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from sqlalchemy import insert

from senex.domain.decisions import DecisionKind
from senex.store import tables
from senex.store.repositories.base import table
from tests.integration.wire_floor import Floor, open_floor
from tests.simulated import simulated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def floor(tmp_path: Path, database_url: str) -> AsyncIterator[Floor]:
    with simulated(tmp_path) as simulator:
        async with open_floor(simulator, database_url, []) as floor:
            yield floor


async def _probe(floor: Floor) -> dict[str, tuple[str, str]]:
    decision, now = uuid4(), floor.context.clock.now()
    values = {
        "id": decision,
        "account_id": floor.account,
        "kind": DecisionKind.PROBE_BROKER,
        "symbol": "QQQ",
        "operator": "trader",
        "terminal": "pts/0",
        "role": "trader",
        "decided_at": now,
    }
    async with floor.engine.begin() as connection:
        await connection.execute(insert(table(tables.Decision)).values(**values))
    await floor.drain()
    async with floor.context.units() as tx:
        _, answer = await tx.suggestions.decision(decision)
    assert answer is not None
    assert answer.code == "OK", answer
    lines = (line.split(": ", 2) for line in answer.reasons)
    return {shape: (verdict, why) for shape, verdict, why in lines}


async def test_every_shape_is_tried_and_none_sent(floor: Floor) -> None:
    said = await _probe(floor)
    verdicts = {shape: verdict for shape, (verdict, _) in said.items()}
    # without quotes the strategy has nothing to propose, and says so
    assert verdicts.pop("entry of senex_trident") == "not tried"
    assert verdicts.pop("entry of one spread") == "taken"
    assert verdicts.pop("the order that replaces an entry (tried as a new one)") == "taken"
    assert set(verdicts.values()) == {"refused as expected"}
    assert len(verdicts) == 4
    assert await floor.live() == []


async def test_what_is_held_is_closed_in_the_trial(floor: Floor) -> None:
    entry = await floor.enter("0.05", units=1)
    async with floor.context.units() as tx:
        for order in await tx.orders.of_position(entry.position_id):
            if not order.opens_risk:
                await floor.context.broker.cancel(
                    (await tx.accounts.get(floor.account)).number, order.broker_order_id or ""
                )
    floor.step()
    before = await floor.live()
    said = await _probe(floor)
    closing = {shape: answer for shape, answer in said.items() if "put-1" in shape}
    assert len(closing) == 4
    assert {verdict for verdict, _ in closing.values()} == {"taken"}, closing
    assert await floor.live() == before
