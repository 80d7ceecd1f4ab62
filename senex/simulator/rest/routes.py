"""Every endpoint there is."""

from __future__ import annotations

from senex.simulator.rest import (
    accounts,
    clock,
    control,
    equities,
    futures,
    hours,
    marketdata,
    metrics,
    options,
    orders,
    others,
    session,
    streams,
    watchlists,
)

MODULES = (
    *(session, accounts, orders, equities, options, futures, others, marketdata, metrics, hours, watchlists),
    *(streams, clock, control),
)
