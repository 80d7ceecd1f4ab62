"""What the story prints: the facts of each step, money and prices as text, unknown as null."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

from senex.domain.lots import Lot
from senex.domain.money import cents, plain
from senex.domain.pnl import unrealised
from senex.domain.unknown import Unknown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from senex.ports.views import BrokerHoldingView, OrderView, PositionView, SuggestionView


def suggestion_facts(view: SuggestionView) -> dict[str, object]:
    """What was proposed."""
    return {
        "id": str(view.id),
        "strategy": view.strategy,
        "underlying": view.underlying,
        "expiry": view.expiry.isoformat(),
        "score": str(plain(view.score)),
        "natural": str(plain(view.natural)),
        "mid": str(plain(view.mid)),
        "limit": str(plain(view.limit_price)),
        "max_loss": str(plain(view.max_loss)),
        "max_profit": str(plain(view.max_profit)),
        "digest": view.digest,
    }


def order_facts(view: OrderView) -> dict[str, object]:
    """What was sent, and what became of it; leg quantities are signed."""
    return {
        "id": str(view.id),
        "status": view.status,
        "external_identifier": view.external_identifier,
        "broker_order_id": view.broker_order_id,
        "limit": str(plain(view.limit_price)),
        "fill_price": _price(view.fill_price),
        "natural": _price(view.natural_at_fill),
        "opposite_natural": _price(view.opposite_at_fill),
        "legs": [{"symbol": leg.symbol, "action": leg.action, "quantity": leg.quantity} for leg in view.legs],
    }


def target_facts(position: PositionView) -> list[dict[str, object]]:
    """The target of each spread that has one."""
    return [
        order_facts(spread.target) | {"spread": spread.key, "share": str(plain(spread.target_share))}
        for spread in position.spreads
        if spread.target is not None and spread.target_share is not None
    ]


def position_facts(
    view: PositionView,
    marks: Mapping[str, Decimal | Unknown],
    holdings: Sequence[BrokerHoldingView],
    sequence: int,
) -> dict[str, object]:
    """What is held at the market's tick ``sequence``: our figure from streamed marks, the broker's from its own."""
    lots = _lots(view)
    live = unrealised(lots, marks)
    ours: Counter[str] = Counter()
    for lot in lots:
        ours[lot.symbol] += lot.open_quantity
    theirs = [
        held.quantity * held.multiplier * (held.mark - held.average_open_price)
        for held in holdings
        if held.mark is not None and held.quantity == ours.get(held.symbol)
    ]
    return {
        "id": str(view.id),
        "status": view.status,
        "sequence": sequence,
        "legs": [
            {
                "spread": spread.key,
                "symbol": lot.symbol,
                "quantity": lot.quantity,
                "price": str(plain(lot.price)),
            }
            for spread in view.spreads
            for lot in spread.lots
        ],
        "marks": {
            symbol: None if isinstance(mark, Unknown) else str(plain(mark)) for symbol, mark in marks.items()
        },
        "live_pnl": None if isinstance(live, Unknown) else str(live),
        "broker_pnl": str(cents(sum(theirs, Decimal(0)))) if len(theirs) == len(ours) else None,
    }


def _lots(view: PositionView) -> list[Lot]:
    return [
        Lot(view.id, spread.key, lot.symbol, 0, lot.quantity, lot.quantity, lot.price, lot.multiplier)
        for spread in view.spreads
        for lot in spread.lots
    ]


def _price(price: Decimal | None) -> str | None:
    return None if price is None else str(plain(price))
