"""The books as they were: what a read shows that lags behind, as the broker's own replicas do."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from senex.simulator.books.statement import Accountant

if TYPE_CHECKING:
    from datetime import datetime

    from senex.simulator.exchange import Exchange
    from senex.simulator.faults.catalogue import Rule
    from senex.simulator.services import Services


def behind(parts: Services, rule: Rule) -> Services:
    """The parts for one request, with the books of ``seconds`` ago or of when the rule was made."""
    now = parts.exchange.now()
    then = rule.at or now
    if rule.seconds is not None:
        then = now - timedelta(seconds=rule.seconds)
    return replace(parts, exchange=_as_of(parts.exchange, then))


def _as_of(exchange: Exchange, instant: datetime) -> Exchange:
    past = copy.copy(exchange)
    past.books = exchange.books.as_of(instant)
    past.accountant = Accountant(past.books, exchange.board)
    return past
