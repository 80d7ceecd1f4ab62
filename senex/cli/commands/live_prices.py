"""Live prices for a command that shows or closes positions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from senex.bootstrap.quotes import open_quotes
from senex.domain.errors import Unavailable
from senex.domain.quotes import Market
from senex.services.live import streamers_of

if TYPE_CHECKING:
    from senex.bootstrap.console import Console
    from senex.ports.views import PositionView

LOOK = 2.0
"""Seconds to wait for live prices."""


async def market_of(console: Console, positions: tuple[PositionView, ...]) -> Market:
    """Quotes of every leg, as far as they come in time; without Redis none, which is said."""
    symbols = streamers_of((), positions)
    if not symbols:
        return Market()
    try:
        async with open_quotes(console.settings) as quotes:
            return await quotes.wanted(symbols, timeout=LOOK)
    except Unavailable as problem:
        click.echo(f"No live prices: {problem.message}", err=True)
        return Market()
