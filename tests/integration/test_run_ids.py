"""What a run is about stands on the lines of what follows it, and on no other's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from daemon import jobs
from senex.ports.records import Following
from senex.store.direct import connect
from senex.store.outbox import Outbox
from senex.store.told import about

if TYPE_CHECKING:
    from senex.ports.records import Work


async def test_what_follows_is_about_the_same(database_url: str) -> None:
    seen: list[dict[str, Any]] = []

    async def first(_container: object, _work: Work) -> Following:
        about(order="the order")
        seen.append(structlog.contextvars.get_contextvars())
        return Following("second", "2")

    async def second(_container: object, _work: Work) -> None:
        seen.append(structlog.contextvars.get_contextvars())

    connection = await connect(database_url, name="test")
    async with connection:
        for job, subject in (("first", "1"), ("second", "2")):
            cursor = await connection.execute(
                "INSERT INTO outbox (queue, job, subject) VALUES ('trading', %s, %s) RETURNING id",
                (job, subject),
            )
            ids = await cursor.fetchone()
            if job == "first":
                assert ids is not None
                began = ids[0]
        handlers = {"first": first, "second": second}
        await jobs.run(began, outbox=Outbox(connection), container=None, handlers=handlers)

    assert [(each["job"], each["order"]) for each in seen] == [
        ("first", "the order"),
        ("second", "the order"),
    ]
    assert len({each["run"] for each in seen}) == 2
    assert "order" not in structlog.contextvars.get_contextvars()
