"""Lead every order to its state again by the broker's raw messages alone, and compare with the books.

The messages are kept as they came, so what the books say of an order can be
proved from them for as long as they are kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from senex.domain.decisions import Answer, Outcome
from senex.domain.errors import UsageProblem
from senex.domain.orders import IllegalTransition, OrderStatus, advance

if TYPE_CHECKING:
    from uuid import UUID

    from senex.domain.decisions import Decision
    from senex.domain.differences import Known
    from senex.ports.broker import BrokerOrder
    from senex.ports.records import Work
    from senex.services.context import Context

WINDOW = timedelta(days=7)
_CODE = "E_REPLAY"


@dataclass(slots=True)
class _Led:
    """Where the messages have led one of the broker's orders."""

    status: OrderStatus = OrderStatus.INTENDED
    fills: dict[tuple[str, str], int] = field(default_factory=dict)

    def take(self, theirs: BrokerOrder) -> None:
        self.status = advance(self.status, theirs.means)
        self.fills |= {(leg.symbol, fill.fill_id): fill.quantity for leg in theirs.legs for fill in leg.fills}

    def filled(self, symbol: str) -> int:
        return sum(quantity for (leg, _), quantity in self.fills.items() if leg == symbol)


async def replay_on_request(context: Context, decision: Decision, work: Work) -> None:
    """Answer with the orders that could be proved, or with every one whose messages lead elsewhere."""
    told, orders, wrong = await replay_messages(context, decision.account_id)
    message = f"{told} raw messages lead {orders} orders to where the books have them."
    answer = Answer(Outcome.DONE, "OK", message)
    if wrong:
        message = f"The broker's messages lead {len(wrong)} of {orders} orders elsewhere than the books say."
        answer = Answer(Outcome.FAILED, _CODE, message, wrong)
    async with context.units() as tx:
        await tx.suggestions.answer(decision.id, answer, context.clock.now())
        await tx.outbox.done(work)
        await tx.commit()


async def replay_messages(context: Context, account_id: UUID) -> tuple[int, int, tuple[str, ...]]:
    """How many messages there were, how many orders of ours they are about, and what does not agree."""
    async with context.units.reading() as tx:
        number = (await tx.accounts.get(account_id)).number
        messages = await tx.journal.order_messages(account_id, number, since=context.clock.now() - WINDOW)
    led: dict[str, _Led] = {}
    wrong: list[str] = []
    seen: dict[str, BrokerOrder] = {}
    for message in messages:
        try:
            for theirs in context.broker.read_orders(message, seen=seen):
                led.setdefault(theirs.id, _Led()).take(theirs)
        except (UsageProblem, IllegalTransition) as problem:
            wrong.append(f"a message of {message.at.isoformat()}: {problem}")
    async with context.units.reading() as tx:
        known = [one for one in await tx.orders.known(account_id, led) if one.order.broker_order_id in led]
    wrong += filter(None, (_compare(one, led[one.order.broker_order_id or ""]) for one in known))
    return len(messages), len(known), tuple(wrong)


def _compare(one: Known, led: _Led) -> str:
    """What differs between an order in the books and where the messages lead it; nothing when they agree."""
    order = one.order
    status = led.status
    if order.complete:
        status = OrderStatus.FILLED
    elif status is OrderStatus.FILLED:
        status = OrderStatus.PARTIALLY_FILLED
    told = {leg.symbol: led.filled(leg.symbol) for leg in order.legs}
    booked = {line.leg.symbol: line.filled for line in order.lines}
    if (status, told) == (order.status, booked):
        return ""
    return (
        f"order {order.id} (broker order {order.broker_order_id}) is {order.status} with {sum(booked.values())} "
        f"filled in the books, and the messages lead to {status} with {sum(told.values())}"
    )
