"""Every endpoint there is."""

from __future__ import annotations

from senex.simulator.rest import (
    accounts,
    bench,
    clock,
    complexorders,
    control,
    equities,
    futureoptions,
    futureproducts,
    futures,
    hours,
    marketdata,
    metrics,
    options,
    orders,
    others,
    session,
    status,
    streams,
    watchlists,
)

MODULES = (
    *(
        orders,
        session,
        accounts,
        complexorders,
        equities,
        options,
        futureproducts,
        futures,
        futureoptions,
        others,
    ),
    *(marketdata, metrics, hours, watchlists),
    *(streams, clock, status, control, bench),
)
"""Orders first: an endpoint is looked for in this order."""
