"""Which of the orders the broker lists say anything our books do not have already.

A reading lists thousands of orders of which a handful changed. They are compared
as a set first; only what differs is booked, one transaction each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.domain.orders import of_another_deployment, of_successor, ours

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from uuid import UUID

    from senex.domain.differences import Known
    from senex.ports.broker import BrokerOrder


def news(
    listed: Iterable[BrokerOrder], known: Collection[Known], *, namespace: UUID
) -> tuple[BrokerOrder, ...]:
    """The listed orders that have to be looked at one by one; in doubt, one is among them."""
    by_id = {one.order.broker_order_id: one for one in known}
    return tuple(theirs for theirs in listed if not _known(by_id.get(theirs.id), theirs, namespace=namespace))


def _known(one: Known | None, theirs: BrokerOrder, *, namespace: UUID) -> bool:
    """Whether booking the order would change nothing."""
    name = theirs.external_identifier
    if one is None:
        # nobody's business: it has ended, or it was never a senex's
        return not (ours(name, namespace) or of_successor(name, namespace)) and (
            theirs.means.terminal or not of_another_deployment(name, namespace)
        )
    told = {leg.symbol: sum(fill.quantity for fill in leg.fills) for leg in theirs.legs}
    return (
        one.order.status is theirs.means
        and one.broker_status == theirs.status
        and (name is None or name in one.identifiers)
        and told == {line.leg.symbol: line.filled for line in one.order.lines}
    )
