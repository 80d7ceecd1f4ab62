"""Which of the orders the broker lists say anything our books do not have already.

A reading lists thousands of orders of which a handful changed. They are compared
as a set first; only what differs is booked, one transaction each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from senex.domain.orders import of_another_deployment, of_successor, ours

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from uuid import UUID

    from senex.domain.differences import Known
    from senex.ports.broker import BrokerOrder


@dataclass(frozen=True, slots=True)
class News:
    """The listed orders that say something: those to be booked one by one, and those that are nobody's here."""

    ours: tuple[BrokerOrder, ...]
    strangers: tuple[BrokerOrder, ...]


def news(
    listed: Iterable[BrokerOrder],
    known: Collection[Known],
    strangers: Mapping[str, bool],
    *,
    namespace: UUID,
) -> News:
    """What of the list has to be looked at; in doubt, an order is among it.

    ``strangers`` are those remembered as nobody's here, and whether they had ended by then.
    """
    by_id = {one.order.broker_order_id: one for one in known}
    mine: list[BrokerOrder] = []
    others: list[BrokerOrder] = []
    for theirs in listed:
        one = by_id.get(theirs.id)
        name = theirs.external_identifier
        if one is not None:
            if not _booked(one, theirs):
                mine.append(theirs)
        elif _rival(theirs, namespace):
            others.append(theirs)
        elif strangers.get(theirs.id) and not theirs.filled:
            continue
        elif ours(name, namespace) or theirs.replaces is not None:
            mine.append(theirs)
        elif strangers.get(theirs.id) is not theirs.means.terminal:
            others.append(theirs)
    return News(tuple(mine), tuple(others))


def _booked(one: Known, theirs: BrokerOrder) -> bool:
    """Whether booking the order would change nothing."""
    name = theirs.external_identifier
    told = {leg.symbol: sum(fill.quantity for fill in leg.fills) for leg in theirs.legs}
    return (
        one.order.status is theirs.means
        and one.broker_status == theirs.status
        and (name is None or name in one.identifiers)
        and told == {line.leg.symbol: line.filled for line in one.order.lines}
    )


def _rival(theirs: BrokerOrder, namespace: UUID) -> bool:
    """Whether another senex's order works here, which stops entries; or one was sent by who has replaced this one."""
    name = theirs.external_identifier
    return of_successor(name, namespace) or (
        not theirs.means.terminal and of_another_deployment(name, namespace)
    )
