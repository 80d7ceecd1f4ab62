"""What an account gained on an underlying this year, as the broker sums it up after a closing trade."""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.domain.legs import InstrumentType
from senex.domain.money import ZERO
from senex.simulator import wire

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

    from senex.simulator.books.books import Books


def underlying_gains(books: Books, account: str, moved: Iterable[str], day: date) -> Iterator[wire.Json]:
    """One summary per underlying whose position moved and on which something was realised today."""
    holdings = books.holdings[account]
    touched = [holdings[symbol] for symbol in moved if symbol in holdings]
    for underlying in dict.fromkeys(one.underlying for one in touched if day in one.realized):
        gain = sum(
            (
                amount
                for one in holdings.values()
                if one.underlying == underlying
                for when, amount in one.realized.items()
                if when.year == day.year
            ),
            ZERO,
        )
        traded = [
            entry
            for entry in books.entries[account]
            if entry.underlying == underlying and entry.day.year == day.year
        ]
        commissions = sum((entry.commission for entry in traded), ZERO)
        fees = sum((entry.fees for entry in traded), ZERO) - commissions
        yield {
            "year": day.year,
            "account-number": account,
            "symbol": underlying,
            "instrument-type": InstrumentType.EQUITY,
            **wire.signed("fees", -fees),
            **wire.signed("commissions", -commissions),
            **wire.signed("yearly-realized-gain", gain - fees - commissions),
            **wire.signed("realized-lot-gain", gain),
        }
